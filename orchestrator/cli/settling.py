"""How verbs that change a node deal with its tenants' accounts: looked at, brought along, told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import click

from orchestrator import definitions as definition_files
from orchestrator.asterisk.manifest import Manifest
from orchestrator.asterisk.recovery import Settle
from orchestrator.cli.session import Session
from orchestrator.errors import DatabaseUnavailable, OrchestratorError
from orchestrator.model.money import roubles_text
from orchestrator.model.tariff import Tariff
from orchestrator.planning.money import Cost, ServiceChange, totals
from orchestrator.planning.money_data import services_data, totals_data
from orchestrator.planning.services import Wish
from orchestrator.settlement import Settlement


class AccountsLate(OrchestratorError):
    """A generation is live, and its service events aren't posted yet: the next verb posts them."""

    code = "accounts-late"


class Settling:
    """The accounts of a session's project. Args: posted: what was posted so far."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.posted: list[ServiceChange] = []
        url = session.project.database_url(session.definitions.platform.storage.database)
        self._settlement = Settlement(url, self._tariffs)

    def changes(
        self, wishes: Mapping[str, Wish], live: Manifest | None, at: datetime
    ) -> tuple[ServiceChange, ...]:
        """What becomes of services; nothing is written.

        With the database out of reach, and nothing wanted but what the live generation says already, there
        is nothing to post: the switch can be changed all the same.

        Raises: DatabaseUnavailable: and there is something to post. EventRefused, DefinitionsInvalid.
        """
        try:
            return self._settlement.changes(wishes, at)
        except DatabaseUnavailable as error:
            known = {} if live is None else live.wanted
            if any(name not in known or known[name] != wish for name, wish in wishes.items()):
                raise
            click.echo(f"warning: accounts were not looked at: {error.message}", err=True)
            return ()

    def ready(self) -> None:
        """See that it can be posted, before the switch is touched. Raises: DatabaseUnavailable."""
        self._settlement.open()

    def by(self, source: str) -> Settle:
        """What brings accounts along. Args: source: of the events: `apply`, `rollback`, `confirm`."""

        def settle(manifest: Manifest, at: datetime) -> None:
            try:
                settled = self._settlement.settle(manifest.wanted, at, source, datetime.now(UTC))
            except OrchestratorError as error:
                raise AccountsLate(
                    f"generation {manifest.number} is live, but its service events are not posted yet: "
                    f"{error.message}",
                    "mend that: the next vpbx apply posts them",
                ) from error
            self.posted += settled.changes
            for refused in settled.refused:
                click.echo(f"warning: {refused.message}; vpbx plan shows it again", err=True)

        return settle

    def close(self) -> None:
        self._settlement.close()

    def _tariffs(self) -> Mapping[str, Tariff]:
        """Those in force; a fault in a tenant's file keeps nobody from them."""
        loaded = self._session.definitions.tariffs
        return loaded or definition_files.load_tariffs(self._session.project.root)


@contextmanager
def settling(session: Session) -> Iterator[Settling]:
    """A session's accounts, for one verb."""
    made = Settling(session)
    try:
        yield made
    finally:
        made.close()


def posted_data(changes: Sequence[ServiceChange]) -> dict[str, Any]:
    """What was posted, for `--json`."""
    return {"services": services_data(changes), "totals": totals_data(changes)}


def say_posted(changes: Sequence[ServiceChange]) -> None:
    """Tell what was posted."""
    for change in changes:
        click.echo(f"{change.tenant}: {', '.join(change.events)}")
        for line in money_lines(change):
            click.echo(f"  {line}")
    for line in total_lines(changes):
        click.echo(line)


def money_lines(change: ServiceChange) -> Iterator[str]:
    """What a change of a service costs, and from when."""
    for title, costs in (("fell due before", change.overdue), ("charged at once", change.charges)):
        if costs:
            kop = sum(cost.amount_kop for cost in costs)
            yield f"{title}: {roubles_text(kop)} {change.currency}"
            yield from (f"  {_what(cost)}: {cost.working}" for cost in costs)
    if not change.charges:
        yield "charged at once: nothing"
    if change.trial_ends_at is not None:
        yield f"its trial ends {change.trial_ends_at.astimezone():%Y-%m-%d %H:%M}"
    before, after = change.period_kop
    yield f"a period, from the next anchor on: {roubles_text(before)} -> {roubles_text(after)} {change.currency}"


def total_lines(changes: Sequence[ServiceChange]) -> Iterator[str]:
    """What changes cost together."""
    for total in totals(changes):
        before, after = total.period_kop
        yield (
            f"together: {roubles_text(total.charged_kop)} {total.currency} at once; a period "
            f"{roubles_text(before)} -> {roubles_text(after)} {total.currency}"
        )


def _what(cost: Cost) -> str:
    named = cost.kind.replace("_", " ")
    return f"{named} {cost.item}" if cost.item else named
