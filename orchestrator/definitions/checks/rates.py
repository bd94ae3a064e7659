"""Whether the deck prices what tenants may dial: no rate, no charge. Rule: decision 9."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache

from orchestrator.definitions.document import Document, Written
from orchestrator.definitions.platform_file import LOCAL, PlatformFile
from orchestrator.definitions.quoting import quoted
from orchestrator.model.platform import DialClass
from orchestrator.model.problem import Problem
from orchestrator.model.tenant import Tenant


def check_rates(written: Written) -> Iterator[Problem]:
    """Problems of dial classes that a tenant may dial and its tariff's deck has no rate for."""
    platform = written.platform
    if platform is None:
        return
    classes = platform.value.platform.dial_classes

    @cache
    def prefixes(deck: str) -> frozenset[str]:
        return frozenset(rate.prefix for rate in written.decks[deck].rates)

    @cache
    def missing(deck: str, name: str) -> str | None:
        return _unpriced(name, classes, prefixes(deck))

    for file in written.tenants.values():
        tariff = written.tariffs.get(file.value.tariff)
        deck = tariff.value.deck_file if tariff is not None else ""
        if deck not in written.decks or not written.decks[deck].rates:
            continue
        for name in file.value.dial_classes:
            prefix = _own_number(file.value, prefixes(deck)) if name == LOCAL else missing(deck, name)
            if prefix is not None:
                yield _problem(file, platform, name, prefix, deck)


def _own_number(tenant: Tenant, rates: frozenset[str]) -> str | None:
    """The tenant's own number, when not even a call to it has a rate."""
    digits = tenant.caller_id.removeprefix("+")
    return None if not digits or _covered(digits, rates) else tenant.caller_id


def _covered(digits: str, rates: frozenset[str]) -> bool:
    """Whether a rate's prefix is how a number begins."""
    return any(digits[:length] in rates for length in range(len(digits) + 1))


def _unpriced(name: str, classes: Sequence[DialClass], rates: frozenset[str]) -> str | None:
    """A prefix of the class that no rate covers, nor begins with; None when all are priced."""
    own = next((each for each in classes if each.name == name), None)
    for prefix in own.prefixes if own is not None else ():
        digits = prefix.removeprefix("+")
        inside = (rate for rate in rates if rate.startswith(digits))
        if not _covered(digits, rates) and not any(_class_of(rate, classes) == name for rate in inside):
            return prefix
    return None


def _class_of(digits: str, classes: Sequence[DialClass]) -> str:
    """The class of a number's first digits: that with the longest prefix."""
    found = [
        (len(prefix), each.name)
        for each in classes
        for prefix in each.prefixes
        if f"+{digits}".startswith(prefix)
    ]
    return max(found)[1] if found else ""


def _problem(
    file: Document[Tenant], platform: Document[PlatformFile], name: str, prefix: str, deck: str
) -> Problem:
    message = f"{deck} has no rate for {quoted(prefix)}, which dial class {quoted(name)} allows"
    hint = "add a rate for it, or don't allow the class"
    if file.node("outgoing", "allow") is not None:
        return file.problem(file.item("outgoing", "allow", text=name), "no-rate", message, hint)
    where = platform.item("defaults", "dial_classes", text=name)
    return platform.problem(where, "no-rate", message, hint)
