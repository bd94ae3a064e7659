"""`vpbx`, `validate`, `schema` and `init`: what they print, where, and how they exit."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from orchestrator.cli import main as command_line
from orchestrator.cli.main import VERBS, main, root
from orchestrator.definitions import load
from orchestrator.definitions.schema import KINDS, schema_text
from orchestrator.errors import DefinitionsInvalid, SwitchNotRunning
from orchestrator.model.problem import Position, Problem

pytestmark = pytest.mark.program

EXAMPLES = Path(__file__).parents[2] / "examples"


def run(*arguments: str) -> click.testing.Result:
    return CliRunner().invoke(root, list(arguments))


def _has_example(text: str) -> bool:
    _, example, rest = text.partition("Example")
    return bool(example) and "vpbx " in rest


def commands(group: click.Group, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    context = click.Context(group, info_name="vpbx")
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        yield (*path, name), command


def test_every_command_has_help_with_an_example() -> None:
    found = dict(commands(root, ()))
    assert {("validate",), ("schema",), ("init",)} <= set(found)
    missing = [" ".join(path) for path, command in found.items() if not _has_example(command.help or "")]
    assert missing == []


def test_every_command_of_the_table_answers_to_its_name() -> None:
    context = click.Context(root)
    for name in root.list_commands(context):
        command = root.get_command(context, name)
        assert command is not None
        assert command.name == name


def test_a_verb_without_a_module_is_not_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(VERBS, "teleport", "orchestrator.cli.teleport:teleport")
    assert "teleport" not in root.list_commands(click.Context(root))
    assert run("teleport").exit_code == 2


def test_version() -> None:
    assert run("--version").stdout.startswith("vpbx, version ")


def test_validate_is_quiet_on_stdout_when_nothing_is_wrong() -> None:
    result = run("validate", str(EXAMPLES))
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "no problems: 2 tenants, 9 employees, 4 numbers, 1 tariff\n"


def test_validate_takes_the_project_from_the_root_command() -> None:
    assert run("-C", str(EXAMPLES), "validate").exit_code == 0


def test_validate_json_without_problems() -> None:
    result = run("validate", "--json", str(EXAMPLES))
    assert result.exit_code == 0
    assert json.loads(result.stdout) == {"version": 1, "problems": []}


def test_validate_json_has_every_problem(tmp_path: Path) -> None:
    project = shutil.copytree(EXAMPLES, tmp_path / "project")
    (project / "tenants" / "beta.yaml").write_text("version: 1\nnmae: x\n")
    result = run("validate", "--json", str(project))
    assert result.exit_code == 1
    told = json.loads(result.stdout)
    assert told["version"] == 1
    assert told["problems"][0] == {
        "file": "tenants/beta.yaml",
        "line": 1,
        "column": 1,
        "path": "employees",
        "code": "missing-key",
        "message": "a tenant needs the field `employees`",
        "hint": "for example: employees: [{extension: …}]",
    }


def test_validate_of_no_project() -> None:
    result = run("validate", "/nonexistent")
    assert result.exit_code == 1
    assert result.stdout.startswith("platform.yaml:1:1: file-missing: ")


@pytest.mark.parametrize("kind", KINDS)
def test_schema_prints_the_schema(kind: str) -> None:
    assert run("schema", kind).stdout == schema_text(kind)


def test_init_writes_a_project_without_problems(tmp_path: Path) -> None:
    project = tmp_path / "new" / "project"
    result = run("init", str(project))
    assert result.exit_code == 0
    assert load(project).tenants.keys() == {"first"}
    assert (project / ".gitignore").read_text().endswith(".vpbx/\n")
    files = sorted(path.relative_to(project).as_posix() for path in project.rglob("*") if path.is_file())
    assert result.stdout.splitlines() == files


def test_init_never_overwrites(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(SystemExit) as stopped:
        main(["init", str(tmp_path)])
    assert stopped.value.code == 1
    assert "is not empty" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def raising(error: BaseException) -> click.Command:
    def fail() -> None:
        raise error

    return click.Command("validate", callback=fail)


@pytest.mark.parametrize(
    ("error", "status", "told"),
    [
        (SwitchNotRunning("no switch", "start it"), 1, "vpbx: error: no switch\nhint: start it\n"),
        (SwitchNotRunning("no\nswitch\x1b[2J"), 1, "vpbx: error: no\\nswitch\\x1b[2J\n"),
        (
            ValueError("odd"),
            1,
            "vpbx: error: unexpected ValueError: odd\n"
            "hint: this is a fault of vpbx; VPBX_TRACEBACK=1 in the environment shows where\n",
        ),
        (
            DefinitionsInvalid([Problem(Position("a.yaml", 2, 3), "", "choice", "no codec", "known: alaw")]),
            1,
            "a.yaml:2:3: choice: no codec\n    hint: known: alaw\n"
            "vpbx: error: 1 problem(s) in the definitions\nhint: run vpbx validate\n",
        ),
        (KeyboardInterrupt(), 130, ""),
        (BrokenPipeError(32, "Broken pipe"), 1, ""),
    ],
)
def test_an_error_is_told_without_a_traceback(
    error: BaseException,
    status: int,
    told: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv("VPBX_TRACEBACK", raising=False)
    monkeypatch.setattr(command_line.root, "get_command", lambda *_: raising(error))
    with pytest.raises(SystemExit) as stopped:
        main(["validate"])
    assert stopped.value.code == status
    assert capsys.readouterr().err.lstrip("\n") == told


def test_a_traceback_is_there_for_who_asks(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("VPBX_TRACEBACK", "1")
    monkeypatch.setattr(command_line.root, "get_command", lambda *_: raising(ValueError("odd")))
    with pytest.raises(SystemExit):
        main(["validate"])
    assert "Traceback" in capsys.readouterr().err


def test_a_closed_pipe_is_quiet() -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    done = subprocess.run(
        [sys.executable, "-m", "orchestrator.cli.main", "schema", "tenant"],
        stdout=write_end,
        stderr=subprocess.PIPE,
        timeout=60,
        check=False,
    )
    os.close(write_end)
    assert done.stderr == b""
    assert done.returncode == 1


def test_a_wrong_call_exits_with_2() -> None:
    assert run("schema", "cat").exit_code == 2
    assert run("no-such-verb").exit_code == 2
