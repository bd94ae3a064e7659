"""`vpbx test`: the calls that an operator expects something of, walked through the YAML as it is written."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree

import click

from orchestrator.cli.session import find_project, json_option, no_tenant
from orchestrator.cli.table import print_table
from orchestrator.definitions import load
from orchestrator.durable import replace_file
from orchestrator.errors import OrchestratorError
from orchestrator.routing.expect import Verdict, verdicts

_JSON_VERSION = 1
_FAILED = 1


@click.command()
@click.argument("tenant", required=False)
@click.option(
    "--junit",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write the results as JUnit XML, for CI.",
)
@json_option
def test(tenant: str | None, junit: Path | None, as_json: bool) -> None:
    """Try every call that tenants' files expect something of; exit 1 when one goes elsewhere.

    It goes by the YAML as it is written, applied or not, as `vpbx route` does. `vpbx apply` tries the same
    calls before it begins, and refuses when one goes elsewhere.

    \b
    Example:
        vpbx test acme --junit results.xml
    """
    definitions = load(find_project().root)
    if tenant is not None and tenant not in definitions.tenants:
        raise no_tenant(tenant, definitions)
    chosen = [definitions.tenants[name] for name in sorted(definitions.tenants) if tenant in (None, name)]
    now = datetime.now(UTC)
    found = [verdict for each in chosen for verdict in verdicts(definitions, each, now)]
    if junit is not None:
        _write(junit, found)
    if as_json:
        told = {"version": _JSON_VERSION, "results": [_data(verdict) for verdict in found]}
        click.echo(json.dumps(told, ensure_ascii=False))
    else:
        _show(found)
    click.get_current_context().exit(0 if all(verdict.passed for verdict in found) else _FAILED)


def _show(found: Sequence[Verdict]) -> None:
    failed = [verdict for verdict in found if not verdict.passed]
    if failed:
        rows = [(_place(verdict), _call(verdict), verdict.told) for verdict in failed]
        print_table(("expectation", "call", "what happens"), rows)
    click.echo(f"{len(found)} expectation(s), {len(failed)} not met")


def _data(verdict: Verdict) -> dict[str, object]:
    wanted = verdict.expectation
    where = wanted.position
    return {
        "tenant": verdict.tenant,
        "yaml": {"file": where.file, "line": where.line, "column": where.column},
        "call": wanted.call,
        "from": wanted.caller,
        "at": wanted.at or None,
        "expected": wanted.reaches,
        "reached": verdict.reached,
        "passed": verdict.passed,
        "fault": verdict.fault or None,
        "steps": [passed.step.id for passed in verdict.steps],
    }


def _write(file: Path, found: Sequence[Verdict]) -> None:
    """JUnit XML: a case for each expectation, by tenant. Raises: OrchestratorError: it can't be written."""
    failures = sum(not verdict.passed for verdict in found)
    suite = ElementTree.Element("testsuite", name="vpbx test", tests=str(len(found)), failures=str(failures))
    for verdict in found:
        where = verdict.expectation.position
        case = ElementTree.SubElement(
            suite,
            "testcase",
            classname=verdict.tenant,
            name=f"{_call(verdict)} reaches {verdict.expectation.reaches}",
            file=where.file,
            line=str(where.line),
        )
        if not verdict.passed:
            ElementTree.SubElement(case, "failure", message=verdict.told)
    try:
        replace_file(file.absolute(), ElementTree.tostring(suite, "utf-8", xml_declaration=True), 0o644)
    except OSError as error:
        raise OrchestratorError(f"{file}: {error.strerror}", "name a file that can be written") from error


def _place(verdict: Verdict) -> str:
    return f"{verdict.expectation.position.file}:{verdict.expectation.position.line}"


def _call(verdict: Verdict) -> str:
    wanted = verdict.expectation
    return f"{wanted.caller} calls {wanted.call}" + (f" at {wanted.at}" if wanted.at else "")
