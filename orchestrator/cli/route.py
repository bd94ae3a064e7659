"""`vpbx route`: where a call would go, and which line of the YAML says so."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from orchestrator.asterisk.control import AmiSwitch
from orchestrator.billing.debt import BARRED_WAYS
from orchestrator.billing.rating import compile_deck
from orchestrator.candidate import choose_node
from orchestrator.cli.routed import Told, decided, ending, kind_of
from orchestrator.cli.session import Session, find_project, json_option, no_tenant
from orchestrator.cli.status import live_states, live_waiting
from orchestrator.cli.table import print_table
from orchestrator.cli.when import moment
from orchestrator.credit_asked import granted_s
from orchestrator.definitions import load
from orchestrator.definitions.quoting import did_you_mean, visible
from orchestrator.definitions.written import DEFAULTS_IN_PLATFORM, WrittenFiles
from orchestrator.durable import replace_file
from orchestrator.errors import NoRate, NotFound, OrchestratorError
from orchestrator.model.credit import DebtStage
from orchestrator.model.expectation import ANONYMOUS
from orchestrator.model.number import to_e164
from orchestrator.model.numbering import by_numbering
from orchestrator.model.platform import Definitions
from orchestrator.model.problem import Position
from orchestrator.model.state import TenantState
from orchestrator.model.tariff import Rate
from orchestrator.model.tenant import Tenant
from orchestrator.portability import codes_of
from orchestrator.routing.compile import BUSY, NO_ANSWER, UNAVAILABLE, compile_tenant
from orchestrator.routing.draw import draw
from orchestrator.routing.expect import outside_caller
from orchestrator.routing.graph import DialOut, Distribute, Entry, Graph, Origin, PlayMenu, RingMobile
from orchestrator.routing.walk import Passed, Situation, find_entry, find_mobile, walk

_JSON_VERSION = 1


@dataclass(frozen=True, slots=True)
class _Asked:
    """Args: dialled: E.164, of a call to outside. extension: that a mobile dialled."""

    definitions: Definitions
    tenant: Tenant
    graph: Graph
    entry: Entry
    dialled: str
    extension: str = ""


@click.command()
@click.option("--tenant", required=True, help="Whose call it is.")
@click.option(
    "--from", "caller", default="", metavar="WHO", help="An extension, a number outside, or anonymous."
)
@click.option("--to", "to", default="", metavar="NUMBER", help="What is dialled.")
@click.option(
    "--graph",
    "picture",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Draw where all calls of the tenant go, as SVG, instead.",
)
@click.option("--at", metavar="TIME", help="Local: 2026-12-31 19:05, or sat 19:05; now by default.")
@click.option(
    "--lines-in-use", type=click.IntRange(min=0), default=0, show_default=True, help="Before this call."
)
@click.option("--by", "by", metavar="TRUNK", help="The trunk it comes in by, when that has a numbering.")
@click.option("--dead", multiple=True, metavar="TRUNK", help="A trunk that takes no call.")
@click.option("--busy", multiple=True, metavar="WHO", help="An extension, department or number that is busy.")
@click.option("--no-answer", multiple=True, metavar="WHO", help="One that nobody answers.")
@click.option("--on", "on", multiple=True, metavar="SWITCH", help="A switch of the tenant that is on.")
@click.option("--dnd", multiple=True, metavar="EXT", help="Who isn't to be disturbed.")
@click.option("--manager", metavar="EXT", help="Who last spoke with the caller.")
@click.option(
    "--debt",
    type=click.Choice(["outgoing-barred", "suspended"]),
    help="As if the tenant had owed for so long, see on_debt of its account.",
)
@click.option("--no-money", is_flag=True, help="As if its account, prepaid or with a cap, paid for no call.")
@click.option(
    "--live",
    is_flag=True,
    help="Ask the running switch and its listener for switches, queues, managers, debt and money.",
)
@click.option("--press", metavar="KEYS", help="What the caller presses in menus: 1,2,201; - for nothing.")
@click.option("--unreachable", multiple=True, metavar="WHO", help="One with no phone registered.")
@click.option(
    "--waiting", multiple=True, metavar="DEPARTMENT=N", help="How many callers wait there already: sales=3."
)
@json_option
def route(
    tenant: str,
    caller: str,
    to: str,
    picture: Path | None,
    at: str | None,
    lines_in_use: int,
    on: Sequence[str],
    dnd: Sequence[str],
    manager: str | None,
    debt: DebtStage | None,
    no_money: bool,
    live: bool,
    by: str | None,
    dead: Sequence[str],
    press: str | None,
    busy: Sequence[str],
    no_answer: Sequence[str],
    unreachable: Sequence[str],
    waiting: Sequence[str],
    as_json: bool,
) -> None:
    """Say where a call would go: each step, what decides it, and the line of YAML behind it.

    It goes by the YAML as it is written, applied or not, and asks no switch but with --live. Who is called
    answers, unless --busy, --no-answer or --unreachable says otherwise.

    \b
    Example:
        vpbx route --tenant acme --from +79035556677 --to +74951112233 --at "sat 19:05" --no-answer sales
    """
    project = find_project()
    definitions = load(project.root)
    if tenant not in definitions.tenants:
        raise no_tenant(tenant, definitions)
    model = definitions.tenants[tenant]
    if model.service != "active":
        message = f"tenant {tenant} is {model.service}: the switch has none of its numbers and phones"
        raise NotFound(message, "service: active gives them back (decision 11)")
    if picture is not None:
        _draw(picture, compile_tenant(definitions, model), model)
        return
    if not caller or not to:
        raise click.UsageError("--from and --to say which call it is; --graph draws where all go")
    asked = _asked(definitions, model, _sent(definitions, by, caller), _sent(definitions, by, to))
    when = moment(at, datetime.now(UTC), ZoneInfo(asked.tenant.time_zone))
    outcomes = {BUSY: busy, NO_ANSWER: no_answer, UNAVAILABLE: unreachable}
    are_on = _switches(asked.tenant, on)
    queues = _waiting(model, waiting)
    undisturbed = frozenset(_employees(model, dnd))
    barred = _barred(model, debt)
    paid_s: Mapping[str, int] = {}
    _check_money(model, no_money)
    if live:
        session = Session(project, definitions, choose_node(definitions, model.node))
        state = asyncio.run(live_states(session)).get(tenant, TenantState())
        are_on |= state.on
        undisturbed |= state.dnd
        barred |= state.barred
        paid_s = _paid_s(session, asked)
        queues = {**asyncio.run(live_waiting(session)).get(tenant, {}), **queues}
        manager = manager or asyncio.run(_live_manager(session, model, caller))
    situation = Situation(
        when,
        lines_in_use,
        _told(asked, outcomes),
        asked.dialled,
        are_on,
        _employee(asked, caller),
        _dead(definitions, dead),
        _on_switch(definitions, model),
        asked.extension,
        _pressed(press),
        None
        if asked.entry.origin == "mobile"
        else outside_caller(model, caller, definitions.platform.region),
        next(iter(_employees(model, [manager] if manager else [])), ""),
        queues,
        codes_of(project.portability, asked.graph, asked.dialled, when),
        undisturbed,
        barred,
        no_money,
        paid_s,
    )
    written = WrittenFiles(project.root)
    passed = walk(asked.graph, asked.entry, situation)
    told = [_step(asked, each, situation, written) for each in passed]
    end = ending(passed, told)
    if as_json:
        head = {"tenant": tenant, "from": caller, "to": to, "at": when.isoformat()}
        steps = [each.as_data() for each in told]
        data = {"version": _JSON_VERSION, **head, "steps": steps, "end": end.as_data()}
        click.echo(json.dumps(data, ensure_ascii=False))
        return
    click.echo(f"{tenant}: {caller} calls {to} on {when:%a %Y-%m-%d %H:%M} {asked.tenant.time_zone}")
    print_table(("step", "decides", "because of"), [(each.id, each.decided, each.place) for each in told])
    click.echo(visible(f"goes to: {end.text}"))


def _asked(definitions: Definitions, tenant: Tenant, caller: str, to: str) -> _Asked:
    """The call in the tenant's graph. Raises: NotFound."""
    region = definitions.platform.region
    origin: Origin = "phone"
    if caller not in tenant.employees_by_extension():
        if caller != ANONYMOUS and to_e164(caller, region) is None:
            hint = did_you_mean(caller, tenant.employees_by_extension())
            raise NotFound(f"{caller!r} is neither an employee of {tenant.name} nor a number outside", hint)
        origin = "trunk"
    graph = compile_tenant(definitions, tenant)
    mobile = find_mobile(graph, to_e164(caller, region) or "", to, region) if origin == "trunk" else None
    if mobile is not None:
        return _Asked(definitions, tenant, graph, *mobile)
    found = find_entry(graph, origin, to, region)
    if found is None:
        raise NotFound(*_nothing(definitions, tenant, origin, to))
    return _Asked(definitions, tenant, graph, *found)


