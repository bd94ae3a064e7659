"""The sound files that are there."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.asterisk.layout import data_dir
from orchestrator.doctor.sounds import Sounds
from orchestrator.doctor.subject import Subject
from orchestrator.errors import ApplyFailed
from orchestrator.model.prompt import Prompt
from orchestrator.sound.playable import playable

_FORMATS = frozenset({".wav", ".gsm", ".alaw", ".al", ".ulaw", ".ul", ".g722", ".sln", ".sln16", ".pcm"})


def observe(subject: Subject) -> Sounds:
    """Prompts of the tenants, and the switch's own in the platform's language."""
    prompts = sorted({path for part in subject.rendered.parts.values() for path in part.prompts.values()})
    language = subject.definitions.platform.language
    sounds = data_dir(subject.paths) / "sounds"
    directory = sounds / language
    looked_at = directory
    if language == "en" and not directory.exists() and subject.asterisk and subject.asterisk.sounds:
        looked_at = subject.asterisk.sounds
    files = [path for path in looked_at.glob("*") if path.suffix in _FORMATS] if looked_at.is_dir() else []
    links = (
        [link for link in sounds.iterdir() if link.is_symlink() and not link.exists()]
        if sounds.is_dir()
        else []
    )
    return Sounds(
        prompts=len(prompts),
        unplayable=list(_unplayable(subject, prompts)),
        language=language,
        language_files=len(files),
        language_dir=str(directory),
        dead_links=[str(link) for link in sorted(links)],
    )


def _unplayable(subject: Subject, prompts: list[Prompt]) -> Iterator[str]:
    for prompt in prompts:
        try:
            playable(prompt, subject.project.root)
        except ApplyFailed as error:
            yield error.message
