"""Nothing goes early and nothing stays late, over years: a slice of `make proof-retention`."""

from __future__ import annotations

import random
from datetime import date, timedelta
from pathlib import Path

from retention_histories import Histories, naive_term

from orchestrator.model.recording import retain_until
from orchestrator.storage.store import SqlStore


def test_for_years_what_is_there_is_what_must_be(store: SqlStore, tmp_path: Path) -> None:
    chance = random.Random(20261127)
    histories = Histories(store, tmp_path / "data", 6, chance)
    histories.play(chance.sample(histories.turning_days(), 30))
    assert histories.faults == []
    assert histories.runs > 100
    assert any(not thing.there for tenant in histories.tenants for thing in tenant.recordings)
    store.verify()


def test_a_naive_calendar_gives_the_same_terms() -> None:
    day = date(2027, 1, 1)
    for _ in range(1500):
        for years in (1, 2, 3, 4):
            assert naive_term(day, years) == retain_until(day, years)
        day += timedelta(days=1)
