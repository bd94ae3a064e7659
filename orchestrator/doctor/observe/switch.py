"""What a running switch says of itself over AMI, and what lies on disk for it to read."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

from orchestrator.asterisk.binary import Asterisk
from orchestrator.asterisk.connection import AmiLogin, Deadlines
from orchestrator.asterisk.control import AmiSwitch
from orchestrator.asterisk.generations import Generations
from orchestrator.asterisk.instance import Instance
from orchestrator.asterisk.parcel import file_digest
from orchestrator.asterisk.phones import PhoneRows
from orchestrator.doctor.ami import reads, users
from orchestrator.doctor.modules import loaded
from orchestrator.doctor.switch import Applied, LiveSwitch
from orchestrator.errors import ActionFailed, AmiUnreachable, OrchestratorError, SwitchError
from orchestrator.model.platform import Node
from orchestrator.project import Project
from orchestrator.secrets import AMI_CONTROL, Secrets

_DEADLINES = Deadlines(login_s=5.0, action_s=5.0)
_WHOLE_S = 15.0


def observe_live(project: Project, node: Node, asterisk: Asterisk | None) -> LiveSwitch:
    """Ask the node's switch, when it runs. Nothing is made up or changed."""
    pid = None if asterisk is None else Instance(project.switch(node.name), asterisk).pid()
    try:
        kept = Secrets.open(project.secrets_file)
        secret = kept.known_ami(node.name, AMI_CONTROL) or ""
        login = AmiLogin(node.ami.host, node.ami.port, AMI_CONTROL, secret)
        return asyncio.run(_ask(login, kept.known_systemname(node.name), pid))
    except AmiUnreachable as error:
        return LiveSwitch(pid=pid, trouble="" if pid is None else error.message)
    except OrchestratorError as error:
        return LiveSwitch(pid=pid, trouble=error.message)


async def _ask(login: AmiLogin, systemname: str | None, pid: int | None) -> LiveSwitch:
    try:
        async with asyncio.timeout(_WHOLE_S), AmiSwitch(login, _DEADLINES) as switch:
            status = await switch.status()
            if pid is None or status.systemname != systemname:
                return LiveSwitch(pid=pid, trouble=f"the switch at {login} isn't this project's")
            ahead_s, unsure_s = await compare_clocks(switch)
            return LiveSwitch(
                pid=pid,
                answers=True,
                version=status.version,
                modules=loaded(await switch.command("module show")),
                readers=await _readers(switch),
                http=await _http(switch),
                registrations=await switch.trunk_registrations(),
                ahead_s=ahead_s,
                unsure_s=unsure_s,
            )
    except TimeoutError as error:
        raise SwitchError(f"the switch at {login} took more than {_WHOLE_S:g} s to answer") from error


async def _readers(switch: AmiSwitch) -> dict[str, str]:
    """By AMI user of the running switch, the classes it reads."""
    names = users(await switch.command("manager show users"))
    return {
        name: reads(await switch.command(f"manager show user {name}")) for name in names if name.isprintable()
    }


async def _http(switch: AmiSwitch) -> str:
    try:
        return await switch.command("http show status")
    except ActionFailed:
        return ""


async def compare_clocks(switch: AmiSwitch) -> tuple[float, float]:
    """By how many seconds the switch's clock is ahead of ours, and how wrong that may be."""
    asked = datetime.now(UTC)
    theirs = await switch.clock()
    answered = datetime.now(UTC)
    half = (answered - asked) / 2
    return (theirs - (asked + half)).total_seconds(), half.total_seconds()


def observe_applied(project: Project, node: Node) -> Applied:
    """The live generation, and what in it isn't as it was written. Raises: ApplyFailed: it can't be read."""
    paths = project.switch(node.name)
    generations = Generations(paths)
    live = generations.live()
    if live is None:
        return Applied(None)
    if not live.path.is_dir():
        return Applied(live.number, there=False)
    manifest = generations.manifest(live)
    written = {} if manifest is None else manifest.shared
    edited = [name for name, digest in written.items() if _digest(live.path / name) != digest]
    phones = [f"phone {endpoint}" for endpoint in PhoneRows(paths.phones).altered()]
    return Applied(live.number, edited=(*edited, *phones))


def _digest(path: Path) -> str:
    """As a manifest says it; empty for a file that is gone."""
    try:
        return file_digest(path.read_bytes())
    except FileNotFoundError:
        return ""
