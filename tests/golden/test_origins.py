"""Every line of every rendered file has an origin, and it is the right one."""

from __future__ import annotations

import re
import shutil
from functools import cache
from pathlib import Path

import jinja2
import pytest
from click.testing import CliRunner
from rendered_cases import CASES, EXAMPLES, rendered

from orchestrator import definitions
from orchestrator.candidate import choose_node, rendered_for_reading, secrets_to_apply
from orchestrator.cli.main import root
from orchestrator.errors import NotFound
from orchestrator.model.platform import Definitions
from orchestrator.origin_lines import Origin
from orchestrator.origins import FileStale, Origins, explain, parse_place
from orchestrator.project import Project
from orchestrator.rendering import trace
from orchestrator.rendering.render import render
from orchestrator.rendering.sources import share_directory

pytestmark = pytest.mark.long

REGISTRATION = CASES["trunk-by-registration"]


@cache
def opened(project: Path) -> tuple[Project, Definitions, Origins]:
    loaded = definitions.load(project)
    return Project(project), loaded, Origins(Project(project), loaded, choose_node(loaded, None))


@cache
def lines_of(file: Path) -> tuple[str, ...]:
    return tuple(file.read_text().splitlines())


def line_of(project: Path, file: str, text: str) -> Origin:
    """The origin of the first line that begins so."""
    _, _, origins = opened(project)
    return next(origin for origin in origins.file(file) if origin.text.strip().startswith(text))


def told(origin: Origin) -> list[str]:
    """The places in the YAML as text, those of defaults with the field's name."""
    return [
        f"{each.position.file}: {each.default}" if each.default else str(each.position)
        for each in origin.places
    ]


@pytest.mark.parametrize("case", sorted(CASES))
def test_every_line_of_every_file_has_an_origin_that_exists(case: str) -> None:
    project, loaded, origins = opened(CASES[case])
    plain = rendered_for_reading(project, loaded, choose_node(loaded, None))
    lines = 0
    for path, file in plain.files.items():
        found = origins.file(path)
        assert "".join(f"{origin.text}\n" for origin in found).count("\n") == file.text.count("\n")
        for origin in found:
            lines += 1
            _check(origin, CASES[case])
    assert lines > 500


def _check(origin: Origin, project: Path) -> None:
    at = f"{origin.file}:{origin.line}"
    if origin.kind in ("yaml", "default"):
        assert origin.places, at
    elif origin.kind == "block":
        assert origin.block is not None, at
        assert origin.block.text == re.sub(r"(vpbx-[\w-]+)\.[0-9a-f]{8}\b", r"\1", origin.text), at
    elif origin.kind == "template":
        assert origin.template is not None and "the same for every tenant" in origin.note, at
    else:
        assert origin.kind == "mark", at
        assert origin.text in ("", "[globals](+)") or origin.text.startswith("VPBX_MARK_"), at
    for place in origin.places:
        written = lines_of(project / place.position.file)
        assert written[place.position.line - 1][place.position.column - 1 :].strip(), at
    for source in (origin.template, origin.block):
        if source is not None:
            text = lines_of(share_directory() / source.file)[source.line - 1]
            assert source.text.strip() == text.strip(), at


