"""For fault tests: the call harness and the proofs' own code can be imported, and an Asterisk is there."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "calls"))

from orchestrator.asterisk import install
from orchestrator.asterisk.binary import Asterisk


@pytest.fixture(scope="session")
def asterisk() -> Asterisk:
    """The Asterisk to test with, installed into the cache when the machine has none."""
    return install.ensure()
