"""`vpbx switch`: install, start, stop, look at the Asterisk of a node, and open its console."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping

import click

from orchestrator.asterisk import install as installation
from orchestrator.asterisk.instance import START_DEADLINE_S, Instance
from orchestrator.asterisk.listening import Listen
from orchestrator.definitions import load
from orchestrator.errors import NotFound
from orchestrator.model.platform import Node
from orchestrator.project import Project
from orchestrator.secrets import Secrets

_JSON_VERSION = 1
_NOT_RUNNING = 3

_node = click.option("--node", metavar="NAME", help="The node; not needed when the platform has only one.")
_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


@click.group()
def switch() -> None:
    """The switch of a node: an Asterisk run by vpbx.

    Example: vpbx switch install && vpbx switch start
    """


@switch.command()
@_json
def install(as_json: bool) -> None:
    """Find Asterisk 20 or newer, or unpack one from Debian packages.

    The machine's own Asterisk is used as it is. Otherwise packages are fetched with apt, verified against the
    keys of Debian's archive, and unpacked into VPBX_CACHE (by default ~/.cache/vpbx): no root is needed, and
    nothing of the machine changes. Running it again is instant.

    Example: vpbx switch install
    """
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
@_node
@click.option(
    "--deadline", type=float, default=START_DEADLINE_S, show_default=True, help="Seconds to boot in."
)
def start(node: str | None, deadline: float) -> None:
    """Start the switch and wait until it has booted.

    It reads the configuration that was applied last, and runs on when this command has ended. When it runs
    already, nothing is done.

    Example: vpbx switch start
    """
    project, chosen = _chosen(node)
    systemname = Secrets.open(project.secrets_file).systemname(chosen.name)
    listens = (Listen("udp", chosen.sip, "SIP"), Listen("tcp", chosen.ami, "AMI"))
    started = _instance(project, chosen).start(systemname, listens, deadline)
    for warning in started.warnings:
        _say(f"warning: {warning}")
    _say(f"{chosen.name}: {'started' if started.new else 'was running already'}, process {started.pid}")


@switch.command()
@_node
@click.option(
    "--drain", type=float, default=0.0, help="Seconds for running calls to end by themselves first."
)
def stop(node: str | None, drain: float) -> None:
    """Stop the switch. Its calls end, each with its record written.

    Example: vpbx switch stop --drain 300
    """
    project, chosen = _chosen(node)
    stopped = _instance(project, chosen).stop(drain_s=drain)
    _say(f"{chosen.name}: {'stopped' if stopped else 'was not running'}")


@switch.command()
@_node
@_json
def status(node: str | None, as_json: bool) -> None:
    """Say whether the switch runs. Exit code 3 when it doesn't.

    Example: vpbx switch status --json
    """
    project, chosen = _chosen(node)
    seen = _instance(project, chosen).status()
    told = {
        "node": chosen.name,
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
    _print(told, f"{chosen.name}: {line}", as_json)
    if not seen.running:
        sys.exit(_NOT_RUNNING)


@switch.command()
@_node
def console(node: str | None) -> None:
    """Open the switch's own console. Leave it with `quit`.

    Example: vpbx switch console
    """
    project, chosen = _chosen(node)
    _instance(project, chosen).console()


def _instance(project: Project, node: Node) -> Instance:
    return Instance(project.switch(node.name), installation.require())


def _chosen(name: str | None) -> tuple[Project, Node]:
    """The project and the node that is meant.

    Raises: DefinitionsInvalid. NotFound: no such node, or several and none named.
    """
    project = click.get_current_context().find_object(Project)
    if project is None:
        raise NotFound("no project directory was given", "use -C DIR")
    nodes = load(project.root).platform.nodes
    if name is None and len(nodes) == 1:
        return project, next(iter(nodes.values()))
    if name not in nodes:
        wrong = "the platform has several nodes" if name is None else f"there is no node {name}"
        raise NotFound(wrong, f"choose one with --node: {', '.join(sorted(nodes))}")
    return project, nodes[name]


def _print(told: Mapping[str, object], line: str, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"version": _JSON_VERSION, **told}, ensure_ascii=False))
    else:
        click.echo(line)


def _say(line: str) -> None:
    click.echo(line, err=True)
