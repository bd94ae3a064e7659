"""Voices that can be told apart by machine, and the ear that does it.

A voice is seeded noise within the telephone band, in syllables: two voices never correlate, and one is
recognised through any telephone codec, cut at any place, with lost packets.
"""

from __future__ import annotations

import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

RATE = 8000
_WINDOW = RATE // 2
_QUIET = 60.0
"""Root mean square of 16-bit samples below which a window is silence."""
SAME = 0.6
"""A score above it: the same voice. Other voices score about 0.1."""

Samples = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Heard:
    """How well a voice was heard.

    Args: score: 0 to 1, the median over windows with sound in them. voiced_s: how much sound there was.
    lag_s: the first piece that was recognised is this far into the voice.
    """

    score: float
    voiced_s: float
    lag_s: float

    @property
    def same(self) -> bool:
        return self.score >= SAME


def voice(seed: int, seconds: float = 30.0) -> Samples:
    """A voice of its own for each seed: noise of 300 to 3,000 Hz in syllables."""
    random = np.random.default_rng(seed)
    count = int(seconds * RATE)
    spectrum = np.fft.rfft(random.standard_normal(count))
    frequencies = np.fft.rfftfreq(count, 1 / RATE)
    spectrum[(frequencies < 300) | (frequencies > 3000)] = 0
    noise = np.fft.irfft(spectrum, count)
    steps = random.uniform(0.4, 1.0, count // (RATE // 5) + 2)
    syllables = np.interp(np.arange(count), np.arange(len(steps)) * (RATE // 5), steps)
    made = noise * syllables
    return np.asarray(made / np.abs(made).max() * 20000)


def write_wav(path: Path, samples: Samples) -> Path:
    """Write one channel of 8 kHz, 16 bit."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples.astype("<i2").tobytes())
    return path


def read(path: Path, raw_channels: int = 2) -> list[Samples]:
    """Channels of a recording: `.wav` of 8 kHz and 16 bit, or `.raw` with `raw_channels` interleaved."""
    if path.suffix == ".wav":
        with wave.open(str(path), "rb") as file:
            if (file.getsampwidth(), file.getframerate()) != (2, RATE):
                raise ValueError(f"{path}: not 16 bit at {RATE} Hz")
            channels, data = file.getnchannels(), file.readframes(file.getnframes())
    else:
        channels, data = raw_channels, path.read_bytes()
    whole = len(data) // (2 * channels) * 2 * channels
    samples = np.frombuffer(data[:whole], dtype="<i2").astype(np.float64)
    return [samples[channel::channels] for channel in range(channels)]


def read_so_far(path: Path) -> list[Samples]:
    """The one channel of a `.wav` that is being written still: its header doesn't tell its length yet."""
    data = path.read_bytes()[44:] if path.exists() else b""
    return [np.frombuffer(data[: len(data) // 2 * 2], dtype="<i2").astype(np.float64)]


def hear(heard: Samples, sent: Samples) -> Heard:
    """Search a voice in what was heard, window by window, at any lag."""
    scores, lags = [], []
    for start in range(0, len(heard) - _WINDOW + 1, _WINDOW):
        window = heard[start : start + _WINDOW]
        if float(np.sqrt(np.mean(window**2))) >= _QUIET and len(sent) >= _WINDOW:
            score, lag = _best(window, sent)
            scores.append(score)
            lags.append(lag)
    if not scores:
        return Heard(0.0, 0.0, 0.0)
    known = next((lag for score, lag in zip(scores, lags, strict=True) if score >= SAME), 0)
    return Heard(float(np.median(scores)), len(scores) * _WINDOW / RATE, known / RATE)


def hear_file(path: Path, sent: Samples, channel: int = 0) -> Heard:
    """Search a voice in one channel of a recording."""
    return hear(read(path)[channel], sent)


def _best(window: Samples, sent: Samples) -> tuple[float, int]:
    """The highest normalised correlation of a window with any stretch of the voice, and where."""
    size = 1 << (len(sent) + len(window) - 1).bit_length()
    product = np.fft.irfft(np.fft.rfft(sent, size) * np.conj(np.fft.rfft(window, size)), size)
    product = product[: len(sent) - len(window) + 1]
    energy = np.concatenate(([0.0], np.cumsum(sent**2)))
    energies = energy[len(window) :] - energy[: -len(window)]
    scale = np.sqrt(np.maximum(energies, 1.0) * float(np.sum(window**2)))
    normalised = np.abs(product) / scale
    best = int(np.argmax(normalised))
    return float(normalised[best]), best
