"""One node's definitions against what is deployed there: the candidate, the plan, and what becomes live.

Only tenants whose input has changed since the live generation are rendered: each part is made of the
tenant's file, its phones' secrets, and what all tenants share, and of nothing else.
"""

from __future__ import annotations

import getpass
import hashlib
import json
import os
import subprocess
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import orchestrator
from orchestrator.asterisk.control import AmiSwitch
from orchestrator.asterisk.difference import Difference, difference
from orchestrator.asterisk.generations import Generation, Generations, Parcel
from orchestrator.asterisk.manifest import Manifest, Origin
from orchestrator.asterisk.parcel import (
    Live,
    Sources,
    facts_file,
    file_digest,
    from_rendering,
)
from orchestrator.asterisk.phones import PhoneRows, phones_of
from orchestrator.compiled_templates import CompiledTemplates
from orchestrator.drift import altered_tenants
from orchestrator.model.platform import Definitions, Node
from orchestrator.model.sounds import music_of, prompts_of
from orchestrator.planning.absent import kept_tenants, refuse_claimed
from orchestrator.planning.changes import TenantChange, tenant_change
from orchestrator.planning.facts import Facts, facts_of
from orchestrator.planning.plan import Plan
from orchestrator.planning.services import Wish, wanted_service
from orchestrator.project import Project
from orchestrator.rendering.render import (
    Rendered,
    SwitchSecrets,
    node_tenants,
    phones_file,
    render,
)
from orchestrator.rendering.sources import share_directory
from orchestrator.sound.playable import sound_digest

_CODE = ("model", "routing", "rendering", "planning", "sound")
_GIT_DEADLINE_S = 5


@dataclass(frozen=True, slots=True)
class Candidate:
    """What the definitions say a node should have.

    Args: facts: of each rendered tenant. wanted: digest of everything that it was made from. services: what
    each tenant is to be served with. kept: tenants that stay as they are, as their files are gone.
    """

    rendered: Rendered
    sources: Sources
    facts: Mapping[str, Facts]
    wanted: str
    services: Mapping[str, Wish]
    kept: tuple[str, ...]


async def look(project: Project, node: Node, switch: AmiSwitch | None) -> Live:
    """What is deployed on a node now. Args: switch: a session with it; None: it isn't running."""
    generations = Generations(project.switch(node.name))
    live = generations.live()
    channels = () if switch is None else await switch.channels()
    begun = [channel.created_at for channel in channels if channel.created_at is not None]
    manifest = generations.manifest(live)
    oldest = min(begun, default=None)
    return Live(live, manifest, oldest, altered_tenants(live, manifest), running=switch is not None)


def candidate(
    project: Project,
    definitions: Definitions,
    node: Node,
    secrets: SwitchSecrets,
    live: Live,
    disconnect: Collection[str] = (),
) -> Candidate:
    """Render what isn't the same as in the live generation.

    Args: disconnect: tenants without a file that are to go.
    Raises: RenderFailed. DisconnectRefused: one of `disconnect` may not go. NumberKept: a file claims a
        number of a tenant that stays though its file is gone.
    """
    held = {} if live.manifest is None else live.manifest.tenants
    absent = kept_tenants(held, definitions, disconnect)
    refuse_claimed({name: kept_facts(live.generation, name) for name in absent}, definitions)
    paths = project.switch(node.name)
    sources = _sources(project, definitions, node, secrets)
    kept = {name for name, source in sources.items() if name in held and held[name].source == source}
    kept -= live.altered
    compiled = CompiledTemplates(project.cache)
    rendered = render(
        *(definitions, node, secrets, share_directory(), str(paths.phones), kept, compiled.environment()),
        portability=str(project.portability),
    )
    compiled.save()
    prompts = {
        name: {each: sound_digest(prompt, project.root) for each, prompt in part.prompts.items()}
        for name, part in rendered.parts.items()
    }
    facts = {name: facts_of(definitions, definitions.tenants[name]) for name in rendered.parts}
    shared = {path: file.text for path, file in rendered.shared.items()}
    made_from = file_digest(json.dumps([sources, shared], sort_keys=True).encode())
    services = services_wanted(definitions, node, disconnect)
    gone = [name for name, service in services.items() if service is None]
    wanted = file_digest(json.dumps([made_from, absent, gone]).encode())
    return Candidate(rendered, Sources(made_from, sources, prompts), facts, wanted, services, absent)


def services_wanted(definitions: Definitions, node: Node, disconnect: Iterable[str]) -> Mapping[str, Wish]:
    """What a node's tenants are to be served with. Args: disconnect: those without a file that go."""
    here = {
        name: wanted_service(tenant)
        for name, tenant in definitions.tenants.items()
        if tenant.node == node.name
    }
    return dict(sorted({**dict.fromkeys(disconnect), **here}.items()))


def parcel_of(
    found: Candidate, live: Live, number: int, origin: Origin, changes: Mapping[str, tuple[str, ...]]
) -> Parcel:
    """The candidate as the next generation. Args: changes: see `Manifest`."""
    return from_rendering(
        found.rendered,
        found.sources,
        found.facts,
        live,
        number,
        origin,
        changes,
        found.services,
        found.kept,
    )


