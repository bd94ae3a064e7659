"""A slice of `make proof-whatif`."""

from __future__ import annotations

from pathlib import Path

import pytest
from charged_months import fill, platform
from proof_whatif import prove
from world import Proof

from orchestrator import definitions
from orchestrator.storage.store import SqlStore


@pytest.mark.long
def test_a_month_of_many_calls_by_the_tariff_in_force_is_the_ledger(tmp_path: Path) -> None:
    project = platform(tmp_path)
    store = SqlStore.open(f"sqlite:///{project}/.vpbx/vpbx.db")
    fill(store, definitions.load(project).tariffs["master"], calls=20_000, tenants=20, seed=7)
    store.close()
    proof = Proof("whatif", 7)
    prove(proof, project, 20_000)
    assert proof.faults == []
