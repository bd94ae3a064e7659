"""Files and directory entries that are still there after a power cut."""

from __future__ import annotations

import os
from pathlib import Path


def replace_file(path: Path, data: bytes, mode: int) -> None:
    """Write a file that others may read meanwhile: they find the old or the new one, whole.

    Only one process at a time may write it. Raises: OSError: the old one is as it was.
    """
    new = path.with_name(f".{path.name}.new")
    try:
        write_synced(new, data, mode)
        new.rename(path)
    except OSError:
        new.unlink(missing_ok=True)
        raise
    sync_directory(path.parent)


def write_synced(path: Path, data: bytes, mode: int) -> None:
    """Write a file that nobody reads yet. Raises: OSError."""
    handle = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, mode)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def sync_directory(path: Path) -> None:
    """Names that came to a directory or went stay so. Raises: OSError."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
