"""A text spoken by espeak-ng."""

from __future__ import annotations

import hashlib
import subprocess
import tempfile
from pathlib import Path

from orchestrator.cache_file import read_cache, write_cache
from orchestrator.errors import SpeechFailed
from orchestrator.sound.convert import converted

_SPEAKER = "espeak-ng"
_WORDS_PER_MINUTE = 150
_DEADLINE_S = 60.0
_MAGIC = b"vpbx speech 1\n"


def spoken(say: str, language: str, cache: Path) -> bytes:
    """A text as a WAV file that the switch plays.

    Args: language: `ru` or `en`. cache: directory in which what was spoken once is kept.
    Raises: SpeechFailed: espeak-ng isn't there, or fails.
    """
    digest = speech_digest(say, language)
    kept, head = cache / f"said-{digest}", _MAGIC + digest.encode()
    found = read_cache(kept, head)
    if found is None:
        found = _speak(say, language)
        write_cache(kept, head, found)
    return found


def speech_digest(say: str, language: str) -> str:
    """What tells spoken texts apart."""
    return hashlib.sha256(f"{language}\0{say}".encode()).hexdigest()[:16]


def _speak(say: str, language: str) -> bytes:
    with tempfile.TemporaryDirectory(prefix="vpbx-said-") as folder:
        file = Path(folder) / "said.wav"
        # The text goes by stdin: in an argument it could be taken for an option, and others could read it.
        command = [
            _SPEAKER,
            "-b",
            "1",
            "-v",
            language,
            "-s",
            str(_WORDS_PER_MINUTE),
            "-w",
            str(file),
            "--stdin",
        ]
        try:
            subprocess.run(command, input=say.encode(), capture_output=True, timeout=_DEADLINE_S, check=True)
        except FileNotFoundError:
            hint = "apt install espeak-ng, or name a sound file"
            raise SpeechFailed(
                f"{_SPEAKER}, which speaks {say[:40]!r}, isn't on this machine", hint
            ) from None
        except subprocess.TimeoutExpired:
            message = f"{_SPEAKER} did not end within {_DEADLINE_S:g} s"
            raise SpeechFailed(message, "shorten the text, or try again") from None
        except subprocess.CalledProcessError as error:
            told = error.stderr.decode(errors="replace").strip() or f"exit code {error.returncode}"
            raise SpeechFailed(f"{_SPEAKER} failed on {say[:40]!r}: {told}", "name a sound file") from error
        return converted(file)
