"""The terms that charges were computed with, each kept once under its digest."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, insert, select

from orchestrator.model.account import TariffState
from orchestrator.storage.rows import chunks, flat
from orchestrator.storage.schema import tariff_state


def keep_states(connection: Connection, states: Iterable[TariffState]) -> None:
    """Write terms that don't stand yet. The caller is the only writer."""
    given = {state.digest: state for state in states}
    for digests in chunks(given):
        stand = select(tariff_state.c.digest).where(tariff_state.c.digest.in_(digests))
        missing = set(digests) - set(connection.execute(stand).scalars())
        if missing:
            connection.execute(insert(tariff_state), [flat(given[digest]) for digest in sorted(missing)])
