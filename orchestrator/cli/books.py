"""What verbs share that show calls and money: the store, with the switches' record brought in first."""

from __future__ import annotations

from collections.abc import Iterator, Sized
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import click

from orchestrator import definitions as definition_files
from orchestrator.asterisk.record import AsteriskRecord
from orchestrator.cli.session import find_project, no_tenant
from orchestrator.definitions.quoting import visible
from orchestrator.model.platform import Definitions, Node
from orchestrator.project import Project
from orchestrator.reconciliation import reconcile
from orchestrator.secrets import Secrets
from orchestrator.storage.store import SqlStore

no_reconcile_option = click.option(
    "--no-reconcile", is_flag=True, help="Show what is stored; don't bring the switch's record in first."
)


@dataclass(frozen=True, slots=True)
class Books:
    """A project's definitions and its store."""

    project: Project
    definitions: Definitions
    store: SqlStore

    @property
    def zone(self) -> ZoneInfo:
        """The platform's time zone: people read times in it."""
        return ZoneInfo(self.definitions.platform.time_zone)

    def record(self, node: Node) -> AsteriskRecord:
        """The durable record of a node's switch."""
        paths = self.project.switch(node.name)
        systemname = Secrets.open(self.project.secrets_file).systemname(node.name)
        return AsteriskRecord(systemname, paths.cel_file, paths.cdr_file)

    def bring_in(self) -> None:
        """Bring in what the switches have written, without asking them. Trouble is told on stderr."""
        for node in self.definitions.platform.nodes.values():
            report = reconcile(self.store, self.record(node), self.definitions, now=datetime.now(UTC))
            for problem in report.problems:
                click.echo(f"warning: not charged: {visible(problem)}", err=True)
            if report.quarantined or report.gaps:
                click.echo(
                    f"warning: {node.name}: {report.quarantined} unreadable record(s),"
                    f" {report.gaps} lost file(s)",
                    err=True,
                )

    def check_tenant(self, name: str | None, found: Sized) -> None:
        """Nothing was found of a tenant: is there one? A tenant that has left the definitions may have data.

        Raises: NotFound.
        """
        if name is not None and not found and name not in self.definitions.tenants:
            raise no_tenant(name, self.definitions)

    def moment(self, text: str | None, option: str) -> datetime | None:
        """A date or time as typed, in the platform's time zone unless it names one."""
        if text is None:
            return None
        try:
            at = datetime.fromisoformat(text)
        except ValueError as error:
            raise click.BadParameter(
                "neither a date (2026-09-22) nor a time (2026-09-22T14:30)", param_hint=option
            ) from error
        return at if at.tzinfo else at.replace(tzinfo=self.zone)

    def shown(self, at: datetime | None) -> str:
        """A time as people read it."""
        return "" if at is None else at.astimezone(self.zone).strftime("%Y-%m-%d %H:%M:%S")


@contextmanager
def open_tariff_books() -> Iterator[Books]:
    """The books without the tenants' files: a fault in one of those must not keep anybody from being charged.

    Raises: DefinitionsInvalid: the platform, a tariff or a deck has problems. DatabaseUnavailable.
    """
    project = find_project()
    definitions = definition_files.load_tariffs(project.root)
    store = SqlStore.open(project.database_url(definitions.platform.storage.database))
    try:
        yield Books(project, definitions, store)
    finally:
        store.close()


@contextmanager
def open_books(*, bring_in: bool) -> Iterator[Books]:
    """The books of the project that `-C` named. Raises: DefinitionsInvalid, DatabaseUnavailable."""
    project = find_project()
    definitions = definition_files.load(project.root)
    store = SqlStore.open(project.database_url(definitions.platform.storage.database))
    try:
        books = Books(project, definitions, store)
        if bring_in:
            books.bring_in()
        yield books
    finally:
        store.close()
