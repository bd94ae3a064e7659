"""How much is kept of each tenant: by the index, and by what lies on disk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestrator.asterisk.generations import PROMPTS, Generations
from orchestrator.model.recording import Recording
from orchestrator.retention.places import Places
from orchestrator.storage.copies import CopyIndex
from orchestrator.storage.purge import TenantData
from orchestrator.storage.recordings import RecordingIndex
from orchestrator.storage.store import SqlStore

_KEPT = ("complete", "short")


@dataclass(frozen=True, slots=True)
class Amount:
    number: int = 0
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of a tenant.

    Args: recordings: as indexed. here, away: of these, in the recordings directory, and in a store alone.
    messages: in mailboxes. prompts: of the live generations. calls: rows of legs, inbound calls and rung
    phones. ledger: entries, which stay for good. differences: between the index and the files, in words.
    """

    tenant: str
    recordings: Amount
    here: Amount
    away: Amount
    messages: Amount
    prompts: Amount
    calls: int
    ledger: int
    differences: tuple[str, ...] = ()


def kept_of(store: SqlStore, places: Places, tenant: str) -> Kept:
    """Everything that is kept of a tenant; the files are counted, not read."""
    rows = TenantData(store.database).kept_of(tenant)
    indexed = [item for item in RecordingIndex(store.database).find(tenant) if item.state in _KEPT]
    files = _files(places.recordings / tenant)
    copies = CopyIndex(store.database).of(indexed)
    away = {key for key, copy in copies.items() if copy.state in ("kept", "away")}
    gone = [item for item in indexed if places.recordings / item.file not in files]
    elsewhere = [item for item in gone if (item.systemname, item.uniqueid) in away]
    messages = [kept for spool in places.spools for kept in spool.messages(tenant)]
    return Kept(
        tenant=tenant,
        recordings=_indexed(indexed),
        here=Amount(len(files), sum(files.values())),
        away=_indexed(elsewhere),
        messages=Amount(
            len(messages), sum(_size(path) for kept in messages for path in (kept.sound, kept.text))
        ),
        prompts=_prompts(places, tenant),
        calls=rows["calls"] + rows["inbound calls"] + rows["rung phones"],
        ledger=rows["ledger entries"],
        differences=tuple(_differences(indexed, files, places.recordings, {item.file for item in elsewhere})),
    )


def _indexed(items: Sequence[Recording]) -> Amount:
    return Amount(len(items), sum(item.bytes or 0 for item in items))


def _files(directory: Path) -> dict[Path, int]:
    return {path: _size(path) for path in directory.rglob("*") if path.is_file()}


def _differences(
    indexed: Sequence[Recording], files: Mapping[Path, int], top: Path, elsewhere: set[str]
) -> list[str]:
    known = {top / item.file: item for item in indexed}
    unknown = [path for path in files if path not in known]
    lost = [item for path, item in known.items() if path not in files and item.file not in elsewhere]
    other = [path for path, size in files.items() if path in known and known[path].bytes != size]
    told = {
        f"{len(unknown)} file(s) that the index doesn't have, the first {_first(unknown, top)}": unknown,
        f"{len(lost)} recording(s) whose file is gone, the first {lost[0].file if lost else ''}": lost,
        f"{len(other)} file(s) of another size than indexed, the first {_first(other, top)}": other,
    }
    return [text for text, found in told.items() if found]


def _first(paths: Sequence[Path], top: Path) -> str:
    return str(min(paths).relative_to(top)) if paths else ""


def _prompts(places: Places, tenant: str) -> Amount:
    number = size = 0
    for paths in places.switches:
        generations = Generations(paths)
        live = generations.live()
        manifest = generations.manifest(live)
        if live is not None and manifest is not None and tenant in manifest.tenants:
            names = manifest.tenants[tenant].prompts
            number += len(names)
            size += sum(_size(live.path / PROMPTS / name) for name in names)
    return Amount(number, size)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
