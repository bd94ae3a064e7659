"""What becomes a generation: a rendering, or an earlier generation again, against the one that is live.

Steps that calls may still be in are kept beside the new ones until the last call that began before them has
ended. Rule: docs/changes.md, "A change and the calls that are up".
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from types import MappingProxyType

from orchestrator.asterisk.generations import PROMPTS, Generation, Parcel
from orchestrator.asterisk.manifest import LivePart, Manifest, Origin, Retired
from orchestrator.model.prompt import Prompt
from orchestrator.planning.facts import Facts
from orchestrator.planning.services import Wish
from orchestrator.rendering.blocks import DOORS
from orchestrator.rendering.render import PLAIN, Rendered, dialplan_file, phones_file, steps_context

_BLOCKS = "dialplan/blocks/"
_BLOCK = re.compile(r"(?<![\w.-])vpbx-[a-z0-9-]+\.([0-9a-f]{8})(?![\w.-])")
"""A block's context, as `rendering.blocks` versions it."""


@dataclass(frozen=True, slots=True)
class Live:
    """What the node has now. Args: generation, manifest: None before the first apply.

    running: the switch runs, so a call may come at any moment. oldest_call_at: when the oldest channel that
    is up began; None: no call is up. altered: tenants whose files aren't what was written.
    """

    generation: Generation | None
    manifest: Manifest | None
    oldest_call_at: datetime | None = None
    altered: frozenset[str] = frozenset()
    running: bool = False

    @property
    def number(self) -> int:
        return 0 if self.generation is None else self.generation.number


@dataclass(frozen=True, slots=True)
class Sources:
    """Digests of what a rendering was made from.

    Args: shared: of what all share. tenants: of each tenant, with what all share. prompts: digest of each
    rendered tenant's sound files, by name on the switch.
    """

    shared: str
    tenants: Mapping[str, str]
    prompts: Mapping[str, Mapping[str, str]]


def facts_file(tenant: str) -> str:
    """Path of what a tenant is in service terms, below a generation's directory."""
    return f"facts/{tenant}.json"


def from_rendering(
    rendered: Rendered,
    sources: Sources,
    facts: Mapping[str, Facts],
    live: Live,
    number: int,
    origin: Origin,
    changes: Mapping[str, tuple[str, ...]],
    services: Mapping[str, Wish] = MappingProxyType({}),
    kept: Sequence[str] = (),
) -> Parcel:
    """A rendering as a generation.

    Args: facts: of each rendered tenant. changes, services: see `Manifest`. kept: tenants that stay as they
    are live, though nothing is rendered of them any more.
    """
    shared = {path: file_digest(file.text.encode()) for path, file in rendered.shared.items()}
    known = {} if live.manifest is None else live.manifest.tenants
    tenants: dict[str, LivePart] = {}
    linked: list[str] = []
    files: dict[str, tuple[bytes, int]] = {}
    prompts: dict[str, Prompt] = {}
    for name, part in rendered.tenants.items():
        if part is None:
            tenants[name] = known[name]
            linked += _files_of(name, known[name])
            continue
        told = _json(facts[name])
        tenants[name] = LivePart(
            part.digest, part.steps, sources.tenants[name], file_digest(told), sources.prompts[name]
        )
        files |= {path: (file.text.encode(), file.mode) for path, file in part.files.items()}
        files[facts_file(name)] = (told, PLAIN)
        prompts |= part.prompts
    for name in kept:
        tenants[name] = known[name]
        linked += _files_of(name, known[name])
    for path, file in rendered.shared.items():
        if _on_disk(live, path) == shared[path]:
            linked.append(path)
        else:
            files[path] = (file.text.encode(), file.mode)
    manifest = Manifest(
        number=number,
        base=live.number,
        origin=origin,
        source=sources.shared,
        shared=shared,
        blocks=rendered.blocks,
        trunks=rendered.trunks,
        marks=rendered.marks,
        tenants=dict(sorted(tenants.items())),
        changes=changes,
        services=_with_kept(services, kept, live),
        kept=tuple(kept),
    )
    return _retiring(Parcel(manifest, files, prompts, live.generation, linked), live)


def on_its_own(rendered: Rendered, number: int, origin: Origin) -> Parcel:
    """A rendering for a switch that has nothing yet, and lives no longer than a trial."""
    names = dict.fromkeys(rendered.tenants, "")
    sources = Sources("", names, {name: {} for name in names})
    facts: dict[str, Facts] = {name: {} for name in names}
    return from_rendering(rendered, sources, facts, Live(None, None), number, origin, {})