def plan_of(
    project: Project, node: Node, found: Candidate, live: Live, drift: tuple[str, ...], running: bool
) -> Plan:
    """What an apply of the candidate would do."""
    paths = project.switch(node.name)
    parcel = parcel_of(found, live, live.number + 1, Origin(datetime.now(UTC), "", ""), {})
    change = difference(live.manifest, parcel.manifest)
    changed = changed_tenants(live, parcel.manifest, found.facts.get)
    restarts: tuple[str, ...] = ()
    if running and live.generation is not None and live.manifest is not None:
        restarts = change.restarts(live.generation, found.rendered.shared["pjsip.conf"].text)
    return Plan(
        node=node.name,
        base=live.number,
        wanted=found.wanted,
        tenants=changed,
        platform=change.shared,
        files=change.files,
        phones=_phones(paths.phones, found.rendered, change),
        reloads=change.reloads if running else (),
        restarts=restarts,
        spliced=change.spliced and bool(change.steps or change.gone) and running,
        drift=drift,
        running=running,
        kept=found.kept,
    )


def origin_of(project: Project, why: str) -> Origin:
    """Who acts now, and at which commit of the project's repository."""
    return Origin(datetime.now(UTC), who_acts(), why, _commit(project.root))


def who_acts() -> str:
    """The user who acts now, and who is behind `sudo`."""
    user = getpass.getuser()
    behind = os.environ.get("SUDO_USER", "")
    return f"{behind} as {user}" if behind else user


def changed_tenants(
    live: Live, after: Manifest, facts: Callable[[str], Facts | None]
) -> tuple[TenantChange, ...]:
    """How tenants change from what is live. Args: facts: of a tenant of `after`."""
    before = {} if live.manifest is None else live.manifest.tenants
    changes = []
    for name in sorted({*before, *after.tenants}):
        if name in before and name in after.tenants and before[name].content == after.tenants[name].content:
            continue
        old = kept_facts(live.generation, name) if name in before else None
        new = facts(name) if name in after.tenants else None
        changes.append(tenant_change(name, old, new))
    return tuple(changes)


def kept_facts(generation: Generation | None, name: str) -> Facts:
    """What a tenant was in a generation, in service terms."""
    if generation is None:
        return {}
    told: Facts = json.loads((generation.path / facts_file(name)).read_text("utf-8"))
    return told


def _phones(database: Path, rendered: Rendered, change: Difference) -> tuple[int, int, int]:
    have = PhoneRows(database).marks()
    touched = {*change.tenants, *change.gone}
    want = {
        phone.endpoint: phone
        for name, part in rendered.parts.items()
        if name in touched
        for phone in phones_of(name, part.files[phones_file(name)].text)
    }
    new = [phone for phone in want if phone not in have]
    other = [name for name, phone in want.items() if name in have and have[name][1] != phone.mark]
    gone = [name for name, (tenant, _) in have.items() if tenant in touched and name not in want]
    return len(new), len(other), len(gone)


def _sources(
    project: Project, definitions: Definitions, node: Node, secrets: SwitchSecrets
) -> dict[str, str]:
    """Digest of everything that each tenant's part is made from."""
    shared = hashlib.sha256()
    for path in [project.root / "platform.yaml", *sorted((project.root / "tariffs").glob("*.yaml"))]:
        shared.update(path.read_bytes())
    for path in _code():
        shared.update(path.read_bytes())
    shared.update(str(project.switch(node.name).phones).encode())
    common = shared.digest()
    devices: dict[str, list[str]] = {}
    for (name, extension, device), credential in sorted(secrets.devices.items()):
        devices.setdefault(name, []).append(
            f"{extension}\0{device}\0{credential.endpoint}\0{credential.secret}"
        )
    found = {}
    for tenant in node_tenants(definitions, node):
        digest = hashlib.sha256(common)
        with open(f"{project.root}/tenants/{tenant.name}.yaml", "rb") as file:  # noqa: PTH123 - as below
            digest.update(file.read())
        digest.update("\0".join(devices.get(tenant.name, [])).encode())
        for _, prompt in (*prompts_of(tenant), *music_of(tenant)):
            digest.update(sound_digest(prompt, project.root).encode())
        found[tenant.name] = digest.hexdigest()[:16]
    return found


def _code() -> Iterator[Path]:
    """What a rendering is made with, besides the definitions."""
    share, package = share_directory(), Path(orchestrator.__file__).parent
    yield from sorted((share / "templates" / "asterisk").rglob("*.j2"))
    yield from sorted((share / "dialplans" / "asterisk").glob("*.conf"))
    for name in _CODE:
        yield from sorted((package / name).glob("*.py"))


def _commit(root: Path) -> str:
    """The commit of the project's repository; empty where there is none."""
    try:
        told = subprocess.run(
            ["git", "-C", str(root), "describe", "--always", "--dirty=+", "--exclude", "*"],
            capture_output=True,
            text=True,
            timeout=_GIT_DEADLINE_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return told.stdout.strip() if told.returncode == 0 else ""
