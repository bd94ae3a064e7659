"""A table of ported numbers brought in from a file: all of it, or nothing when a line is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from orchestrator.asterisk.porting_table import Counted, PortingTable
from orchestrator.definitions.portings import PortingReading
from orchestrator.errors import DefinitionsInvalid, PortabilityUnwritable
from orchestrator.model.platform import Platform
from orchestrator.model.portability import Codes
from orchestrator.model.problem import Position, Problem
from orchestrator.routing.graph import ChooseTrunk, Graph


@dataclass(frozen=True, slots=True)
class Imported:
    """Args: counted: what became of it. unread: columns passed over. anew: the old one was damaged."""

    counted: Counted
    unread: tuple[str, ...]
    anew: bool


def import_table(
    source: Path, table: Path, platform: Platform, *, replace: bool, told: Callable[[int, int], None]
) -> Imported:
    """Bring a file into the table. Only one process at a time may do so.

    Args: replace: what isn't in the file goes. told: how many bytes are read, and of how many.
    Raises: DefinitionsInvalid: with every wrong line. PortabilityUnwritable. The table is as it was then.
    """
    reading = PortingReading(str(source), platform.region, ZoneInfo(platform.time_zone))
    kept = PortingTable(table)
    anew = replace and kept.drop_damaged()
    with kept.staged(reading.portings(_lines(source, reading, told))) as staged:
        for clash in staged.clashes():
            message = f"line {clash.before} says otherwise who has {clash.number} from the same time"
            reading.refuse(
                clash.line, "portability-twice", message, "keep one of them, or give it another PortDate"
            )
        if reading.problems:
            raise DefinitionsInvalid(sorted(reading.problems, key=lambda each: each.position.line))
        return Imported(staged.write(replace=replace), reading.unread, anew)


def _lines(source: Path, reading: PortingReading, told: Callable[[int, int], None]) -> Iterator[str]:
    """Line by line, whatever it is encoded in: what is read of it is ASCII."""
    try:
        with source.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
            size, done = source.stat().st_size, 0
            for number, line in enumerate(file):
                done += len(line)
                if number % 10_000 == 0:
                    told(done, size)
                yield line.replace("\0", "\N{REPLACEMENT CHARACTER}")
    except OSError as error:
        message = f"{source} can't be read: {error.strerror or type(error).__name__}"
        reading.problems.append(
            Problem(Position(str(source)), "", "file-unreadable", message, "check its path")
        )


def codes_of(table: Path, graph: Graph, dialled: str, at: datetime) -> Mapping[str, Codes]:
    """Codes of who has each number that the steps ask for. Args: dialled: E.164 or empty.

    A table that can't be read is none, as for the switch.
    """
    choices = [each.action for each in graph.steps.values() if isinstance(each.action, ChooseTrunk)]
    numbers = {each.number or dialled for each in choices if each.costs.ported} - {""}
    kept = PortingTable(table)
    try:
        found = {number: kept.find(number, at) for number in sorted(numbers)}
    except PortabilityUnwritable:
        return {}
    return {number: each.each_code for number, each in found.items() if each is not None}
