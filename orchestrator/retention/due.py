"""What a run would remove at a moment, and why; nothing is changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from pathlib import Path

from orchestrator.model.recording import Recording
from orchestrator.retention.places import Places
from orchestrator.retention.scopes import Scopes
from orchestrator.retention.sound import recordings_of
from orchestrator.retention.switch_record import outdated_files
from orchestrator.retention.tenant import beside, goes
from orchestrator.retention.terms import (
    DECISION_10,
    DECISION_11,
    QUARANTINE_KEPT,
    QUARANTINE_RULE,
    RECORD_KEPT,
    RECORD_RULE,
)
from orchestrator.storage.purge import Scope, TenantData
from orchestrator.storage.store import SqlStore


@dataclass(frozen=True, slots=True)
class DueItem:
    """Something that is over.

    Args: tenant: empty: it can't be told by tenant. number, bytes: how much; bytes None: rows. since: when
    the first of it was due, aware UTC. held_by: holds that keep it, by id; none: it would go.
    """

    tenant: str
    what: str
    number: int
    bytes: int | None
    since: datetime
    rule: str
    held_by: tuple[int, ...] = field(default=())


def what_is_due(store: SqlStore, places: Places, at: datetime) -> list[DueItem]:
    """Everything that a run at a moment would remove or that a hold alone keeps, by tenant."""
    return list(_Look(store, places, at).items())


class _Look:
    def __init__(self, store: SqlStore, places: Places, at: datetime) -> None:
        self._store = store
        self._data = TenantData(store.database)
        self._places = places
        self._at = at
        self._scopes = Scopes(store, at)

    def items(self) -> Iterator[DueItem]:
        due = {account.tenant: since for account, since in self._scopes.disconnected_for_too_long()}
        for tenant, since in sorted(due.items()):
            yield from self._of_tenant(self._scopes.of(tenant), since, whole=True)
        for scope in self._scopes.purged_with_holds():
            if scope.before is not None and scope.tenant not in due:
                yield from self._of_tenant(scope, scope.before, whole=False)
        for tenant in self._scopes.with_ended_recordings(self._data):
            if tenant not in due:
                yield from self._ended(self._scopes.of(tenant))
        yield from self._of_nobody()

    def _of_tenant(self, scope: Scope, since: datetime, *, whole: bool) -> Iterator[DueItem]:
        free, everything = (
            self._amounts(scope),
            self._amounts(Scope(scope.tenant, scope.zone, (), scope.before)),
        )
        holds = tuple(hold.id for hold in scope.holds)
        for what, (number, size) in everything.items():
            goes_now, bytes_now = free[what]
            if goes_now:
                yield DueItem(scope.tenant, what, goes_now, bytes_now, since, DECISION_11)
            if number > goes_now:
                left = None if size is None else size - (bytes_now or 0)
                yield DueItem(scope.tenant, what, number - goes_now, left, since, DECISION_11, holds)
        if whole:
            kept = holds if any(hold.is_whole for hold in scope.holds) else ()
            for what, (number, size) in beside(scope.tenant, self._places).items():
                if number:
                    yield DueItem(scope.tenant, what, number, size, since, DECISION_11, kept)

    def _amounts(self, scope: Scope) -> Mapping[str, tuple[int, int | None]]:
        recordings = [item for page in recordings_of(self._data, scope) for item in page]
        messages = [
            kept
            for spool in self._places.spools
            for kept in spool.messages(scope.tenant)
            if goes(kept, scope)
        ]
        sizes = [_size(path) for kept in messages for path in (kept.sound, kept.text)]
        return {
            "recordings": (len(recordings), sum(item.bytes or 0 for item in recordings)),
            "messages": (len(messages), sum(sizes)),
            "call legs": (self._data.count(scope)["call legs"], None),
        }

    def _ended(self, scope: Scope) -> Iterator[DueItem]:
        day = self._at.astimezone(scope.zone).date()
        everything = Scope(scope.tenant, scope.zone)
        found = [item for page in recordings_of(self._data, everything, ended_on=day) for item in page]
        for held_by, items in _by_holds(found, scope).items():
            first = min(item.retain_until for item in items if item.retain_until is not None)
            since = datetime.combine(first, time(), scope.zone).astimezone(UTC)
            size = sum(item.bytes or 0 for item in items)
            yield DueItem(scope.tenant, "recordings", len(items), size, since, DECISION_10, held_by)

    def _of_nobody(self) -> Iterator[DueItem]:
        files = list(outdated_files(self._store, self._places, self._at))
        if files:
            since = min(datetime.fromtimestamp(path.stat().st_mtime, UTC) for path in files) + RECORD_KEPT
            size = sum(_size(path) for path in files)
            yield DueItem("", "files of the switch's record", len(files), size, since, RECORD_RULE)
        first = self._data.first_quarantined()
        number = self._data.quarantined(self._at - QUARANTINE_KEPT)
        if number and first is not None:
            yield DueItem("", "unreadable records", number, None, first + QUARANTINE_KEPT, QUARANTINE_RULE)


def _by_holds(items: Sequence[Recording], scope: Scope) -> Mapping[tuple[int, ...], list[Recording]]:
    found: dict[tuple[int, ...], list[Recording]] = {}
    for item in items:
        day = item.started_at.astimezone(scope.zone).date()
        ids = (item.uniqueid, item.linkedid)
        held_by = tuple(hold.id for hold in scope.holds if hold.keeps(day, *ids))
        found.setdefault(held_by, []).append(item)
    return dict(sorted(found.items()))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
