"""Definitions as the configuration of one node's Asterisk."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import jinja2

from orchestrator.errors import RenderFailed
from orchestrator.model.credential import DeviceCredential
from orchestrator.model.credit import whole_slice_s
from orchestrator.model.platform import ANY_HOST, Definitions, Node, Trunk
from orchestrator.model.prompt import Prompt
from orchestrator.model.sounds import music_of, prompts_of
from orchestrator.model.tenant import Tenant
from orchestrator.rendering.blocks import Blocks
from orchestrator.rendering.filters import FILTERS, finalize, music, prompt_name
from orchestrator.rendering.numbering import numbering_patterns
from orchestrator.rendering.trunk_limits import trunk_limits
from orchestrator.routing.compile import compile_tenant, end_of
from orchestrator.routing.days_off import days_off
from orchestrator.routing.graph import BESIDE, DeviceRef, Graph, Ring, Step
from orchestrator.routing.least_cost import cost_rows, costs_context

PRIVATE, PLAIN = 0o600, 0o640
GENERATION_VARIABLE = "VPBX_GENERATION"
PHONES_DATABASE = "/var/lib/vpbx/phones.sqlite3"
PORTABILITY_DATABASE = "/var/lib/vpbx/portability.sqlite3"
DeviceKey = tuple[str, str, str]
"""Tenant, extension, device."""

MailboxKey = tuple[str, str]
"""Tenant, name of the mailbox."""

_PLATFORM_FILES = {
    "acl.conf": PLAIN,
    "ccss.conf": PLAIN,
    "cdr.conf": PLAIN,
    "cdr_custom.conf": PLAIN,
    "cel.conf": PLAIN,
    "cel_custom.conf": PLAIN,
    "dialplan/costs.conf": PLAIN,
    "dialplan/days-off.conf": PLAIN,
    "dialplan/platform.conf": PLAIN,
    "dialplan/trunks.conf": PLAIN,
    "extconfig.conf": PLAIN,
    "extensions.conf": PLAIN,
    "features.conf": PLAIN,
    "indications.conf": PLAIN,
    "logger.conf": PLAIN,
    "manager.conf": PRIVATE,
    "modules.conf": PLAIN,
    "musiconhold.conf": PLAIN,
    "pjproject.conf": PLAIN,
    "pjsip.conf": PRIVATE,
    "pjsip_notify.conf": PLAIN,
    "res_config_sqlite3.conf": PLAIN,
    "rtp.conf": PLAIN,
    "sorcery.conf": PLAIN,
    "stasis.conf": PLAIN,
    "udptl.conf": PLAIN,
    "voicemail.conf": PRIVATE,
}
_TRUNKS = "pjsip.conf"
_BLANK = "generation-of-this-file"
_E164_DIGITS = range(7, 16)


@dataclass(frozen=True, slots=True)
class RenderedFile:
    """Args: text: whole content. mode: of the file."""

    text: str
    mode: int = PLAIN


@dataclass(frozen=True, slots=True)
class TenantPart:
    """What one tenant adds to a switch; it depends on nothing of the other tenants.

    Args:
        digest: of all files. steps: names the context of its steps, and is what the switch says when asked
            which dialplan of the tenant it has (`generation_global`).
        files: by path below the configuration directory. prompts: what callers hear, by
            the name of its file on the switch.
    """

    digest: str
    steps: str
    files: Mapping[str, RenderedFile]
    prompts: Mapping[str, Prompt]


@dataclass(frozen=True, slots=True)
class Rendered:
    """What one node's switch is to read.

    Args:
        systemname: of the switch it is for.
        shared: files that all tenants share, by path below the configuration directory, sorted.
        tenants: each tenant's part; None: not rendered, as it is the same as what is live.
        blocks: version of the dialplan's shared blocks.
        marks: digest of each dialplan file that all tenants share, by its path, as the switch says it when
            asked (`mark_global`).
        trunks: digest of the trunks' file, which each trunk's endpoint carries as `GENERATION_VARIABLE`.
    """

    systemname: str
    shared: Mapping[str, RenderedFile]
    tenants: Mapping[str, TenantPart | None]
    blocks: str
    marks: Mapping[str, str]
    trunks: str

    @property
    def parts(self) -> Mapping[str, TenantPart]:
        """The tenants that were rendered."""
        return {name: part for name, part in self.tenants.items() if part is not None}

    @property
    def files(self) -> Mapping[str, RenderedFile]:
        """Every rendered file by its path, sorted."""
        own = {path: file for part in self.parts.values() for path, file in part.files.items()}
        return dict(sorted({**self.shared, **own}.items()))

    @property
    def generation(self) -> str:
        """Digest of everything rendered."""
        return _digest(self.files)


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Files that the switch reads, absolute.

    Args: certificate, key: its own. authorities: those it verifies operators by; empty: it verifies none.
    """

    certificate: str
    key: str
    authorities: str = ""


