"""What `vpbx whatif` prints: tables, CSV, JSON, and on stderr what isn't in any of them."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass

import click

from orchestrator.billing.statement import rank_of
from orchestrator.cli.table import print_table
from orchestrator.model.money import roubles_text
from orchestrator.model.statement import Month
from orchestrator.model.whatif import Compared, Comparison

_JSON_VERSION = 1
_MOST_TOLD = 20


@dataclass(frozen=True, slots=True)
class Told:
    """Args: tariff: slug of the other one; None: the terms of each charge."""

    month: Month
    tariff: str | None
    tenants: tuple[Comparison, ...]

    @property
    def computed(self) -> tuple[Comparison, ...]:
        """Those that could be computed: only these are in sums."""
        return tuple(each for each in self.tenants if not each.refused)

    @property
    def losers(self) -> tuple[Comparison, ...]:
        """Tenants that would pay more, the one that loses most first."""
        more = (each for each in self.computed if each.difference_kop > 0)
        return tuple(sorted(more, key=lambda each: (-each.difference_kop, each.tenant)))

    @property
    def winners(self) -> tuple[Comparison, ...]:
        """Tenants that would pay less, the one that wins most first."""
        less = (each for each in self.computed if each.difference_kop < 0)
        return tuple(sorted(less, key=lambda each: (each.difference_kop, each.tenant)))

    @property
    def by_kind(self) -> tuple[Compared, ...]:
        """All tenants' charges together."""
        sums: dict[tuple[int, str, str], tuple[int, int]] = {}
        for each in (item for tenant in self.computed for item in tenant.items):
            key = (rank_of(each.kind), each.kind, each.item)
            ledger_kop, whatif_kop = sums.get(key, (0, 0))
            sums[key] = ledger_kop + each.ledger_kop, whatif_kop + each.whatif_kop
        return tuple(Compared(kind, item, *sums[rank, kind, item]) for rank, kind, item in sorted(sums))

    @property
    def ledger_kop(self) -> int:
        return sum(each.ledger_kop for each in self.computed)

    @property
    def whatif_kop(self) -> int:
        return sum(each.whatif_kop for each in self.computed)


def print_tables(told: Told) -> None:
    """Tenants, winners first; of one, or behind all of them, the kinds of charges."""
    order = sorted(told.tenants, key=lambda each: (bool(each.refused), each.difference_kop, each.tenant))
    if len(told.tenants) != 1:
        rows = [
            (each.tenant, *_sides(each.ledger_kop, each.whatif_kop, each.refused), _note(each))
            for each in order
        ]
        rows.append(("total", *_sides(told.ledger_kop, told.whatif_kop), ""))
        print_table(("tenant", "ledger", "what-if", "difference", "%", ""), rows)
        click.echo()
    kinds = [
        (each.kind.replace("_", " "), each.item, *_sides(each.ledger_kop, each.whatif_kop))
        for each in told.by_kind
    ]
    kinds.append(("total", "", *_sides(told.ledger_kop, told.whatif_kop)))
    print_table(("kind", "item", "ledger", "what-if", "difference", "%"), kinds)
    same = len(told.computed) - len(told.winners) - len(told.losers)
    click.echo(
        f"would pay less: {_many(told.winners)}; more: {_many(told.losers)}; the same: {same}", err=True
    )


