"""Disk: room and inodes where calls are written, and for how long recordings fit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from orchestrator.doctor.finding import Check, Finding, some

RECORDED_BYTES_A_S = 8000 * 2 * 2
"""Of one recorded call: two channels of 8 kHz, 16 bit, as MixMonitor writes and as it is kept."""

_MB = 1_000_000
PROBLEM_BYTES, WARNING_BYTES = 200 * _MB, 1000 * _MB
PROBLEM_INODES, WARNING_INODES = 1000, 10_000
PROBLEM_HOURS, WARNING_HOURS = 1.0, 8.0

SPACE = Check(
    "disk-space",
    "free space of the database, the recordings, the spool and the log",
    "with a full disk calls go on unrecorded, and the switch's record of them is lost",
    warning_when="less than 1 GB is free",
    problem_when="less than 200 MB is free",
)
INODES = Check(
    "disk-inodes",
    "free inodes of the same places",
    "no recording is begun without one, however much space is free",
    warning_when="less than 10,000 are free",
    problem_when="less than 1,000 are free",
)
WRITABLE = Check(
    "disk-writable",
    "a file written and removed in each of the same places that is there",
    "a file system that the kernel made read-only keeps neither charges nor recordings",
    problem_when="it can't be written",
)
HOURS = Check(
    "disk-recording-hours",
    "hours of recording that fit, with every line of the recording tenants in use",
    "when the disk is full, calls that must be recorded aren't",
    warning_when="less than 8 hours fit",
    problem_when="less than 1 hour fits",
)
CHECKS = (SPACE, INODES, WRITABLE, HOURS)


@dataclass(frozen=True, slots=True)
class Place:
    """A directory that is written to. Args: purpose: e.g. `recordings`. device: of its file system.

    free_bytes, free_inodes: for this user; free_inodes None: the file system has no such limit.
    trouble: why it can't be written; empty when it can.
    """

    purpose: str
    path: str
    device: int
    free_bytes: int
    free_inodes: int | None
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Disk:
    """Args: recorded_lines: of the tenants of the node that record."""

    places: Sequence[Place]
    recorded_lines: int


def check(seen: Disk) -> Iterator[Finding]:
    """Findings on the disk."""
    do = "delete what isn't needed, or move the place to a larger disk"
    yield _least(
        SPACE,
        [(place.free_bytes, f"{place.purpose} {_size(place.free_bytes)} free") for place in _each_disk(seen)],
        (PROBLEM_BYTES, WARNING_BYTES),
        do,
    )
    inodes = [
        (place.free_inodes, f"{place.purpose} {place.free_inodes} free inodes")
        for place in _each_disk(seen)
        if place.free_inodes is not None
    ]
    yield _least(INODES, inodes, (PROBLEM_INODES, WARNING_INODES), do)
    unwritable = [f"{place.purpose} {place.path}: {place.trouble}" for place in seen.places if place.trouble]
    if unwritable:
        yield WRITABLE.problem(some(unwritable), "mount it writable, give this user rights, or free space")
    else:
        yield WRITABLE.ok(some([place.purpose for place in seen.places]))
    yield _hours(seen)


def _each_disk(seen: Disk) -> list[Place]:
    """One place of each file system, with the purposes of all."""
    by_device: dict[int, Place] = {}
    for place in seen.places:
        known = by_device.get(place.device)
        purpose = f"{known.purpose}, {place.purpose}" if known else place.purpose
        by_device[place.device] = Place(
            purpose, place.path, place.device, place.free_bytes, place.free_inodes, place.trouble
        )
    return list(by_device.values())


def _least(check: Check, free: Sequence[tuple[int, str]], limits: tuple[int, int], do: str) -> Finding:
    if not free:
        return check.ok("the file systems have no such limit")
    low = [text for number, text in free if number < limits[1]]
    if min(number for number, _ in free) < limits[0]:
        return check.problem(some(low), do)
    return check.warning(some(low), do) if low else check.ok(some([text for _, text in free]))


def _hours(seen: Disk) -> Finding:
    if seen.recorded_lines == 0:
        return HOURS.ok("no tenant of the node records")
    # A recording lies in the spool first and is then copied to its place: both must have room.
    free = min(
        (place.free_bytes for place in seen.places if place.purpose in ("recordings", "spool")), default=0
    )
    hours = free / (seen.recorded_lines * RECORDED_BYTES_A_S) / 3600
    text = f"{hours:.1f} hours fit with all {seen.recorded_lines} recorded lines in use"
    do = "free space, or move storage.recordings to a larger disk"
    if hours < PROBLEM_HOURS:
        return HOURS.problem(text, do)
    return HOURS.warning(text, do) if hours < WARNING_HOURS else HOURS.ok(text)


def _size(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"
