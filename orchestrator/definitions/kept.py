"""What the files of a large project were read as, kept between runs: only a file that changed is read anew.

It serves speed alone: what is missing, damaged, not ours or outdated is passed over and written again, and
where nothing can be written nothing is said. A file with a problem is never kept, so that its problems come
with their lines; whatever holds between files is checked every time.
"""

from __future__ import annotations

import hashlib
import io
import os
import pickle
import stat
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from operator import attrgetter
from pathlib import Path
from typing import Any

import orchestrator.definitions
import orchestrator.model
from orchestrator.definitions.shapes import Surroundings
from orchestrator.project import Project

KEPT_FROM = 50
"""Files of the smallest project whose files are kept: fewer are read in a moment."""

OFF = "VPBX_DEFINITIONS_CACHE"
"""Variable of the environment; `off` and nothing is kept or taken."""

_NAME = "definitions"
_MAGIC = b"vpbx definitions 1\n"
_HEAD_BYTES = len(_MAGIC) + 2 * hashlib.sha256().digest_size
_LARGEST = 512 * 1024 * 1024
_MODEL = orchestrator.model.__name__ + "."
_PLAIN = {(each.__module__, each.__qualname__): each for each in (Decimal, date)}

_Entries = Mapping[str, tuple[str, bytes]]


@dataclass(slots=True)
class KeptFiles:
    """Values of files without a problem, by project-relative file and digest.

    Args: folder: where they are kept. version: of all that a value depends on beside its file.
        before: as found. now: what this run read or took, the only ones that stay.
    """

    folder: Path
    version: bytes
    before: _Entries
    now: dict[str, tuple[str, bytes]] = field(default_factory=dict)

    @classmethod
    def open(cls, root: Path, surroundings: Surroundings, files: int) -> KeptFiles | None:
        """Those of a project. Args: files: that the project has. Returns: None when none are to be kept."""
        if files < KEPT_FROM or os.environ.get(OFF) == "off":
            return None
        folder = Project(root).cache
        version = _version(repr(surroundings))
        return cls(folder, version, _read(folder, version))

    def find(self, file: str, digest: str) -> object | None:
        """What a file with these bytes was read as; None when that isn't known."""
        known = self.before.get(file)
        if known is None or known[0] != digest:
            return None
        try:
            value: object = _Unpickler(io.BytesIO(known[1])).load()
        except Exception:  # noqa: BLE001 - whatever is wrong with it, the file itself is there to be read
            return None
        self.now[file] = known
        return value

    def keep(self, file: str, digest: str, value: object) -> None:
        """Note what a file was read as."""
        written = io.BytesIO()
        _Pickler(written, protocol=5).dump(value)
        self.now[file] = (digest, written.getvalue())

    def save(self) -> None:
        """Write down what was read, if anything is new and the project is ours to write in."""
        if self.now != self.before:
            with suppress(OSError):
                _write(self.folder, self.version, self.now)


class _Pickler(pickle.Pickler):
    """Frozen dataclasses as calls of their class, which is read in half the time of their state."""

    def reducer_override(self, obj: Any) -> Any:
        kind: Any = type(obj)
        values_of = _values_of(kind)
        return NotImplemented if values_of is None else (kind, values_of(obj))


@cache
def _values_of(kind: Any) -> Callable[[object], tuple[object, ...]] | None:
    """What a dataclass of this kind is called with; None for any other kind."""
    if not is_dataclass(kind):
        return None
    names = [each.name for each in fields(kind)]
    # An attrgetter gives a tuple from two names on.
    return attrgetter(*names) if len(names) > 1 else lambda obj: tuple(getattr(obj, name) for name in names)


class _Unpickler(pickle.Unpickler):
    """Types of the model and nothing else: what a file says can't run."""

    def find_class(self, module_name: str, global_name: str) -> Any:
        return _allowed(module_name, global_name)


@cache
def _allowed(module: str, name: str) -> type:
    if (module, name) in _PLAIN:
        return _PLAIN[module, name]
    found = getattr(sys.modules.get(module), name, None) if module.startswith(_MODEL) else None
    if isinstance(found, type) and is_dataclass(found) and found.__module__ == module:
        return found
    raise pickle.UnpicklingError(f"{module}.{name} is no type of the model")


def _version(surroundings: str) -> bytes:
    """Digest of what a value depends on beside its file: our code, Python, and what the platform says."""
    digest = hashlib.sha256(f"{sys.version}\0{surroundings}\0".encode())
    for package in (orchestrator.definitions, orchestrator.model):
        for path in sorted(Path(package.__path__[0]).rglob("*.py")):
            digest.update(f"{path.name}\0".encode())
            digest.update(path.read_bytes())
    return digest.digest()


def _read(folder: Path, version: bytes) -> _Entries:
    """What is kept in a folder; nothing when it is not ours alone, damaged, or of another version."""
    try:
        if not _is_ours_alone(folder.lstat()):
            return {}
        descriptor = os.open(folder / _NAME, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as stream:
            status = os.fstat(descriptor)
            if not (stat.S_ISREG(status.st_mode) and _is_ours_alone(status) and status.st_size < _LARGEST):
                return {}
            content = stream.read()
    except OSError:
        return {}
    head, body = content[:_HEAD_BYTES], content[_HEAD_BYTES:]
    if head != _head(version, body):
        return {}
    try:
        entries: _Entries = _Unpickler(io.BytesIO(body)).load()
    except Exception:  # noqa: BLE001 - it is as good as none
        return {}
    return entries


def _head(version: bytes, body: bytes) -> bytes:
    return _MAGIC + version + hashlib.sha256(body).digest()


def _is_ours_alone(status: os.stat_result) -> bool:
    return status.st_uid == os.geteuid() and not status.st_mode & 0o077


def _write(folder: Path, version: bytes, entries: _Entries) -> None:
    """Raises: OSError: it can't be written here."""
    if folder.parent.parent.stat().st_uid != os.geteuid():
        return  # somebody else's project: what we made in it they could not replace
    folder.parent.mkdir(mode=0o750, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    if not _is_ours_alone(folder.lstat()):
        return
    body = pickle.dumps(entries, protocol=5)
    handle, name = tempfile.mkstemp(dir=folder, prefix=f".{_NAME}-")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(_head(version, body) + body)
        Path(name).replace(folder / _NAME)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
