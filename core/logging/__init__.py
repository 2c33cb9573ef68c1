"""Structured logs: one JSON object a line on standard output (a readable form on a terminal), uvicorn's lines too."""

import logging
import os
import re
import sys
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Literal

import structlog
from fastapi.exceptions import ValidationException
from pydantic import ValidationError

from core.config import NAME, VERSION
from core.logging import access
from core.logging.lines import TRACE_BEGINS, Event, cut, lines
from core.logging.readable import wants_colours
from core.logging.request_fields import merge
from core.logging.writer import LogWriter

_MESSAGE_LENGTH = 1024
_STACKTRACE_LENGTH = 2560
_LAST_LINE_LENGTH = 128
_QUOTED = re.compile(r"""['"].*['"]""", re.DOTALL)  # a value may have quotes in it
_PROJECT = f"{Path(__file__).parents[2]}/"


def configure(level: str, environment: str, form: Literal["json", "terminal"] | None = None) -> None:
    """Sets up structlog and the standard library's logging for the whole process. Field names: OpenTelemetry's.

    Without `form`, lines are for a person where standard output is a terminal, else JSON.
    """
    _open_what_is_closed()
    resource = _resource(environment)
    shared = _fields(resource)
    on_terminal = sys.stdout.isatty()
    readable = form == "terminal" or (form is None and on_terminal)
    final: list[Any] = [lines(readable=readable, colours=readable and on_terminal and wants_colours())]
    if not readable:
        final.insert(0, structlog.processors.EventRenamer("message"))
    processors = [*shared, *final]
    writer = LogWriter(sys.stdout.fileno(), _dropped(processors.copy()))
    least = logging.getLevelNamesMapping()[level]
    name = "event" if readable else "message"
    access.direct = access.Direct(processors, final[-1], writer.write, resource, name, least)
    structlog.configure(
        processors=processors,
        logger_factory=partial(_Lines, writer.write),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )
    _route_standard_logging(level, shared, final, writer)


def flush() -> None:
    """Writes what waits to be written: before a process ends in a way that Python's `atexit` does not see."""
    for handler in logging.getLogger().handlers:
        handler.flush()


def dropped() -> int:
    """How many lines of this process the log could not take."""
    return sum(one.writer.dropped for one in logging.getLogger().handlers if isinstance(one, _Handler))


class _Lines:
    """What structlog hands its lines to; one a logger, because it has the name."""

    def __init__(self, write: Callable[[bytes], None], name: str | None = None) -> None:
        self.name = name
        self.debug = self.info = self.warning = self.error = self.critical = write


class _Handler(logging.Handler):
    """The same for the standard library, which flushes it when the process ends."""

    def __init__(self, writer: LogWriter) -> None:
        super().__init__()
        self.writer = writer

    def emit(self, record: logging.LogRecord) -> None:
        """Takes the line of a record."""
        try:
            self.writer.write(self.format(record).encode())
        except Exception:
            self.handleError(record)

    def flush(self) -> None:
        """Waits until all is written, for a bounded time."""
        self.writer.flush()


def _open_what_is_closed() -> None:
    """A process can be started without them (`>&-`, `2>&-`): what is written there is to go nowhere, and not to the
    file or the connection that would get their numbers."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w"))  # noqa: SIM115


def _resource(environment: str) -> dict[str, Any]:
    """Which process of which deployment it is, in the names of OpenTelemetry."""
    resource = {
        "service.name": NAME,
        "service.version": VERSION,
        "deployment.environment.name": environment,
        "service.instance.id": os.urandom(16).hex(),
    }
    # A process that is forked is another instance.
    os.register_at_fork(after_in_child=lambda: resource.update({"service.instance.id": os.urandom(16).hex()}))
    return resource


def _fields(resource: dict[str, Any]) -> list[Any]:
    """What every line gets, whoever writes it."""

    def add_resource(_: Any, __: str, event: Event) -> Event:
        event["timestamp"] = access.now()
        event.update(resource)
        return event

    return [
        merge,
        structlog.stdlib.add_logger_name,
        structlog.processors.add_log_level,
        add_resource,
        _exception_fields,
    ]


def _dropped(processors: list[Any]) -> Callable[[int], bytes]:
    """Makes the line that stands for so many that were dropped; whatever the level, it is wanted."""
    logger = _Lines(lambda _: None, "core.logging.writer")

    def line(count: int) -> Any:
        event: Any = {"event": "log lines dropped", "todo_api.dropped_lines": count}
        for process in processors:
            event = process(logger, "error", event)
        return event

    return line


def _route_standard_logging(level: str, shared: list[Any], final: list[Any], writer: LogWriter) -> None:
    """uvicorn and libraries log through the standard library; their lines take the same form and way."""
    handler = _Handler(writer)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *final, _text],
        )
    )
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [], name != "uvicorn.access"


def _text(_: Any, __: str, line: Any) -> str:
    """The standard library's formatters make text."""
    return bytes(line).decode()


def _exception_fields(_: Any, __: str, event: Event) -> Event:
    """OpenTelemetry's exception fields. The trace holds code only: messages of inner errors may hold a user's data."""
    error = event.pop("exc_info", None)
    if isinstance(error, tuple):
        error = error[1]
    if isinstance(error, BaseException):
        event["exception.type"] = f"{type(error).__module__}.{type(error).__qualname__}"
        event["exception.message"] = _safe_message(error)
        cut(event, "exception.message", _MESSAGE_LENGTH)
        # It begins and ends as Python's does: so error collectors know it for one.
        last = f"{event['exception.type']}: {event['exception.message'][:_LAST_LINE_LENGTH]}"
        event["exception.stacktrace"] = f"{TRACE_BEGINS}{_stacktrace(error)}{last}\n"
        cut(event, "exception.stacktrace", _STACKTRACE_LENGTH)
    if hasattr(error, "sqlstate"):  # core.database.errors, which this room need not know
        event["db.response.status_code"] = error.sqlstate
    return event


def _stacktrace(error: BaseException) -> str:
    """As Python prints it, without the marks below lines and without the project's folder: both take room of frames."""
    frames = traceback.extract_tb(error.__traceback__)
    return "".join(
        traceback.format_list(
            [(one.filename.removeprefix(_PROJECT), one.lineno or 0, one.name, one.line) for one in frames]
        )
    )


def _safe_message(error: BaseException) -> str:
    """pydantic's messages quote the input; what is left of them here is where it was and which rule it broke. Python's
    of a ValueError quote the value: what stands in quotes is left out."""
    if isinstance(error, ValidationException | ValidationError):
        return "; ".join(f"{item['loc']}: {item['type']}" for item in error.errors())
    return _QUOTED.sub("'…'", str(error)) if isinstance(error, ValueError) else str(error)
