"""Sounds: the tenants' prompts, and those that the switch brings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from orchestrator.doctor.finding import Check, Finding, some

PROMPTS = Check(
    "prompts",
    "each sound file that a tenant names, each text that is to be spoken",
    "the law asks that a caller hears of the recording; a file that can't be played is silence",
    problem_when="one isn't there, is no WAV file, or can't be spoken",
)
LANGUAGE = Check(
    "sounds-language",
    "the switch's own prompts in the platform's language",
    "what the switch says by itself is said in English, or not at all",
    warning_when="there are none in that language",
)
DIRECTORIES = Check(
    "sounds-directories",
    "the switch's links to its sounds and to the tenants' prompts",
    "Playback of a sound behind a dead link is silence",
    problem_when="a link leads nowhere",
)
CHECKS = (PROMPTS, LANGUAGE, DIRECTORIES)

PACKAGES: Mapping[str, tuple[str, str]] = {
    "ru": ("asterisk-core-sounds-ru-wav", "/usr/share/asterisk/sounds/ru_RU_f_IvrvoiceRU"),
    "en": ("asterisk-core-sounds-en-wav", "/usr/share/asterisk/sounds/en_US_f_Allison"),
}
"""By language, Debian's package of prompts and the directory it makes."""


@dataclass(frozen=True, slots=True)
class Sounds:
    """Args:
    prompts: how many the tenants name. unplayable: what is wrong with each that can't be played.
    language: of the platform. language_files: how many sounds the switch has in it. language_dir: where it
        looks for them. dead_links: links that lead nowhere.
    """

    prompts: int
    unplayable: Sequence[str]
    language: str
    language_files: int
    language_dir: str
    dead_links: Sequence[str]


def check(seen: Sounds) -> Iterator[Finding]:
    """Findings on sounds."""
    if seen.unplayable:
        yield PROMPTS.problem(
            some(seen.unplayable), "put WAV files there, apt install espeak-ng, and vpbx apply"
        )
    else:
        yield PROMPTS.ok(
            f"{seen.prompts} of {seen.prompts} can be played" if seen.prompts else "none is named"
        )
    if seen.language_files:
        yield LANGUAGE.ok(f"{seen.language_files} sounds in {seen.language}")
    else:
        package, directory = PACKAGES[seen.language]
        yield LANGUAGE.warning(
            f"no sounds in {seen.language_dir}",
            f"apt install {package}, then start the switch anew: it finds them in {directory}",
        )
    if seen.dead_links:
        yield DIRECTORIES.problem(
            f"dead: {some(seen.dead_links)}", "vpbx apply, vpbx switch stop, vpbx switch start"
        )
    else:
        yield DIRECTORIES.ok("none is dead")
