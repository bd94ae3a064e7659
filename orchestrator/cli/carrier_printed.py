"""What `vpbx reconcile --carrier` prints: a table, CSV for a spreadsheet, or JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from zoneinfo import ZoneInfo

import click

from orchestrator.carrier.calls import Unread
from orchestrator.carrier.comparison import Compared, Difference, Terms, Total
from orchestrator.cli.table import print_table
from orchestrator.papers.spreadsheet import spreadsheet

_JSON_VERSION = 1
_HUNDREDTH = Decimal("0.01")
_TOTAL = "total"
_UNREAD = "unread"
COLUMNS = (
    *("record", "trunk", "tenant", "direction", "from", "to", "ours_at", "theirs_at", "ours_s", "theirs_s"),
    *("ours_calls", "theirs_calls", "ours_min", "theirs_min", "cost", "line", "note", "linkedid"),
)
"""What each is stands in docs/reconciliation.md."""
_SHOWN = (
    *("record", "trunk", "direction", "from", "to", "ours_at", "theirs_at", "ours_s", "theirs_s"),
    *("line", "note"),
)


@dataclass(frozen=True, slots=True)
class Told:
    """A comparison to be told. Args: zone: of the list's times, in which all times are shown."""

    file: str
    found: Compared
    unread: Sequence[Unread]
    terms: Terms
    zone: ZoneInfo
    language: str

    @property
    def equal(self) -> bool:
        return not self.found.differences and not self.unread

    def json(self) -> None:
        begin, end = self.terms.span or (0, 0)
        data = {
            "version": _JSON_VERSION,
            "file": self.file,
            "from": self._iso(begin),
            "to": self._iso(end),
            "clock_s": self.found.clock_s,
            "paired": self.found.paired,
            "outside": self.found.outside,
            "equal": self.equal,
            "totals": [_total_json(trunk, total) for trunk, total in self.found.totals.items()],
            "differences": [self._json(each) for each in self.found.differences],
            "unread": [each._asdict() for each in self.unread],
        }
        click.echo(json.dumps(data, ensure_ascii=False))

    def csv(self) -> None:
        rows = [[row.get(name) for name in COLUMNS] for row in (*self._totals(), *self._rows())]
        click.echo(spreadsheet(COLUMNS, rows, self.language), nl=False)

    def table(self) -> None:
        begin, end = self.terms.span or (0, 0)
        counts = f"{self.found.paired} call(s) in both, {len(self.found.differences)} difference(s)"
        click.echo(
            f"{self.file}: {self._at(begin)} to {self._at(end)} {self.zone.key}: {counts},"
            f" {len(self.unread)} line(s) unread"
        )
        columns = ("trunk", "ours_calls", "theirs_calls", "ours_min", "theirs_min", "cost")
        print_table(columns, (_cells(row, columns) for row in self._totals()))
        if not self.equal:
            click.echo()
            print_table(_SHOWN, (_cells(row, _SHOWN) for row in self._rows()))

    def aside(self) -> None:
        """What an operator should know of how it was compared, on stderr."""
        clock_s = self.found.clock_s
        if clock_s:
            side = "ahead of" if clock_s > 0 else "behind"
            far = abs(clock_s) >= 900
            hint = "; is its time zone right (--time-zone)?" if far else ""
            click.echo(f"the list's clock is {timedelta(seconds=abs(clock_s))} {side} ours{hint}", err=True)
        if self.found.outside:
            click.echo(f"{self.found.outside} call(s) outside the period were passed over", err=True)

    def _totals(self) -> Iterator[dict[str, object]]:
        for trunk, total in self.found.totals.items():
            yield {
                "record": _TOTAL,
                "trunk": trunk or "?",
                "ours_calls": total.ours,
                "theirs_calls": total.theirs,
                "ours_min": _minutes(total.ours_s),
                "theirs_min": _minutes(total.theirs_s),
                "cost": _roubles(total.cost),
            }

    def _rows(self) -> Iterator[dict[str, object]]:
        yield from map(self._row, self.found.differences)
        for each in self.unread:
            yield {"record": _UNREAD, "line": each.line, "note": each.reason}

    def _row(self, each: Difference) -> dict[str, object]:
        ours, theirs = each.ours, each.theirs
        row: dict[str, object] = {"record": each.kind, "trunk": self.terms.trunk, "note": _note(each)}
        if theirs is not None:
            row |= {
                "direction": theirs.direction,
                "from": theirs.from_number,
                "to": theirs.to_number,
                "theirs_at": self._at(theirs.at),
                "theirs_s": theirs.seconds,
                "cost": theirs.cost,
                "line": theirs.line,
            }
        if ours is not None:
            row |= {
                "trunk": ours.trunk,
                "tenant": ours.tenant,
                "direction": ours.direction,
                "from": ours.from_number,
                "to": ours.to_number,
                "ours_at": self._at(ours.at),
                "ours_s": ours.seconds,
                "linkedid": ours.linkedid,
            }
        return row

    def _json(self, each: Difference) -> dict[str, object]:
        ours, theirs = each.ours, each.theirs
        return {
            "kind": each.kind,
            "increment_s": each.increment_s or None,
            "line_before": each.line_before or None,
            "ours": None
            if ours is None
            else {
                "uniqueid": ours.uniqueid,
                "linkedid": ours.linkedid,
                "tenant": ours.tenant,
                "trunk": ours.trunk,
                "direction": ours.direction,
                "from": ours.from_number,
                "to": ours.to_number,
                "at": self._iso(ours.at),
                "seconds": ours.seconds,
                "estimated": ours.estimated,
            },
            "theirs": None
            if theirs is None
            else {
                "line": theirs.line,
                "direction": theirs.direction,
                "from": theirs.from_number,
                "to": theirs.to_number,
                "at": self._iso(theirs.at),
                "seconds": theirs.seconds,
                "cost": None if theirs.cost is None else str(theirs.cost),
            },
        }

    def _at(self, at: int) -> str:
        return datetime.fromtimestamp(at, self.zone).strftime("%Y-%m-%d %H:%M:%S")

    def _iso(self, at: int) -> str:
        return datetime.fromtimestamp(at, self.zone).isoformat()


def _cells(row: dict[str, object], columns: Sequence[str]) -> list[object]:
    return ["" if (value := row.get(name)) is None else value for name in columns]


def _total_json(trunk: str, total: Total) -> dict[str, object]:
    cost = _roubles(total.cost)
    return {
        "trunk": trunk or None,
        "ours": {"calls": total.ours, "seconds": total.ours_s},
        "theirs": {
            "calls": total.theirs,
            "seconds": total.theirs_s,
            "cost": None if cost is None else str(cost),
        },
    }


def _note(each: Difference) -> str:
    if each.kind == "increment":
        return f"counted up to {each.increment_s} s"
    if each.kind == "repeated":
        return f"as line {each.line_before}"
    return "estimated: cut off by a crash" if each.ours is not None and each.ours.estimated else ""


def _minutes(seconds: int) -> Decimal:
    return (Decimal(seconds) / 60).quantize(_HUNDREDTH, ROUND_HALF_UP)


def _roubles(cost: Decimal | None) -> Decimal | None:
    return None if cost is None else cost.quantize(_HUNDREDTH, ROUND_HALF_UP)