def _nothing(definitions: Definitions, tenant: Tenant, origin: Origin, to: str) -> tuple[str, str]:
    if origin == "phone":
        known = [*tenant.employees_by_extension(), *(each.extension for each in tenant.departments)]
        hint = did_you_mean(to, filter(None, known))
        return f"a phone of {tenant.name} that dials {to!r} reaches nothing", hint
    number = to_e164(to, definitions.platform.region)
    other = _owner(definitions, number or "")
    own = [did.number for did in tenant.numbers]
    hint = f"it is a number of tenant {other.name}" if other else did_you_mean(to, own)
    return f"{to!r} is no number of tenant {tenant.name}", hint


async def _live_manager(session: Session, tenant: Tenant, caller: str) -> str:
    number = outside_caller(tenant, caller, session.definitions.platform.region)
    switch: AmiSwitch
    async with session.switch() as switch:
        return await switch.manager(tenant.name, number) if number else ""


def _employees(tenant: Tenant, extensions: Sequence[str]) -> Sequence[str]:
    """Raises: NotFound: nobody has one of the extensions."""
    known = tenant.employees_by_extension()
    for extension in extensions:
        if extension not in known:
            raise NotFound(f"{tenant.name} has no employee {extension!r}", did_you_mean(extension, known))
    return extensions


