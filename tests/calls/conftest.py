"""For every test on a real switch: the call harness can be imported, and an Asterisk is there."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from harness.site import Site

from orchestrator.asterisk import install
from orchestrator.asterisk.binary import Asterisk


@pytest.fixture(scope="session")
def asterisk() -> Asterisk:
    """The Asterisk to test with, installed into the cache when the machine has none."""
    return install.ensure()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, asterisk: Asterisk) -> Iterator[Site]:
    """The example tenants on a running switch of their own, for one module."""
    with Site(tmp_path_factory.mktemp("site") / "project", asterisk) as made:
        made.start()
        yield made
