"""Callers by their numbers: those who are led another way, and those who are refused."""

from __future__ import annotations

from dataclasses import dataclass, field

from orchestrator.model.problem import NOWHERE, Position


@dataclass(frozen=True, slots=True)
class CallerList:
    """Args: numbers: E.164, sorted. prefixes: of E.164 numbers, sorted. anonymous: who withholds theirs."""

    name: str
    numbers: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()
    anonymous: bool = False
    position: Position = field(default=NOWHERE, compare=False)

    def has(self, caller: str) -> bool:
        """Whether a caller is in it. Args: caller: E.164; empty: withheld."""
        if not caller:
            return self.anonymous
        return caller in self.numbers or any(caller.startswith(prefix) for prefix in self.prefixes)

    @property
    def text(self) -> str:
        """Who is in it, in words."""
        named = [*self.numbers, *(f"{prefix}*" for prefix in self.prefixes)]
        return ", ".join([*named, *(["anonymous"] if self.anonymous else [])])
