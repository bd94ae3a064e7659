"""How an operator writes the list of calls that it bills."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CallList:
    """Args: columns: titles by field, sorted; those left out have usual titles. time_zone: of its times.

    Empty: the platform's. increment_s: what calls are counted up to, by contract.
    """

    columns: tuple[tuple[str, str], ...] = ()
    time_zone: str = ""
    increment_s: int = 1


USUAL = CallList()
"""With usual titles, in the platform's time zone, to the second."""
