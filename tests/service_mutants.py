"""Rules of billing taken out one by one: whatever checks histories must notice each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta
from typing import Any
from unittest.mock import patch

from orchestrator.billing import history, recurring, service, tax
from orchestrator.storage import ledger


def _refunded(original: Callable[..., Any]) -> Callable[..., Any]:
    def take(*arguments: Any) -> Any:
        after, charges = original(*arguments)
        return replace(after, paid=dict(after.options)), charges

    return take


def _late(original: Callable[..., Any]) -> Callable[..., Any]:
    def due(*arguments: Any) -> Any:
        found = original(*arguments)
        return None if found is None else replace(found, at=found.at + timedelta(hours=1))

    return due


def _rounded_down(amount: Any) -> int:
    return int(amount * 100)


def _by_first_day(support_kop: int, begun: date, _ended: date, vat: Any) -> Any:
    return [(support_kop, tax.percent_on(vat, begun))]


def _one_account(original: Callable[..., Any]) -> Callable[..., Any]:
    def entry(*arguments: Any) -> Any:
        content, accounts = original(*arguments)
        return content, {**accounts, "vat": accounts["vat"] - 1}

    return entry


_PLACES: Mapping[str, tuple[Any, str, Callable[[Any], Any]]] = {
    "what is paid is the highest so far": (history, "take", _refunded),
    "midnight is the tenant's": (history, "due", _late),
    "half-up": (recurring, "kopecks", lambda _: _rounded_down),
    "VAT by the day": (tax, "_by_rate", lambda _: _by_first_day),
    "postings balance": (ledger, "service_entry", _one_account),
    "a disconnected tenant isn't used": (service, "check_up", lambda _: lambda *_: None),
}
MUTANTS = tuple(_PLACES)


@contextmanager
def mutated(name: str) -> Iterator[None]:
    """vpbx without a rule."""
    module, attribute, change = _PLACES[name]
    tax._of_recurring.cache_clear()
    with patch.object(module, attribute, change(getattr(module, attribute))):
        yield
    tax._of_recurring.cache_clear()
