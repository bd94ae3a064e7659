"""Generations of a switch's configuration on disk: staged beside the live one, swapped in by one rename."""

from __future__ import annotations

import json
import os
import shutil
import wave
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from orchestrator.errors import ApplyFailed
from orchestrator.project import SwitchPaths
from orchestrator.rendering.render import Rendered

KEPT = 10
PROMPTS = "prompts"
_STAGING = ".staging"
_RUNNING = "running.json"
_DIRECTORY_MODE = 0o750


@dataclass(frozen=True, slots=True)
class Generation:
    """Args: number: grows by one with each. path: its directory."""

    number: int
    path: Path


@dataclass(frozen=True, slots=True)
class Running:
    """What the switch read last. Args: confirmed: it was asked for every object, and had them."""

    generation: Generation | None
    confirmed: bool


class Generations:
    """All generations of one node. Only who holds the apply lock may stage or swap."""

    def __init__(self, paths: SwitchPaths) -> None:
        self._paths = paths

    def live(self) -> Generation | None:
        """The one that the switch reads at its next start or reload. Raises: ApplyFailed: it is no link."""
        try:
            name = self._paths.etc.readlink()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise ApplyFailed(
                f"{self._paths.etc}: {error.strerror}; it should be a link that vpbx made", "move it away"
            ) from error
        number = int(name.name)
        return Generation(number, self._paths.generations / str(number))

    def all(self) -> list[Generation]:
        """Every kept generation, oldest first."""
        if not self._paths.generations.is_dir():
            return []
        numbers = sorted(int(path.name) for path in self._paths.generations.iterdir() if path.name.isdigit())
        return [Generation(number, self._paths.generations / str(number)) for number in numbers]

    def stage(self, rendered: Rendered, prompts_from: Path) -> Generation:
        """Write a new generation whole, on disk and synced, without touching the live one.

        Args: prompts_from: directory that the prompts' paths are relative to.
        Raises: ApplyFailed: the disk refuses, or a prompt isn't a sound file that the switch plays.
        """
        live = self.live()
        known = [*self.all(), *([live] if live else [])]
        number = max((kept.number for kept in known), default=0) + 1
        staging = self._paths.generations / f"{number}{_STAGING}"
        try:
            self._paths.generations.mkdir(parents=True, exist_ok=True, mode=_DIRECTORY_MODE)
            for left in self._paths.generations.glob(f"*{_STAGING}"):
                shutil.rmtree(left)
            for name, file in rendered.files.items():
                _write(staging / name, file.text.encode(), file.mode)
            (staging / PROMPTS).mkdir(parents=True, mode=_DIRECTORY_MODE)
            for name, source in rendered.prompts.items():
                _write(staging / PROMPTS / name, _playable(prompts_from / source), 0o640)
            _sync_directory(staging)
            path = self._paths.generations / str(number)
            staging.rename(path)
            _sync_directory(self._paths.generations)
        except ApplyFailed:
            shutil.rmtree(staging, ignore_errors=True)
            raise
        except OSError as error:
            shutil.rmtree(staging, ignore_errors=True)
            raise ApplyFailed(
                f"can't stage the configuration: {error}", "the running switch was not touched"
            ) from error
        return Generation(number, path)

    def discard(self, generation: Generation) -> None:
        """Remove a staged generation that never went live."""
        shutil.rmtree(generation.path, ignore_errors=True)

    def swap(self, generation: Generation) -> None:
        """Make it the live one: readers see the old or the new directory, never a mixture."""
        link = self._paths.etc.with_name(f".{self._paths.etc.name}.new")
        link.unlink(missing_ok=True)
        link.symlink_to(generation.path.relative_to(self._paths.root))
        link.rename(self._paths.etc)
        _sync_directory(self._paths.root)

    def unswap(self, generation: Generation | None) -> None:
        """Back to the one before; None: there was none."""
        if generation is None:
            self._paths.etc.unlink(missing_ok=True)
        else:
            self.swap(generation)

    def running(self) -> Running:
        """What the running switch is known to have read."""
        try:
            noted = json.loads((self._paths.root / _RUNNING).read_text())
            number, confirmed = int(noted["generation"]), noted["confirmed"] is True
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return Running(None, False)
        path = self._paths.generations / str(number)
        return Running(Generation(number, path), confirmed) if path.is_dir() else Running(None, False)

    def started(self) -> None:
        """Note that the switch read the live one at its start; nobody has asked it yet what it took."""
        live = self.live()
        if live is not None:
            self._note(Running(live, False))

    def confirm(self, generation: Generation) -> None:
        """Note that the switch was seen to have it whole, and drop the oldest beyond `KEPT`."""
        self._note(Running(generation, True))
        for old in self.all()[:-KEPT]:
            if old.number != generation.number:
                self.discard(old)

    def _note(self, running: Running) -> None:
        assert running.generation is not None
        text = json.dumps({"generation": running.generation.number, "confirmed": running.confirmed})
        _write(self._paths.root / f".{_RUNNING}", text.encode(), 0o640)
        (self._paths.root / f".{_RUNNING}").rename(self._paths.root / _RUNNING)


def contents(generation: Generation | None) -> dict[str, bytes]:
    """Every file of a generation by its path; nothing for None."""
    if generation is None:
        return {}
    return {str(path.relative_to(generation.path)): path.read_bytes() for path in _files(generation.path)}


def changed_files(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> tuple[str, ...]:
    """Paths that were added, removed or have another content, sorted."""
    return tuple(sorted(path for path in {*before, *after} if before.get(path) != after.get(path)))


def _files(directory: Path) -> Iterator[Path]:
    return (path for path in sorted(directory.rglob("*")) if path.is_file())


def _write(path: Path, data: bytes, mode: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=_DIRECTORY_MODE)
    handle = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, mode)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _playable(source: Path) -> bytes:
    """A prompt's bytes. Raises: ApplyFailed: not WAV of one channel, 16 bit, 8 or 16 kHz."""
    data = source.read_bytes()
    try:
        with wave.open(str(source)) as sound:
            form = (sound.getnchannels(), sound.getsampwidth(), sound.getframerate())
            empty = sound.getnframes() == 0
    except (wave.Error, EOFError) as error:
        raise ApplyFailed(
            f"{source}: not a WAV file ({str(error) or 'cut off'})", "save it as 16 bit mono, 8000 Hz"
        ) from error
    if form not in ((1, 2, 8000), (1, 2, 16000)) or empty:
        raise ApplyFailed(
            f"{source}: {form[0]} channel(s), {8 * form[1]} bit, {form[2]} Hz{', empty' if empty else ''}",
            "save it as 16 bit mono, 8000 or 16000 Hz",
        )
    return data


def _sync_directory(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
