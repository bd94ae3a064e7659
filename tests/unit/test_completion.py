"""Tab: what a shell is told, from which sources, and that no verb is loaded for it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.shell_completion import ShellComplete

from orchestrator.cli.main import VERBS, root
from orchestrator.cli.outline import outline

pytestmark = pytest.mark.program

EXAMPLES = Path(__file__).parents[2] / "examples"
VPBX = str(Path(sys.executable).with_name("vpbx"))
HEAVY = ("sqlalchemy", "panoramisk", "structlog", "rich", "jinja2", "asyncio", "orchestrator.definitions")


def completed(*words: str, begun: str = "") -> list[str]:
    """What Tab offers after some words."""
    found = ShellComplete(root, {}, "vpbx", "_VPBX_COMPLETE").get_completions(list(words), begun)
    return [item.value for item in found if item.type == "plain"]


def test_a_verb_completes() -> None:
    assert completed(begun="de") == ["deck", "devices"]
    assert {"show", "apply", "completion", "recordings"} <= set(completed())


def test_a_verb_below_a_verb_completes() -> None:
    assert completed("recordings") == ["get", "list", "verify"]


def test_an_option_completes() -> None:
    assert "--explain" in completed("render", begun="--e")


@pytest.mark.parametrize(
    "verb", [("show",), ("devices",), ("lines",), ("calls", "list"), ("charges", "list")]
)
def test_a_tenant_completes_from_the_files_of_the_project(verb: tuple[str, ...]) -> None:
    assert completed("-C", str(EXAMPLES), *verb) == ["acme", "beta"]
    assert completed("-C", str(EXAMPLES), *verb, begun="b") == ["beta"]


def test_a_tenant_completes_in_the_current_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(EXAMPLES)
    assert completed("show") == ["acme", "beta"]


def test_a_node_completes_from_the_platform_file(tmp_path: Path) -> None:
    assert completed("-C", str(EXAMPLES), "apply", "--node") == ["pbx1"]
    (tmp_path / "platform.yaml").write_text("nodes: [broken")
    assert completed("-C", str(tmp_path), "apply", "--node") == []
    assert completed("-C", str(tmp_path / "nowhere"), "show") == []


def test_a_choice_completes_even_where_the_source_does_not_spell_it_out() -> None:
    assert completed("schema") == ["platform", "scenario", "tariff", "tenant"]


def parts(command: click.Command, path: str) -> Iterator[tuple[object, ...]]:
    """A command tree as facts that can be compared."""
    yield path, command.name, command.get_short_help_str(60)
    for param in command.params:
        kind = param.type.choices if isinstance(param.type, click.Choice) else ()
        if not isinstance(param, click.Option):
            yield path, "argument", param.name, param.required, param.nargs, tuple(kind)
        else:
            yield path, "option", param.name, tuple(param.opts), param.is_flag, param.help, tuple(kind)
    if isinstance(command, click.Group):
        for name, below in sorted(command.commands.items()):
            yield from parts(below, f"{path} {name}")


@pytest.mark.parametrize("name", sorted(VERBS))
def test_the_outline_of_a_verb_is_the_verb(name: str) -> None:
    real = root.get_command(click.Context(root), name)
    drawn = outline(VERBS[name])
    assert real is not None
    if drawn is not None:
        assert sorted(map(repr, parts(drawn, name))) == sorted(map(repr, parts(real, name)))


def test_nearly_every_verb_has_an_outline() -> None:
    assert [name for name in VERBS if outline(VERBS[name]) is None] == ["schema"]


@pytest.mark.parametrize("words", ["vpbx ", "vpbx -C examples show ", "vpbx calls ", "vpbx lines --"])
def test_tab_loads_no_verb(words: str) -> None:
    code = (
        "import sys, orchestrator.cli.main as program\n"
        "try:\n    program.main([])\n"
        "except SystemExit:\n    pass\n"
        f"print('loaded:', *[name for name in {HEAVY!r} if name in sys.modules])"
    )
    told = {
        "_VPBX_COMPLETE": "bash_complete",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split(" ")) - 1),
    }
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **told},
        cwd=EXAMPLES.parent,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    *offered, loaded = done.stdout.splitlines()
    assert offered and loaded == "loaded:"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_a_shell_asks_vpbx(shell: str) -> None:
    done = subprocess.run([VPBX, "completion", shell], capture_output=True, text=True, timeout=60, check=True)
    assert f"_VPBX_COMPLETE={shell}_complete" in done.stdout and done.stderr == ""


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")
def test_bash_itself_completes_a_tenant() -> None:
    script = (
        f'PATH="{Path(VPBX).parent}:$PATH"; eval "$(vpbx completion bash)"; '
        f'COMP_WORDS=(vpbx -C "{EXAMPLES}" show be); COMP_CWORD=4; _vpbx_completion vpbx; '
        'echo "${COMPREPLY[@]}"'
    )
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "beta\n"
