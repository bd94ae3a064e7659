"""Owners and modes of what vpbx writes, what Git knows of it, and secrets where they shouldn't be."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

from orchestrator.candidate import TrunkSecretMissing, trunk_secret
from orchestrator.doctor.observe.secrets import SHORTEST_SOUGHT, known_secrets
from orchestrator.doctor.permissions import Git, Permissions, Seen, TrunkSecret
from orchestrator.doctor.subject import Subject
from orchestrator.model.platform import Trunk
from orchestrator.project import Project
from orchestrator.rendering.render import PRIVATE

_GIT_DEADLINE_S = 10
# Whoever owns the repository: its files are listed, and nothing that its configuration names is run.
_HARMLESS = ("-c", "safe.directory=*", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null")
_YAML = ("*.yaml", "*.yml", "tenants/*.yaml", "tariffs/*.yaml", "tenants/*.yml", "tariffs/*.yml")
_LARGEST_YAML = 1 << 20
_SQLITE = "sqlite:///"


def observe(subject: Subject) -> Permissions:
    """Who may read and write what."""
    project, storage = subject.project, subject.definitions.platform.storage
    private = [path for path, file in subject.rendered.files.items() if file.mode == PRIVATE]
    url = project.database_url(storage.database)
    return Permissions(
        user=_user(project.state),
        secrets=_seen(project.secrets_file),
        state=_seen(project.state),
        configs=tuple(map(_seen, (*(subject.paths.etc / path for path in private), subject.paths.phones))),
        database=_seen(Path(url.removeprefix(_SQLITE))) if url.startswith(_SQLITE) else None,
        recordings=_seen(subject.recordings),
        writable=os.access(_nearest(subject.recordings), os.W_OK | os.X_OK),
        git=_git(project),
        leaks=tuple(_leaks(subject)),
        trunks=tuple(
            _trunk(project, trunk) for trunk in subject.definitions.trunks_of(subject.node) if trunk.secret
        ),
    )


def _user(state: Path) -> int:
    """Who should own everything: who runs vpbx. Root looks after another user's project."""
    return os.geteuid() or (state.stat().st_uid if state.exists() else 0)


def _seen(path: Path) -> Seen:
    try:
        status = path.stat()
    except FileNotFoundError:
        return Seen(str(path), None)
    return Seen(str(path), stat.S_IMODE(status.st_mode), status.st_uid, stat.S_ISDIR(status.st_mode))


def _nearest(path: Path) -> Path:
    """The path, or the directory above it that is there."""
    return next(place for place in (path, *path.parents) if place.exists())


def _git(project: Project) -> Git:
    """Raises: TimeoutExpired: Git doesn't end."""
    if (
        shutil.which("git") is None
        or _run(project, "rev-parse", "--is-inside-work-tree").stdout.strip() != "true"
    ):
        return Git(inside=False)
    ignored = _run(project, "check-ignore", "--quiet", "--no-index", f"{project.state.name}/secrets.json")
    tracked = _run(project, "ls-files", "-z", "--", project.state.name).stdout.split("\0")
    return Git(inside=True, ignored=ignored.returncode == 0, tracked=tuple(name for name in tracked if name))


def _run(project: Project, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["git", *_HARMLESS, "-C", str(project.root), *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=_GIT_DEADLINE_S,
        check=False,
    )


def _leaks(subject: Subject) -> Iterator[str]:
    """YAML files that hold a password which is in use."""
    sought = [secret for secret in known_secrets(subject) if len(secret) >= SHORTEST_SOUGHT]
    if not sought:
        return
    # As a word of its own: six digits stand in many a telephone number.
    pattern = re.compile(rf"(?<![A-Za-z0-9])(?:{'|'.join(map(re.escape, sought))})(?![A-Za-z0-9])")
    root = subject.project.root
    for path in sorted({path for pattern in _YAML for path in root.glob(pattern)}):
        with path.open("rb") as file:
            text = file.read(_LARGEST_YAML).decode("utf-8", "replace")
        if pattern.search(text):
            yield str(path.relative_to(root))


def _trunk(project: Project, trunk: Trunk) -> TrunkSecret:
    kind, _, where = trunk.secret.partition(":")
    try:
        trunk_secret(project, trunk)
        missing = ""
    except TrunkSecretMissing as error:
        missing = error.message
    file = _seen(project.root / where) if kind == "file" and not missing else None
    return TrunkSecret(trunk.name, trunk.secret, missing, file)
