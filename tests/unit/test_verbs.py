"""What holds for every verb of the command tree: help, --json, and plain text in a pipe."""

from __future__ import annotations

import json
import os
import pty
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from orchestrator.cli.main import root

pytestmark = pytest.mark.program

EXAMPLES = Path(__file__).parents[2] / "examples"
VPBX = str(Path(sys.executable).with_name("vpbx"))

PRINT_NO_DATA = {
    "completion": "a script for a shell",
    "employee log-in": "one line: it is done",
    "employee log-out": "one line: it is done",
    "employee set": "one line: it is done",
    "init": "the names of the files it wrote",
    "ledger dump": "JSON lines already, the canonical text of the ledger",
    "ledger export": "the text of another program, beancount",
    "listen": "its log alone",
    "recordings get": "a file",
    "schema": "JSON Schema already",
    "switch console": "the switch's own console",
    "switch run": "it becomes the switch",
    "switch start": "talk on stderr",
    "switch stop": "talk on stderr",
    "turn": "one line: it is done",
}
"""Verbs without --json, and what they print or write instead."""

ELSEWHERE = {
    "charge reverse",
    "confirm",
    "deck import",
    "explain-call",
    "hold remove",
    "lines",
    "pay",
    "portability import",
    "rollback",
    "status",
    "switch install",
    "switch status",
    "tenant status",
    "try",
    "voicemail pin",
}
"""Verbs whose --json needs a switch, a call, a price list, an active tenant or an earlier apply: tests/calls,
test_money_verbs.py, test_billing_verbs.py, test_deck_import.py, test_portability.py, test_holds.py and
test_deployment.py run them."""

ARGUMENTS = {
    "devices": ["acme"],
    "forecast": [str(EXAMPLES / "scenarios" / "first-months.yaml")],
    "hold add": ["acme", "--reason", "case 12/345"],
    "portability show": ["+79161112233"],
    "rate": ["--tenant", "acme", "--to", "+74951234567", "--seconds", "61"],
    "render": ["--check"],
    "route": ["--tenant", "acme", "--from", "101", "--to", "200"],
    "show": ["acme"],
    "statement": ["acme", "--period", "2026-10"],
    "voicemail list": ["acme"],
    "whatif": ["--period", "2026-10"],
}
"""What a verb is called with here; nothing for most."""


def verbs(group: click.Group = root, path: str = "") -> Iterator[tuple[str, click.Command]]:
    """Every command of the tree that isn't a group, by its words."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from verbs(command, f"{path}{name} ")
        else:
            yield f"{path}{name}", command


VERBS = dict(verbs())
WITH_JSON = sorted(
    name for name, each in VERBS.items() if any("--json" in param.opts for param in each.params)
)
HERE = sorted(set(WITH_JSON) - ELSEWHERE)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The examples, with nothing that listens at their addresses."""
    copied = tmp_path_factory.mktemp("verbs") / "project"
    shutil.copytree(EXAMPLES, copied, ignore=shutil.ignore_patterns(".vpbx"))
    platform = copied / "platform.yaml"
    platform.write_text(platform.read_text().replace("127.0.0.1:5038", "127.0.0.1:1"))
    return copied


def run(project: Path, name: str, *more: str) -> Result:
    return CliRunner().invoke(root, ["-C", str(project), *name.split(" "), *ARGUMENTS.get(name, []), *more])


@pytest.mark.parametrize("name", sorted(VERBS))
def test_every_verb_has_an_example_of_itself(name: str) -> None:
    text = VERBS[name].help or ""
    _, example, rest = text.partition("Example:")
    assert example and f" {name}" in f" {rest}", text


def test_every_verb_prints_json_or_is_known_to_print_no_data() -> None:
    assert set(VERBS) - set(WITH_JSON) == set(PRINT_NO_DATA)


@pytest.mark.parametrize("name", HERE)
def test_json_is_one_object_with_a_version_and_alone_on_stdout(name: str, project: Path) -> None:
    result = run(project, name, "--json")
    told = json.loads(result.stdout)
    assert isinstance(told, dict) and isinstance(told["version"], int), result.output


@pytest.mark.parametrize("name", HERE)
def test_a_pipe_gets_plain_text(name: str, project: Path) -> None:
    plain = run(project, name)
    assert plain.exception is None or isinstance(plain.exception, SystemExit)
    assert "\x1b" not in plain.stdout + plain.stderr


def test_a_pipe_gets_plain_text_from_the_program_itself(project: Path) -> None:
    for arguments in (["--help"], ["show", "acme"], ["devices", "acme"], ["no-such-verb"]):
        done = subprocess.run(
            [VPBX, "-C", str(project), *arguments], capture_output=True, timeout=60, check=False
        )
        assert b"\x1b" not in done.stdout + done.stderr


def test_a_terminal_gets_a_table(project: Path) -> None:
    master, slave = pty.openpty()
    done = subprocess.run(
        [VPBX, "-C", str(project), "show", "beta"],
        stdout=slave,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
        timeout=60,
        check=True,
    )
    os.close(slave)
    seen = os.read(master, 65536).decode()
    os.close(master)
    assert "\x1b[1m" in seen and "\t" not in seen and done.stderr == b""
