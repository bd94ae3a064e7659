"""A sound file of any rate, width and number of channels, as the switch plays it: 16 bit, mono, 8 kHz."""

from __future__ import annotations

import io
import wave
from pathlib import Path

from orchestrator.errors import SoundUnreadable
from orchestrator.sound.wav import read_header

RATE_HZ = 8000
_BLOCK = 1 << 16
_LOUDEST = 32767


def converted(path: Path) -> bytes:
    """A sound file as WAV that the switch plays; the very bytes where it does already.

    Channels are mixed to one, each with the same share.
    Raises: SoundUnreadable: it is no sound, or an empty one. OSError: it can't be read.
    """
    header = read_header(path)
    if not header.samples:
        raise SoundUnreadable("there is no sound in it")
    if header.plays_as_it_is:
        return path.read_bytes()
    return wav_of(_samples(path))


def wav_of(samples: bytes) -> bytes:
    """A WAV file of 16 bit samples, mono, 8 kHz."""
    written = io.BytesIO()
    with wave.open(written, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes(samples)
    return written.getvalue()


def _samples(path: Path) -> bytes:
    """Decoded, mixed and resampled, block by block: an hour of sound doesn't fill the memory."""
    # Loaded only here: they bring numpy, and most runs convert nothing.
    import numpy
    import soundfile
    import soxr

    found = bytearray()
    try:
        with soundfile.SoundFile(path) as file:
            resampler = soxr.ResampleStream(file.samplerate, RATE_HZ, 1, dtype="float32")
            last = False
            while not last:
                block = file.read(_BLOCK, dtype="float32", always_2d=True)
                last = len(block) < _BLOCK
                mono = numpy.ascontiguousarray(block.mean(axis=1, dtype="float32"))
                ready = resampler.resample_chunk(mono, last=last)
                found += (ready.clip(-1, 1) * _LOUDEST).astype("<i2").tobytes()
    except soundfile.LibsndfileError as error:
        raise SoundUnreadable(f"it can't be decoded: {error.error_string}") from error
    return bytes(found)
