"""A file of a project's cache: what a run has worked out, for the next one to take.

It serves speed alone: a file that is missing, damaged, outdated or not ours alone is as good as none, and
where nothing can be written nothing is said.
"""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

OFF = "VPBX_DEFINITIONS_CACHE"
"""Variable of the environment; `off` and nothing is kept or taken."""

_LARGEST = 512 * 1024 * 1024


def cache_is_off() -> bool:
    """Whether the environment says that nothing is to be kept or taken."""
    return os.environ.get(OFF) == "off"


def read_cache(path: Path, head: bytes) -> bytes | None:
    """The content that was written with this head.

    Args: head: names the kind of content, its form, and all that it depends on.
    Returns: None when it isn't there, isn't ours alone, is damaged, or has another head.
    """
    try:
        if not _is_ours_alone(path.parent.lstat()):
            return None
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as stream:
            status = os.fstat(descriptor)
            if not (stat.S_ISREG(status.st_mode) and _is_ours_alone(status) and status.st_size < _LARGEST):
                return None
            content = stream.read()
    except OSError:
        return None
    whole = head + bytes(hashlib.sha256().digest_size)
    begin, body = content[: len(whole)], content[len(whole) :]
    return body if begin == sealed(head, body) else None


def write_cache(path: Path, head: bytes, body: bytes) -> None:
    """Keep a content, if the project is ours to write in."""
    with suppress(OSError):
        _write(path, sealed(head, body) + body)


def sealed(head: bytes, body: bytes) -> bytes:
    """What a file begins with: the head, and the digest of the content that follows."""
    return head + hashlib.sha256(body).digest()


def _is_ours_alone(status: os.stat_result) -> bool:
    return status.st_uid == os.geteuid() and not status.st_mode & 0o077


def _write(path: Path, content: bytes) -> None:
    folder = path.parent
    if folder.parent.parent.stat().st_uid != os.geteuid():
        return  # somebody else's project: what we made in it they could not replace
    folder.parent.mkdir(mode=0o750, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    if not _is_ours_alone(folder.lstat()):
        return
    handle, name = tempfile.mkstemp(dir=folder, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
        Path(name).replace(path)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
