"""Tenants of the example tariff, made active in a store."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

from orchestrator.accounts import Taken, Tariffs, take_events
from orchestrator.definitions import load_tariffs
from orchestrator.model.account import AccountEvent, Activated
from orchestrator.model.tariff import Tariff
from orchestrator.storage.store import SqlStore

EXAMPLES = Path(__file__).parents[1] / "examples"
MOSCOW = ZoneInfo("Europe/Moscow")
ACTIVATED = Activated("master", "Europe/Moscow", 9, {"recording": 1})


def moscow(month: int, day: int, hour: int = 0, minute: int = 0, year: int = 2026) -> datetime:
    """A time in Moscow, as UTC."""
    return datetime(year, month, day, hour, minute, tzinfo=MOSCOW).astimezone(UTC)


BEGUN = moscow(1, 24, 12)


@cache
def master() -> Tariff:
    """The example tariff."""
    return load_tariffs(EXAMPLES).tariffs["master"]


def tariffs(*more: Tariff) -> Tariffs:
    """It and others."""
    return Tariffs({each.slug: each for each in (master(), *more)})


def take(store: SqlStore, at: datetime, *events: AccountEvent, tenant: str = "acme", by: Tariffs) -> Taken:
    """Let events happen, as an apply does."""
    with store.billing() as unit:
        return take_events(unit, tenant, events, at, by, "apply")
