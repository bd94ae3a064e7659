"""What is kept between runs: never a difference in what is loaded or said, whatever happened to it."""

from __future__ import annotations

import os
import pickle
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from orchestrator.cache_file import sealed
from orchestrator.cli.main import root
from orchestrator.definitions import check, document, kept, load
from orchestrator.definitions.kept import KeptFiles
from orchestrator.definitions.load import _Reader
from orchestrator.errors import DefinitionsInvalid

HERE = Path(__file__).parent
EXAMPLES = HERE.parents[1] / "examples"
GOLDEN = HERE.parent / "golden" / "definitions"
CASES = sorted(path.name for path in GOLDEN.iterdir() if path.is_dir())


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(kept, "KEPT_FROM", 0)
    return Path(
        shutil.copytree(EXAMPLES, tmp_path / "project", ignore=shutil.ignore_patterns(".vpbx")),
    )


@pytest.fixture
def read_anew(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The tenants' files that were converted."""
    files: list[str] = []
    converted = _Reader._converted

    def noting(self: _Reader, file: str, *rest: object) -> object:
        if file.startswith("tenants/"):
            files.append(file)
        return converted(self, file, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(_Reader, "_converted", noting)
    return files


def kept_file(project: Path) -> Path:
    return project / ".vpbx" / "cache" / "definitions"


def tenants(project: Path) -> list[str]:
    return sorted(f"tenants/{path.name}" for path in (project / "tenants").glob("*.yaml"))


def test_an_unchanged_file_is_not_read_again(project: Path, read_anew: list[str]) -> None:
    first = load(project)
    assert read_anew == tenants(project)
    read_anew.clear()
    assert load(project) == first
    assert repr(load(project)) == repr(first) == repr(load(project, cached=False)), "positions too"
    assert read_anew == tenants(project), "by the one that takes nothing as it was"


def test_no_tree_is_made_of_an_unchanged_file_without_problems(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = load(project)
    parsed: list[str] = []
    parse = document.parse

    def noting(text: str, file: str) -> object:
        parsed.append(file)
        return parse(text, file)

    monkeypatch.setattr(document, "parse", noting)
    assert load(project) == first
    assert [file for file in parsed if file.startswith("tenants/")] == []
    assert parsed, "the platform is always read"


@pytest.mark.parametrize("case", CASES)
def test_a_bad_project_is_told_the_same_with_what_is_kept_and_without(case: str, project: Path) -> None:
    load(project)
    shutil.copytree(GOLDEN / case, project, dirs_exist_ok=True)
    plain = check(project, cached=False)
    assert plain[1]
    assert check(project) == plain
    assert check(project) == plain


def test_a_changed_file_alone_is_read_again(project: Path, read_anew: list[str]) -> None:
    load(project)
    read_anew.clear()
    file = project / "tenants" / "beta.yaml"
    file.write_text(file.read_text("utf-8").replace("name: beta", "name: beta # same"), "utf-8")
    load(project)
    assert read_anew == ["tenants/beta.yaml"]


def test_the_same_bytes_in_another_file_are_read_for_themselves(project: Path, read_anew: list[str]) -> None:
    load(project)
    read_anew.clear()
    shutil.copy(project / "tenants" / "beta.yaml", project / "tenants" / "gamma.yaml")
    _, problems = check(project)
    assert read_anew == ["tenants/gamma.yaml"]
    assert {problem.code for problem in problems} >= {"file-name", "number-clash"}


def test_a_neighbour_that_takes_a_number_is_seen_from_an_unchanged_file(project: Path) -> None:
    definitions = load(project)
    taken = definitions.tenants["beta"].numbers[0].number
    file = project / "tenants" / "acme.yaml"
    file.write_text(
        file.read_text("utf-8").replace("numbers:\n", f'numbers:\n  "{taken}": {{employee: "101"}}\n')
    )
    _, problems = check(project)
    assert [(problem.code, problem.position.file) for problem in problems] == [
        ("number-clash", "tenants/beta.yaml")
    ]
    assert (None, problems) == check(project, cached=False)


def test_what_the_platform_gives_by_default_reaches_unchanged_files(project: Path) -> None:
    load(project)
    file = project / "platform.yaml"
    changed = file.read_text("utf-8").replace("defaults:\n", "defaults:\n  ring_timeout_s: 47\n")
    file.write_text(changed.replace("  ring_timeout_s: 30\n", ""), "utf-8")
    found = load(project)
    assert found == load(project, cached=False)
    assert 47 in {each.ring_timeout_s for tenant in found.tenants.values() for each in tenant.employees}


def test_nothing_is_taken_from_another_version_of_the_code(
    project: Path, read_anew: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    load(project)
    read_anew.clear()
    version = kept._version
    monkeypatch.setattr(kept, "_version", lambda surroundings: version(surroundings + "another"))
    load(project)
    assert read_anew == tenants(project)


def test_the_version_follows_every_source_of_definitions_and_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import orchestrator.definitions
    import orchestrator.model

    for package in (orchestrator.definitions, orchestrator.model):
        before = kept._version("")
        copy = Path(shutil.copytree(package.__path__[0], tmp_path / package.__name__))
        monkeypatch.setattr(package, "__path__", [str(copy)])
        assert kept._version("") == before
        for source in copy.rglob("*.py"):
            text = source.read_text("utf-8")
            source.write_text(text + "# more\n", "utf-8")
            assert kept._version("") != before, source
            source.write_text(text, "utf-8")


def test_a_deck_is_read_again_when_it_changes_and_not_before(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = load(project)
    with monkeypatch.context() as patch:
        patch.setitem(_Reader._deck.__globals__, "read_deck", None)
        assert repr(load(project)) == repr(first)
    deck = project / "decks" / "multifon-business.csv"
    deck.write_text(deck.read_text("utf-8").replace("2.80", "2.90"), "utf-8")
    assert load(project) == load(project, cached=False) != first
    deck.write_text(deck.read_text("utf-8") + "7,\n", "utf-8")
    assert check(project) == check(project) == check(project, cached=False)
    assert check(project)[1]


def test_a_removed_file_is_not_kept(project: Path) -> None:
    load(project)
    (project / "tenants" / "beta.yaml").unlink()
    load(project)
    assert b"tenants/beta.yaml" not in kept_file(project).read_bytes()


def test_a_faulty_file_is_not_kept_and_its_problem_comes_every_time(project: Path) -> None:
    file = project / "tenants" / "beta.yaml"
    file.write_text(file.read_text("utf-8") + "colour: red\n", "utf-8")
    first = check(project)
    assert [problem.code for problem in first[1]] == ["unknown-key"]
    assert check(project) == first
    assert b"tenants/beta.yaml" not in kept_file(project).read_bytes()


@pytest.mark.parametrize("place", [0.0, 0.001, 0.02, 0.5, 0.999])
@pytest.mark.parametrize("how", ["cut", "flipped"])
def test_what_is_damaged_is_passed_over_and_written_again(
    place: float, how: str, project: Path, read_anew: list[str]
) -> None:
    first = load(project)
    whole = kept_file(project).read_bytes()
    at = int(len(whole) * place)
    after = b"" if how == "cut" else bytes([whole[at] ^ 1]) + whole[at + 1 :]
    kept_file(project).write_bytes(whole[:at] + after)
    read_anew.clear()
    assert load(project) == first
    assert read_anew == tenants(project)
    assert kept_file(project).read_bytes() == whole


class Bad:
    """Runs a command when it is read."""

    def __init__(self, command: str) -> None:
        self._command = command

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (self._command,)


@pytest.mark.parametrize("inside", [True, False], ids=["in an entry", "as the whole"])
def test_nothing_in_it_can_run(inside: bool, project: Path, tmp_path: Path) -> None:
    first = load(project)
    entry = pickle.dumps(Bad(f"touch {tmp_path}/ran"))
    content = kept_file(project).read_bytes()
    head = content[: len(kept._MAGIC) + 32]
    entries = pickle.loads(content[len(head) + 32 :])
    body = pickle.dumps({file: (digest, entry) for file, (digest, _) in entries.items()}) if inside else entry
    kept_file(project).write_bytes(sealed(head, body) + body)
    assert load(project) == first
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("wrong", ["file", "folder", "link"])
def test_what_others_may_have_written_is_passed_over(wrong: str, project: Path, read_anew: list[str]) -> None:
    load(project)
    file = kept_file(project)
    if wrong == "file":
        file.chmod(0o640)
    elif wrong == "folder":
        file.parent.chmod(0o755)
    else:
        file.rename(file.with_name("elsewhere"))
        file.symlink_to("elsewhere")
    read_anew.clear()
    load(project)
    assert read_anew == tenants(project)


def test_nobody_else_may_read_it(project: Path) -> None:
    load(project)
    assert kept_file(project).stat().st_mode & 0o777 == 0o600
    assert kept_file(project).parent.stat().st_mode & 0o777 == 0o700
    assert [path.name for path in kept_file(project).parent.iterdir()] == ["definitions"]


def test_nothing_is_written_into_somebody_elses_project(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: project.stat().st_uid + 1)
    load(project)
    assert not (project / ".vpbx").exists()


def test_where_nothing_can_be_written_the_project_loads_all_the_same(project: Path) -> None:
    (project / ".vpbx").write_text("a file in its place", "utf-8")
    assert load(project) == load(project, cached=False)


def test_a_small_project_keeps_nothing(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "KEPT_FROM", len(tenants(project)) + 1)
    load(project)
    assert not (project / ".vpbx").exists()


def test_it_is_switched_off_by_the_option_and_by_the_environment(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert CliRunner().invoke(root, ["-C", str(project), "validate", "--no-cache"]).exit_code == 0
    assert not (project / ".vpbx").exists()
    with monkeypatch.context() as patch:
        patch.setenv("VPBX_DEFINITIONS_CACHE", "off")
        assert CliRunner().invoke(root, ["-C", str(project), "validate"]).exit_code == 0
        assert not (project / ".vpbx").exists()
    assert CliRunner().invoke(root, ["-C", str(project), "validate"]).exit_code == 0
    assert kept_file(project).exists()


def test_a_project_with_nothing_readable_in_it_is_told_as_ever(project: Path) -> None:
    load(project)
    (project / "platform.yaml").unlink()
    with pytest.raises(DefinitionsInvalid) as with_it:
        load(project)
    with pytest.raises(DefinitionsInvalid) as without:
        load(project, cached=False)
    assert with_it.value.problems == without.value.problems


def test_an_entry_of_another_kind_is_not_taken(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = load(project)
    monkeypatch.setattr(KeptFiles, "find", lambda *_: ("not", "a tenant"))
    assert load(project) == first
