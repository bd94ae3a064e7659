"""`vpbx doctor`: is this machine, this project and its switch fit to carry calls?"""

from __future__ import annotations

import json
from collections.abc import Sequence

import click

from orchestrator.cli.session import json_option, node_option
from orchestrator.definitions.quoting import visible
from orchestrator.doctor.examine import examine, worst_first
from orchestrator.doctor.finding import Finding
from orchestrator.project import Project

_JSON_VERSION = 1
_NOT_FIT = 1


@click.command()
@node_option
@click.option("--strict", is_flag=True, help="Exit with 1 for warnings too.")
@click.option("--all", "show_all", is_flag=True, help="Also show what is well.")
@json_option
def doctor(node: str | None, strict: bool, show_all: bool, as_json: bool) -> None:
    """Tell whether this machine, this project and its switch are fit to carry calls.

    Looks at versions, modules, ports, AMI, rights, passwords, certificates, the clock, names, sounds, the
    disk, the database, the listener and limits. It changes nothing and shows no password. Without a running
    switch it says so, and checks what can be checked. docs/doctor.md lists every check.

    Exits with 0 when there is no problem, warnings or not; with 1 when there is one, with --strict also
    when there is a warning.

    \b
    Example:
        vpbx doctor --node pbx1 --strict
    """
    project = click.get_current_context().find_object(Project)
    assert project is not None, "the root command sets the project"
    findings = examine(project, node)
    if as_json:
        click.echo(
            json.dumps({"version": _JSON_VERSION, "findings": [*map(_as_data, findings)]}, ensure_ascii=False)
        )
    else:
        _show(findings, show_all)
    red = {"problem", "warning"} if strict else {"problem"}
    if any(finding.severity in red for finding in findings):
        click.get_current_context().exit(_NOT_FIT)


def _as_data(finding: Finding) -> dict[str, object]:
    return {
        "code": finding.code,
        "severity": finding.severity,
        "node": finding.node,
        "seen": finding.seen,
        "why": finding.why,
        "do": finding.do,
    }


def _show(findings: Sequence[Finding], show_all: bool) -> None:
    for finding in worst_first(findings):
        if finding.severity == "ok":
            if show_all:
                click.echo(f"ok       {finding.code}: {visible(finding.seen)}")
            continue
        click.echo(f"{finding.severity:8} {finding.code}: {visible(finding.seen)}")
        click.echo(f"         why: {visible(finding.why)}")
        click.echo(f"         do:  {visible(finding.do)}")
    counts = {
        severity: sum(each.severity == severity for each in findings)
        for severity in ("problem", "warning", "ok")
    }
    click.echo(
        f"{counts['problem']} problems, {counts['warning']} warnings, {counts['ok']} checks well", err=True
    )
