"""Apply and the verbs around it given what they can't work with; generations on disk."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import copied_verbs
import pytest

from orchestrator.asterisk.confirm import endpoint_ids
from orchestrator.asterisk.difference import modules_to_reload
from orchestrator.asterisk.generations import Generations
from orchestrator.project import Project, SwitchPaths

pytestmark = pytest.mark.program

EXAMPLES = Path(__file__).parents[2] / "examples"
_DEADLINE_S = 60


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """The example platform, on ports that nothing listens on."""
    shutil.copytree(EXAMPLES, tmp_path / "project", ignore=shutil.ignore_patterns(".vpbx"))
    made = Project(tmp_path / "project")
    edit(made.platform_file, r"ami: \S+", "ami: 127.0.0.1:9")
    return made


def edit(path: Path, pattern: str, replacement: str) -> None:
    text, count = re.subn(pattern, replacement, path.read_text())
    assert count, f"{pattern!r} isn't in {path}"
    path.write_text(text)


def run(project: Project, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command itself: what an operator sees, and nothing caught on the way."""
    return copied_verbs.run(["-C", str(project.root), *arguments], _DEADLINE_S)


def refused(project: Project, *arguments: str) -> tuple[str, str]:
    """Run a verb that must fail. Returns: the one line of the error, and its hint."""
    result = run(project, *arguments)
    assert (result.returncode, result.stdout) == (1, ""), result
    lines = result.stderr.splitlines()
    assert len(lines) == 2, result.stderr
    assert lines[0].startswith("vpbx: error: ") and lines[1].startswith("hint: "), result.stderr
    assert "unexpected" not in lines[0]
    return lines[0].removeprefix("vpbx: error: "), lines[1].removeprefix("hint: ")


@pytest.mark.parametrize(
    "verb",
    [
        ("lines",),
        ("devices",),
        ("recordings", "list"),
        ("recordings", "verify"),
        ("calls", "list"),
        ("charges", "list"),
    ],
    ids=" ".join,
)
def test_a_tenant_that_is_not_there_is_told_with_those_that_are(
    project: Project, verb: tuple[str, ...]
) -> None:
    assert refused(project, *verb, "acne") == ("no tenant 'acne'", "did you mean `acme`?")


@pytest.mark.parametrize(
    "verb", [("apply",), ("lines", "acme"), ("devices", "acme"), ("render", "--out", "x")], ids=" ".join
)
def test_a_node_that_is_not_there_is_told_with_those_that_are(
    project: Project, verb: tuple[str, ...]
) -> None:
    message, hint = refused(project, *verb, "--node", "pbx9")
    assert (message, hint) == ("node 'pbx9' isn't one of pbx1", "name one with --node")


def test_lines_of_a_switch_that_is_not_running_says_how_to_start_it(project: Project) -> None:
    message, hint = refused(project, "lines", "acme")
    assert message.startswith("nothing listens for AMI at 127.0.0.1:9")
    assert "vpbx switch start" in hint


def test_render_into_a_directory_with_something_in_it_writes_nothing(
    project: Project, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine.txt").write_text("mine")
    message, hint = refused(project, "render", "--out", str(out))
    assert (message, hint) == (f"{out} is not empty", "name an empty or a new directory")
    assert [path.name for path in out.iterdir()] == ["mine.txt"]


def test_render_where_nothing_can_be_made_is_told(project: Project, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    message, hint = refused(project, "render", "--out", str(tmp_path / "file" / "out"))
    assert (message, hint) == (f"{tmp_path}/file/out: Not a directory", "name a directory that you may write")


def test_render_masks_secrets_and_makes_none_up(project: Project, tmp_path: Path) -> None:
    assert run(project, "render", "--out", str(tmp_path / "out")).returncode == 0
    texts = [path.read_text() for path in (tmp_path / "out").rglob("*") if path.is_file()]
    passwords = re.findall(r"^(?:password|secret) *= *(.*)$", "\n".join(texts), re.MULTILINE)
    assert passwords and set(passwords) == {"masked"}
    assert not project.secrets_file.exists()


@pytest.mark.parametrize(
    "verb", [("recordings", "list"), ("recordings", "verify"), ("lines", "acme")], ids=" ".join
)
@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("sqlite:////proc/none/vpbx.db", "can't be opened"),
        ("sqlite:////dev/null/vpbx.db", "can't be opened"),
        ("postgresql://vpbx@127.0.0.1:9/vpbx", "does not answer"),
    ],
    ids=["no directory", "no rights", "no server"],
)  # fmt: skip
def test_a_database_that_is_out_of_reach_is_told_with_its_place(
    project: Project, verb: tuple[str, ...], url: str, told: str
) -> None:
    edit(project.platform_file, r"database: .*", f'database: "{url}"')
    message, hint = refused(project, *verb)
    assert message.startswith("the database ") and told in message
    assert "storage.database" in hint


def test_a_file_that_is_no_database_is_told(project: Project) -> None:
    project.state.mkdir()
    (project.state / "vpbx.db").write_text("these are not the tables\n" * 100)
    message, _ = refused(project, "recordings", "list")
    assert "file is not a database" in message


@pytest.mark.parametrize("id", ["s0-1.1", "", "../../etc/passwd"])
def test_a_recording_that_is_not_there_is_told_and_nothing_is_written(
    project: Project, tmp_path: Path, id: str
) -> None:
    message, hint = refused(project, "recordings", "get", id, "--out", str(tmp_path / "out.wav"))
    assert (message, hint) == (f"no recording {id!r}", "vpbx recordings list")
    assert not (tmp_path / "out.wav").exists()