@pytest.mark.parametrize(
    ("file", "text", "places", "template"),
    [
        (
            "dialplan/tenants/acme.conf",
            "exten => +74951112234",
            ["tenants/acme.yaml:35:3"],
            "tenant_dialplan",
        ),
        ("dialplan/tenants/acme.conf", "exten => 112", ["platform.yaml:10:13"], "tenant_dialplan"),
        ("dialplan/tenants/acme.conf", "exten => outside", ["tenants/acme.yaml:12:10"], "tenant_dialplan"),
        ("dialplan/tenants/acme.conf", "exten => employees.106", ["tenants/acme.yaml:22:5"], "_steps"),
        ("dialplan/tenants/acme.conf", "exten => departments.sales", ["tenants/acme.yaml:26:3"], "_steps"),
        ("dialplan/tenants/acme.conf", "exten => outside.dial", ["tenants/acme.yaml:8:12"], "_steps"),
        ("dialplan/tenants/acme.conf", "exten => outside.check", ["tenants/acme.yaml:12:10"], "_steps"),
        ("dialplan/tenants/beta.conf", "exten => outside.check", ["platform.yaml:38:17"], "_steps"),
        (
            "dialplan/tenants/acme.conf",
            "exten => numbers.74951112235.forward",
            ["tenants/acme.yaml:37:29", "tenants/acme.yaml:8:12", "platform.yaml:34:10"],
            "_steps",
        ),
        ("dialplan/tenants/acme.conf", "exten => end.busy", [], "_steps"),
        ("pjsip/tenants/acme.conf", 'callerid="Екатерина', ["tenants/acme.yaml:19:30"], "tenant_pjsip"),
        ("pjsip/tenants/acme.conf", "rtp_timeout=", ["platform.yaml:14:18"], "tenant_pjsip"),
        ("pjsip.conf", "bind=", ["platform.yaml:21:10"], "pjsip"),
        ("pjsip.conf", "[trunk-main]", ["platform.yaml:27:3"], "pjsip"),
        ("pjsip.conf", "match=", ["platform.yaml:30:12"], "pjsip"),
        (
            "dialplan/platform.conf",
            "exten => _+79X",
            ["platform.yaml: dial_classes.mobile"],
            "dialplan/platform",
        ),
        ("rtp.conf", "rtpstart=", ["platform.yaml:22:10"], "rtp"),
        ("modules.conf", "load=app_dial", [], "modules"),
    ],
)
def test_a_line_is_traced_to_what_it_was_made_of(
    file: str, text: str, places: list[str], template: str
) -> None:
    origin = line_of(EXAMPLES, file, text)
    found = told(origin)
    assert found[: len(places)] == places if places else found == []
    assert origin.template is not None
    assert origin.template.file == f"templates/asterisk/{template}{'.conf' * (template[0] != '_')}.j2"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("exten => hours.office.6", "tenants/clinic.yaml:31:38"),
        ("exten => hours.office.20261231", "tenants/clinic.yaml:33:12"),
        ("exten => hours.night_shift.7", "tenants/clinic.yaml:35:14"),
        ("exten => employees.101.no_answer,", "tenants/clinic.yaml:15:31"),
        ("exten => numbers.73432223344.schedule", "tenants/clinic.yaml:41:15"),
        ("exten => numbers.73432223344.closed.closed,", "tenants/clinic.yaml:46:24"),
    ],
)
def test_hours_and_overflow_are_traced_to_their_lines(text: str, place: str) -> None:
    assert place in told(line_of(CASES["schedules"], "dialplan/tenants/clinic.conf", text))


def test_each_device_is_traced_to_its_own_item_of_the_list() -> None:
    _, _, origins = opened(EXAMPLES)
    found = [o for o in origins.file("pjsip/tenants/acme.conf") if o.text.startswith("[new-acme-103-")]
    assert {(o.text, told(o)[0]) for o in found} == {
        ("[new-acme-103-desk]", "tenants/acme.yaml:19:60"),
        ("[new-acme-103-mobile]", "tenants/acme.yaml:19:66"),
    }


def test_a_field_that_is_not_written_is_called_a_default() -> None:
    assert told(line_of(REGISTRATION, "dialplan/platform.conf", "VPBX_LONGEST_CALL_S"))[0] == (
        "platform.yaml: limits.longest_call_s"
    )


def test_a_line_of_a_block_is_its_hand_written_line_with_the_context_and_its_comment() -> None:
    origin = line_of(EXAMPLES, "dialplan/blocks/inside.conf", 'same => n,ExecIf($["${DIALSTATUS}" = "BUSY"')
    assert origin.block is not None
    text = (share_directory() / origin.block.file).read_text().splitlines()
    assert text[origin.block.line - 1] == origin.block.text == origin.text
    assert origin.block.context == "vpbx-ring"
    assert origin.block.about[0].startswith("Rings phones")


