"""The switch's durable record: where reading got to, what was read, and what could not be read.

The form of the record itself is in docs/switch-record.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from orchestrator.model.call import Systemname

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class RecordPosition:
    """The place reached in one file of the record; it survives rotation and truncation of that file.

    Args:
        head_bytes, head_sha256: length and SHA-256 of the file's first bytes: they tell the file again
            when it was renamed, copied or truncated.
        offset: bytes read so far, always at the start of a record.
    """

    device: int
    inode: int
    head_bytes: int
    head_sha256: str
    offset: int


@dataclass(frozen=True, slots=True)
class BadRecord:
    """Bytes that could not be read as a record. Args: raw: the first 4 KiB of them. length: all of them."""

    file: str
    offset: int
    raw: bytes
    length: int
    reason: str


@dataclass(frozen=True, slots=True)
class RecordBatch(Generic[Row]):
    """Some consecutive records of a file.

    Args:
        foreign: records dropped because another switch's name stands in them.
        position: the place after them.
        gap: the file that was read last is gone with what was unread in it.
    """

    rows: tuple[Row, ...]
    bad: tuple[BadRecord, ...]
    foreign: int
    position: RecordPosition
    gap: bool = False


@dataclass(frozen=True, slots=True)
class SwitchCdr:
    """The switch's own claim about a channel; shown beside what was charged, never billed from.

    Args: start, answer, end: as the switch wrote them. duration_s, billsec_s: whole seconds.
    """

    systemname: Systemname
    uniqueid: str
    linkedid: str
    sequence: int
    channel: str
    dstchannel: str
    src: str
    dst: str
    start: str
    answer: str
    end: str
    duration_s: int
    billsec_s: int
    disposition: str
