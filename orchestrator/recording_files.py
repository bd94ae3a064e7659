"""Where the sound of a recording is: here, or in a store that it is fetched from when somebody asks."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal

from orchestrator.candidate import store_keys
from orchestrator.errors import OrchestratorError
from orchestrator.model.call import Systemname
from orchestrator.model.platform import Platform, RecordingStore
from orchestrator.model.recording import Recording
from orchestrator.model.recording_copy import RecordingCopy
from orchestrator.object_store import ObjectStore, StoreUnavailable
from orchestrator.project import Project
from orchestrator.recordings import fault_of
from orchestrator.storage.copies import CopyIndex

_BLOCK = 1 << 20

Place = Literal["here", "both", "away", "nowhere"]


class RecordingDamaged(OrchestratorError):
    """A recording is gone, or isn't what was recorded."""

    code = "recording-damaged"


class Stores:
    """The stores of a project's recordings. Fulfils `courier.Depot`. Args: platform: asked at each use."""

    def __init__(self, project: Project, platform: Callable[[], Platform]) -> None:
        self._project = project
        self._platform = platform

    def wanted(self) -> RecordingStore | None:
        """Where recordings are to be sent; None: nowhere."""
        return self._platform().storage.store

    def open(self, url: str) -> ObjectStore:
        """A store by the URL that a copy was noted with. Raises: StoreUnavailable, WrittenSecretMissing."""
        store = self._platform().storage.store
        if store is None:
            raise StoreUnavailable(
                f"recordings lie in {url}, and platform.yaml says nothing of a store",
                "storage.recordings: its credentials are needed as long as anything lies there",
            )
        return ObjectStore(url, store_keys(self._project, store))


class RecordingFiles:
    """The sound of some recordings. Args: directory: of recordings."""

    def __init__(
        self,
        directory: Path,
        index: CopyIndex,
        stores: Stores,
        items: Sequence[Recording],
    ) -> None:
        self._directory = directory
        self._stores = stores
        self._copies: dict[tuple[Systemname, str], RecordingCopy] = index.of(items)

    def copy(self, item: Recording) -> RecordingCopy | None:
        """A recording's verified copy in a store."""
        found = self._copies.get((item.systemname, item.uniqueid))
        return found if found is not None and found.state in ("kept", "away") else None

    def place(self, item: Recording) -> Place:
        """Where the sound is."""
        here, away = (self._directory / item.file).is_file(), self.copy(item) is not None
        if here:
            return "both" if away else "here"
        return "away" if away else "nowhere"

    def fault(self, item: Recording) -> str:
        """What is wrong with a kept recording, wherever it lies; empty: nothing.

        Raises: StoreUnavailable: nobody can say.
        """
        copy = self.copy(item)
        if self.place(item) == "away" and copy is not None:
            differs = self._stores.open(copy.store).compare(copy.object, item.bytes or 0, item.sha256 or "")
            return f"in the store {differs}" if differs else ""
        return fault_of(item, self._directory)

    def fetch(self, item: Recording, out: Path) -> None:
        """Write the sound to a file, whole and checked, or not at all.

        Raises: RecordingDamaged, StoreUnavailable. OSError: the file can't be written.
        """
        partial = out.with_name(f".{out.name}.partial")
        try:
            self._write(item, partial)
            partial.replace(out)
        except BaseException:
            with suppress(OSError):
                partial.unlink()
            raise

    def _write(self, item: Recording, out: Path) -> None:
        digest = hashlib.sha256()
        copy = self.copy(item)
        if self.place(item) == "away" and copy is not None:
            blocks = self._stores.open(copy.store).blocks(copy.object, item.bytes or 0)
        else:
            fault = fault_of(item, self._directory)
            if fault:
                raise RecordingDamaged(f"{item.file}: {fault}", "restore it from a backup")
            blocks = _blocks(self._directory / item.file)
        with out.open("wb") as file:
            for block in blocks:
                digest.update(block)
                file.write(block)
        if digest.hexdigest() != item.sha256:
            raise RecordingDamaged(f"{item.file}: the content has changed", "restore it from a backup")


def _blocks(file: Path) -> Iterator[bytes]:
    with file.open("rb") as opened:
        while block := opened.read(_BLOCK):
            yield block
