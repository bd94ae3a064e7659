"""Generations of a switch's configuration on disk: staged beside the live one, swapped in by one rename."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from orchestrator.asterisk.manifest import MANIFEST, Manifest, read_manifest, write_manifest
from orchestrator.durable import replace_file, sync_directory, write_synced
from orchestrator.errors import ApplyFailed
from orchestrator.model.prompt import Prompt
from orchestrator.project import SwitchPaths
from orchestrator.sound.playable import playable

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


@dataclass(frozen=True, slots=True)
class Parcel:
    """A generation to be written.

    Args: files: content and mode by path. prompts: what callers hear, by name on the switch. linked: paths
    that are the same as in `base`. anew: it is written even when it is the same as what is live.
    """

    manifest: Manifest
    files: Mapping[str, tuple[bytes, int]]
    prompts: Mapping[str, Prompt]
    base: Generation | None = None
    linked: Sequence[str] = ()
    anew: bool = False


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

    def manifest(self, generation: Generation | None) -> Manifest | None:
        """What a generation holds; None for none. Raises: ApplyFailed: its manifest is damaged."""
        return None if generation is None else read_manifest(generation.path)

    def next_number(self) -> int:
        live = self.live()
        known = [*self.all(), *([live] if live else [])]
        return max((kept.number for kept in known), default=0) + 1

    def stage(self, parcel: Parcel, prompts_from: Path) -> Generation:
        """Write a new generation whole, on disk and synced, without touching the live one.

        What is the same as in the generation it is based on is linked, not written: a thousand tenants cost
        a thousand links.

        Args: prompts_from: directory that the prompts' paths are relative to.
        Raises: ApplyFailed: the disk refuses, or a prompt can't be made into what the switch plays.
        """
        number = parcel.manifest.number
        staging = self._paths.generations / f"{number}{_STAGING}"
        try:
            self._paths.generations.mkdir(parents=True, exist_ok=True, mode=_DIRECTORY_MODE)
            for left in self._paths.generations.glob(f"*{_STAGING}"):
                shutil.rmtree(left)
            for name, (data, mode) in parcel.files.items():
                _write(staging / name, data, mode)
            (staging / PROMPTS).mkdir(parents=True, mode=_DIRECTORY_MODE, exist_ok=True)
            for name, source in parcel.prompts.items():
                _write(staging / PROMPTS / name, playable(source, prompts_from), 0o640)
            self._link(parcel, staging)
            _write(staging / MANIFEST, write_manifest(parcel.manifest).encode(), 0o640)
            for directory, _, _ in os.walk(staging):
                sync_directory(Path(directory))
            path = self._paths.generations / str(number)
            staging.rename(path)
            sync_directory(self._paths.generations)
        except ApplyFailed:
            shutil.rmtree(staging, ignore_errors=True)
            raise
        except OSError as error:
            shutil.rmtree(staging, ignore_errors=True)
            raise ApplyFailed(
                f"can't stage the configuration: {error}", "the running switch was not touched"
            ) from error
        return Generation(number, path)

    @staticmethod
    def _link(parcel: Parcel, staging: Path) -> None:
        made: set[str] = set()
        written = {*parcel.files, *(f"{PROMPTS}/{name}" for name in parcel.prompts)}
        for name in dict.fromkeys(parcel.linked):
            directory = name.rpartition("/")[0]
            if directory not in made:
                (staging / directory).mkdir(parents=True, exist_ok=True, mode=_DIRECTORY_MODE)
                made.add(directory)
            assert parcel.base is not None
            if name not in written:
                os.link(f"{parcel.base.path}/{name}", f"{staging}/{name}")

    def discard(self, generation: Generation) -> None:
        """Remove a staged generation that never went live."""
        shutil.rmtree(generation.path, ignore_errors=True)

    def swap(self, generation: Generation) -> None:
        """Make it the live one: readers see the old or the new directory, never a mixture.

        Raises: ApplyFailed: the disk refuses; the one before is live.
        """
        if self.live() == generation:
            return
        link = self._paths.etc.with_name(f".{self._paths.etc.name}.new")
        with self._on_disk(f"make generation {generation.number} live"):
            link.unlink(missing_ok=True)
            link.symlink_to(generation.path.relative_to(self._paths.root))
            link.rename(self._paths.etc)
            sync_directory(self._paths.root)

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

    def forget_running(self) -> None:
        """What the switch has isn't trusted any more: the next apply has it read and asked for anew."""
        (self._paths.root / _RUNNING).unlink(missing_ok=True)

    def confirm(self, generation: Generation) -> None:
        """Note that the switch was seen to have it whole."""
        self._note(Running(generation, True))

    def forget_oldest(self) -> None:
        """Drop the oldest beyond `KEPT`; never the live one, nor what the switch runs."""
        live, running = self.live(), self.running().generation
        needed = {kept.number for kept in (live, running) if kept is not None}
        for old in self.all()[:-KEPT]:
            if old.number not in needed:
                self.discard(old)

    def numbered(self, number: int) -> Generation | None:
        """A kept generation by its number."""
        return next((kept for kept in self.all() if kept.number == number), None)

    def _note(self, running: Running) -> None:
        assert running.generation is not None
        text = json.dumps({"generation": running.generation.number, "confirmed": running.confirmed})
        with self._on_disk("note what the switch read"):
            replace_file(self._paths.root / _RUNNING, text.encode(), 0o640)

    @contextmanager
    def _on_disk(self, what: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise ApplyFailed(
                f"can't {what}: {error.strerror}", f"check space and rights in {self._paths.root}"
            ) from error


def _write(path: Path, data: bytes, mode: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=_DIRECTORY_MODE)
    write_synced(path, data, mode)
