"""Who may read and write what holds secrets and calls, and whether any of it is in Git or in YAML."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from dataclasses import dataclass

from orchestrator.doctor.finding import Check, Finding, some

SECRETS = Check(
    "secrets-file",
    "owner and mode of `.vpbx/secrets.json`",
    "it holds every telephone's password",
    problem_when="others than its owner may read or write it, or it belongs to somebody else",
)
STATE = Check(
    "state-directory",
    "mode of `.vpbx`",
    "recordings, numbers of callers and the ledger lie below it",
    warning_when="every user of the machine may look into it",
    problem_when="others than its owner may write there",
)
CONFIGS = Check(
    "switch-config-files",
    "modes of the live files of the switch that hold secrets",
    "they hold the passwords of telephones, trunks and AMI",
    problem_when="others than their owner may read or write one",
)
DATABASE = Check(
    "database-file",
    "owner and mode of the SQLite file",
    "it holds the ledger and who called whom",
    problem_when="others than its owner may read or write it",
)
RECORDINGS = Check(
    "recordings-directory",
    "the recordings directory",
    "a finished recording that can't be moved there stays in the spool; what lies there is what people said",
    warning_when="every user of the machine may look into it",
    problem_when="it is no directory, or this user may not write there",
)
GIT = Check(
    "state-in-git",
    "whether Git keeps `.vpbx` out",
    "what was committed once stays in every clone",
    warning_when="the project is in Git and `.vpbx` isn't ignored",
    problem_when="files of `.vpbx` are tracked",
)
YAML = Check(
    "secrets-in-yaml",
    "the project's YAML files for any password that vpbx or a trunk uses",
    "YAML is kept in Git and sent by mail",
    problem_when="one is written there",
)
TRUNKS = Check(
    "trunk-secrets",
    "the place that each trunk's `secret:` names",
    "without its password a trunk doesn't register, and apply refuses",
    warning_when="others than its owner may read the file",
    problem_when="it holds nothing",
)
CHECKS = (SECRETS, STATE, CONFIGS, DATABASE, RECORDINGS, GIT, YAML, TRUNKS)

_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_WRITE = stat.S_IWGRP | stat.S_IWOTH


@dataclass(frozen=True, slots=True)
class Seen:
    """A file or directory. Args: mode: permission bits; None: it isn't there. owner: user id."""

    path: str
    mode: int | None
    owner: int = 0
    is_directory: bool = False

    @property
    def text(self) -> str:
        return f"{self.path}: mode {self.mode or 0:04o}"


@dataclass(frozen=True, slots=True)
class Git:
    """Args: inside: of a Git work tree. ignored: Git keeps `.vpbx` out. tracked: files of it."""

    inside: bool
    ignored: bool = True
    tracked: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TrunkSecret:
    """Args: where: `env:NAME` or `file:PATH`. missing: why it holds nothing. file: of `file:`."""

    trunk: str
    where: str
    missing: str = ""
    file: Seen | None = None


@dataclass(frozen=True, slots=True)
class Permissions:
    """Args:
    user: id of who should own them. secrets, state, configs, database, recordings: what is there;
        database None when it is no file. writable: the recordings directory can be written, or made.
    leaks: YAML files that hold a password.
    """

    user: int
    secrets: Seen
    state: Seen
    configs: tuple[Seen, ...]
    database: Seen | None
    recordings: Seen
    writable: bool
    git: Git
    leaks: tuple[str, ...]
    trunks: tuple[TrunkSecret, ...]


def check(seen: Permissions) -> Iterator[Finding]:
    """Findings on who may read and write what."""
    yield _private(SECRETS, (seen.secrets,), seen.user, "there is none yet")
    yield _state(seen.state)
    yield _private(CONFIGS, seen.configs, seen.user, "nothing was applied yet")
    if seen.database is not None:
        yield _private(DATABASE, (seen.database,), seen.user, "there is none yet")
    yield _recordings(seen)
    yield _git(seen.git)
    if seen.leaks:
        yield YAML.problem(
            f"a password stands in {some(seen.leaks)}", "delete it there and in Git's history, and change it"
        )
    else:
        yield YAML.ok("none")
    yield from map(_trunk, seen.trunks)


def _private(check: Check, files: tuple[Seen, ...], user: int, none: str) -> Finding:
    there = [file for file in files if file.mode is not None]
    if not there:
        return check.ok(none)
    foreign = [file.path for file in there if file.owner != user]
    if foreign:
        return check.problem(
            f"of another user: {some(foreign)}", "run vpbx as the user whose files these are, or chown them"
        )
    open_ = [file for file in there if (file.mode or 0) & _OTHERS]
    if open_:
        return check.problem(
            some([file.text for file in open_]),
            f"chmod 600 {open_[0].path}{' and the others' if open_[1:] else ''}",
        )
    return check.ok("readable by the owner alone" if len(there) > 1 else there[0].text)


def _state(state: Seen) -> Finding:
    if state.mode is None:
        return STATE.ok("there is none yet")
    if state.mode & _WRITE:
        return STATE.problem(state.text, f"chmod 750 {state.path}")
    if state.mode & stat.S_IRWXO:
        return STATE.warning(state.text, f"chmod 750 {state.path}")
    return STATE.ok(state.text)


def _recordings(seen: Permissions) -> Finding:
    place = seen.recordings
    if place.mode is not None and not place.is_directory:
        return RECORDINGS.problem(
            f"{place.path} is no directory", "move it away, or change storage.recordings"
        )
    if not seen.writable:
        return RECORDINGS.problem(
            f"{place.path}: this user may not write there", "chown it, or run as its owner"
        )
    if place.mode is None:
        return RECORDINGS.ok(f"{place.path}: there is none yet; it can be made")
    if place.mode & stat.S_IRWXO and (
        seen.state.mode is None or seen.state.mode & stat.S_IXOTH or _outside(seen)
    ):
        return RECORDINGS.warning(place.text, f"chmod 750 {place.path}")
    return RECORDINGS.ok(place.text)


def _outside(seen: Permissions) -> bool:
    return not seen.recordings.path.startswith(f"{seen.state.path}/")


def _git(git: Git) -> Finding:
    if not git.inside:
        return GIT.ok("the project isn't in Git")
    if git.tracked:
        return GIT.problem(
            f"tracked: {some(git.tracked)}",
            "git rm -r --cached .vpbx; change every secret that was committed",
        )
    if not git.ignored:
        return GIT.warning("`.vpbx` isn't ignored", "echo .vpbx/ >> .gitignore")
    return GIT.ok("`.vpbx` is ignored")


def _trunk(trunk: TrunkSecret) -> Finding:
    if trunk.missing:
        return TRUNKS.problem(trunk.missing, f"put the password into {trunk.where}")
    if trunk.file is not None and (trunk.file.mode or 0) & _OTHERS:
        return TRUNKS.warning(f"trunk {trunk.trunk}: {trunk.file.text}", f"chmod 600 {trunk.file.path}")
    return TRUNKS.ok(f"trunk {trunk.trunk}: {trunk.where} holds one")