@dataclass(frozen=True, slots=True)
class SwitchSecrets:
    """What a rendering needs that isn't in YAML.

    Args: ami: secret by AMI user. devices: by tenant, extension and device. trunks: password by trunk.
    pins: of mailboxes. tls: files of a node that speaks TLS.
    """

    systemname: str
    ami: Mapping[str, str]
    devices: Mapping[DeviceKey, DeviceCredential]
    trunks: Mapping[str, str]
    pins: Mapping[MailboxKey, str] = field(default_factory=dict)
    tls: TlsFiles | None = None


def node_tenants(definitions: Definitions, node: Node) -> list[Tenant]:
    """The active tenants whose home is this node, by name."""
    tenants = (definitions.tenants[name] for name in sorted(definitions.tenants))
    return [tenant for tenant in tenants if tenant.node == node.name and tenant.service == "active"]


def device_keys(definitions: Definitions, node: Node) -> list[DeviceKey]:
    """Every device that a rendering for this node needs a credential for."""
    return [
        (tenant.name, employee.extension, device.name)
        for tenant in node_tenants(definitions, node)
        for employee in tenant.employees
        for device in employee.devices
    ]


def mailbox_keys(definitions: Definitions, node: Node) -> list[MailboxKey]:
    """Every mailbox that a rendering for this node needs a PIN for."""
    return [
        (tenant.name, mailbox.name)
        for tenant in node_tenants(definitions, node)
        for mailbox in tenant.mailboxes
    ]


def render(
    definitions: Definitions,
    node: Node,
    secrets: SwitchSecrets,
    share: Path,
    phones: str = PHONES_DATABASE,
    kept: Container[str] = (),
    environment_of: Callable[..., jinja2.Environment] = jinja2.Environment,
    portability: str = PORTABILITY_DATABASE,
) -> Rendered:
    """The configuration of one node.

    Args: share: directory with `templates/` and `dialplans/`. phones: path of the phones' database. kept:
    tenants that needn't be rendered. environment_of: makes what templates run in. portability: path of the
    table of ported numbers.
    Raises: RenderFailed: a template names what doesn't exist, or a value can't be written safely.
    """
    environment = _environment(share / "templates" / "asterisk", environment_of)
    blocks = Blocks.read(share)
    tenants = node_tenants(definitions, node)
    common = {
        "platform": definitions.platform,
        "node": node,
        "secrets": secrets,
        "blocks": sorted(blocks.texts),
        "tenants": tenants,
        "music": sorted({each for tenant in tenants for _, each in music_of(tenant)}),
        "mailbox_zones": sorted({tenant.time_zone for tenant in tenants if tenant.mailboxes}),
        "numbering_patterns": numbering_patterns,
        "trunks": definitions.trunks_of(node),
        "trunk_limits": trunk_limits(definitions.platform, tenants),
        "costs": [
            (costs_context(each), each, cost_rows(table)) for each, table in sorted(definitions.costs.items())
        ],
        "calendars": {name: days_off(name) for name in _calendars(tenants)},
        "phones_database": phones,
        "portability_database": portability,
        "generation_variable": GENERATION_VARIABLE,
        "e164_digits": _E164_DIGITS,
        "any_host": ANY_HOST,
        "generation": _BLANK,
    }
    files = {f"dialplan/blocks/{name}": RenderedFile(text) for name, text in blocks.texts.items()}
    for name, mode in _PLATFORM_FILES.items():
        files[name] = RenderedFile(_text(environment, f"{name}.j2", common), mode)
    trunks = _digest({_TRUNKS: files[_TRUNKS]})
    files[_TRUNKS] = RenderedFile(files[_TRUNKS].text.replace(_BLANK, trunks), files[_TRUNKS].mode)
    shared = {
        path: RenderedFile(blocks.versioned(file.text), file.mode)
        for path, file in files.items()
        if path.startswith("dialplan/")
    }
    marks = {path: _digest({path: file}) for path, file in shared.items()}
    files |= {path: _marked(path, file, marks[path]) for path, file in shared.items()}
    parts = {
        tenant.name: None
        if tenant.name in kept
        else _tenant_part(environment, common, definitions, tenant, secrets, blocks)
        for tenant in tenants
    }
    return Rendered(secrets.systemname, dict(sorted(files.items())), parts, blocks.version, marks, trunks)