@pytest.mark.parametrize("verb", [("apply",), ("devices", "acme"), ("lines", "acme")], ids=" ".join)
def test_a_damaged_secrets_file_is_told_and_kept_as_it_is(project: Project, verb: tuple[str, ...]) -> None:
    project.state.mkdir()
    project.secrets_file.write_text('{"systemnames": ')
    message, hint = refused(project, *verb)
    assert message == f"{project.secrets_file}: damaged (JSONDecodeError)"
    assert "backup" in hint
    assert project.secrets_file.read_text() == '{"systemnames": '


def test_apply_without_rights_to_its_own_files_says_which(project: Project) -> None:
    project.state.write_text("")
    message, hint = refused(project, "apply")
    assert message == f"{project.state}/switch/pbx1: Not a directory"
    assert hint == "run vpbx as the user whose files these are"


def test_apply_refuses_a_configuration_directory_that_it_did_not_make(project: Project) -> None:
    etc = project.switch("pbx1").etc
    etc.mkdir(parents=True)
    (etc / "mine.conf").write_text("mine")
    message, hint = refused(project, "apply")
    assert message.startswith(f"{etc}: ") and "should be a link" in message and hint == "move it away"
    assert (etc / "mine.conf").read_text() == "mine"


@pytest.mark.parametrize(
    ("content", "told"),
    [(b"", "it is empty: 0 bytes"), (b"RIFF no more", "it is no WAV file")],
)
def test_apply_with_a_prompt_that_is_no_sound_stages_nothing(
    project: Project, content: bytes, told: str
) -> None:
    assert run(project, "apply").returncode == 0
    (project.root / "prompts").mkdir()
    (project.root / "prompts/hello.wav").write_bytes(content)
    tenant = project.root / "tenants/acme.yaml"
    tenant.write_text(tenant.read_text() + "recording: {announce: prompts/hello.wav}\n")
    result = run(project, "apply")
    assert result.returncode == 1
    assert f"sound-unreadable: `prompts/hello.wav` can't be played: {told}" in result.stderr
    assert generations(project.switch("pbx1")) == ["1"]


def test_apply_with_problems_in_the_yaml_shows_them_all_and_stages_nothing(project: Project) -> None:
    edit(project.root / "tenants/acme.yaml", r"distribution: all", "distribution: some")
    edit(project.root / "tenants/beta.yaml", r'employee: "101"', 'employee: "999"')
    result = run(project, "apply")
    assert (result.returncode, result.stdout) == (1, "")
    assert "tenants/acme.yaml:" in result.stderr and "tenants/beta.yaml:" in result.stderr
    assert "Traceback" not in result.stderr
    assert not project.state.exists()


def test_apply_to_a_switch_that_is_not_running_is_read_at_its_start(project: Project) -> None:
    first, second = run(project, "apply"), run(project, "apply")
    assert "the switch isn't running; it reads this at its start" in first.stdout
    assert second.stdout == "nothing to do: generation 1 is live\n"
    assert generations(project.switch("pbx1")) == ["1"]


def test_a_live_generation_that_somebody_removed_is_made_again(project: Project) -> None:
    paths = project.switch("pbx1")
    assert run(project, "apply").returncode == 0
    shutil.rmtree(paths.generations / "1")
    assert run(project, "apply").returncode == 0
    assert (paths.etc / "extensions.conf").is_file()
    assert generations(paths) == ["2"]


def test_a_damaged_note_of_what_the_switch_read_counts_as_none(project: Project) -> None:
    paths = project.switch("pbx1")
    assert run(project, "apply").returncode == 0
    for text in (
        "",
        "[",
        "[]",
        '{"generation": "x", "confirmed": true}',
        '{"generation": 99, "confirmed": true}',
    ):
        (paths.root / "running.json").write_text(text)
        assert Generations(paths).running().generation is None


def test_every_changed_file_that_can_be_reloaded_is_reloaded_once_and_in_order() -> None:
    changed = [
        "dialplan/tenants/a.conf",
        "dialplan/tenants/b.conf",
        "extensions.conf",
        "pjsip/tenants/a.conf",
    ]
    assert modules_to_reload(changed) == ("pbx_config.so",)
    assert modules_to_reload(["pjsip.conf"]) == ("res_pjsip.so", "res_pjsip_outbound_registration.so")
    assert modules_to_reload(["modules.conf"]) == ()


def test_endpoints_are_told_from_their_other_sections() -> None:
    text = "[a]\ntype=endpoint\n[a]\ntype=aor\n[b]\ntype=auth\n[c]\ncontext=x\ntype=endpoint\n"
    assert list(endpoint_ids(text)) == ["a", "c"]


def generations(paths: SwitchPaths) -> list[str]:
    return sorted(path.name for path in paths.generations.iterdir())


def test_a_fault_in_a_tenants_file_keeps_nobody_from_the_switch(project: Project) -> None:
    edit(project.root / "tenants/acme.yaml", r"distribution: all", "distribution: some")
    status = run(project, "switch", "status")
    assert (status.returncode, status.stdout) == (3, "pbx1: not running\n"), status
    assert run(project, "switch", "stop").returncode == 0
    edit(project.platform_file, r"version: 1", "version: 9")
    assert run(project, "switch", "status").returncode == 1
