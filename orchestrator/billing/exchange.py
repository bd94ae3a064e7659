"""A tenant's history as it was, with the prices of another tariff in it.

When something is charged stays as it was: trials and anchors are those of the tariff that the tenant had.
What is charged, and how much of it, is the other tariff's: prices, employees, minutes and SMS that it
includes, taxes. Computed by the code that charges real tenants. Rule: docs/whatif.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from orchestrator.billing.history import Tariffs, happen, run_due
from orchestrator.billing.service import PURGE
from orchestrator.model.account import Account, Activated, DatedEvent, Purged, ServiceEntry, TermsChanged
from orchestrator.model.service import (
    OptionConnected,
    OptionDisconnected,
    ServiceDisconnected,
    ServiceRestored,
)
from orchestrator.model.tariff import Tariff, Trial

Options = Mapping[str, int]


def exchanged(new: Tariff, real: Mapping[str, Tariff]) -> Mapping[str, Tariff]:
    """The other tariff in the place of each real one. Args: real: by slug, those that tenants had."""
    return {
        slug: replace(
            new, trial=Trial(each.trial.days, new.trial.options), cycle=each.cycle, kept_days=each.kept_days
        )
        for slug, each in real.items()
    }


def charged_again(events: Sequence[DatedEvent], tariffs: Tariffs, until: datetime) -> list[ServiceEntry]:
    """Every charge of the service that a history makes before a moment.

    Args: events: of one tenant, the oldest first.
    Raises: EventRefused: one of them can't happen by these tariffs.
    """
    account: Account | None = None
    made: list[ServiceEntry] = []
    for event in events:
        if event.at >= until:
            break
        if account is not None:
            # Some are left out, and keys have the numbers that they had.
            account = replace(account, events=event.number - 1)
        taken = happen(event.tenant, account, [event.what], event.at, tariffs, event.source)
        made += (*taken.due, *taken.made)
        account = taken.account
    while account is not None and account.due is not None and account.due.at < until:
        if account.due.kind == PURGE:
            break
        account, entries = run_due(account, tariffs)
        made += entries
    return made


def unsold(events: Sequence[DatedEvent], new: Tariff) -> frozenset[str]:
    """Options of a history that a tariff doesn't have, or not so many times."""
    wanted = (item for event in events for item in _ordered(event).items())
    return frozenset(slug for slug, quantity in wanted if not _sells(new, slug, quantity))


def without_options(events: Sequence[DatedEvent], dropped: frozenset[str]) -> list[DatedEvent]:
    """A history without what happened to some options."""
    if not dropped:
        return list(events)
    kept = []
    for event in events:
        match event.what:
            case Activated(options=options):
                left = {slug: quantity for slug, quantity in options.items() if slug not in dropped}
                kept.append(replace(event, what=replace(event.what, options=left)))
            case OptionConnected(slug=slug) | OptionDisconnected(slug=slug) if slug in dropped:
                pass
            case _:
                kept.append(event)
    return kept


def options_on(events: Sequence[DatedEvent], begins_at: datetime, ends_at: datetime) -> dict[str, int]:
    """Options that were on at some moment of a span of time: the most of each."""
    found: dict[str, int] = {}
    for at, on in _states(events):
        if at >= ends_at:
            break
        if at <= begins_at:
            found = dict(on)
        else:
            found |= {slug: max(quantity, found.get(slug, 0)) for slug, quantity in on.items()}
    return found


def tariffs_of(events: Sequence[DatedEvent], begins_at: datetime, ends_at: datetime) -> list[str]:
    """Slugs of the tariffs that a tenant had in a span of time."""
    found: list[str] = []
    for event in events:
        if event.at >= ends_at:
            break
        if isinstance(event.what, Activated | TermsChanged):
            found = [event.what.tariff] if event.at <= begins_at else [*found, event.what.tariff]
    return found


def _states(events: Sequence[DatedEvent]) -> Iterator[tuple[datetime, Options]]:
    """Options of a service that is up, from each event on."""
    options: dict[str, int] = {}
    up = False
    for event in events:
        match event.what:
            case Activated(options=begun):
                options, up = dict(begun), True
            case OptionConnected(slug=slug, quantity=quantity):
                options = {**options, slug: quantity}
            case OptionDisconnected(slug=slug):
                options = {known: number for known, number in options.items() if known != slug}
            case ServiceDisconnected() | Purged():
                up = False
            case ServiceRestored():
                up = True
        yield event.at, options if up else {}


def _ordered(event: DatedEvent) -> Options:
    match event.what:
        case Activated(options=options):
            return options
        case OptionConnected(slug=slug, quantity=quantity):
            return {slug: quantity}
    return {}


def _sells(tariff: Tariff, slug: str, quantity: int) -> bool:
    option = tariff.options.get(slug)
    return option is not None and (quantity == 1 or option.counted)
