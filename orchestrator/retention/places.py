"""Where tenants' data lies outside the database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.asterisk.kept_state import database_file
from orchestrator.asterisk.mailbox_spool import MailboxSpool
from orchestrator.asterisk.record import AsteriskRecord
from orchestrator.model.call import Systemname
from orchestrator.model.platform import Platform
from orchestrator.project import Project, SwitchPaths
from orchestrator.secrets import Secrets


@dataclass(frozen=True, slots=True)
class Places:
    """Where tenants' data lies outside the database.

    Args: recordings: the directory. monitors: where each switch writes. secrets_file: of phones. databases:
    the switches' own. spools: of their mailboxes. switches: their configurations. records: what they wrote
    of calls. cache: of what files were read as.
    """

    recordings: Path
    monitors: Mapping[Systemname, Path]
    secrets_file: Path
    databases: Sequence[Path] = ()
    spools: Sequence[MailboxSpool] = ()
    switches: Sequence[SwitchPaths] = ()
    records: Sequence[AsteriskRecord] = field(default=())
    cache: Path | None = None


def places_of(project: Project, platform: Platform, secrets: Secrets) -> Places:
    """Where a project's data lies, on this machine."""
    paths = {node: project.switch(node) for node in platform.nodes}
    known = {node: secrets.known_systemname(node) for node in platform.nodes}
    named = [(name, paths[node]) for node, name in known.items() if name is not None]
    return Places(
        recordings=project.recordings(platform.storage.recordings),
        monitors={name: each.monitor for name, each in named},
        secrets_file=project.secrets_file,
        databases=[database_file(each) for each in paths.values()],
        spools=[MailboxSpool(each.spool, name) for name, each in named],
        switches=list(paths.values()),
        records=[AsteriskRecord(name, each.cel_file, each.cdr_file) for name, each in named],
        cache=project.cache,
    )
