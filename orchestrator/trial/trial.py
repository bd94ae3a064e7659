"""The trial itself: start the scratch switch, register two phones, place an internal and an inbound call."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from orchestrator.asterisk.apply import apply
from orchestrator.asterisk.binary import Asterisk
from orchestrator.asterisk.connection import AmiLogin
from orchestrator.asterisk.control import AmiSwitch
from orchestrator.asterisk.generations import Generations, Parcel
from orchestrator.asterisk.instance import Instance
from orchestrator.asterisk.listening import Listen, free_port
from orchestrator.asterisk.manifest import Origin
from orchestrator.asterisk.parcel import on_its_own
from orchestrator.errors import NotFound
from orchestrator.model.platform import Address, Definitions, Node
from orchestrator.model.tenant import Did, Employee, Tenant
from orchestrator.project import Project, SwitchPaths
from orchestrator.rendering.render import (
    Rendered,
    SwitchSecrets,
    device_keys,
    mailbox_keys,
    node_tenants,
    render,
)
from orchestrator.rendering.sources import share_directory
from orchestrator.secrets import AMI_CONTROL, AMI_LISTEN, Secrets
from orchestrator.trial.scratch import PHONES_HOST, Scratch, scratch
from orchestrator.trial.sipp import Party, Sipp

CALLER = "+79035550001"
"""Who the operator says calls."""

_REGISTER_S, _CALL_S = 20.0, 30.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """Args: what: was tried. fault: what went wrong; empty: it was so."""

    what: str
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Cast:
    """Who takes part. Args: number: leads to the callee from outside; None: no number of the tenant does."""

    tenant: Tenant
    caller: Employee
    callee: Employee
    number: Did | None


def cast_of(definitions: Definitions, node: Node, tenant: str | None) -> Cast:
    """The tenant that was named, or the first of the node that has two employees; and two of its phones.

    Raises: NotFound: there is none.
    """
    here = [each for each in node_tenants(definitions, node) if tenant in (None, each.name)]
    for each in here:
        if len(each.employees) >= 2:
            number, callee = _called(each)
            caller = next(employee for employee in each.employees if employee != callee)
            return Cast(each, caller, callee, number)
    of_whom = f"tenant {tenant!r} has no" if here and tenant else f"node {node.name} has no tenant with"
    raise NotFound(f"{of_whom} two employees to call each other", "name another with vpbx try TENANT")


def _called(tenant: Tenant) -> tuple[Did | None, Employee]:
    for did in tenant.numbers:
        if did.target.kind == "employee":
            return did, tenant.employee(did.target.name)
        if did.target.kind == "department":
            found = next(each for each in tenant.departments if each.name == did.target.name)
            return did, tenant.employee(found.members[0])
    return None, tenant.employees[0]


def trial(
    project: Project, definitions: Definitions, cast: Cast, node: Node, asterisk: Asterisk, work: Path
) -> Iterator[Outcome]:
    """Try the definitions; each outcome as it is known. After a fault the rest isn't tried.

    Args: work: an empty directory for the scratch switch.
    Raises: RenderFailed, ApplyFailed, SwitchError, PortTaken, SippMissing: nothing could be tried.
    """
    made = scratch(definitions, node)
    kept = Secrets.open(work / "secrets.json")
    paths = SwitchPaths(work / "switch")
    secrets = _secrets(kept, made)
    rendered = render(
        *(made.definitions, made.node, secrets, share_directory(), str(paths.phones)),
        portability=str(project.portability),
    )
    with _running(rendered, project, paths, kept, made, asterisk) as confirmed:
        yield Outcome(f"a switch runs with it and has every object: {confirmed} tenant(s)")
        yield from _calls(kept, made, cast, work / "sipp")


def _secrets(kept: Secrets, made: Scratch) -> SwitchSecrets:
    return SwitchSecrets(
        systemname=kept.systemname(made.node.name),
        ami={user: kept.ami(made.node.name, user) for user in (AMI_LISTEN, AMI_CONTROL)},
        devices=kept.devices(device_keys(made.definitions, made.node)),
        trunks=dict.fromkeys(made.definitions.platform.trunks, ""),
        pins=kept.pins(mailbox_keys(made.definitions, made.node)),
    )


@contextmanager
def _running(
    rendered: Rendered,
    project: Project,
    paths: SwitchPaths,
    kept: Secrets,
    made: Scratch,
    asterisk: Asterisk,
) -> Iterator[int]:
    """The scratch switch, up and asked for every object. Gives: how many tenants it has."""
    instance = Instance(paths, asterisk)
    parcel = on_its_own(rendered, 1, Origin(datetime.now(UTC), "", "trial"))
    asyncio.run(apply(parcel, paths, project.root, None, None))
    listens = (Listen("udp", made.node.sip, "SIP"), Listen("tcp", made.node.ami, "AMI"))
    try:
        instance.start(kept.systemname(made.node.name), listens)
        Generations(paths).started()
        login = AmiLogin(
            made.node.ami.host, made.node.ami.port, AMI_CONTROL, kept.ami(made.node.name, AMI_CONTROL)
        )
        yield asyncio.run(_confirmed(login, parcel, paths, project.root))
    finally:
        instance.stop()


async def _confirmed(login: AmiLogin, parcel: Parcel, paths: SwitchPaths, prompts_from: Path) -> int:
    async with AmiSwitch(login) as switch:
        applied = await apply(parcel, paths, prompts_from, switch, None)
        return len(applied.confirmed or ())


def _calls(kept: Secrets, made: Scratch, cast: Cast, work: Path) -> Iterator[Outcome]:
    switch = made.node.sip
    caller, callee = (_phone(kept, cast.tenant, employee) for employee in (cast.caller, cast.callee))
    for employee, phone in ((cast.caller, caller), (cast.callee, callee)):
        with Sipp(work, "register", phone, switch) as registering:
            fault = registering.done(_REGISTER_S)
        yield Outcome(f"{cast.tenant.name}: the phone of {employee.extension} registers", fault)
        if fault:
            return
    yield Outcome(
        f"{cast.tenant.name}: {cast.caller.extension} calls {cast.callee.extension}, which answers",
        _talk(work / "internal", "phone_calls", caller, callee, switch, cast.callee.extension),
    )
    if cast.number is not None:
        carrier = Party(made.carriers[cast.tenant.trunk], CALLER)
        yield Outcome(
            f"{cast.tenant.name}: {CALLER} calls {cast.number.number}, {cast.callee.extension} answers",
            _talk(work / "inbound", "carrier_calls", carrier, callee, switch, cast.number.number),
        )


def _talk(work: Path, scenario: str, party: Party, callee: Party, switch: Address, number: str) -> str:
    """A call from placing it to hanging up. Returns: what went wrong at either side."""
    with (
        Sipp(work, "answers", callee, switch) as answering,
        Sipp(work, scenario, party, switch, number) as calls,
    ):
        fault = calls.done(_CALL_S)
        return fault or answering.done(_CALL_S)


def _phone(kept: Secrets, tenant: Tenant, employee: Employee) -> Party:
    account = kept.device(tenant.name, employee.extension, employee.devices[0].name)
    return Party(Address(PHONES_HOST, free_port(PHONES_HOST)), account.endpoint, account.secret)
