"""One node's books as the writer thread keeps them: its store, its switch's record, the tariffs in force."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import structlog

from orchestrator import definitions as definition_files
from orchestrator.accounts import BILLING, Tariffs, charge_due
from orchestrator.asterisk.record import AsteriskRecord
from orchestrator.candidate import smtp_secret, webhook_key
from orchestrator.errors import DefinitionsInvalid
from orchestrator.model.balance_warning import LowBalance
from orchestrator.model.call import Systemname
from orchestrator.model.platform import Definitions, Platform, Smtp
from orchestrator.ports import Clock
from orchestrator.project import Project
from orchestrator.reconciliation import Report, reconcile
from orchestrator.retention.places import places_of
from orchestrator.retention.run import purge_due
from orchestrator.secrets import Secrets
from orchestrator.storage.store import SqlStore
from orchestrator.writer import Settled, Snapshot

FRESH = timedelta(seconds=30)
"""A snapshot older than this says nothing of what is up; shorter than reconciliation's grace."""

BILL_EVERY = timedelta(seconds=60)
"""How often it is looked what is due."""

WRITTEN = ("platform.yaml", "tariffs", "tenants", "decks")

CallsEnded = Callable[[SqlStore, Definitions, Sequence[str]], int]
"""Finishes what belongs to calls that are over, after the pass that brought them in.

Args: linkedids: none now and then, to look for what was left. Returns: recordings lost.
"""

_log = structlog.get_logger("vpbx.books")


class NodeBooks:
    """Fulfils `writer.Books`."""

    def __init__(
        self,
        project: Project,
        node: str,
        systemname: Systemname,
        clock: Clock,
        calls_ended: Sequence[CallsEnded] = (),
    ) -> None:
        self._source = DefinitionsSource(project.root)
        self._systemname = systemname
        self._clock = clock
        self._calls_ended = calls_ended
        self._snapshot: Snapshot | None = None
        paths = project.switch(node)
        self._project = project
        self._record = AsteriskRecord(systemname, paths.cel_file, paths.cdr_file)
        self._billed_at: datetime | None = None
        self._not_billed: frozenset[str] = frozenset()
        url = self._source.current().platform.storage.database
        self._store = SqlStore.open(project.database_url(url))

    def reconcile(self, prompted: bool) -> Settled:
        """One pass over the record. A pass that an event asked for posts as `listener`."""
        now = self._clock.now()
        seen = self._snapshot
        fresh = seen is not None and now - seen.taken_at <= FRESH
        path = "listener" if prompted else "reconciliation"
        report = reconcile(
            self._store,
            self._record,
            self._source.current(),
            now=now,
            live=seen.channels if seen is not None and fresh else None,
            started_at=seen.started_at if seen is not None and fresh else None,
            path=path,
        )
        _tell(report, path)
        posted = {path: report.charged, BILLING: self._bill(now)}
        return Settled(posted=posted, quarantined=report.quarantined, unrated=report.unrated)

    def _bill(self, now: datetime) -> int:
        """Charge what is due, now and then: a busy switch asks for passes without end.

        Returns: entries posted. Tenants that can't be charged are told of when they change.
        """
        if self._billed_at is not None and timedelta(0) <= now - self._billed_at < BILL_EVERY:
            return 0
        definitions = self._source.current()
        tariffs = Tariffs(definitions.tariffs)
        ran = charge_due(self._store, tariffs, now)
        secrets = Secrets.open(self._project.secrets_file)
        purged = purge_due(self._store, tariffs, now, places_of(self._project, definitions.platform, secrets))
        self._billed_at = now
        entries = sum(charged.entries for charged in ran.charged.values())
        if entries or purged.purged or purged.expired:
            _log.info(
                "billed",
                entries=entries,
                tenants=len(ran.charged),
                purged=len(purged.purged),
                recordings_expired=sum(each.number for each in purged.expired),
            )
        failed = {each.tenant: each for each in (*ran.stopped, *purged.failed)}
        for tenant in sorted(failed.keys() - self._not_billed):
            _log.warning("not-billed", tenant=tenant, problem=failed[tenant].message)
        self._not_billed = frozenset(failed)
        return entries

    def heartbeat(self, snapshot: Snapshot) -> None:
        """Note what is up: the last known second of each call, should the switch die."""
        self._snapshot = snapshot
        live = [(channel.uniqueid, channel.linkedid) for channel in snapshot.channels]
        if live:
            self._store.heartbeat(self._systemname, live, snapshot.taken_at)

    def calls_ended(self, linkedids: Sequence[str]) -> int:
        return sum(finish(self._store, self._source.current(), linkedids) for finish in self._calls_ended)

    def close(self) -> None:
        self._store.close()


