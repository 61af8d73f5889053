"""Structured logs on standard output: JSON lines in production, readable lines elsewhere, never a secret in either.

Our own events and the records of every library take the same way out.
"""

import logging
import sys
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any, Final, TextIO

import structlog
from structlog.contextvars import bound_contextvars, merge_contextvars
from structlog.typing import EventDict, Processor, WrappedLogger

from app.core.redaction import Redactor

# These speak of every request or job at INFO, which we log ourselves, and httpx does so with the token in the URL.
_CHATTY: Final = (
    "aiobotocore",
    "aiogram",
    "arq",
    "botocore",
    "boto3",
    "httpcore",
    "httpx",
    "sqlalchemy",
    "uvicorn.access",
)


def configure_logging(*, as_json: bool, level: str, redactor: Redactor, stream: TextIO | None = None) -> None:
    """Route structlog, the standard library's logging and uncaught exceptions to one redacted stream.

    Start uvicorn with `log_config=None`, or it installs handlers of its own.
    """
    out = stream or sys.stdout
    threshold = logging.getLevelNamesMapping()[level.upper()]
    shared: list[Processor] = [
        merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    final: list[Processor] = [
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        _Redaction(redactor),
        _renderer(as_json=as_json, colours=out.isatty()),
    ]
    structlog.configure(
        processors=[*shared, *final],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=_OutputFactory(out),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *final],
        )
    )
    _take_over_standard_logging(handler, threshold)
    sys.excepthook = _log_uncaught


def log_context(**ids: object) -> AbstractContextManager[None]:
    """Within the block every line, a library's too, carries these (`request_id`, `update_id`, `generation_id`)."""
    return bound_contextvars(**{name: str(value) for name, value in ids.items() if value is not None})


def _take_over_standard_logging(handler: logging.Handler, threshold: int) -> None:
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(threshold)
    for name in list(root.manager.loggerDict):
        existing = logging.getLogger(name)
        existing.handlers = []
        existing.propagate = True
    for name in _CHATTY:
        logging.getLogger(name).setLevel(max(threshold, logging.WARNING))


def _renderer(*, as_json: bool, colours: bool) -> Processor:
    if as_json:
        return structlog.processors.JSONRenderer(ensure_ascii=False)
    return structlog.dev.ConsoleRenderer(colors=colours, exception_formatter=structlog.dev.plain_traceback)


class _Redaction:
    """The last step before rendering: exceptions are text by now, and only plain data goes on."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor

    def __call__(self, _logger: WrappedLogger, _name: str, event_dict: EventDict) -> EventDict:
        redacted: dict[str, Any] = self._redactor.structure(event_dict)
        return redacted


class _Output(structlog.WriteLogger):
    """A logger that knows its name, so that our events carry it as the records of libraries do."""

    def __init__(self, stream: TextIO, name: str) -> None:
        super().__init__(stream)
        self.name = name


class _OutputFactory:
    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __call__(self, *args: object) -> _Output:
        return _Output(self._stream, str(args[0]) if args else "starbrush")


def _log_uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """What would be printed raw otherwise: an exception of an HTTP client carries the URL, and that the token."""
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
        return
    structlog.get_logger(__name__).critical("uncaught_exception", exc_info=(kind, error, trace))
