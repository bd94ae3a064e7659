"""How many years a recording is kept: what was ordered at the time of its call. Rule: decision 10."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from orchestrator.model.account import Activated, DatedEvent, Purged, TermsChanged
from orchestrator.model.recording import RECORDING
from orchestrator.model.service import OptionConnected, OptionDisconnected
from orchestrator.model.tariff import Tariff


def years_kept(tariff: Tariff, options: Mapping[str, int]) -> int:
    """Calendar years by what is ordered: those of the option that unlocks recording, and each further one.

    Args: options: quantity by slug, of those that are on.
    """
    known = tariff.options
    kept = max((each.retention_years for each in known.values() if RECORDING in each.unlocks), default=1)
    further = (
        quantity * known[slug].retention_years
        for slug, quantity in options.items()
        if slug in known and RECORDING not in known[slug].unlocks
    )
    return kept + sum(further)


def ordered_at(events: Sequence[DatedEvent], moment: datetime) -> tuple[str, Mapping[str, int]] | None:
    """A tenant's tariff and its options at a moment.

    Args: events: all that has happened to it, the oldest first.
    Returns: None: it wasn't active.
    """
    tariff: str | None = None
    options: dict[str, int] = {}
    for event in events:
        if event.at > moment:
            break
        match event.what:
            case Activated(tariff=slug, options=first):
                tariff, options = slug, dict(first)
            case TermsChanged(tariff=slug):
                tariff = slug
            case OptionConnected(slug=slug, quantity=quantity):
                options[slug] = quantity
            case OptionDisconnected(slug=slug):
                options.pop(slug, None)
            case Purged():
                tariff = None
    return None if tariff is None else (tariff, options)