def _calendars(tenants: list[Tenant]) -> set[str]:
    """Those that schedules name."""
    return {schedule.holidays for tenant in tenants for schedule in tenant.schedules} - {""}


def dialplan_file(tenant: str) -> str:
    """Path of a tenant's dialplan below the configuration directory."""
    return f"dialplan/tenants/{tenant}.conf"


def phones_file(tenant: str) -> str:
    """Path of a tenant's phones below the configuration directory."""
    return f"pjsip/tenants/{tenant}.conf"


def steps_context(tenant: str, steps: str) -> str:
    """The context of a tenant's steps. Args: steps: see `TenantPart`."""
    return f"{tenant}-steps.{steps}"


def generation_global(tenant: str) -> str:
    """The global variable in the dialplan that holds the digest of a tenant's part."""
    return f"{GENERATION_VARIABLE}_{tenant}"


def mark_global(path: str) -> str:
    """The global variable in the dialplan that holds the digest of a shared file.

    >>> mark_global("dialplan/blocks/lines.conf")
    'VPBX_MARK_dialplan_blocks_lines_conf'
    """
    return f"VPBX_MARK_{re.sub(r'[^A-Za-z0-9]', '_', path)}"


def _marked(path: str, file: RenderedFile, digest: str) -> RenderedFile:
    """The file with its mark at the end: Asterisk drops what follows a line it can't read, and goes on."""
    return RenderedFile(f"{file.text}\n[globals](+)\n{mark_global(path)}={digest}\n", file.mode)


def _tenant_part(
    environment: jinja2.Environment,
    common: Mapping[str, object],
    definitions: Definitions,
    tenant: Tenant,
    secrets: SwitchSecrets,
    blocks: Blocks,
) -> TenantPart:
    graph = compile_tenant(definitions, tenant)
    dial = _dial_strings(graph, secrets)
    values = {
        **common,
        "tenant": tenant,
        "graph": graph,
        "dial": dial,
        "hints": _hints(tenant, secrets),
        "account": _account(definitions, tenant),
    }
    dialplan = blocks.versioned(_text(environment, "tenant_dialplan.conf.j2", values))
    steps = hashlib.sha256(dialplan.encode()).hexdigest()[:16]
    phones = _text(environment, "tenant_pjsip.conf.j2", values)
    files = {
        dialplan_file(tenant.name): RenderedFile(dialplan.replace(_BLANK, steps)),
        phones_file(tenant.name): RenderedFile(phones, PRIVATE),
    }
    played = (*(each for _, each in prompts_of(tenant)), *graph.spoken)
    prompts = {f"{prompt_name(each)}.wav": each for each in played}
    prompts |= {f"{music(each)}/music.wav": each for _, each in music_of(tenant)}
    return TenantPart(_digest(files), steps, files, dict(sorted(prompts.items())))


