"""The sound files that a tenant names: there, readable, with something in them, and not endless."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from orchestrator.definitions.document import Document
from orchestrator.definitions.quoting import quoted
from orchestrator.definitions.shapes import path_text
from orchestrator.errors import SoundUnreadable
from orchestrator.model.problem import Problem
from orchestrator.model.prompt import Prompt
from orchestrator.model.sounds import YamlPath, music_of, prompts_of
from orchestrator.model.tenant import Tenant
from orchestrator.sound.wav import WavHeader, read_header

LONGEST_PROMPT_S = 600
"""Where the platform's own limit isn't known."""

_LONGEST_MUSIC_S = 3 * 3600
_SHORTEST_S = 0.1


def check_sounds(file: Document[Tenant], root: Path, limit_s: int) -> Iterator[Problem]:
    """Problems of one tenant's sound files. Args: root: of the project. limit_s: of a prompt."""
    for path, prompt in prompts_of(file.value):
        yield from _check(file, path, prompt, root, limit_s, "limits: longest_prompt_s of the platform")
    for path, prompt in music_of(file.value):
        yield from _check(file, path, prompt, root, _LONGEST_MUSIC_S, "shorter music comes round again")


def _check(
    file: Document[Tenant], path: YamlPath, prompt: Prompt, root: Path, limit_s: int, about: str
) -> Iterator[Problem]:
    if not prompt.file:
        return
    name = quoted(prompt.file)
    try:
        header = read_header(root / prompt.file)
    except SoundUnreadable as error:
        yield _problem(
            file, path, "sound-unreadable", f"{name} can't be played: {error.message}", "save it as WAV"
        )
        return
    except FileNotFoundError:
        yield _problem(file, path, "sound-missing", f"there is no file {name}", "put it there")
        return
    except OSError as error:
        told = f"{name} can't be read: {error.strerror or type(error).__name__}"
        yield _problem(file, path, "sound-unreadable", told, "it is a file that vpbx may read")
        return
    if header.seconds < _SHORTEST_S:
        told = "has no sound in it" if not header.samples else f"lasts {header.seconds * 1000:.0f} ms"
        yield _problem(file, path, "sound-empty", f"{name} {told}", "record it again")
    elif header.seconds > limit_s:
        message = f"{name} lasts {_length(header)}, more than {limit_s} s"
        yield _problem(file, path, "sound-long", message, f"cut it; {about}")


def _length(header: WavHeader) -> str:
    """
    >>> _length(WavHeader(1, False, 1, 8000, 16, 8000 * 3725))
    '1:02:05'
    """
    minutes, seconds = divmod(round(header.seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}"


def _problem(file: Document[Tenant], path: YamlPath, code: str, message: str, hint: str) -> Problem:
    return Problem(file.position(*path), path_text(path), code, message, hint)
