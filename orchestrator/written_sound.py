"""What MixMonitor wrote of one call: two files, one a side, of 16 bit samples at 8 kHz."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

RATE_HZ = 8000
CHANNELS = 2
SAMPLE_BYTES = 2
_SIDES = ("left", "right")
_BLOCK = 1 << 17
"""Bytes of one side that are read at a time."""


@dataclass(frozen=True, slots=True)
class WrittenSound:
    """Args: whole: the name that the record has. It is a file of its own, both sides interleaved, where an
    earlier version wrote it; otherwise the two sides stand beside that name.
    """

    whole: Path

    @property
    def files(self) -> tuple[Path, ...]:
        """Every file that it may consist of: the interleaved one, left, right."""
        return (self.whole, *self._sides)

    @property
    def frames(self) -> int:
        """Samples of the longer side."""
        if self.whole.exists():
            return self.whole.stat().st_size // (CHANNELS * SAMPLE_BYTES)
        return max(_size(side) // SAMPLE_BYTES for side in self._sides)

    def blocks(self) -> Iterator[bytes]:
        """The sound, both sides interleaved, a block at a time; the shorter side ends in silence."""
        count = self.frames
        for start in range(0, count, _BLOCK // SAMPLE_BYTES):
            length = min(_BLOCK // SAMPLE_BYTES, count - start)
            both = array("h", bytes(length * CHANNELS * SAMPLE_BYTES))
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
    def _sides(self) -> tuple[Path, ...]:
        return tuple(self.whole.with_name(f"{self.whole.stem}-{side}.raw") for side in _SIDES)

    def _samples(self, channel: int, start: int, length: int) -> array[int]:
        """A stretch of one side, filled up with silence. Args: start, length: samples."""
        if self.whole.exists():
            return _read(self.whole, start * CHANNELS, length * CHANNELS)[channel::CHANNELS]
        return _read(self._sides[channel], start, length)


def _read(path: Path, start: int, length: int) -> array[int]:
    data = b""
    if path.exists():
        with path.open("rb") as file:
            file.seek(start * SAMPLE_BYTES)
            data = file.read(length * SAMPLE_BYTES)
    whole = data[: len(data) // SAMPLE_BYTES * SAMPLE_BYTES]
    return array("h", whole.ljust(length * SAMPLE_BYTES, b"\0"))


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
