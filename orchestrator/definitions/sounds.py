"""Sound files that a tenant's file names: paths inside the project."""

from __future__ import annotations

import re

from orchestrator.definitions import scalars
from orchestrator.definitions.quoting import quoted
from orchestrator.definitions.shapes import Field, Refusal

SOUND_PATTERN = r"([A-Za-z0-9_][A-Za-z0-9._-]{0,80}/){0,8}[A-Za-z0-9_][A-Za-z0-9._-]{0,80}\.wav"


def _sound_path(given: str) -> str | Refusal:
    if re.fullmatch(SOUND_PATTERN, given) and ".." not in given:
        return given
    hint = "a .wav inside the project, from its root, of Latin letters, digits and . _ -"
    return Refusal("sound-path", f"{quoted(given)} is no path of a sound", hint)


SOUND_FILE = scalars.parsed("a sound file's path", _sound_path, SOUND_PATTERN)
RINGBACK = Field(
    "ringback",
    SOUND_FILE,
    "What who calls from outside hears in place of ringing tones: a WAV file, played over and over.",
    "music/sales.wav",
    default="",
    default_text="that of the tenant",
)
