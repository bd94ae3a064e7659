"""`vpbx tenant`: where a tenant's service stands."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from orchestrator.accounts import Tariffs
from orchestrator.billing.status import ServiceStatus, status_of
from orchestrator.cli.books import Books, open_tariff_books
from orchestrator.cli.session import json_option
from orchestrator.cli.table import print_table
from orchestrator.errors import NotFound
from orchestrator.model.account import EVENT_KINDS, AuditLine, DatedEvent
from orchestrator.model.money import roubles_text

_JSON_VERSION = 1
_LAST = 10


@click.group()
def tenant() -> None:
    """A tenant's service over time.

    Example: vpbx tenant status acme
    """


@tenant.command()
@click.argument("name", metavar="TENANT")
@json_option
def status(name: str, as_json: bool) -> None:
    """Show where a tenant's service stands: its phase, what is paid for, what comes next, its balance.

    It says what has happened in the database, whatever tenants/TENANT.yaml asks for: `vpbx plan` shows the
    difference.

    \b
    Example:
        vpbx tenant status acme
    """
    with open_tariff_books() as books:
        account = books.store.accounts().get(name)
        if account is None:
            raise NotFound(f"{name} was never activated", "the first apply of an active tenant activates it")
        events = books.store.service_events(name)
        found = status_of(account, events, Tariffs(books.definitions.tariffs))
        balance_kop = books.store.balance_kop(name)
        audit = books.store.audit_lines(name, _LAST)
        if as_json:
            click.echo(json.dumps(_data(found, balance_kop, events[:_LAST], audit), ensure_ascii=False))
        else:
            _print(books, found, balance_kop, events[:_LAST], audit)


def _data(
    found: ServiceStatus, balance_kop: int, events: list[DatedEvent], audit: list[AuditLine]
) -> dict[str, object]:
    account, service = found.account, found.account.service
    return {
        "version": _JSON_VERSION,
        "tenant": account.tenant,
        "phase": service.phase,
        "since": found.since.isoformat(),
        "tariff": account.tariff,
        "time_zone": account.time_zone,
        "trial_ends_at": None if found.trial_ends_at is None else found.trial_ends_at.isoformat(),
        "period_from": None if found.period_from is None else found.period_from.isoformat(),
        "paid_until": None if found.paid_until is None else found.paid_until.isoformat(),
        "employees": {
            "all": service.employees,
            "included": found.included,
            "extra": found.extra,
            "extra_paid": found.extra_paid,
        },
        "options": [
            {"slug": slug, "quantity": quantity, "paid": paid} for slug, quantity, paid in _options(found)
        ],
        "due": None
        if found.due is None
        else {"kind": found.due.kind, "at": found.due.at.isoformat(), "amount_kop": found.due_kop},
        "balance_kop": balance_kop,
        "events": [
            {
                "number": event.number,
                "at": event.at.isoformat(),
                "kind": EVENT_KINDS[type(event.what)],
                "facts": asdict(event.what),
                "source": event.source,
            }
            for event in events
        ],
        "audit": [{**asdict(line), "at": line.at.isoformat()} for line in audit],
    }


def _options(found: ServiceStatus) -> list[tuple[str, int, int]]:
    """Slug, quantity that is on, quantity that is paid for in the period."""
    service = found.account.service
    paid = {} if found.paid_until is None else {slug: n for slug, n in service.paid.items() if slug}
    slugs = sorted({*service.options, *paid})
    return [(slug, service.options.get(slug, 0), paid.get(slug, 0)) for slug in slugs]


def _print(
    books: Books,
    found: ServiceStatus,
    balance_kop: int,
    events: list[DatedEvent],
    audit: list[AuditLine],
) -> None:
    service = found.account.service
    rows = [
        ("phase", f"{service.phase} since {books.shown(found.since)}"),
        ("tariff", f"{found.account.tariff}, {found.account.time_zone}"),
    ]
    if found.trial_ends_at is not None:
        rows.append(("trial ends", books.shown(found.trial_ends_at)))
    if found.paid_until is not None:
        rows.append(("period", f"{found.period_from} to {found.paid_until}"))
    employees = f"{service.employees}, {found.included} included"
    rows.append(
        ("employees", f"{employees}; paid for beyond: {found.extra_paid}" if found.extra else employees)
    )
    for slug, quantity, paid in _options(found):
        rows.append((f"option {slug}", f"{quantity or 'off'}, paid for in this period: {paid}"))
    if found.due is not None:
        due = f"{found.due.kind.replace('_', ' ')} {books.shown(found.due.at)}"
        rows.append(("next", f"{due}: {roubles_text(found.due_kop)}"))
    rows.append(("owes", roubles_text(balance_kop)))
    rows += [
        (books.shown(event.at), f"{EVENT_KINDS[type(event.what)]} {_facts(event)}".strip())
        for event in events
    ]
    rows += [(books.shown(line.at), f"{line.what} ({line.why})") for line in audit]
    print_table(("what", found.account.tenant), rows)


def _facts(event: DatedEvent) -> str:
    facts = {**asdict(event.what), "by": event.source}
    return " ".join(f"{name}={_shown(value)}" for name, value in facts.items())


def _shown(value: object) -> object:
    return ",".join(f"{k}:{v}" for k, v in sorted(value.items())) if isinstance(value, dict) else value