def test_the_block_that_a_step_calls_is_named() -> None:
    origin = line_of(EXAMPLES, "dialplan/tenants/acme.conf", "exten => outside.dial")
    assert [each.context for each in origin.calls] == ["vpbx-dial-out", "vpbx-record-answered"]


def test_a_path_into_the_live_configuration_is_explained_without_its_secrets(tmp_path: Path) -> None:
    project = shutil.copytree(EXAMPLES, tmp_path / "project", ignore=shutil.ignore_patterns(".vpbx"))
    loaded = definitions.load(project)
    node = choose_node(loaded, None)
    applied = render(loaded, node, secrets_to_apply(Project(project), loaded, node), share_directory())
    live = Project(project).switch(node.name).etc / "pjsip/tenants/acme.conf"
    live.parent.mkdir(parents=True)
    text = applied.files["pjsip/tenants/acme.conf"].text
    live.write_text(text)
    number = next(i for i, line in enumerate(text.splitlines(), 1) if line.startswith("password="))
    origin = explain(Project(project), loaded, node, str(live), number)
    assert (origin.file, origin.line, origin.text) == ("pjsip/tenants/acme.conf", number, "password=masked")
    assert told(origin) == ["tenants/acme.yaml:17:5"] and "secrets.json" in origin.note
    secret = text.splitlines()[number - 1].removeprefix("password=")
    for arguments in ([], ["--json"]):
        shown = CliRunner().invoke(
            root, ["-C", str(project), "render", "--explain", f"{live}:{number}", *arguments]
        )
        assert shown.exit_code == 0 and secret not in shown.output


def test_a_line_that_the_definitions_no_longer_give_is_refused_and_a_moved_one_is_found(
    tmp_path: Path,
) -> None:
    project = shutil.copytree(EXAMPLES, tmp_path / "project", ignore=shutil.ignore_patterns(".vpbx"))
    loaded = definitions.load(project)
    node = choose_node(loaded, None)
    plain = rendered_for_reading(Project(project), loaded, node)
    old = tmp_path / "out/dialplan/tenants/acme.conf"
    old.parent.mkdir(parents=True)
    text = plain.files["dialplan/tenants/acme.conf"].text
    old.write_text(f"; gone\n{text}")
    line = text.splitlines().index("[acme-inside]") + 2
    with pytest.raises(FileStale):
        explain(Project(project), loaded, node, str(old), 1)
    moved = explain(Project(project), loaded, node, str(old), line + 1)
    assert re.fullmatch(r"exten => 101,1,Goto\(acme-steps\.[0-9a-f]{16},inside\.101,1\)", moved.text)
    assert f"number {line} now" in moved.note


@pytest.mark.parametrize("place", ["pjsip.conf", "pjsip.conf:x", "pjsip.conf:0", ":3"])
def test_what_names_no_line_is_refused(place: str) -> None:
    with pytest.raises(NotFound):
        parse_place(place)


@pytest.mark.parametrize(
    ("file", "line"), [("nothing.conf", 1), ("pjsip.conf", 9999), ("dialplan/tenants/nobody.conf", 1)]
)
def test_no_such_file_or_line(file: str, line: int) -> None:
    project, loaded, _ = opened(EXAMPLES)
    with pytest.raises(NotFound):
        explain(project, loaded, choose_node(loaded, None), file, line)


def test_an_ordinary_rendering_compiles_no_marks(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[type[jinja2.Environment]] = []
    monkeypatch.setattr(
        trace._TracingEnvironment, "__init__", lambda *_, **__: made.append(jinja2.Environment)
    )
    assert rendered(EXAMPLES).files
    assert made == []
