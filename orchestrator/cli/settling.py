"""How verbs that change a node deal with its tenants' accounts: looked at, brought along, told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import click

from orchestrator import definitions as definition_files
from orchestrator.asterisk.manifest import Manifest
from orchestrator.cli.session import Session
from orchestrator.errors import DatabaseUnavailable, OrchestratorError
from orchestrator.model.money import roubles_text
from orchestrator.model.tariff import Tariff
from orchestrator.planning.money import Cost, ServiceChange, totals
from orchestrator.planning.money_data import services_data, totals_data
from orchestrator.planning.services import Wish
from orchestrator.settlement import Settlement

_MOST_TOLD = 12


class AccountsLate(OrchestratorError):
    """A generation is live, and its service events aren't posted yet: the next verb posts them."""

    code = "accounts-late"


class Settling:
    """The accounts of a session's project."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._posted: list[ServiceChange] = []
        url = session.project.database_url(session.definitions.platform.storage.database)
        self._settlement = Settlement(url, self._tariffs)

    def changes(
        self, wishes: Mapping[str, Wish], live: Manifest | None, at: datetime
    ) -> tuple[ServiceChange, ...]:
        """What becomes of services; nothing is written.

        With the database out of reach, and nothing wanted but what accounts followed already, there is
        nothing to post: the switch can be changed all the same.

        Args: live: the generation that they followed last.
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

    def settle(self, manifest: Manifest, at: datetime) -> None:
        """Bring accounts to what a live generation says; fulfils `recovery.Settle`.

        Raises: AccountsLate: nothing was posted.
        """
        source = manifest.origin.why.partition(" ")[0]
        try:
            settled = self._settlement.settle(manifest.wanted, at, source, datetime.now(UTC))
        except OrchestratorError as error:
            raise AccountsLate(
                f"generation {manifest.number} is live, but its service events are not posted yet: "
                f"{error.message}",
                "mend that: the next vpbx apply posts them",
            ) from error
        self._posted += settled.changes
        for refused in settled.refused:
            click.echo(f"warning: {refused.message}; vpbx plan shows it again", err=True)

    def told(self) -> tuple[ServiceChange, ...]:
        """What was posted since this was asked last."""
        told, self._posted = tuple(self._posted), []
        return told

    def close(self) -> None:
        self._settlement.close()

    def _tariffs(self) -> Mapping[str, Tariff]:
        """Those in force; a fault in a tenant's file keeps nobody from them."""
        loaded = self._session.definitions.tariffs
        return loaded or definition_files.load_tariffs(self._session.project.root).tariffs


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


def say_posted(changes: Sequence[ServiceChange], *, err: bool = False) -> None:
    """Tell what was posted: all of a few tenants, the total of many. Args: err: on stderr."""
    for change in changes if len(changes) <= _MOST_TOLD else ():
        click.echo(f"posted to {change.tenant}:", err=err)
        for line in money_lines(change):
            click.echo(f"  {line}", err=err)
    for line in total_lines(changes):
        click.echo(line, err=err)


def money_lines(change: ServiceChange) -> Iterator[str]:
    """What becomes of a service, from when, and what it costs."""
    ends_at = change.trial_ends_at
    trial = "" if ends_at is None else f"; the trial ends {ends_at:%Y-%m-%d %H:%M}"
    yield f"service from {change.day}: {', '.join(change.events)}{trial}"
    at_once = _money(change.charged_kop, change.currency) if change.charged_kop else "nothing"
    before, after = change.period_kop
    period = f"{roubles_text(before)} -> {_money(after, change.currency)}"
    yield f"charged at once: {at_once}; a whole period: {period}"
    yield from (f"  {_what(cost)} that fell due before: {cost.working}" for cost in change.overdue)
    yield from (f"  {_what(cost)}: {cost.working}" for cost in change.charges)


def total_lines(changes: Sequence[ServiceChange]) -> Iterator[str]:
    """What changes of several tenants cost together."""
    for total in totals(changes) if len(changes) > 1 else ():
        before, after = total.period_kop
        yield (
            f"money: {_money(total.charged_kop, total.currency)} at once; a whole period "
            f"{roubles_text(before)} -> {_money(after, total.currency)}"
        )


def _what(cost: Cost) -> str:
    named = cost.kind.replace("_", " ")
    return f"{named} {cost.item}" if cost.item else named


def _money(amount_kop: int, currency: str) -> str:
    return f"{roubles_text(amount_kop)} {currency}"
