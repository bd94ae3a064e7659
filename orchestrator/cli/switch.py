"""`vpbx switch`: install, start, stop, look at the Asterisk of a node, and open its console."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping, Sequence

import click

from orchestrator.asterisk import install as installation
from orchestrator.asterisk.binary import told_version
from orchestrator.asterisk.generations import Generations
from orchestrator.asterisk.instance import START_DEADLINE_S, Instance
from orchestrator.asterisk.listening import listens_of
from orchestrator.asterisk.release import judge
from orchestrator.cli.deploying import recovered
from orchestrator.cli.progress import working
from orchestrator.cli.session import Session, json_option, node_option, open_node
from orchestrator.cli.settling import AccountsLate, settling
from orchestrator.errors import OrchestratorError
from orchestrator.secrets import Secrets

_JSON_VERSION = 1
_NOT_RUNNING = 3


@click.group()
def switch() -> None:
    """The switch of a node: an Asterisk run by vpbx.

    \b
    Example:
        vpbx switch install && vpbx switch start
    """


@switch.command()
@json_option
def install(as_json: bool) -> None:
    """Find Asterisk 20 or newer, or unpack one from Debian packages.

    The machine's own Asterisk is used as it is. Otherwise packages are fetched with apt, verified against the
    keys of Debian's archive, and unpacked into VPBX_CACHE (by default ~/.cache/vpbx): no root is needed, and
    nothing of the machine changes. Running it again is instant.

    \b
    Example:
        vpbx switch install
    """
    with working("installing Asterisk"):
        found = installation.ensure(say=_say)
    made = installation.manifest() if found.origin == "cache" else None
    told = {
        "asterisk": found.version_text,
        "origin": found.origin,
        "binary": str(found.binary),
        "sounds": str(found.sounds) if found.sounds else None,
        "packages": {package.name: package.version for package in made.packages} if made else {},
    }
    _print(told, f"Asterisk {found.version_text} ({found.origin}) {found.binary}", as_json)


@switch.command()
@node_option
@click.option(
    "--deadline", type=float, default=START_DEADLINE_S, show_default=True, help="Seconds to boot in."
)
def start(node: str | None, deadline: float) -> None:
    """Start the switch and wait until it has booted.

    It reads the configuration that was applied last, and runs on when this command has ended. When it runs
    already, nothing is done.

    \b
    Example:
        vpbx switch start
    """
    session = open_node(node)
    systemname = Secrets.open(session.project.secrets_file).systemname(session.node.name)
    instance = _instance(session)
    _recover(session, instance)
    started = instance.start(systemname, listens_of(session.node), deadline)
    if started.new:
        Generations(session.paths).started()
    release = told_version(instance.asterisk)
    judged = judge(release)
    if judged.verdict == "refused":
        _say(f"warning: {release}: {judged.reason}; see vpbx doctor")
    for warning in started.warnings:
        _say(f"warning: {warning}")
    _say(f"{session.node.name}: {'started' if started.new else 'was running already'}, process {started.pid}")


@switch.command()
@node_option
def run(node: str | None) -> None:
    """Become the switch, in the foreground, for a service manager such as systemd.

    It reads the configuration that was applied last, tells the manager when it has booted, and writes its
    warnings to stderr. The other verbs work on it as on a started one.

    \b
    Example:
        vpbx switch run --node pbx1
    """
    session = open_node(node)
    systemname = Secrets.open(session.project.secrets_file).systemname(session.node.name)
    instance = _instance(session)
    _recover(session, instance)

    def note(warnings: Sequence[str]) -> None:
        Generations(session.paths).started()
        for warning in warnings:
            _say(f"warning: {warning}")

    instance.run(systemname, listens_of(session.node), note)


@switch.command()
@node_option
@click.option(
    "--drain",
    type=click.FloatRange(min=0),
    default=0.0,
    envvar="VPBX_DRAIN_S",
    help="Seconds for running calls to end by themselves first; VPBX_DRAIN_S in the environment.",
)
def stop(node: str | None, drain: float) -> None:
    """Stop the switch. Its calls end, each with its record written.

    \b
    Example:
        vpbx switch stop --drain 300
    """
    session = open_node(node)
    stopped = _instance(session).stop(drain_s=drain)
    _say(f"{session.node.name}: {'stopped' if stopped else 'was not running'}")


@switch.command()
@node_option
@json_option
def status(node: str | None, as_json: bool) -> None:
    """Say whether the switch runs. Exit code 3 when it doesn't.

    \b
    Example:
        vpbx switch status --json
    """
    session = open_node(node)
    seen = _instance(session).status()
    told = {
        "node": session.node.name,
        "running": seen.running,
        "answering": seen.answering,
        "pid": seen.pid,
        "asterisk": seen.version or None,
        "uptime_s": seen.uptime_s,
    }
    if not seen.running:
        line = "not running"
    elif not seen.answering:
        line = f"process {seen.pid} runs but does not answer"
    else:
        line = f"running, process {seen.pid}, Asterisk {seen.version}, up {seen.uptime_s} s"
    _print(told, f"{session.node.name}: {line}", as_json)
    if not seen.running:
        click.get_current_context().exit(_NOT_RUNNING)


@switch.command()
@node_option
def console(node: str | None) -> None:
    """Open the switch's own console. Leave it with `quit`. It needs a terminal.

    \b
    Example:
        vpbx switch console
    """
    session = open_node(node)
    if not sys.stdin.isatty():
        raise NoTerminal("the console reads from a terminal, and this is none", "run it at a terminal")
    _instance(session).console()


class NoTerminal(OrchestratorError):
    """Without a terminal Asterisk's console would wait for ever."""

    code = "no-terminal"


def _recover(session: Session, instance: Instance) -> None:
    """Undo or end what a dead apply left, before a switch reads it.

    Books that can't be written don't keep phones waiting.
    """
    if instance.pid() is not None:
        return
    with session.applying(), settling(session) as accounts:
        try:
            asyncio.run(recovered(session, None, accounts))
        except AccountsLate as late:
            _say(f"warning: {late.message}; {late.hint}")


def _instance(session: Session) -> Instance:
    return Instance(session.paths, installation.require())


def _print(told: Mapping[str, object], line: str, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"version": _JSON_VERSION, **told}, ensure_ascii=False))
    else:
        click.echo(line)


def _say(line: str) -> None:
    click.echo(line, err=True)
