"""A disconnected tenant's data, removed when it has been kept long enough.

Files go first, then rows, and where the tenant stands is written last: killed at any moment, the next run
goes on. The ledger's entries, the dated events and the audit stay; they hold no personal data.

Rule: docs/decisions.md, decisions 10 (recordings' own terms) and 11.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from orchestrator.accounts import Stopped
from orchestrator.asterisk.kept_state import database_file, forget
from orchestrator.asterisk.mailbox_spool import MailboxSpool
from orchestrator.billing.history import Tariffs, happen
from orchestrator.billing.service import PURGE
from orchestrator.errors import DatabaseUnavailable, OrchestratorError, StorageError
from orchestrator.model.account import Account, AuditLine, Purged
from orchestrator.model.call import Systemname
from orchestrator.model.platform import Platform
from orchestrator.model.recording import Recording
from orchestrator.project import Project
from orchestrator.secrets import Secrets
from orchestrator.storage.purge import TenantData
from orchestrator.storage.store import SqlStore
from orchestrator.written_sound import WrittenSound

_BEGUN, _DONE = "purge begun: ", "purged: "
_WHY_PURGED, _WHY_EXPIRED = "decision 11: disconnected for too long", "decision 10: their term has ended"
_WHO = "vpbx billing"
_AT_ONCE = 200


class FileKept(StorageError):
    """A recording's file can't be removed; its row stays until it can."""

    code = "file-kept"


@dataclass(frozen=True, slots=True)
class Places:
    """Where tenants' data lies outside the database.

    Args: recordings: the directory. monitors: where each switch writes. secrets_file: of phones.
    held: whether a legal hold keeps a recording, whatever its term. databases: the switches' own. spools: of
    their mailboxes.
    """

    recordings: Path
    monitors: Mapping[Systemname, Path]
    secrets_file: Path
    held: Callable[[Recording], bool] = lambda _recording: False
    databases: Sequence[Path] = ()
    spools: Sequence[MailboxSpool] = ()


def places_of(project: Project, platform: Platform, secrets: Secrets) -> Places:
    """Where a project's data lies, on this machine."""
    named = [(secrets.known_systemname(node), node) for node in platform.nodes]
    return Places(
        recordings=project.recordings(platform.storage.recordings),
        monitors={name: project.switch(node).monitor for name, node in named if name is not None},
        secrets_file=project.secrets_file,
        databases=[database_file(project.switch(node)) for node in platform.nodes],
        spools=[MailboxSpool(project.switch(node).spool, name) for name, node in named if name is not None],
    )


@dataclass(frozen=True, slots=True)
class PurgedTenant:
    """Args: what: how much of what went, in words."""

    tenant: str
    what: str


@dataclass(frozen=True, slots=True)
class PurgeRan:
    """What a run did.

    Args: failed: tenants whose data is still there; the next run goes on. expired: recordings that went
    before their tenant's data.
    """

    purged: tuple[PurgedTenant, ...] = ()
    failed: tuple[Stopped, ...] = ()
    expired: int = 0


def purge_due(store: SqlStore, tariffs: Tariffs, upto: datetime, places: Places) -> PurgeRan:
    """Remove the data of every tenant whose time has come by a moment; one that fails stops no other.

    Recordings of disconnected tenants whose own term has ended go before that.

    Raises: DatabaseUnavailable.
    """
    purged: list[PurgedTenant] = []
    failed: list[Stopped] = []
    expired = 0
    for account in store.waiting(PURGE):
        assert account.due is not None, "it waits for its purge"
        try:
            if account.due.at <= upto:
                purged.append(_purge(store, account, tariffs, upto, places))
            else:
                day = tariffs.terms(account.tariff, account.time_zone).day(upto)
                expired += _expire(store, account, day, upto, places)
        except DatabaseUnavailable:
            raise
        except OrchestratorError as error:
            failed.append(Stopped(account.tenant, account.due.at, error.message, error.hint))
    return PurgeRan(tuple(purged), tuple(failed), expired)


def _purge(
    store: SqlStore, account: Account, tariffs: Tariffs, upto: datetime, places: Places
) -> PurgedTenant:
    """Everything of one tenant, its state last."""
    tenant, data = account.tenant, TenantData(store.database)
    what = _begin(store, data, tenant, upto)
    _drop_recordings(data, tenant, places)
    for spool in places.spools:
        spool.remove(tenant)
    data.drop_messages(tenant)
    states = sum(forget(database, tenant) for database in places.databases)
    secrets = Secrets.open(places.secrets_file).forget(tenant)
    while data.drop_calls(tenant, _AT_ONCE):
        pass
    if states:
        what = f"{what}, kept by switches: {states}"
    if secrets:
        what = f"{what}, secrets: {secrets}"
    with store.billing() as unit:
        now = unit.account(tenant)
        if now is not None and now.due == account.due:
            taken = happen(tenant, now, [Purged()], max(upto, now.changed_at), tariffs, _WHO)
            unit.append_events(taken.events)
            unit.keep([taken.account])
            unit.audit([AuditLine(upto, tenant, _DONE + what, _WHY_PURGED, _WHO)])
    return PurgedTenant(tenant, what)


def _begin(store: SqlStore, data: TenantData, tenant: str, at: datetime) -> str:
    """How much there is to remove, as it was written down before the first of it went."""
    last = store.audit_lines(tenant, 1)
    if last and last[0].what.startswith(_BEGUN):
        return last[0].what.removeprefix(_BEGUN)
    what = ", ".join(f"{name}: {number}" for name, number in data.count(tenant).items())
    with store.billing() as unit:
        unit.audit([AuditLine(at, tenant, _BEGUN + what, _WHY_PURGED, _WHO)])
    return what


def _expire(store: SqlStore, account: Account, day: date, at: datetime, places: Places) -> int:
    """Recordings that need not be kept until the tenant's data goes. Returns: how many went."""
    gone = _drop_recordings(TenantData(store.database), account.tenant, places, ended_on=day)
    if gone:
        with store.billing() as unit:
            unit.audit([AuditLine(at, account.tenant, f"recordings removed: {gone}", _WHY_EXPIRED, _WHO)])
    return gone


def _drop_recordings(data: TenantData, tenant: str, places: Places, *, ended_on: date | None = None) -> int:
    """Recordings that no legal hold keeps: their files, then their rows. Returns: how many went."""
    number, after = 0, ""
    while page := data.recordings(tenant, _AT_ONCE, after=after, ended_on=ended_on):
        gone = [item for item in page if not places.held(item)]
        _remove_files(gone, places)
        data.drop_recordings(gone)
        number, after = number + len(gone), page[-1].uniqueid
    return number


def _remove_files(gone: Sequence[Recording], places: Places) -> None:
    for item in gone:
        for path in _files(item, places):
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                raise FileKept(
                    f"{path}: {error.strerror}",
                    "mend the directory's rights; the purge goes on at the next run",
                ) from error
            if path.is_relative_to(places.recordings):
                _remove_empty(path.parent, places.recordings)


def _files(item: Recording, places: Places) -> tuple[Path, ...]:
    """A recording's files; while it is open they are the switch's."""
    if not item.file:
        return ()
    if item.state != "open":
        return (places.recordings / item.file,)
    monitor = places.monitors.get(item.systemname)
    return () if monitor is None else WrittenSound(monitor / Path(item.file).name).files


def _remove_empty(directory: Path, top: Path) -> None:
    """Directories of months, years and the tenant that have nothing in them any more."""
    with suppress(OSError):
        while directory != top:
            directory.rmdir()
            directory = directory.parent
