"""Templates kept as they were compiled: never a difference in what is rendered, whatever happened to them."""

from __future__ import annotations

import os
from pathlib import Path

import jinja2
import pytest

from orchestrator import compiled_templates
from orchestrator.cache_file import sealed
from orchestrator.compiled_templates import CompiledTemplates


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The cache of a project."""
    return tmp_path / "project" / ".vpbx" / "cache"


@pytest.fixture
def templates(tmp_path: Path) -> Path:
    (tmp_path / "project").mkdir()
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "a.j2").write_text("{{ number }} of {{ 'one'|twice }}")
    return tmp_path / "templates"


@pytest.fixture
def compiled_anew(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The templates that were compiled, by their text."""
    found: list[str] = []
    compiling = jinja2.Environment.compile

    def noting(self: jinja2.Environment, source: str, *rest: object, **named: object) -> object:
        found.append(source)
        return compiling(self, source, *rest, **named)  # type: ignore[call-overload]

    monkeypatch.setattr(jinja2.Environment, "compile", noting)
    return found


def rendered(folder: Path, templates: Path) -> str:
    compiled = CompiledTemplates(folder)
    environment = compiled.environment()(loader=jinja2.FileSystemLoader(templates))
    environment.filters["twice"] = lambda text: text * 2
    text = environment.get_template("a.j2").render(number=7)
    compiled.save()
    return text


def test_a_template_is_compiled_once(folder: Path, templates: Path, compiled_anew: list[str]) -> None:
    assert rendered(folder, templates) == rendered(folder, templates) == "7 of oneone"
    assert len(compiled_anew) == 1
    assert (folder / "templates").stat().st_mode & 0o777 == 0o600


def test_a_template_with_another_text_is_compiled_again(folder: Path, templates: Path) -> None:
    rendered(folder, templates)
    (templates / "a.j2").write_text("{{ number + 1 }}")
    assert rendered(folder, templates) == "8"


def test_all_are_compiled_again_when_what_they_are_compiled_for_has_changed(
    folder: Path, templates: Path, compiled_anew: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    rendered(folder, templates)
    monkeypatch.setattr(compiled_templates, "_version", lambda: bytes(32))
    assert rendered(folder, templates) == "7 of oneone"
    assert len(compiled_anew) == 2


@pytest.mark.parametrize("wrong", ["cut", "readable by others", "in a folder of others", "a link", "off"])
def test_what_is_damaged_or_others_may_have_written_is_passed_over(
    wrong: str, folder: Path, templates: Path, compiled_anew: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    rendered(folder, templates)
    file = folder / "templates"
    match wrong:
        case "cut":
            file.write_bytes(file.read_bytes()[:-1])
        case "readable by others":
            file.chmod(0o640)
        case "in a folder of others":
            folder.chmod(0o755)
        case "a link":
            file.rename(folder / "elsewhere")
            file.symlink_to("elsewhere")
        case _:
            monkeypatch.setenv("VPBX_DEFINITIONS_CACHE", "off")
    assert rendered(folder, templates) == "7 of oneone"
    assert len(compiled_anew) == 2


def test_nothing_is_kept_in_somebody_elses_project(
    folder: Path, templates: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    assert rendered(folder, templates) == "7 of oneone"
    assert not folder.exists()


def test_the_seal_is_of_the_whole_content() -> None:
    assert sealed(b"head", b"a") != sealed(b"head", b"b")
