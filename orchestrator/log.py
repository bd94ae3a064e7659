"""Loggers of what rarely has something to say: structlog is loaded, and the log set up, with the first event.

A verb that talks to a switch ends, as a rule, without a line logged, and loading structlog takes long.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

_set_ups: list[Callable[[], None]] = []


def set_up_with_first_event(set_up: Callable[[], None]) -> None:
    """Have the log set up no earlier than something is logged."""
    _set_ups[:] = [set_up]


class Log:
    """A logger of structlog. Args: name: as in `structlog.get_logger`."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, method: str) -> Any:
        return getattr(self._logger(), method)

    def _logger(self) -> FilteringBoundLogger:
        import structlog

        while _set_ups:
            _set_ups.pop()()
        logger: FilteringBoundLogger = structlog.get_logger(self._name)
        return logger