def _waiting(tenant: Tenant, waiting: Sequence[str]) -> Mapping[str, int]:
    """Callers by department. Raises: NotFound: nobody waits there; click.BadParameter: that is no count."""
    known = [each.name for each in tenant.departments if each.waiting is not None]
    found: dict[str, int] = {}
    for each in waiting:
        name, _, count = each.partition("=")
        if name not in known:
            raise NotFound(
                f"{tenant.name} has no department {name!r} with a queue", did_you_mean(name, known)
            )
        if not re.fullmatch(r"[0-9]{1,3}", count):
            raise click.BadParameter(f"{each!r}: a department, = and how many wait there: sales=3")
        found[name] = int(count)
    return found


def _draw(file: Path, graph: Graph, tenant: Tenant) -> None:
    """Raises: OrchestratorError: it can't be written."""
    try:
        replace_file(file.absolute(), draw(graph, tenant).encode(), 0o644)
    except OSError as error:
        raise OrchestratorError(f"{file}: {error.strerror}", "name a file that can be written") from error
    click.echo(f"{file}: where calls of {tenant.name} go", err=True)


def _employee(asked: _Asked, caller: str) -> str:
    """Whose call it is: an employee's phone or mobile calls, or their mobile is called; empty: nobody's."""
    if asked.entry.kind == "mobile":
        return next(e.extension for e in asked.tenant.employees if e.mobile == asked.entry.pattern)
    return caller if caller in asked.tenant.employees_by_extension() else ""


def _dead(definitions: Definitions, dead: Sequence[str]) -> frozenset[str]:
    """Raises: NotFound: there is no such trunk."""
    for name in dead:
        if name not in definitions.platform.trunks:
            raise NotFound(f"there is no trunk {name!r}", did_you_mean(name, definitions.platform.trunks))
    return frozenset(dead)


def _barred(tenant: Tenant, debt: DebtStage | None) -> frozenset[str]:
    """Raises: NotFound: nothing follows when the tenant owes."""
    if debt is not None and tenant.account.on_debt is None:
        raise NotFound(f"the account of {tenant.name} has no on_debt", "nothing follows when it owes")
    return BARRED_WAYS[debt or "none"]


def _check_money(tenant: Tenant, no_money: bool) -> None:
    """Raises: NotFound: the account bounds no call."""
    if no_money and not tenant.account.controlled:
        raise NotFound(
            f"the account of {tenant.name} bounds no call", "kind: prepaid, hour_cap or day_cap does"
        )


def _paid_s(session: Session, asked: _Asked) -> Mapping[str, int]:
    """How long calls to the numbers that this one may lead to would be admitted for. Raises: ListenerAway."""
    actions = [step.action for step in asked.graph.steps.values()]
    outside = [each for each in actions if isinstance(each, (DialOut, RingMobile)) and each.bounded]
    numbers = {each.number or asked.dialled for each in outside} - {""}
    name = asked.tenant.name
    return {number: granted_s(session.node.metrics, name, number) for number in sorted(numbers)}