def _account(definitions: Definitions, tenant: Tenant) -> tuple[str | int, ...]:
    """Policy, slice and warning of an account that bounds calls; empty: it doesn't."""
    terms = tenant.account
    if not terms.controlled:
        return ()
    increments = {rate.increment_s for rate in definitions.tariffs[tenant.tariff].deck.rates}
    slice_s = whole_slice_s(terms.slice_s, increments)
    return terms.when_controller_down, slice_s, terms.warning_s


def _hints(tenant: Tenant, secrets: SwitchSecrets) -> list[tuple[str, str]]:
    """Extension, and the devices whose state it shows."""
    return [
        (
            employee.extension,
            "&".join(
                f"PJSIP/{secrets.devices[tenant.name, employee.extension, device.name].endpoint}"
                for device in employee.devices
            ),
        )
        for employee in tenant.employees
    ]


def _dial_strings(graph: Graph, secrets: SwitchSecrets) -> dict[str, str]:
    """What Dial takes, by id of the step that rings."""
    return {
        step.id: _dial_string(graph, step, secrets)
        for step in graph.steps.values()
        if isinstance(step.action, Ring)
    }


def _dial_string(graph: Graph, step: Step, secrets: SwitchSecrets) -> str:
    assert isinstance(step.action, Ring)
    phones = [f"PJSIP/{_endpoint(graph, ref, secrets)}" for ref in step.action.devices]
    if BESIDE in step.edges:
        phones.append(f"Local/{step.edges[BESIDE]}@{steps_context(graph.tenant, _BLANK)}")
    return "&".join(phones)


def _endpoint(graph: Graph, ref: DeviceRef, secrets: SwitchSecrets) -> str:
    return secrets.devices[graph.tenant, ref.extension, ref.device].endpoint


def _environment(templates: Path, environment_of: Callable[..., jinja2.Environment]) -> jinja2.Environment:
    environment = environment_of(
        loader=jinja2.FileSystemLoader(templates),
        undefined=jinja2.StrictUndefined,
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=finalize,
    )
    environment.filters.update(FILTERS)
    environment.filters["end_of"] = end_of
    environment.tests["outbound_registration"] = _registers
    return environment


def _registers(trunk: Trunk) -> bool:
    return trunk.auth == "registration"


def _text(environment: jinja2.Environment, template: str, values: Mapping[str, object]) -> str:
    try:
        return environment.get_template(template).render(values)
    except jinja2.TemplateError as error:
        told = error.message or type(error).__name__
        raise RenderFailed(f"{_place(error, template)}: {told}", "mend the template") from error
    except RenderFailed as error:
        raise RenderFailed(f"{_place(error, template)}: {error.message}", error.hint) from error


def _place(error: Exception, template: str) -> str:
    """The template and line that raised: that of a syntax error, else the innermost template frame."""
    if isinstance(error, jinja2.TemplateSyntaxError):
        return f"templates/asterisk/{error.name or template}:{error.lineno}"
    place, frame = f"templates/asterisk/{template}", error.__traceback__
    while frame is not None:
        file = frame.tb_frame.f_code.co_filename
        if file.endswith(".j2"):
            inner = file.rpartition("templates/asterisk/")[2]
            place = f"templates/asterisk/{inner}:{frame.tb_lineno}"
        frame = frame.tb_next
    return place


def digest_of(contents: Mapping[str, bytes]) -> str:
    """What tells files apart: their paths and what is in them. Args: contents: by path."""
    digest = hashlib.sha256()
    for path in sorted(contents):
        digest.update(f"{path}\0{len(contents[path])}\0".encode())
        digest.update(contents[path])
    return digest.hexdigest()[:16]


def _digest(files: Mapping[str, RenderedFile]) -> str:
    return digest_of({path: file.text.encode() for path, file in files.items()})
