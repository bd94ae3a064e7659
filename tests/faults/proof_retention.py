"""`make proof-retention`: 50 tenants over five years, and a stepped clock. About ten minutes.

Retention runs just before and at midnight of three time zones, on every day at which something may turn.
After each run an independent calendar says what must be there.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from unittest.mock import patch

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[1] / "calls"))

from retention_clock import days_of_a_disconnected_tenant
from retention_histories import Histories
from world import Proof

from orchestrator.model.recording import Recording
from orchestrator.retention.scopes import Scopes
from orchestrator.retention.years import Retention
from orchestrator.storage.purge import Scope, TenantData
from orchestrator.storage.store import SqlStore

_DAY = timedelta(days=1)
_MUTANT_TENANTS, _MUTANT_DAYS = 12, 60


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--seed", type=int, default=20261127)
    asked.add_argument("--tenants", type=int, default=50)
    options = asked.parse_args()
    proof = Proof("retention", options.seed)
    began = time.monotonic()
    with _histories(options.tenants, proof.seed) as histories:
        turns = histories.turning_days()
        histories.play(turns)
        proof.faults += histories.faults
        recordings = [thing for tenant in histories.tenants for thing in tenant.recordings]
        proof.check(bool(recordings), "nothing was recorded")
        proof.tell(
            "histories",
            tenants=len(histories.tenants),
            runs=histories.runs,
            compared=histories.checked,
            recordings=len(recordings),
            gone=sum(not thing.there for thing in recordings),
            holds=sum(len(tenant.holds) for tenant in histories.tenants),
            purged=sum(not tenant.secrets for tenant in histories.tenants),
            seconds=round(time.monotonic() - began),
        )
    _mutate(proof)
    with tempfile.TemporaryDirectory() as directory:
        there = days_of_a_disconnected_tenant(Path(directory))
    proof.check(there == {89: True, 90: True, 91: False}, f"a stepped clock: data there by day: {there}")
    proof.tell("stepped clock", **{f"day_{day}": "there" if kept else "gone" for day, kept in there.items()})
    return proof.end()


@contextmanager
def _histories(tenants: int, seed: int) -> Iterator[Histories]:
    with tempfile.TemporaryDirectory() as directory:
        store = SqlStore.open(f"sqlite:///{directory}/vpbx.db")
        try:
            yield Histories(store, Path(directory) / "data", tenants, random.Random(seed))
        finally:
            store.close()


def _mutate(proof: Proof) -> None:
    """The same against a vpbx with one rule broken: the calendar must notice."""
    recordings, of, too_long = TenantData.recordings, Scopes.of, Scopes.disconnected_for_too_long
    until = Retention.until

    def a_day_late(
        self: TenantData, scope: Scope, most: int, *, after: str = "", ended_on: date | None = None
    ) -> list[Recording]:
        return recordings(
            self, scope, most, after=after, ended_on=None if ended_on is None else ended_on - _DAY
        )

    def without_holds(self: Scopes, tenant: str, before: datetime | None = None) -> Scope:
        return replace(of(self, tenant, before), holds=())

    def a_day_early(self: Scopes) -> object:
        self._at += _DAY
        return too_long(self)

    def of_now(self: Retention, item: Recording, events: object) -> date:
        return until(replace(self, tariffs={}), item, ())

    mutants = {
        "a recording's term ends a day late": patch.object(TenantData, "recordings", a_day_late),
        "holds hold nothing": patch.object(Scopes, "of", without_holds),
        "a tenant is purged a day early": patch.object(Scopes, "disconnected_for_too_long", a_day_early),
        "extra years aren't looked at": patch.object(Retention, "until", of_now),
    }
    for rule, broken in mutants.items():
        with broken, _histories(_MUTANT_TENANTS, proof.seed) as histories:
            turns = histories.turning_days()
            histories.play(turns[:: max(1, len(turns) // _MUTANT_DAYS)])
            noticed = len(histories.faults)
        proof.check(noticed > 0, f"{rule}: nobody noticed")
        proof.tell("mutant", rule=rule, noticed=noticed)


if __name__ == "__main__":
    sys.exit(main())
