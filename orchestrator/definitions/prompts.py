"""What callers hear, as the YAML says it: a sound file of the project, or a text to be spoken."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from orchestrator.definitions import scalars
from orchestrator.definitions.quoting import quoted
from orchestrator.definitions.records import Converted, Record
from orchestrator.definitions.shapes import Field, Json, Path, Reading, Refusal, Shape
from orchestrator.definitions.tree import Marked, MarkedMapping
from orchestrator.model.problem import Position
from orchestrator.model.prompt import SILENCE, Prompt

LANGUAGES = ("ru", "en")
_LONGEST_TEXT = 2000
_SOUND = r"([A-Za-z0-9_][A-Za-z0-9._-]{0,80}/){0,8}[A-Za-z0-9_][A-Za-z0-9._-]{0,80}\.wav"


def _sound_path(given: str) -> str | Refusal:
    if re.fullmatch(_SOUND, given) and ".." not in given:
        return given
    hint = "a .wav inside the project, from its root, of Latin letters, digits and . _ -"
    return Refusal("sound-path", f"{quoted(given)} is no path of a sound", hint)


_FILE = scalars.parsed("a sound file's path", _sound_path, _SOUND)
SAY = Field(
    "say",
    scalars.text(_LONGEST_TEXT, "a text to be spoken"),
    "A text that is spoken (by espeak-ng) in place of a file.",
    '"Здравствуйте! Вы позвонили в компанию «Акме»."',
    default="",
    default_text="a file",
)
LANGUAGE: Field[str | None] = Field(
    "language",
    scalars.choice("a language that is spoken", LANGUAGES),
    "What it is spoken in.",
    "en",
    None,
    "`language` of the platform",
)


def _spoken(given: Converted) -> Prompt:
    language = given[LANGUAGE]
    return Prompt(say=given[SAY], language=given.surroundings.language if language is None else language)


_SPOKEN = Record("a spoken prompt", (SAY, LANGUAGE), _spoken)


@dataclass(frozen=True)
class PromptShape(Shape[Prompt]):
    """A path of a sound file, or `{say: …}`. Args: listed: docs list its keys here."""

    label: str = "a prompt"
    listed: bool = False

    def convert(self, node: Marked, path: Path, reading: Reading) -> Prompt:
        if not isinstance(node, MarkedMapping):
            return Prompt(_FILE.convert(node, path, reading))
        before = len(reading.problems)
        prompt = _SPOKEN.convert(node, path, reading)
        if not prompt and len(reading.problems) == before:
            hint = "for example {say: Здравствуйте}, or the path of a WAV file"
            reading.refuse(node.position, path, "missing-key", "a spoken prompt needs a text", hint)
        return prompt

    def stand_in(self, position: Position, reading: Reading) -> Prompt:  # noqa: ARG002 - the contract's arguments
        return SILENCE

    def json_schema(self) -> Mapping[str, Json]:
        return {"anyOf": [_FILE.json_schema(), {**_SPOKEN.json_schema(), "required": ["say"]}]}

    def rows(self, prefix: str) -> tuple[tuple[str, Field[object]], ...]:
        return _SPOKEN.rows(prefix) if self.listed else ()


PROMPT = PromptShape()
RINGBACK = Field(
    "ringback",
    PROMPT,
    "What who calls from outside hears in place of ringing tones: a prompt, played over and over.",
    "music/sales.wav",
    default=SILENCE,
    default_text="that of the tenant",
)
