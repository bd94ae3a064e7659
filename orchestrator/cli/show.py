"""`vpbx show`: a tenant as a person wants to see it, and which of its phones are registered now."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

import click

from orchestrator.asterisk.control import AmiSwitch
from orchestrator.cli.departments import queue_json, queue_words
from orchestrator.cli.leads import (
    CALLER_LIST_COLUMNS,
    MAILBOX_COLUMNS,
    MENU_COLUMNS,
    OVERFLOW_COLUMNS,
    SCHEDULE_COLUMNS,
    SWITCH_COLUMNS,
    account_json,
    account_words,
    caller_list_row,
    leads,
    mailbox_json,
    mailbox_row,
    menu_json,
    menu_rows,
    overflow_json,
    overflow_rows,
    schedule_json,
    schedule_row,
    shown_besides,
    switch_row,
    target_json,
)
from orchestrator.cli.session import Session, json_option, node_option, open_session
from orchestrator.cli.table import print_table
from orchestrator.definitions.quoting import visible
from orchestrator.errors import NotFound, SwitchError
from orchestrator.model.platform import lines_given
from orchestrator.model.recording import RECORDING
from orchestrator.model.tariff import Prices, Tariff
from orchestrator.model.tenant import Department, Employee, Tenant
from orchestrator.papers.parties import named, party_json
from orchestrator.ports import Registration
from orchestrator.retention.years import Retention
from orchestrator.secrets import Secrets

_JSON_VERSION = 1
_NOT_APPLIED, _NOT_REGISTERED, _UNKNOWN = "not applied yet", "not registered", "unknown"
_LANGUAGE = "ru"


@dataclass(frozen=True, slots=True)
class Live:
    """What the running switch says.

    Args: registrations: by endpoint; no key: the switch doesn't know the endpoint. in_use: lines held.
    trouble: why nothing is known; empty: all is.
    """

    registrations: Mapping[str, tuple[Registration, ...]]
    in_use: int | None
    trouble: str = ""


@click.command()
@click.argument("tenant")
@node_option
@json_option
def show(tenant: str, node: str | None, as_json: bool) -> None:
    """Show a tenant: what it has, where its numbers lead, and which of its phones are registered now.

    The definitions say what is wanted; registrations and lines in use are asked of the running switch. When
    it doesn't run, that is said and the rest is shown.

    \b
    Example:
        vpbx show acme
    """
    session = open_session(node, tenant)
    model = session.tenant(tenant)
    accounts = _accounts(session, model)
    if session.project.secrets_file.exists():
        live = asyncio.run(_live(session, model, [each for each in accounts.values() if each]))
    else:
        live = Live({}, None, "nothing has been applied yet")
    data = _data(session, model, accounts, live)
    if as_json:
        click.echo(json.dumps({"version": _JSON_VERSION, **data}, ensure_ascii=False))
    else:
        _draw(session, model, accounts, live)


def _accounts(session: Session, tenant: Tenant) -> dict[tuple[str, str], str]:
    """Endpoint by extension and device; empty for a device that was never applied."""
    kept = Secrets.open(session.project.secrets_file)
    known = {
        (employee.extension, device.name): kept.known_device(tenant.name, employee.extension, device.name)
        for employee in tenant.employees
        for device in employee.devices
    }
    return {key: credential.endpoint if credential else "" for key, credential in known.items()}


async def _live(session: Session, tenant: Tenant, endpoints: list[str]) -> Live:
    """What the switch says now; when it can't be asked, why."""
    found: dict[str, tuple[Registration, ...]] = {}
    switch: AmiSwitch
    try:
        async with session.switch() as switch:
            for endpoint in endpoints:
                try:
                    found[endpoint] = await switch.registrations(endpoint)
                except NotFound:
                    continue
            channels = await switch.channels()
    except SwitchError as error:
        return Live({}, None, error.message)
    return Live(found, sum(channel.line_of == tenant.name for channel in channels))


