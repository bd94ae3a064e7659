"""Bring a rendered configuration into a running switch: stage, swap, reload what changed, ask for the result.

A reload that says success proves nothing, so the switch is asked object by object, by generation. When what
was wanted isn't there, the generation before goes back and is reloaded.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestrator.asterisk.control import AmiSwitch
from orchestrator.asterisk.generations import Generation, Generations, changed_files, contents
from orchestrator.asterisk.transports import only_by_restart, shown_certificate, wanted_certificate
from orchestrator.errors import ApplyFailed, NotFound, SwitchError
from orchestrator.project import SwitchPaths
from orchestrator.rendering.render import GENERATION_VARIABLE, Rendered, generation_global, mark_global

RELOADS: Sequence[tuple[str, str]] = (
    ("pjsip", "res_pjsip.so"),
    ("pjsip.conf", "res_pjsip_outbound_registration.so"),
    ("dialplan/", "pbx_config.so"),
    ("extensions.conf", "pbx_config.so"),
    ("manager.conf", "manager"),
    ("cel.conf", "cel"),
    ("cel_custom.conf", "cel_custom.so"),
    ("cdr.conf", "cdr"),
    ("cdr_custom.conf", "cdr_custom.so"),
    ("logger.conf", "logger"),
    ("features.conf", "features"),
    ("indications.conf", "indications"),
    ("rtp.conf", "res_rtp_asterisk.so"),
)
"""What is reloaded when a file whose path begins so has changed; in this order."""

RESTARTS = ("modules.conf", "pjproject.conf", "stasis.conf", "acl.conf", "ccss.conf", "udptl.conf")
"""Files that only a restart reads again."""

_TRANSPORTS = "pjsip.conf"
_CONFIRM_DEADLINE_S = 15.0
_POLL_S = 0.05


@dataclass(frozen=True, slots=True)
class Applied:
    """What an apply did.

    Args: generation: number now live. changed: files, against what the switch had. reloaded: modules.
    confirmed: tenants whose objects the switch was seen to have; None: the switch isn't running.
    restart_needed: changed files, and transports in `pjsip.conf`, that only a restart reads.
    """

    generation: int
    changed: tuple[str, ...]
    reloaded: tuple[str, ...]
    confirmed: tuple[str, ...] | None
    restart_needed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the switch is asked for.

    Args: tenants: digest by tenant. marks: digest by dialplan file that all share. endpoints: tenant by
    endpoint of its phones. trunks: digest by endpoint of a trunk. gone: endpoints that must not be there.
    tls: address of the TLS listener, and the fingerprint of the certificate that it must show; or empty.
    """

    tenants: Mapping[str, str]
    marks: Mapping[str, str]
    endpoints: Mapping[str, str]
    trunks: Mapping[str, str]
    gone: frozenset[str]
    tls: tuple[str, str] = ("", "")


async def apply(
    rendered: Rendered, paths: SwitchPaths, prompts_from: Path, switch: AmiSwitch | None
) -> Applied:
    """Make a rendered configuration the live one. The caller holds the apply lock.

    Args: switch: a session with the running switch; None: it isn't running and will read it at its start.
    Raises: ApplyFailed: it could not be staged, or the switch doesn't have what was wanted; either way
        the configuration before is live.
    """
    generations = Generations(paths)
    before, known = generations.live(), generations.running()
    staged = generations.stage(rendered, prompts_from)
    old, new = contents(before), contents(staged)
    if old == new and before is not None:
        generations.discard(staged)
        staged = before
    else:
        generations.swap(staged)
    running = contents(known.generation)
    changed = changed_files(running if switch is not None else old, new)
    needs_restart = _needs_restart(running, new, changed)
    if switch is None:
        return Applied(staged.number, changed, (), None, needs_restart)
    modules = modules_to_reload(changed)
    wanted = _wanted(rendered, running, new, changed if known.confirmed else tuple(new))
    try:
        await _reload(switch, modules)
        await _confirmed(switch, wanted)
    except SwitchError as error:
        await _back(generations, before, staged, switch, modules, error)
    generations.confirm(staged)
    return Applied(staged.number, changed, modules, tuple(sorted(wanted.tenants)), needs_restart)


def modules_to_reload(changed: Sequence[str]) -> tuple[str, ...]:
    """The modules whose input changed.

    >>> modules_to_reload(["dialplan/tenants/acme.conf", "rtp.conf"])
    ('pbx_config.so', 'res_rtp_asterisk.so')
    """
    modules = (module for prefix, module in RELOADS if any(path.startswith(prefix) for path in changed))
    return tuple(dict.fromkeys(modules))


def _needs_restart(
    running: Mapping[str, bytes], new: Mapping[str, bytes], changed: Sequence[str]
) -> tuple[str, ...]:
    """What only a restart brings to a switch that has read `running`."""
    if not running:
        return ()
    moved = only_by_restart(running[_TRANSPORTS].decode(), new[_TRANSPORTS].decode())
    return (
        *(path for path in changed if path in RESTARTS),
        *(f"{_TRANSPORTS} [{name}]" for name in moved),
    )


