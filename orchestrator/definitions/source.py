"""A file of the project as text, or the one Problem that stops it from being read."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path

from orchestrator.model.problem import Position, Problem

YAML_LIMIT = 1024 * 1024
"""Bytes of the largest YAML file. A tenant of 1,000 employees has about 100,000."""

_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ufffe\uffff]")
_LINE_BREAK = re.compile("\r\n|\n|\r")


@dataclass(frozen=True, slots=True)
class Source:
    """A file as it was read. Args: file: project-relative. digest: SHA-256 of its bytes, hexadecimal."""

    file: str
    text: str
    digest: str


def read_source(root: Path, file: str, limit: int = YAML_LIMIT) -> Source | Problem:
    """The text of a project's file.

    Args: file: project-relative, with `/`. limit: largest size in bytes.
    Returns: the text without its byte order mark; a Problem for a missing, unreadable, too large, non-UTF-8
        file, a file with control characters, and for what is no regular file (a directory, a pipe).
    """
    data = read_bytes(root, file, limit)
    return data if isinstance(data, Problem) else decoded(file, data)


def read_bytes(root: Path, file: str, limit: int = YAML_LIMIT) -> bytes | Problem:
    """The bytes of a project's file, as `read_source`; a Problem for what can't be read or is too large."""
    try:
        data = _read(f"{root}/{file}", limit)
    except FileNotFoundError:
        return _problem(file, "file-missing", f"there is no file {file}", "write it, or run: vpbx init")
    except OSError as error:
        reason = error.strerror or type(error).__name__
        return _problem(file, "file-unreadable", f"{file} can't be read: {reason}", "")
    if data is None:
        return _problem(file, "file-kind", f"{file} is not a regular file", "put a file in its place")
    if len(data) > limit:
        return _problem(
            file, "file-too-large", f"{file} is larger than {limit} bytes", "split it or shorten it"
        )
    return data


def split_lines(text: str) -> list[str]:
    """The lines of a text, counted as YAML counts them: by LF, CR LF and CR alone."""
    return _LINE_BREAK.split(text)


def _read(path: str, limit: int) -> bytes | None:
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            return None
        # One read unless the file grows meanwhile: a stream with its buffer costs more than the read.
        data = os.read(descriptor, min(status.st_size, limit) + 1)
        while 0 < len(data) <= limit and (more := os.read(descriptor, limit + 1 - len(data))):
            data += more
        return data
    finally:
        os.close(descriptor)


def decoded(file: str, data: bytes) -> Source | Problem:
    """The text of a file's bytes, as `read_source`."""
    try:
        text = data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8").removeprefix("\ufeff")
        message = f"byte 0x{data[error.start]:02x} is not UTF-8"
        return Problem(_end_of(file, before), "", "not-utf-8", message, "save the file as UTF-8")
    bad = _FORBIDDEN.search(text)
    if bad is not None:
        where = _end_of(file, text[: bad.start()])
        message = f"control character U+{ord(bad.group()):04X}"
        return Problem(where, "", "control-character", message, "delete it")
    return Source(file, text, hashlib.sha256(data).hexdigest())


def _end_of(file: str, before: str) -> Position:
    lines = split_lines(before)
    return Position(file, len(lines), len(lines[-1]) + 1)


def _problem(file: str, code: str, message: str, hint: str) -> Problem:
    return Problem(Position(file), "", code, message, hint)
