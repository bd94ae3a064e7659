"""Registrations with operators and providers, watched: who can't register gets no calls."""

from __future__ import annotations

from collections.abc import Mapping

import structlog

REGISTERED = "Registered"
_log = structlog.get_logger("vpbx.registrations")


class RegistrationWatch:
    """Tells a registration that is lost, and one that is back.

    One that isn't there in two looks, one after the other, is lost: a new one takes a moment.
    """

    def __init__(self) -> None:
        self._missed: dict[str, str] = {}
        self._lost: dict[str, str] = {}

    def take(self, states: Mapping[str, str]) -> None:
        """A look. Args: states: by trunk, as the switch calls them."""
        missed = {trunk: state for trunk, state in states.items() if state != REGISTERED}
        lost = {trunk: state for trunk, state in missed.items() if trunk in self._missed}
        for trunk, state in lost.items():
            if trunk not in self._lost:
                _log.error("registration-lost", trunk=trunk, state=state)
        for trunk in self._lost:
            if states.get(trunk) == REGISTERED:
                _log.info("registration-back", trunk=trunk)
        self._missed, self._lost = missed, lost

    @property
    def problems(self) -> tuple[str, ...]:
        """What is lost now, one line each."""
        return tuple(f"{trunk} isn't registered: {state}" for trunk, state in sorted(self._lost.items()))
