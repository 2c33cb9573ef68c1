"""A log line for a person at a terminal: the time, what happened, and what is not always the same."""

import os
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

_RED, _GREEN, _YELLOW, _CYAN, _DIM = "31", "32", "33", "36", "2"
_OF_STATUS = {2: _GREEN, 3: _CYAN, 4: _YELLOW}
_OF_LEVEL = {"debug": _DIM, "info": _GREEN, "warning": _YELLOW}
# What every line has, or the beginning of a line says.
_SAID = frozenset(
    {
        *("timestamp", "level", "event", "logger", "service.name", "service.version", "service.instance.id"),
        *("deployment.environment.name", "exception.stacktrace", "span_id", "trace_id", "trace_flags"),
    }
)
_OF_REQUEST = ("http.request.method", "url.path", "http.response.status_code", "duration_ms")


def renderer(*, colours: bool) -> Callable[[Mapping[str, Any]], bytes]:
    """Makes lines such as `03:23:08 GET /api/v1/users/me/tasks 200 26 ms`."""

    def paint(text: str, colour: str) -> str:
        return f"\x1b[{colour}m{text}\x1b[0m" if colours else text

    def render(event: Mapping[str, Any]) -> bytes:
        clock = datetime.fromisoformat(event["timestamp"]).astimezone().strftime("%H:%M:%S")
        if event["event"] == "request" and all(name in event for name in _OF_REQUEST):
            parts = _request(event, paint)
        else:
            level = event["level"]
            parts = [paint(level, _OF_LEVEL.get(level, _RED)), safe(event["event"])]
            rest = {name: value for name, value in event.items() if name not in _SAID}
            parts += [f"{paint(name, _DIM)}={safe(value)}" for name, value in rest.items()]
        # Below it, and further in: no line of a trace can be taken for one of the log.
        trace = [f"    {safe(line)}" for line in str(event.get("exception.stacktrace", "")).splitlines()]
        return "".join(f"{line}\n" for line in [" ".join([paint(clock, _DIM), *parts]), *trace]).encode()

    return render


def wants_colours() -> bool:
    """https://no-color.org"""
    return not os.environ.get("NO_COLOR")


def _request(event: Mapping[str, Any], paint: Callable[[str, str], str]) -> list[str]:
    method, path, status, duration = (event[name] for name in _OF_REQUEST)
    parts = [safe(method), safe(path), paint(str(status), _OF_STATUS.get(status // 100, _RED)), f"{duration:.0f} ms"]
    # What a failure is looked up by.
    told = [event[name] for name in ("error.code", "request_id") if name in event and status >= 400]
    return parts + [paint(safe(one), _DIM) for one in told]


def safe(value: object) -> str:
    """As text that moves no cursor and ends no line."""
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in str(value))
