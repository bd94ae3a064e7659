"""What a WAV file's header says, of any kind of sample: enough to judge a prompt without decoding it."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from orchestrator.errors import SoundUnreadable

PCM = 1
_EXTENSIBLE = 0xFFFE
_KINDS = {PCM: "PCM", 2: "ADPCM", 3: "float", 6: "A-law", 7: "µ-law", 0x11: "ADPCM", 0x31: "GSM"}
_MOST_CHUNKS = 1000


@dataclass(frozen=True, slots=True)
class WavHeader:
    """Args: kind: of samples, as WAV numbers them; `PCM` is whole numbers. extensible: it is told the long
    way, which the switch doesn't read. samples: in each channel.
    """

    kind: int
    extensible: bool
    channels: int
    rate_hz: int
    bits: int
    samples: int

    @property
    def seconds(self) -> float:
        return self.samples / self.rate_hz

    @property
    def plays_as_it_is(self) -> bool:
        """Whether the switch takes the file unconverted."""
        form = (self.kind, self.channels, self.rate_hz, self.bits)
        return form == (PCM, 1, 8000, 16) and not self.extensible


def read_header(path: Path) -> WavHeader:
    """The header of a WAV file. Raises: SoundUnreadable: it is none; OSError: it can't be read."""
    size = path.stat().st_size
    with path.open("rb") as file:
        begin = file.read(12)
        if not begin:
            raise SoundUnreadable("it is empty: 0 bytes")
        if begin[:4] not in (b"RIFF", b"RF64") or begin[8:12] != b"WAVE":
            raise SoundUnreadable("it is no WAV file")
        return _read_chunks(file, size)


def _read_chunks(file: BinaryIO, size: int) -> WavHeader:
    form: bytes | None = None
    told_samples = 0
    for _ in range(_MOST_CHUNKS):
        head = file.read(8)
        if len(head) < 8:
            break
        name, length = head[:4], int(struct.unpack("<I", head[4:])[0])
        if name == b"data":
            if form is None:
                break
            return _header(form, told_samples, min(length, size - file.tell()))
        if name == b"fmt ":
            form = file.read(length) if length <= 1024 else None
        elif name == b"fact" and length >= 4:
            told_samples = int(struct.unpack("<I", file.read(4))[0])
            file.seek(length - 4, 1)
        else:
            file.seek(length, 1)
        file.seek(length % 2, 1)
    raise SoundUnreadable("it is cut off, or no WAV file: there is no sound in it")


def _header(form: bytes, told_samples: int, data_bytes: int) -> WavHeader:
    if len(form) < 16:
        raise SoundUnreadable("it is no WAV file: its header is cut off")
    kind, channels, rate_hz, _, block_bytes, bits = struct.unpack("<HHIIHH", form[:16])
    extensible = kind == _EXTENSIBLE
    if extensible and len(form) >= 26:
        kind = struct.unpack("<H", form[24:26])[0]
    if kind not in _KINDS:
        known = ", ".join(dict.fromkeys(_KINDS.values()))
        raise SoundUnreadable(f"its samples are of kind {kind}; known are {known}")
    if not (0 < channels <= 64 and 1000 <= rate_hz <= 1_000_000 and block_bytes):
        raise SoundUnreadable(f"its header is damaged: {channels} channels at {rate_hz} Hz")
    plain = kind in (PCM, 3, 6, 7)
    samples = data_bytes // block_bytes if plain else told_samples
    return WavHeader(kind, extensible, channels, rate_hz, bits, samples if data_bytes > 0 else 0)