def print_csv(told: Told) -> None:
    """A row for each tenant, kind and item. A tenant that couldn't be computed has no what-if."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(("tenant", "period", "kind", "item", "ledger", "whatif", "difference", "computed"))
    for tenant in told.tenants:
        for each in tenant.items:
            sides = _sides(each.ledger_kop, each.whatif_kop, tenant.refused)[:3]
            writer.writerow(
                (tenant.tenant, told.month, each.kind, each.item, *sides, "0" if tenant.refused else "1")
            )


def print_json(told: Told) -> None:
    data = {
        "version": _JSON_VERSION,
        "period": str(told.month),
        "tariff": told.tariff,
        "ledger_kop": told.ledger_kop,
        "whatif_kop": told.whatif_kop,
        "difference_kop": told.whatif_kop - told.ledger_kop,
        "winners": [each.tenant for each in told.winners],
        "losers": [each.tenant for each in told.losers],
        "by_kind": [asdict(each) for each in told.by_kind],
        "tenants": [_data(each) for each in told.tenants],
    }
    click.echo(json.dumps(data, ensure_ascii=False, indent=2))


def tell_gaps(told: Told) -> None:
    """What the sums haven't, on stderr."""
    lines = [
        line
        for each in told.tenants
        for line in (
            *_refused(each),
            *_unpriced(each),
            *_unoffered(each, told.tariff),
            *_counted(each.guessed, each.tenant, "call(s) whose number is gone, rated by the prefix charged"),
            *_counted(
                each.as_posted, each.tenant, "charge(s) that can't be computed again, as posted on both sides"
            ),
        )
    ]
    for line in lines[:_MOST_TOLD]:
        click.echo(line, err=True)
    if len(lines) > _MOST_TOLD:
        click.echo(f"{len(lines) - _MOST_TOLD} more: --json has all of them", err=True)


def _refused(each: Comparison) -> Iterable[str]:
    if each.refused:
        yield f"not computed: {each.tenant}: {each.refused}"


def _unpriced(each: Comparison) -> Iterable[str]:
    for gap in each.unpriced:
        charged = f"{gap.calls} call(s) charged by prefix {gap.prefix}, such as to {gap.example}"
        yield f"no rate: {each.tenant}: {charged}; {roubles_text(gap.ledger_kop)} in the ledger alone"


def _unoffered(each: Comparison, tariff: str | None) -> Iterable[str]:
    for option in each.unoffered:
        times = f" {option.quantity} times" if option.quantity > 1 else ""
        yield (
            f"not offered: {each.tenant} has option {option.option}, which {tariff} doesn't sell{times};"
            f" {roubles_text(option.ledger_kop)} in the ledger"
        )


def _counted(count: int, tenant: str, what: str) -> Iterable[str]:
    if count:
        yield f"warning: {tenant}: {count} {what}"


def _note(each: Comparison) -> str:
    notes = (
        (bool(each.refused), "not computed"),
        (bool(each.unpriced), "calls without a rate"),
        (bool(each.unoffered), "without " + ", ".join(option.option for option in each.unoffered)),
    )
    return "; ".join(text for holds, text in notes if holds)


def _sides(ledger_kop: int, whatif_kop: int, refused: str = "") -> tuple[str, str, str, str]:
    """Both sums and their difference, in roubles and percent."""
    if refused:
        return roubles_text(ledger_kop), "", "", ""
    difference_kop = whatif_kop - ledger_kop
    percent = f"{100 * difference_kop / ledger_kop:+.1f}" if ledger_kop and difference_kop else ""
    return roubles_text(ledger_kop), roubles_text(whatif_kop), _signed(difference_kop), percent


def _signed(amount_kop: int) -> str:
    return f"+{roubles_text(amount_kop)}" if amount_kop > 0 else roubles_text(amount_kop)


def _many(tenants: tuple[Comparison, ...]) -> str:
    if not tenants:
        return "0"
    total = _signed(sum(each.difference_kop for each in tenants))
    most = tenants[0]
    return f"{len(tenants)} ({total}; most {most.tenant} {_signed(most.difference_kop)})"


def _data(each: Comparison) -> dict[str, object]:
    found = asdict(each)
    for item in found["items"]:
        item["whatif_kop"] = None if each.refused else item["whatif_kop"]
    return {
        **found,
        "refused": each.refused or None,
        "ledger_kop": each.ledger_kop,
        "whatif_kop": None if each.refused else each.whatif_kop,
        "difference_kop": None if each.refused else each.difference_kop,
    }
