"""A log line from the fields of an event, in either form: whole, and of a length that one write takes."""

from collections.abc import Callable, Mapping, MutableMapping
from typing import Any

import orjson
import structlog

from core.logging.readable import renderer
from core.logging.writer import MAX_WRITE_BYTES

Event = MutableMapping[str, Any]

# True on a line with a value that was cut: a mark alone could have been there before.
TRUNCATED = "todo_api.truncated"
_MARK = "…"
TRACE_BEGINS = "Traceback (most recent call last):\n"

# What a line keeps that has so many fields that there is no room for all of them.
_ESSENTIAL = (
    "timestamp",
    "level",
    "message",
    "event",
    "logger",
    "service.name",
    "service.version",
    "service.instance.id",
    "deployment.environment.name",
    "request_id",
    "trace_id",
    "http.request.method",
    "http.route",
    "http.response.status_code",
    "error.code",
    "exception.type",
)


def cut(event: Event, name: str, length: int) -> None:
    """Shortens a text to so many characters and a mark. Of a stack trace the end stays: where it was raised; and how
    it begins."""
    text = event[name]
    if len(text) > length:
        begins = TRACE_BEGINS if text.startswith(TRACE_BEGINS) else ""
        event[name] = begins + _MARK + text[-length:] if name == "exception.stacktrace" else text[:length] + _MARK
        event[TRUNCATED] = True


def lines(*, readable: bool, colours: bool = False) -> structlog.typing.Processor:
    """The last processor: makes the line, with its end, JSON or for people to read."""
    render = renderer(colours=colours) if readable else _json

    def line(_: Any, __: str, event: Event) -> bytes:
        made = render(event)
        return made if len(made) <= MAX_WRITE_BYTES else _shortened(render, event)

    return line


def _json(event: Mapping[str, Any]) -> bytes:
    """orjson escapes control characters, so that no value can forge a second line."""
    try:
        return orjson.dumps(event, default=str, option=orjson.OPT_APPEND_NEWLINE)
    except TypeError:  # a name that is no text; looking for them costs as much as all else
        pass
    try:
        return orjson.dumps(event, default=str, option=orjson.OPT_NON_STR_KEYS | orjson.OPT_APPEND_NEWLINE)
    except TypeError:  # half a surrogate pair, a number of more than 64 bits
        return _json({_encodable(name): _encodable(value) for name, value in event.items()})


def _encodable(value: object) -> str:
    return str(value).encode(errors="replace").decode()


def _shortened(render: Callable[[Mapping[str, Any]], bytes], event: Event) -> bytes:
    """The longest values give way first, and where that is not enough, all fields that are not essential."""
    essential = {name: event[name] for name in _ESSENTIAL if name in event}
    attempts = [(event, length) for length in (2048, 1024, 512, 256, 128)] + [(essential, 128)]
    made = (render(_with_short_values(fields, length)) for fields, length in attempts)
    return next(line for line in made if len(line) <= MAX_WRITE_BYTES)


def _with_short_values(event: Mapping[str, Any], length: int) -> Event:
    short: Event = {**event, TRUNCATED: True}
    for name, value in event.items():
        if len(text := str(value)) > length:
            short[name] = text
            cut(short, name, length)
    return short
