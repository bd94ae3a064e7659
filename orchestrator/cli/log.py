"""Where verbs log to: stderr, one line an event, so that stdout holds nothing but data.

On a terminal a line is for people; anywhere else it is one JSON object, in the journal with its priority.
"""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Mapping, MutableMapping
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TextIO

from orchestrator.systemd import writes_to_journal

if TYPE_CHECKING:
    import structlog

_PRIORITIES = {"debug": 7, "info": 6, "warning": 4, "error": 3, "critical": 2}
"""By level, as the journal counts. Rule: sd-daemon(3)."""

_FALLBACK_PRIORITY = 5
_SECRET_KEY = re.compile(r"secret|password|passwd|token|authorization", re.IGNORECASE)
_LOGIN_IN_URL = re.compile(r"(?<=://)([^\s:/@]*):[^\s@]*@")
_MASKED = "***"


class LogFormat(StrEnum):
    """AUTO: TEXT on a terminal, JSON elsewhere."""

    AUTO = "auto"
    TEXT = "text"
    JSON = "json"


class LogLevel(StrEnum):
    """The least grave events that are written."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


def log_to_stderr(form: LogFormat = LogFormat.AUTO, level: LogLevel = LogLevel.INFO) -> None:
    """Send every event of structlog to stderr, one line each."""
    log_to(sys.stderr, os.environ, form, level)


def log_to(stream: TextIO, environment: Mapping[str, str], form: LogFormat, level: LogLevel) -> None:
    """Send every event of structlog to a stream, one line each.

    Args: environment: tells whether the stream is the journal.
    """
    import structlog

    text = form is LogFormat.TEXT or (form is LogFormat.AUTO and stream.isatty())
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            without_secrets,
            *_rendering(text=text, colours=stream.isatty(), journal=in_journal(stream, environment)),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(stream),
        cache_logger_on_first_use=False,
    )


def in_journal(stream: TextIO, environment: Mapping[str, str]) -> bool:
    """Whether a stream goes to the journal, which reads a line's priority from its beginning."""
    try:
        return writes_to_journal(environment, stream.fileno())
    except (OSError, ValueError):
        return False


def without_secrets(_logger: object, _method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """An event with whatever is named like a secret masked, and the password in any URL.

    >>> without_secrets(None, "", {"event": "up", "ami_secret": "x", "at": "postgresql://u:p@db/vpbx"})
    {'event': 'up', 'ami_secret': '***', 'at': 'postgresql://u:***@db/vpbx'}
    """
    return {
        key: _MASKED if _SECRET_KEY.search(key) else _without_login(value) for key, value in event.items()
    }


def _without_login(value: object) -> object:
    return _LOGIN_IN_URL.sub(rf"\1:{_MASKED}@", value) if isinstance(value, str) else value


def _rendering(*, text: bool, colours: bool, journal: bool) -> list[structlog.typing.Processor]:
    import structlog

    if text:
        return [structlog.dev.ConsoleRenderer(colors=colours)]
    renderer = structlog.processors.JSONRenderer(ensure_ascii=False, default=str)
    if not journal:
        return [renderer]

    def with_priority(logger: Any, method: str, event: MutableMapping[str, Any]) -> str:
        priority = _PRIORITIES.get(str(event.get("level")), _FALLBACK_PRIORITY)
        rendered = renderer(logger, method, event)
        return f"<{priority}>{rendered if isinstance(rendered, str) else rendered.decode()}"

    return [with_priority]