def _data(
    session: Session, tenant: Tenant, accounts: Mapping[tuple[str, str], str], live: Live
) -> dict[str, object]:
    definitions = session.definitions
    tariff = definitions.tariffs[tenant.tariff]
    return {
        "tenant": tenant.name,
        "title": tenant.title,
        "customer": party_json(named(tenant)),
        "service": tenant.service,
        "tariff": {
            "slug": tariff.slug,
            "version": _prices(tariff, tenant).version,
            "title": dict(tariff.title),
        },
        "options": list(tenant.options),
        "time_zone": tenant.time_zone,
        "node": tenant.node,
        "trunk": tenant.trunk,
        "trunks": list(tenant.trunks),
        "trunk_order": tenant.trunk_order,
        "caller_id": tenant.caller_id or None,
        "verified_numbers": list(tenant.verified_numbers),
        "caller_ids": {each.prefix: each.shown for each in tenant.caller_ids},
        "dial_classes": list(tenant.dial_classes),
        "lines": {
            "limit": definitions.line_limit(tenant),
            "given": lines_given(tariff, tenant),
            "in_use": live.in_use,
        },
        "recording": {
            "on": _records(session, tenant),
            "kept_years": _years(session, tenant),
            "store": _store_url(session),
            "announce": tenant.recording.announce.text or None,
            "announce_outbound": tenant.recording.announce_outbound.text or None,
        },
        "account": account_json(tenant.account),
        "ringback": tenant.ringback.text or None,
        "music_on_hold": tenant.music_on_hold.text or None,
        "switch": {"asked": not live.trouble, "trouble": live.trouble or None},
        "numbers": [
            {"number": did.number, "greeting": did.greeting.text or None, **target_json(did.target)}
            for did in tenant.numbers
        ],
        "menus": [menu_json(menu) for menu in tenant.menus],
        "external_numbers": [
            {"number": each.number, "address": f"{each.host}:{each.port}", "username": each.username}
            for each in tenant.external_numbers
        ],
        "schedules": [schedule_json(schedule) for schedule in tenant.schedules],
        "switches": [
            {"name": switch.name, "code": switch.code, "title": switch.title} for switch in tenant.switches
        ],
        "caller_lists": [
            {
                "name": each.name,
                "numbers": [*each.numbers, *(f"{prefix}*" for prefix in each.prefixes)],
                "anonymous": each.anonymous,
                "refused": each.name in tenant.block,
            }
            for each in tenant.caller_lists
        ],
        "mailboxes": [mailbox_json(mailbox) for mailbox in tenant.mailboxes],
        "feature_codes": dict(tenant.codes),
        "departments": [_department_json(department) for department in tenant.departments],
        "employees": [_employee_json(employee, accounts, live) for employee in tenant.employees],
    }


def _department_json(department: Department) -> dict[str, object]:
    return {
        "name": department.name,
        "title": department.title,
        "extension": department.extension or None,
        "distribution": department.distribution,
        "ring_timeout_s": department.ring_timeout_s,
        "waiting": queue_json(department.waiting),
        "ringback": department.ringback.text or None,
        "caller_id": department.caller_id or None,
        "members": list(department.members),
        "overflow": overflow_json(department.overflow),
    }


def _employee_json(
    employee: Employee, accounts: Mapping[tuple[str, str], str], live: Live
) -> dict[str, object]:
    return {
        "extension": employee.extension,
        "name": employee.name,
        "ring_timeout_s": employee.ring_timeout_s,
        "ringback": employee.ringback.text or None,
        "caller_id": employee.caller_id or None,
        "mobile": employee.mobile or None,
        "mobile_rings": employee.mobile_rings,
        "overflow": overflow_json(employee.overflow),
        "devices": [
            _device_json(device.name, accounts[employee.extension, device.name], live)
            for device in employee.devices
        ],
    }


def _device_json(name: str, account: str, live: Live) -> dict[str, object]:
    registrations = live.registrations.get(account)
    return {
        "device": name,
        "account": account or None,
        "registered": None if live.trouble else bool(registrations),
        "contacts": [
            {
                "uri": each.uri,
                "address": each.address,
                "user_agent": each.user_agent or None,
                "expires_at": each.expires_at.isoformat() if each.expires_at else None,
                "reachable": each.reachable,
                "round_trip_ms": each.round_trip_ms,
            }
            for each in registrations or ()
        ],
    }


def _draw(session: Session, tenant: Tenant, accounts: Mapping[tuple[str, str], str], live: Live) -> None:
    click.echo(f"{_bold(tenant.name)}  {visible(tenant.title)}")
    for name, value in _facts(session, tenant, live):
        click.echo(f"  {name + ':':<12} {visible(value)}")
    _section(
        "numbers",
        ("number", "leads to"),
        [(did.number, leads(tenant, did.target)) for did in tenant.numbers],
    )
    _section(
        "departments",
        ("name", "title", "extension", "distribution", "rings", "wait", "members"),
        [
            (
                *(d.name, d.title, d.extension, d.distribution, f"{d.ring_timeout_s} s"),
                *(queue_words(d.waiting), ", ".join(d.members)),
            )
            for d in tenant.departments
        ],
    )
    overflow = list(overflow_rows(tenant))
    if overflow:
        _section("overflow", OVERFLOW_COLUMNS, overflow)
    if tenant.menus:
        _section("menus", MENU_COLUMNS, list(menu_rows(tenant)))
    if tenant.mailboxes:
        _section("mailboxes", MAILBOX_COLUMNS, [mailbox_row(each) for each in tenant.mailboxes])
    if tenant.schedules:
        _section("schedules", SCHEDULE_COLUMNS, [schedule_row(schedule) for schedule in tenant.schedules])
    if tenant.caller_lists:
        lists = [caller_list_row(each, tenant) for each in tenant.caller_lists]
        _section("caller lists", CALLER_LIST_COLUMNS, lists)
    if tenant.switches:
        _section("switches", SWITCH_COLUMNS, [switch_row(switch) for switch in tenant.switches])
    _section(
        "employees",
        ("extension", "name", "rings", "device", "registered", "from", "phone", "round trip"),
        [row for employee in tenant.employees for row in _phones(employee, accounts, live)],
    )