def from_generation(
    target: Generation,
    held: Manifest,
    live: Live,
    number: int,
    origin: Origin,
    changes: Mapping[str, tuple[str, ...]],
) -> Parcel:
    """An earlier generation again, as a new one.

    A tenant that came after it is disconnected. Args: target, held: the earlier one.
    """
    blocks = [old for old in held.retired if not old.tenant]
    needed = blocks_named(target.path, held.tenants) if blocks else ()
    retired = tuple(old for old in blocks if old.version in needed)
    known = {} if live.manifest is None else live.manifest.services
    later = dict.fromkeys(name for name in known if name not in held.tenants)
    manifest = replace(
        held,
        number=number,
        base=live.number,
        origin=origin,
        changes=changes,
        retired=retired,
        services={**later, **held.services},
        kept=(),
    )
    linked = [*held.shared, *(path for name, part in held.tenants.items() for path in _files_of(name, part))]
    linked += [old.file for old in retired]
    return _retiring(Parcel(manifest, {}, {}, target, linked), live)


def _retiring(parcel: Parcel, live: Live) -> Parcel:
    """The parcel with the steps and blocks that calls are in, or may come into before the doors swing.

    Besides, the blocks that a kept tenant's dialplan names: it isn't rendered anew when blocks change.
    """
    if live.manifest is None or live.generation is None:
        return parcel
    manifest, before, root = parcel.manifest, live.manifest, live.generation.path
    needed = blocks_named(root, manifest.kept)
    kept = list(manifest.retired)
    files = dict(parcel.files)
    there = {*files, *(old.file for old in kept)}
    for old in before.retired:
        since = _left_at(old, before, manifest)
        waited_for = live.running and live.oldest_call_at is not None and live.oldest_call_at < since
        named = not old.tenant and old.version in needed
        if (waited_for or named) and not _is_live(old, manifest) and old.file not in there:
            kept.append(replace(old, since=since))
            files[old.file] = ((root / old.file).read_bytes(), PLAIN)
    for old, paths, wanted in _replaced(before, manifest):
        named = not old.tenant and old.version in needed
        if old.file not in {*files, *there} and (live.running or named):
            texts = [(root / path).read_text("utf-8") for path in paths]
            kept.append(old)
            files[old.file] = ("".join(_sections(texts, wanted)).encode(), PLAIN)
    return replace(parcel, manifest=replace(manifest, retired=tuple(kept)), files=files)


def _on_disk(live: Live, path: str) -> str:
    """Digest of a file of the live generation as it is, whoever wrote it; empty when there is none."""
    return "" if live.generation is None else digest_on_disk(live.generation.path / path)


def _replaced(before: Manifest, after: Manifest) -> Iterator[tuple[Retired, Sequence[str], str]]:
    """What is live before and not after: with the files it is in, and how its contexts' names end."""
    since = after.origin.made_at
    if before.blocks != after.blocks:
        paths = [path for path in before.shared if path.startswith(_BLOCKS)]
        yield Retired("", before.blocks, since), paths, f".{before.blocks}"
    for name, part in before.tenants.items():
        if name not in after.tenants or after.tenants[name].steps != part.steps:
            context = steps_context(name, part.steps)
            yield Retired(name, part.steps, since), [dialplan_file(name)], context


def _left_at(old: Retired, before: Manifest, after: Manifest) -> datetime:
    """When no call came into retired steps any more.

    Those that the live generation retired could be entered until its doors swung, a moment after it was
    made: of them only the time of the next one is surely later.
    """
    return after.origin.made_at if old.since == before.origin.made_at else old.since


def blocks_named(root: Path, tenants: Iterable[str]) -> frozenset[str]:
    """Versions of the blocks that tenants' dialplan in a generation's directory goes to."""
    texts = ((root / dialplan_file(name)).read_text("utf-8") for name in tenants)
    return frozenset(version for text in texts for version in _BLOCK.findall(text))


def _with_kept(services: Mapping[str, Wish], kept: Iterable[str], live: Live) -> Mapping[str, Wish]:
    """What tenants are served with, those that stay as they are included."""
    known = {} if live.manifest is None else live.manifest.services
    return {**services, **{name: known[name] for name in kept if name in known}}


def _is_live(old: Retired, manifest: Manifest) -> bool:
    if not old.tenant:
        return old.version == manifest.blocks
    return old.tenant in manifest.tenants and manifest.tenants[old.tenant].steps == old.version


def _sections(texts: Sequence[str], ending: str) -> Iterator[str]:
    """Whole sections whose context's name ends so."""
    for text in texts:
        for section in re.split(r"^(?=\[)", text, flags=re.MULTILINE):
            name = section[1 : section.index("]")] if section.startswith("[") else ""
            if name.endswith(ending) and name not in DOORS:
                yield section


def _files_of(name: str, part: LivePart) -> list[str]:
    own = [dialplan_file(name), phones_file(name), facts_file(name)]
    return own + [f"{PROMPTS}/{prompt}" for prompt in part.prompts]


def _json(facts: Facts) -> bytes:
    return (json.dumps(facts, ensure_ascii=False, sort_keys=True, indent=1) + "\n").encode()


def file_digest(data: bytes) -> str:
    """What a manifest says of a file's content."""
    return hashlib.sha256(data).hexdigest()[:16]


def digest_on_disk(path: Path) -> str:
    """The same of a file as it is now; empty when it can't be read."""
    try:
        return file_digest(path.read_bytes())
    except OSError:
        return ""
