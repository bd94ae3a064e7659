"""What a verb loads before it does anything: what it needs, and nothing that takes long and isn't needed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import click
import pytest

import orchestrator.cli.main as program
from orchestrator.cli.short_help import short_help

pytestmark = pytest.mark.program

EXAMPLES = Path(__file__).parents[2] / "examples"
HEAVY = (
    "sqlalchemy",
    "alembic",
    "panoramisk",
    "structlog",
    "rich",
    "jinja2",
    "prometheus_client",
    "asyncio",
    "holidays",
)
VERB_MODULES = sorted(place.partition(":")[0] for place in program.VERBS.values())


def loaded_by(code: str) -> set[str]:
    """The heavy packages that a fresh interpreter has loaded after some code."""
    told = f"{code}\nimport sys\nprint('loaded:', *[name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", told], capture_output=True, text=True, timeout=60, check=True
    )
    return set(done.stdout.splitlines()[-1].split()[1:])


def run(*arguments: str) -> str:
    return (
        "import sys, orchestrator.cli.main as program\n"
        f"try:\n    program.main({list(arguments)!r})\n"
        "except SystemExit as end:\n    assert end.code == 0, end"
    )


@pytest.mark.parametrize("arguments", [("--help",), ("--version",), ("schema", "tenant")], ids=" ".join)
def test_help_version_and_schema_load_nothing_heavy(arguments: tuple[str, ...]) -> None:
    assert loaded_by(run(*arguments)) == set()


def test_validate_loads_no_switch_store_or_template() -> None:
    assert loaded_by(run("validate", str(EXAMPLES))) == set()


def test_render_loads_no_switch_and_no_store(tmp_path: Path) -> None:
    assert loaded_by(run("-C", str(EXAMPLES), "render", "--out", str(tmp_path))) <= {"jinja2", "asyncio"}


@pytest.mark.parametrize("module", VERB_MODULES)
def test_a_verb_that_logs_in_any_case_has_loaded_what_logs_before_the_log_is_set_up(module: str) -> None:
    source = Path(program.__file__).with_name(f"{module.rpartition('.')[2]}.py").read_text("utf-8")
    if "structlog" in source:
        assert "structlog" in loaded_by(f"import {module}")


def test_an_apply_loads_nothing_that_it_does_not_use() -> None:
    loaded = loaded_by("import orchestrator.cli.main, orchestrator.cli.apply")
    assert loaded == {"panoramisk", "jinja2", "asyncio"}


def test_the_log_is_set_up_with_its_first_event() -> None:
    told = (
        f"{run('--log-format', 'json', 'schema', 'tenant')}\n"
        "from orchestrator.log import Log\n"
        "assert 'structlog' not in sys.modules\n"
        "sys.stderr = sys.stdout\n"
        "Log('vpbx.test').warning('cut off', secret='x')"
    )
    done = subprocess.run(
        [sys.executable, "-c", told], capture_output=True, text=True, timeout=60, check=True
    )
    event = json.loads(done.stdout.splitlines()[-1])
    assert (event["event"], event["level"], event["secret"]) == ("cut off", "warning", "***")


@pytest.mark.parametrize("name", sorted(program.VERBS))
def test_a_verb_is_listed_as_click_would_list_it(name: str) -> None:
    command = program.root.get_command(click.Context(program.root), name)
    assert command is not None
    assert short_help(program.VERBS[name], 45) in (command.get_short_help_str(45), None)


def test_every_verb_is_listed_with_what_it_does() -> None:
    context = click.Context(program.root)
    assert isinstance(program.root, program.Verbs)
    assert all(program.root.one_line(context, name) for name in program.VERBS)
