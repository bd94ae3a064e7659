"""`vpbx portability`: who has numbers that were ported, and by which trunks calls to them leave."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from orchestrator.asterisk.file_lock import file_lock
from orchestrator.asterisk.porting_table import PortingTable, in_force
from orchestrator.cli.problems import problems_json, text_of
from orchestrator.cli.progress import working
from orchestrator.cli.session import find_project, json_option
from orchestrator.cli.table import print_table
from orchestrator.cli.when import moment
from orchestrator.definitions import load, load_platform, show
from orchestrator.definitions.quoting import quoted
from orchestrator.errors import DefinitionsInvalid, NotFound
from orchestrator.model.least_cost import CostTable
from orchestrator.model.number import to_e164
from orchestrator.model.portability import Porting
from orchestrator.portability import import_table
from orchestrator.project import Project

_JSON_VERSION = 1
_WAIT_S = 60.0


@click.group()
def portability() -> None:
    """Ported numbers: whose they are now, so that calls take the trunk that is cheapest for them.

    Example: vpbx portability import Port_All.csv --replace
    """


@portability.command("import")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--replace", is_flag=True, help="What isn't in the file goes: it is the whole table.")
@json_option
@click.pass_context
def import_file(ctx: click.Context, file: Path, replace: bool, as_json: bool) -> None:
    """Bring a CSV of ported numbers into the table: all of it, or nothing when a line is wrong.

    Columns: Number, or NumberFrom and NumberTo; Route, OwnerId or MNC; RegionCode and PortDate where there
    are any. Others are passed over. The running switch goes by it from the next call on.

    \b
    Example:
        vpbx portability import Port_All.csv --replace
    """
    project: Project = ctx.obj
    platform = load_platform(project.root).platform
    try:
        with (
            file_lock(project.state / "portability.lock", _WAIT_S, "importing ported numbers"),
            working(f"reading {file.name}") as told,
        ):
            done = import_table(file, project.portability, platform, replace=replace, told=told)
    except DefinitionsInvalid as invalid:
        click.echo(
            problems_json(invalid.problems) if as_json else show(invalid.problems, text_of), nl=as_json
        )
        ctx.exit(1)
    counted = done.counted
    if done.unread:
        click.echo(f"columns passed over: {', '.join(map(quoted, done.unread))}", err=True)
    if done.anew:
        click.echo(
            "the table was damaged and is made anew: restart the switch, which has the old one", err=True
        )
    if as_json:
        names = ("added", "changed", "unchanged", "removed", "kept")
        data = {name: getattr(counted, name) for name in names}
        click.echo(json.dumps({"version": _JSON_VERSION, **data}))
        return
    told_of = f"{counted.added} added, {counted.changed} changed, {counted.unchanged} there already"
    click.echo(f"ported numbers: {told_of}, {counted.removed} removed, {counted.kept} others kept")


@portability.command("show")
@click.argument("number")
@click.option("--at", metavar="TIME", help="Local: 2026-12-31 19:05; now by default.")
@json_option
def show_number(number: str, at: str | None, as_json: bool) -> None:
    """Say who has a number, and in which order trunks are tried for it.

    The latest line of the longest beginning holds, from its date on. It goes by the YAML as it is written.

    \b
    Example:
        vpbx portability show +79161234567
    """
    project = find_project()
    definitions = load(project.root)
    called = to_e164(number, definitions.platform.region)
    if called is None:
        raise NotFound(f"{quoted(number)} is no external number", "write it as +7XXXXXXXXXX")
    zone = ZoneInfo(definitions.platform.time_zone)
    when = moment(at, datetime.now(UTC), zone)
    found = PortingTable(project.portability).of(called)
    holds = in_force(found, when)
    codes = () if holds is None else holds.each_code
    orders = [_Order(costs, called, codes) for _, costs in sorted(definitions.costs.items())]
    if as_json:
        lines = [{**_line(each, zone), "holds": each is holds} for each in found]
        data = {"number": called, "known": lines, "orders": [each.as_data() for each in orders]}
        click.echo(json.dumps({"version": _JSON_VERSION, **data}))
        return
    rows = [
        (
            *("" if value is None else str(value) for value in _line(each, zone).values()),
            _state(each, holds, when),
        )
        for each in found
    ]
    if rows:
        print_table(("begins with", "operator", "region", "since", "now"), rows)
    else:
        click.echo(f"nothing is known of {called}: it goes by its own digits")
    for each in orders:
        click.echo(each.text)


class _Order:
    """In which order some trunks are tried for a number."""

    def __init__(self, costs: CostTable, number: str, codes: tuple[str, ...]) -> None:
        self._costs, self._number = costs, number
        self._code = costs.code_of(codes)

    def as_data(self) -> dict[str, object]:
        prices = [{"trunk": trunk, "price_per_minute": price} for trunk, price in self._prices()]
        return {"trunks": list(self._costs.trunks), "route": self._code or None, "order": prices}

    @property
    def text(self) -> str:
        by = f"route {self._code}" if self._code else "its own digits"
        told = ", ".join(f"{trunk} {price or 'no price'}" for trunk, price in self._prices())
        return f"trunks {', '.join(self._costs.trunks)}: by {by}: {told}"

    def _prices(self) -> Iterator[tuple[str, str | None]]:
        for trunk in self._costs.order_of(self._number, self._code):
            price = self._costs.price_of(trunk, self._number, self._code)
            yield trunk, None if price is None else str(price[0])


def _line(porting: Porting, zone: ZoneInfo) -> dict[str, str | None]:
    since = datetime.fromtimestamp(porting.since, zone).isoformat() if porting.since else None
    return {
        "begins_with": f"+{porting.prefix}",
        "operator": " ".join(porting.each_code),
        "region": porting.region or None,
        "since": since,
    }


def _state(porting: Porting, holds: Porting | None, when: datetime) -> str:
    if porting is holds:
        return "holds"
    return "later" if porting.since > when.timestamp() else "another holds"
