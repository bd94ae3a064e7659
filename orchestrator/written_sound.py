"""What MixMonitor wrote of one call: two files, one a side, of 16 bit samples at 8 kHz."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

RATE_HZ = 8000
CHANNELS = 2
SAMPLE_BYTES = 2
FRAME_BYTES = CHANNELS * SAMPLE_BYTES
_BLOCK = 1 << 17
"""Bytes of one side that are read at a time."""


@dataclass(frozen=True, slots=True)
class WrittenSound:
    """Args: whole: the name that the record has. An earlier version wrote both sides interleaved into a file
    of that name; the two sides stand beside it, and go on where such a file ends.
    """

    whole: Path

    @property
    def left(self) -> Path:
        """What the outside party says."""
        return self.whole.with_name(f"{self.whole.stem}-left.raw")

    @property
    def right(self) -> Path:
        """What the outside party hears."""
        return self.whole.with_name(f"{self.whole.stem}-right.raw")

    @property
    def files(self) -> tuple[Path, ...]:
        """Every file that it may consist of."""
        return (self.whole, self.left, self.right)

    @property
    def frames(self) -> int:
        """Samples of the longer side."""
        return self._interleaved + max(_size(side) // SAMPLE_BYTES for side in (self.left, self.right))

    def blocks(self, frames: int) -> Iterator[bytes]:
        """The sound, both sides interleaved, a block at a time; the shorter side ends in silence."""
        for start in range(0, frames, _BLOCK // SAMPLE_BYTES):
            length = min(_BLOCK // SAMPLE_BYTES, frames - start)
            both = array("h", bytes(length * FRAME_BYTES))
            for channel in range(CHANNELS):
                both[channel::CHANNELS] = self._samples(channel, start, length)
            yield both.tobytes()

    def silence_at_end_s(self, channel: int) -> float:
        """Seconds of exact zeros that a side ends with."""
        end, silent = self.frames, 0
        while end:
            start = max(0, end - _BLOCK // SAMPLE_BYTES)
            samples = self._samples(channel, start, end - start)
            if any(samples):
                last = next(index for index, sample in enumerate(reversed(samples)) if sample)
                return (silent + last) / RATE_HZ
            silent += len(samples)
            end = start
        return silent / RATE_HZ

    @property
    def _interleaved(self) -> int:
        return _size(self.whole) // FRAME_BYTES

    def _samples(self, channel: int, start: int, length: int) -> array[int]:
        """A stretch of one side, filled up with silence. Args: start, length: samples."""
        before = max(0, min(length, self._interleaved - start))
        found = _read(self.whole, start * CHANNELS, before * CHANNELS)[channel::CHANNELS]
        side = (self.left, self.right)[channel]
        return found + _read(side, max(0, start - self._interleaved), length - before)


class Monitored:
    """What the switch is writing now. Fulfils `recorders.Written`. Args: monitor: where it writes."""

    def __init__(self, monitor: Path) -> None:
        self._monitor = monitor

    def size(self, file: str) -> int:
        """Bytes of what came from inside."""
        return _size(WrittenSound(self._monitor / file).right)

    def hears_inside(self, file: str, beyond: int) -> bool:
        """Whether anything but exact zeros came from inside after so many bytes."""
        inside = WrittenSound(self._monitor / file).right
        return not inside.exists() or any(_read(inside, beyond // SAMPLE_BYTES, _BLOCK // SAMPLE_BYTES))


def _read(path: Path, start: int, length: int) -> array[int]:
    """So many samples of a file, with silence where it has none."""
    data = b""
    if length and path.exists():
        with path.open("rb") as file:
            file.seek(start * SAMPLE_BYTES)
            data = file.read(length * SAMPLE_BYTES)
    whole = data[: len(data) // SAMPLE_BYTES * SAMPLE_BYTES]
    return array("h", whole.ljust(length * SAMPLE_BYTES, b"\0"))


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
