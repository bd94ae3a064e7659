"""A prompt as the switch plays it, and what tells prompts apart."""

from __future__ import annotations

import hashlib
from pathlib import Path

from orchestrator.errors import ApplyFailed, SoundUnreadable, SpeechFailed
from orchestrator.model.prompt import Prompt
from orchestrator.project import Project
from orchestrator.sound.convert import converted
from orchestrator.sound.speech import spoken


def playable(prompt: Prompt, root: Path) -> bytes:
    """A WAV file that the switch plays. Args: root: of the project.

    Raises: ApplyFailed: its file isn't there or no sound, or its text can't be spoken.
    """
    if prompt.say:
        try:
            return spoken(prompt.say, prompt.language, Project(root).cache)
        except SpeechFailed as error:
            raise ApplyFailed(error.message, error.hint) from error
    source = root / prompt.file
    try:
        return converted(source)
    except SoundUnreadable as error:
        raise ApplyFailed(f"{source}: {error.message}", "save it as WAV, or name another file") from error
    except OSError as error:
        raise ApplyFailed(f"{source}: {error.strerror}", "put a WAV file there") from error


def sound_digest(prompt: Prompt, root: Path) -> str:
    """Of what is heard: of the file's bytes, or of the text. Args: root: of the project."""
    if prompt.say:
        return hashlib.sha256(prompt.text.encode()).hexdigest()[:16]
    try:
        return hashlib.sha256((root / prompt.file).read_bytes()).hexdigest()[:16]
    except OSError:
        return ""