def _on_switch(definitions: Definitions, tenant: Tenant) -> frozenset[str]:
    """The numbers that are called without a trunk."""
    here = (each for each in definitions.tenants.values() if each.node == tenant.node)
    return frozenset(did.number for each in here if each.service == "active" for did in each.numbers)


def _sent(definitions: Definitions, by: str | None, number: str) -> str:
    """A number that an operator sends, brought to E.164 when its trunk says how. Raises: NotFound."""
    if by is None:
        return number
    _dead(definitions, [by])
    rules = dict(definitions.platform.trunks[by].numbering)
    return (by_numbering(rules, number) if rules else None) or number


def _owner(definitions: Definitions, number: str) -> Tenant | None:
    """The tenant that has a number."""
    owners = {did.number: each for each in definitions.tenants.values() for did in each.numbers}
    return owners.get(number)


def _switches(tenant: Tenant, on: Sequence[str]) -> frozenset[str]:
    """Raises: NotFound: the tenant has no such switch."""
    known = [switch.name for switch in tenant.switches]
    for name in on:
        if name not in known:
            raise NotFound(f"{tenant.name} has no switch {name!r}", did_you_mean(name, known))
    return frozenset(on)


def _pressed(press: str | None) -> tuple[str, ...]:
    """Raises: click.BadParameter: no phone has such a key."""
    pressed = tuple("" if each == "-" else each for each in (press or "").split(",") if each)
    wrong = next((each for each in pressed if re.fullmatch(r"[0-9*]{0,6}", each) is None), None)
    if wrong is not None:
        raise click.BadParameter(
            f"{wrong!r}: keys are digits and *, up to six, each time a menu asks; - for none"
        )
    return pressed


def _told(asked: _Asked, outcomes: Mapping[str, Sequence[str]]) -> Mapping[str, str]:
    """What happens with whom. Raises: NotFound: nobody is called so; click.BadParameter: told twice."""
    tenant = asked.tenant
    known = [*tenant.employees_by_extension(), *(each.name for each in tenant.departments)]
    told: dict[str, str] = {}
    for outcome, named in outcomes.items():
        for name in named:
            who = name if name in known else to_e164(name, asked.definitions.platform.region)
            if who is None:
                raise NotFound(f"{name!r} is no employee, department or number", did_you_mean(name, known))
            if told.setdefault(who, outcome) != outcome:
                both = f"{told[who]} and {outcome}".replace("_", " ")
                raise click.BadParameter(f"{name} can't be {both} at once")
    return told


def _step(asked: _Asked, passed: Passed, situation: Situation, written: WrittenFiles) -> Told:
    rate, owner = None, ""
    if passed.number:
        rate, owner = _rate(asked, passed.number, situation.at), _neighbour(asked, passed.number)
    words = decided(passed, owner, rate)
    place = _place(passed, written)
    return Told(
        passed.step.id, kind_of(passed.step), passed.outcome, words, place, passed.number, rate, passed.shown
    )


def _neighbour(asked: _Asked, number: str) -> str:
    """The tenant on the same switch that has a number called; empty: the call leaves by the trunk."""
    owner = _owner(asked.definitions, number)
    if owner is None or owner.service != "active" or owner.node != asked.tenant.node:
        return ""
    return owner.name


def _rate(asked: _Asked, number: str, at: datetime) -> Rate | None:
    """What a minute costs on that day; None: the deck has no price for it."""
    try:
        return compile_deck(asked.definitions.tariffs[asked.tenant.tariff].deck).rate_of(number, at.date())
    except NoRate:
        return None


def _place(passed: Passed, written: WrittenFiles) -> Position:
    """The line that decided: a field of the record, the platform's where it isn't written, or the record."""
    if not passed.below:
        return passed.position
    action = passed.step.action
    key = action.name if isinstance(action, (PlayMenu, Distribute)) else ""
    key = passed.opening.schedule if passed.opening is not None else key
    place = written.at(passed.position, key, passed.below)
    if not place.default:
        return place.position
    there = DEFAULTS_IN_PLATFORM.get(place.default)
    if there is not None:
        of_platform = written.at(written.root("platform.yaml"), "", tuple(there.split(".")))
        if not of_platform.default:
            return of_platform.position
    return passed.step.position
