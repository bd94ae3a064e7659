"""`vpbx statement`: a tenant's month on paper, and as data for spreadsheets and accounting systems."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import click

from orchestrator.billing.statement import statement_of
from orchestrator.billing.transfer import Transfer, transfer_of
from orchestrator.cli.books import Books, no_reconcile_option, open_books
from orchestrator.cli.months import (
    check_period,
    everybody,
    month_of,
    period_option,
    warn_of_due,
    zone_of,
    zones_of,
)
from orchestrator.cli.progress import working
from orchestrator.cli.session import json_option
from orchestrator.durable import replace_file
from orchestrator.errors import PaperUnwritable
from orchestrator.model.account import Account
from orchestrator.model.statement import Month, Statement
from orchestrator.papers.data import statement_json
from orchestrator.papers.html import statement_html
from orchestrator.papers.sheet import statement_csv
from orchestrator.papers.sides import Sides
from orchestrator.papers.transfer_sheet import transfers_csv

HTML, PDF, CSV, JSON, TRANSFER = "html", "pdf", "csv", "json", "upd-csv"
_ENDINGS = {HTML: ".html", PDF: ".pdf", CSV: ".csv", JSON: ".json", TRANSFER: ".upd.csv"}
_MODE = 0o640


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was asked for. Args: form: see `_ENDINGS`. now: aware UTC. accounts: by tenant."""

    month: Month
    form: str
    language: str
    draft: bool
    now: datetime
    accounts: Mapping[str, Account]


@click.command()
@click.argument("tenant", required=False)
@click.option("--all", "all_tenants", is_flag=True, help="All tenants that the ledger knows; needs --output.")
@period_option
@click.option(
    "--format",
    "form",
    type=click.Choice(["html", "pdf", "csv", "json", "upd-csv"]),
    default="html",
    help="upd-csv: lines of a universal transfer document (УПД).  [default: html]",
)
@click.option("--lang", "language", type=click.Choice(["ru", "en"]), default="ru", help="[default: ru]")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE|DIR",
    help="File to write, or directory for TENANT-YYYY-MM.*; stdout by default.",
)
@click.option("--draft", is_flag=True, help="Of a month that isn't over too; every page is marked.")
@json_option
@no_reconcile_option
def statement(
    tenant: str | None,
    all_tenants: bool,
    period: str,
    form: str,
    language: str,
    output: Path | None,
    draft: bool,
    as_json: bool,
    no_reconcile: bool,
) -> None:
    """Write a tenant's statement of a month: balances, payments, every charge with its working, taxes.

    Its sums are those of the ledger's entries; nothing is rated again. --json is short for --format json.

    \b
    Example:
        vpbx statement acme --period 2026-10 --format pdf -o acme-october.pdf
        vpbx statement --all --period 2026-10 --format pdf -o statements/
        vpbx statement --all --period 2026-10 --format upd-csv -o upd-2026-10.csv
    """
    month = month_of(period)
    if all_tenants == (tenant is not None):
        raise click.UsageError("name a tenant, or say --all")
    form = JSON if as_json else form
    if draft and form == TRANSFER:
        raise click.UsageError("a transfer document is of a month that is over: there is no draft of one")
    if output is None and (all_tenants or (form == PDF and sys.stdout.isatty())):
        raise click.UsageError("-o says where to write it")
    with open_books(bring_in=not no_reconcile) as books:
        if tenant is not None:
            books.check_tenant(tenant, books.store.balances(tenant))
        tenants = [tenant] if tenant is not None else everybody(books, month)
        wanted = Wanted(month, form, language, draft, datetime.now(UTC), books.store.accounts())
        zones = zones_of(books, tenants, wanted.accounts)
        check_period(
            books, zones, month, wanted.now, "--draft makes a draft of it, marked as such", draft=draft
        )
        _write(books, tenants, wanted, output, together=all_tenants)


def _write(
    books: Books, tenants: Sequence[str], wanted: Wanted, output: Path | None, *, together: bool
) -> None:
    in_directory = output is not None and (output.is_dir() or (together and wanted.form != TRANSFER))
    if together and wanted.form == TRANSFER and not in_directory:
        documents = [_transfer(books, tenant, wanted) for tenant in tenants]
        _put(transfers_csv(documents, wanted.language).encode(), output)
        _tell(f"{len(documents)} document(s)", output)
        return
    if in_directory and output is not None:
        _make(output)
    with working("writing statements") as told:
        for number, tenant in enumerate(tenants):
            told(number, len(tenants))
            data = _paper(books, tenant, wanted)
            name = f"{tenant}-{wanted.month}{_ENDINGS[wanted.form]}"
            _put(data, output / name if output is not None and in_directory else output)
    if in_directory:
        _tell(f"{len(tenants)} statement(s)", output)


def _paper(books: Books, tenant: str, wanted: Wanted) -> bytes:
    if wanted.form == TRANSFER:
        return transfers_csv([_transfer(books, tenant, wanted)], wanted.language).encode()
    found, sides = _statement(books, tenant, wanted), _sides(books, tenant, wanted)
    if wanted.form == PDF:
        from orchestrator.papers.pdf import pdf_of

        return pdf_of(statement_html(found, sides))
    make = {HTML: statement_html, CSV: statement_csv, JSON: statement_json}[wanted.form]
    return make(found, sides).encode()


def _transfer(books: Books, tenant: str, wanted: Wanted) -> tuple[Transfer, Sides]:
    found = transfer_of(_statement(books, tenant, wanted))
    if found.statement.late:
        click.echo(
            f"warning: {found.number}: {found.statement.late} of its entries came after the month's end; a"
            " document that was handed over before them needs a correction",
            err=True,
        )
    sides = _sides(books, tenant, wanted)
    lacking = [
        f"{key}.inn"
        for key, party in (("company", sides.operator), ("customer", sides.customer))
        if not party.inn
    ]
    if lacking:
        click.echo(f"warning: {found.number}: {' and '.join(lacking)} isn't known", err=True)
    return found, sides


def _statement(books: Books, tenant: str, wanted: Wanted) -> Statement:
    zone = zone_of(books, tenant, wanted.accounts)
    ends_at = wanted.month.ends_at(zone)
    posted = books.store.posted_month(tenant, wanted.month.begins_at(zone), ends_at)
    found = statement_of(
        posted, tenant, wanted.month, zone, wanted.now, draft=wanted.draft and wanted.now < ends_at
    )
    warn_of_due(books, tenant, wanted.accounts.get(tenant), ends_at, wanted.now)
    return found


def _sides(books: Books, tenant: str, wanted: Wanted) -> Sides:
    return Sides.of(books.definitions, tenant, wanted.language)


def _make(directory: Path) -> None:
    try:
        directory.mkdir(exist_ok=True)
    except OSError as error:
        raise _unwritable(directory, error) from error


def _put(data: bytes, path: Path | None) -> None:
    """Raises: PaperUnwritable: nothing of it is there; what stood under the name still does."""
    try:
        if path is not None:
            replace_file(path, data, _MODE)
            return
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise _unwritable(path or Path("stdout"), error) from error


def _unwritable(path: Path, error: OSError) -> PaperUnwritable:
    return PaperUnwritable(f"{path}: {error.strerror}", "name a place that you may write to, with space left")


def _tell(what: str, place: Path | None) -> None:
    click.echo(f"{what} in {place}", err=True)