def _facts(session: Session, tenant: Tenant, live: Live) -> Iterator[tuple[str, str]]:
    tariff = session.definitions.tariffs[tenant.tariff]
    limit = session.definitions.line_limit(tenant)
    yield "service", tenant.service
    customer = tenant.customer
    known = (customer.name, customer.inn and f"INN {customer.inn}", customer.contract)
    if any(known):
        yield "on papers", ", ".join(filter(None, known))
    yield (
        "tariff",
        f"{tariff.slug} {_prices(tariff, tenant).version}, {tariff.title.get(_LANGUAGE, tariff.slug)}",
    )
    yield "options", ", ".join(tenant.options) or "none"
    yield "account", account_words(tenant.account)
    yield (
        "lines",
        f"{limit}, in use: {_UNKNOWN}" if live.in_use is None else f"{live.in_use} of {limit} in use",
    )
    yield "caller ID", ", ".join([tenant.caller_id or "none", *shown_besides(tenant)])
    yield "may dial", f"{', '.join(tenant.dial_classes) or 'nothing outside'}; emergency numbers always"
    yield "recording", _recording(session, tenant)
    if tenant.ringback:
        yield "ringback", tenant.ringback.text
    if tenant.music_on_hold:
        yield "on hold", tenant.music_on_hold.text
    yield "trunk", ", then ".join(tenant.trunks)
    yield "node", f"{tenant.node}, {tenant.time_zone}"
    yield "switch", f"not running, or not answering: {live.trouble}" if live.trouble else "running"


def _prices(tariff: Tariff, tenant: Tenant) -> Prices:
    """The prices in force now, where the tenant is."""
    return tariff.prices_on(datetime.now(ZoneInfo(tenant.time_zone)).date())


def _recording(session: Session, tenant: Tenant) -> str:
    if not _records(session, tenant):
        return "off"
    years = _years(session, tenant)
    told = [text for text in (tenant.recording.announce, tenant.recording.announce_outbound) if text]
    store = session.definitions.platform.storage.store
    where = "" if store is None else f" in {store.url.partition('?')[0]}"
    kept = f"on, kept {years} year{'' if years == 1 else 's'}{where}"
    return f"{kept}, {'announced' if told else 'not announced'}"


def _store_url(session: Session) -> str | None:
    store = session.definitions.platform.storage.store
    return None if store is None else store.url


def _records(session: Session, tenant: Tenant) -> bool:
    return RECORDING in session.definitions.unlocked(tenant)


def _years(session: Session, tenant: Tenant) -> int | None:
    return Retention.of(session.definitions).years[tenant.name] if _records(session, tenant) else None


def _phones(
    employee: Employee, accounts: Mapping[tuple[str, str], str], live: Live
) -> Iterator[tuple[str, ...]]:
    """A row for each phone; the employee stands in the first."""
    who: tuple[str, ...] = (employee.extension, employee.name, f"{employee.ring_timeout_s} s")
    for device in employee.devices:
        account = accounts[employee.extension, device.name]
        registrations = live.registrations.get(account, ())
        if registrations:
            for each in registrations:
                yield (*who, device.name, *_registered(each))
                who = ("", "", "")
        else:
            state = _NOT_APPLIED if not account else _UNKNOWN if live.trouble else _NOT_REGISTERED
            yield (*who, device.name, state, "", "", "")
        who = ("", "", "")


def _registered(found: Registration) -> tuple[str, ...]:
    state = "yes, but it doesn't answer" if found.reachable is False else "yes"
    trip = "" if found.round_trip_ms is None else f"{found.round_trip_ms:.1f} ms"
    return state, found.address, found.user_agent, trip


def _section(title: str, columns: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    click.echo()
    click.echo(_bold(title) if rows else f"{_bold(title)}: none")
    if rows:
        print_table(columns, rows)


def _bold(text: str) -> str:
    return click.style(text, bold=True)