class DefinitionsSource:
    """The operator's definitions, read again when a file changed; faulty ones leave the last good ones.

    Args: look_every_s: between looks at the files, of which a platform has a thousand.
    """

    def __init__(self, root: Path, look_every_s: float = 1.0) -> None:
        self._root = root
        self._look_every_s = look_every_s
        self._looked_at = time.monotonic()
        self._seen = _fingerprint(root)
        self._definitions = definition_files.load(root)

    def current(self) -> Definitions:
        if time.monotonic() - self._looked_at < self._look_every_s:
            return self._definitions
        self._looked_at = time.monotonic()
        seen = _fingerprint(self._root)
        if seen != self._seen:
            self._seen = seen
            try:
                self._definitions = definition_files.load(self._root)
            except DefinitionsInvalid as error:
                _log.warning("definitions-invalid", problems=len(error.problems), kept="the last good ones")
        return self._definitions


class PlatformSource:
    """What platform.yaml says, read again when it changed; a faulty one leaves the last good one."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._seen = 0
        self._platform: Platform | None = None

    def current(self) -> Platform:
        """Raises: DefinitionsInvalid: there was no good one yet."""
        seen = self._project.platform_file.stat().st_mtime_ns
        if self._platform is None or seen != self._seen:
            try:
                self._platform = definition_files.load_platform(self._project.root).platform
            except DefinitionsInvalid:
                if self._platform is None:
                    raise
            self._seen = seen
        return self._platform


class MailRoom:
    """What the postman goes by. Fulfils `postman.Office`; used in its thread alone."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._source: DefinitionsSource | None = None

    def definitions(self) -> Definitions:
        self._source = self._source or DefinitionsSource(self._project.root)
        return self._source.current()

    def password(self, smtp: Smtp) -> str:
        return smtp_secret(self._project, smtp)


class WarningRoom:
    """What warnings of low balances are told with. Fulfils `balance_watch.Bureau`. Args: source: in force."""

    def __init__(self, project: Project, source: Callable[[], Definitions]) -> None:
        self._project = project
        self.definitions = source

    def password(self, smtp: Smtp) -> str:
        return smtp_secret(self._project, smtp)

    def key(self, terms: LowBalance) -> str:
        return webhook_key(self._project, terms)


def _fingerprint(root: Path) -> tuple[tuple[str, int, int], ...]:
    files = [path for name in WRITTEN for path in (root / name, *sorted((root / name).glob("*")))]
    found = []
    for path in files:
        try:
            stat = path.stat()
        except OSError:
            continue
        found.append((str(path), stat.st_mtime_ns, stat.st_size))
    return tuple(found)


def _tell(report: Report, path: str) -> None:
    if report.charged or report.quarantined or report.estimated or report.corrected or report.gaps:
        _log.info(
            "reconciled",
            path=path,
            charged=report.charged,
            estimated=report.estimated,
            corrected=report.corrected,
            quarantined=report.quarantined,
            gaps=report.gaps,
        )
    for problem in report.problems:
        _log.warning("not-charged", problem=problem)