async def _reload(switch: AmiSwitch, modules: Sequence[str]) -> None:
    for module in modules:
        await switch.reload(module)


async def _back(
    generations: Generations,
    before: Generation | None,
    staged: Generation,
    switch: AmiSwitch,
    modules: Sequence[str],
    error: SwitchError,
) -> None:
    """Put the generation before back, reload it, and say so. Raises: ApplyFailed: always."""
    if before is None or before.number == staged.number:
        raise ApplyFailed(
            f"{error.message}; there is no earlier configuration to go back to", error.hint
        ) from error
    generations.swap(before)
    generations.discard(staged)
    try:
        await _reload(switch, modules)
    except SwitchError as second:
        raise ApplyFailed(
            f"{error.message}; generation {before.number} is back on disk, but the switch did not reload it: "
            f"{second.message}",
            "restart the switch: vpbx switch stop, vpbx switch start",
        ) from error
    raise ApplyFailed(f"{error.message}; generation {before.number} is back", error.hint) from error


def _wanted(
    rendered: Rendered, running: Mapping[str, bytes], new: Mapping[str, bytes], asked: Sequence[str]
) -> Wanted:
    """What must be confirmed. Args: asked: files whose objects are in question."""
    tenants = {
        tenant: digest
        for tenant, digest in rendered.tenants.items()
        if any(path.endswith(f"tenants/{tenant}.conf") for path in asked)
    }
    endpoints = {
        endpoint: tenant
        for tenant in tenants
        for endpoint in endpoint_ids(new[f"pjsip/tenants/{tenant}.conf"].decode())
    }
    trunks = dict.fromkeys(endpoint_ids(new["pjsip.conf"].decode()), rendered.trunks)
    marks = {path: digest for path, digest in rendered.marks.items() if path in asked}
    tls = wanted_certificate(new[_TRANSPORTS].decode()) if _TRANSPORTS in asked else ("", "")
    return Wanted(tenants, marks, endpoints, trunks, _endpoints(running) - _endpoints(new), tls)


def _endpoints(files: Mapping[str, bytes]) -> frozenset[str]:
    texts = (data.decode() for path, data in files.items() if path.startswith("pjsip"))
    return frozenset(name for text in texts for name in endpoint_ids(text))


def endpoint_ids(text: str) -> Iterator[str]:
    """Names of the endpoints in a pjsip configuration file.

    >>> list(endpoint_ids("[d1]\\ntype=endpoint\\n[d1]\\ntype=aor\\n"))
    ['d1']
    """
    section = ""
    for line in text.splitlines():
        if line.startswith("["):
            section = line[1 : line.index("]")]
        elif line == "type=endpoint":
            yield section


async def _confirmed(switch: AmiSwitch, wanted: Wanted) -> None:
    """Ask until everything wanted is there.

    Raises: ApplyFailed's cause, a SwitchError: what is missing at the deadline.
    """
    deadline = asyncio.get_running_loop().time() + _CONFIRM_DEADLINE_S
    while missing := await _missing(switch, wanted):
        if asyncio.get_running_loop().time() > deadline:
            raise NotLoaded(f"the switch did not take {missing}", "its log/messages says why")
        await asyncio.sleep(_POLL_S)


class NotLoaded(SwitchError):
    """The switch lacks an object, or has an old form of it."""

    code = "not-loaded"


async def _missing(switch: AmiSwitch, wanted: Wanted) -> str:
    """The first object that the switch lacks; empty when it has all."""
    for path, digest in wanted.marks.items():
        if await switch.global_variable(mark_global(path)) != digest:
            return f"the whole of {path}"
    for tenant, digest in wanted.tenants.items():
        if await switch.global_variable(generation_global(tenant)) != digest:
            return f"the dialplan of tenant {tenant}"
    for endpoint, tenant in wanted.endpoints.items():
        if await _form(switch, endpoint) != wanted.tenants[tenant]:
            return f"the new form of endpoint {endpoint} of tenant {tenant}"
    for trunk, digest in wanted.trunks.items():
        if await _form(switch, trunk) != digest:
            return f"the new form of endpoint {trunk}"
    for endpoint in sorted(wanted.gone):
        if await _form(switch, endpoint) is not None:
            return f"the removal of endpoint {endpoint}"
    address, fingerprint = wanted.tls
    if address and await shown_certificate(address) != fingerprint:
        return f"its certificate: the TLS listener at {address} does not show it"
    return ""


async def _form(switch: AmiSwitch, endpoint: str) -> str | None:
    """The digest that an endpoint carries; None: the switch has no such endpoint."""
    try:
        details = await switch.endpoint(endpoint)
    except NotFound:
        return None
    return details.variables.get(GENERATION_VARIABLE, "")
