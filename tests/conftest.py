"""For all tests: their order, what they share can be imported, and stores of every database are there."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from orchestrator.log import set_up_with_first_event

sys.path.insert(0, str(Path(__file__).parent))

from compiled_once import compile_once
from fresh_store import fresh_store
from hypothesis import settings
from private_postgresql import PrivatePostgresql

from orchestrator.storage.store import SqlStore

WAITING = ("provision", "faults", "calls")
"""Rooms whose tests wait more than they compute, the one with the longest file first."""

compile_once()
settings.register_profile("vpbx", deadline=None, print_blob=True)
settings.load_profile("vpbx")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-goldens", action="store_true", help="Write what was rendered as the new golden files."
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What waits for calls comes first: a run ends with short files, on all processors."""
    items.sort(key=_place)


def _place(item: pytest.Item) -> int:
    here = Path(__file__).parent
    room = item.path.relative_to(here).parts[0] if item.path.is_relative_to(here) else ""
    return WAITING.index(room) if room in WAITING else len(WAITING)


@pytest.fixture(autouse=True)
def log_of_its_own() -> Iterator[None]:
    """What a test made of the log ends with it: the stream it wrote to is closed by then."""
    yield
    structlog.reset_defaults()
    set_up_with_first_event(lambda: None)


@pytest.fixture
def update_goldens(request: pytest.FixtureRequest) -> bool:
    """Whether golden files are to be written, not compared."""
    return bool(request.config.getoption("--update-goldens"))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    """An empty store in a SQLite file."""
    opened = fresh_store(tmp_path / "vpbx.db")
    yield opened
    opened.close()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of an empty database, of every kind in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/vpbx.db"
    server: PrivatePostgresql = request.getfixturevalue("postgresql")
    return server.new_database()


@pytest.fixture
def any_store(database_url: str, tmp_path: Path) -> Iterator[SqlStore]:
    """An empty store in a database of every kind in turn."""
    file = tmp_path / "vpbx.db"
    opened = fresh_store(file) if database_url == f"sqlite:///{file}" else SqlStore.open(database_url)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PrivatePostgresql]:
    """A PostgreSQL server of our own, with its files in a temporary directory."""
    server = PrivatePostgresql.start()
    yield server
    server.stop()
