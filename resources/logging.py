"""JSON log lines with secrets removed.

One line per event: ``ts``, ``level``, ``event`` and the fields bound by the caller (run_id, asset, session_date,
instrument_id). Two things are masked wherever they stand: values under key-like names (password, token, api_key, ...)
and the password part of any address in any text.
"""

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, Final, TextIO

import structlog

__all__ = ["MASK", "RedactingFilter", "configure_logging", "get_logger", "redact", "redact_event", "redact_text"]

MASK: Final = "**********"
_SECRET_NAME: Final = re.compile(
    r"(?:^|[_\-.])(?:password|passwd|pwd|secret|token|api_?key|private_?key|credentials?|authorization)(?:$|[_\-.])",
    re.IGNORECASE,
)
_ADDRESS_PASSWORD: Final = re.compile(r"([a-z][a-z0-9+.\-]*://[^\s:/@]*:)([^\s@/]+)(@)", re.IGNORECASE)
_ASSIGNED: Final = re.compile(
    r"((?:password|passwd|secret|token|api_?key|private_?key)[\"']?\s*[=:]\s*[\"']?)([^\s\"',;&]+)", re.IGNORECASE
)


def redact_text(text: str) -> str:
    """Mask passwords in addresses and values assigned to key-like names.

    Examples
    --------
    >>> redact_text("postgresql+psycopg2://pulse:hunter2@db:5432/pulse failed, api_key=abc")
    'postgresql+psycopg2://pulse:**********@db:5432/pulse failed, api_key=**********'
    """
    return _ASSIGNED.sub(rf"\g<1>{MASK}", _ADDRESS_PASSWORD.sub(rf"\g<1>{MASK}\g<3>", text))


def redact(value: Any, name: str = "") -> Any:
    """Copy of ``value`` with secrets masked; ``name`` is the key it stands under. Containers are followed.

    Examples
    --------
    >>> redact({"api_key": "abc", "rows": 3, "inner": {"token": None}})
    {'api_key': '**********', 'rows': 3, 'inner': {'token': None}}
    """
    if isinstance(value, Mapping):
        return {key: redact(item, str(key)) for key, item in value.items()}
    if name and value is not None and _SECRET_NAME.search(name):
        return MASK
    if isinstance(value, str):
        return redact_text(value)
    if isinstance(value, list | tuple | set | frozenset):
        return [redact(item) for item in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return redact_text(str(value))


def redact_event(logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Mask secrets of one structlog event (a structlog processor)."""
    del logger, method
    return {key: redact(value, key) for key, value in event.items()}


class RedactingFilter(logging.Filter):
    """Masks secrets in the standard library's log records, arguments and exception text included."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the record in place and let it pass."""
        record.msg, record.args = redact_text(record.getMessage()), None
        if record.exc_info and not record.exc_text:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
        if record.exc_text:
            record.exc_text = redact_text(record.exc_text)
        return True


def configure_logging(level: str = "INFO", stream: TextIO | None = None) -> None:
    """Write structlog events as JSON lines, and put the filter on the root logger's handlers.

    Parameters
    ----------
    level
        Lowest level written: DEBUG, INFO, WARNING, ERROR.
    stream
        Where the lines go; standard error by default, so that a command's output stays clean.
    """
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="ts"),
            structlog.processors.format_exc_info,
            redact_event,
            structlog.processors.JSONRenderer(sort_keys=True),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.WriteLoggerFactory(file=stream or sys.stderr),
        cache_logger_on_first_use=False,
    )
    for handler in logging.getLogger().handlers:
        if not any(isinstance(existing, RedactingFilter) for existing in handler.filters):
            handler.addFilter(RedactingFilter())


def get_logger(**fields: Any) -> Any:
    """Return a logger with ``fields`` bound to each of its lines."""
    return structlog.get_logger(**fields)
