"""The picture of a tenant's routing: whole, readable by every SVG reader, the same each time."""

from __future__ import annotations

import itertools
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner
from rendered_cases import CASES

from orchestrator import definitions
from orchestrator.cli.main import root
from orchestrator.model.platform import Definitions
from orchestrator.model.tenant import Tenant
from orchestrator.routing.compile import compile_tenant
from orchestrator.routing.draw import draw

SVG = "{http://www.w3.org/2000/svg}"


def tenants() -> list[tuple[str, str]]:
    return [
        (case, tenant.name)
        for case, path in sorted(CASES.items())
        for tenant in definitions.load(path).tenants.values()
    ]


def loaded(case: str, name: str) -> tuple[Definitions, Tenant]:
    found = definitions.load(CASES[case])
    return found, found.tenants[name]


def texts(svg: str) -> set[str]:
    return {each.text or "" for each in ElementTree.fromstring(svg).iter(f"{SVG}text")}


@pytest.mark.parametrize(("case", "name"), tenants())
def test_every_number_and_everybody_that_a_number_leads_to_is_in_it(case: str, name: str) -> None:
    found, tenant = loaded(case, name)
    svg = draw(compile_tenant(found, tenant), tenant)
    assert svg == draw(compile_tenant(found, tenant), tenant)
    shown = texts(svg)
    assert f"{tenant.title} ({tenant.name})" in shown
    assert {did.number for did in tenant.numbers} <= shown
    for did in tenant.numbers:
        for leaf in did.target.leaves():
            if leaf.kind in ("employee", "department"):
                assert f"{leaf.kind} {leaf.name}" in shown


def test_boxes_of_a_column_stand_apart_and_inside_the_picture() -> None:
    found, tenant = loaded("menus", "hotel")
    picture = ElementTree.fromstring(draw(compile_tenant(found, tenant), tenant))
    height = float(picture.attrib["height"])
    columns: dict[str, list[tuple[float, float]]] = {}
    for box in picture.iter(f"{SVG}rect"):
        if "x" in box.attrib:
            top = float(box.attrib["y"])
            columns.setdefault(box.attrib["x"], []).append((top, top + float(box.attrib["height"])))
    assert len(columns) >= 3
    for spans in columns.values():
        ordered = sorted(spans)
        assert all(one[1] < other[0] for one, other in itertools.pairwise(ordered))
        assert ordered[-1][1] < height


def test_the_verb_writes_it_and_asks_for_a_call_otherwise(tmp_path: Path) -> None:
    file = tmp_path / "acme.svg"
    arguments = ["-C", str(CASES["examples"]), "route", "--tenant", "acme"]
    done = CliRunner().invoke(root, [*arguments, "--graph", str(file)])
    assert done.exit_code == 0, done.output
    assert "Отдел продаж" in texts(file.read_text("utf-8"))
    asked = CliRunner().invoke(root, arguments)
    assert asked.exit_code == 2
    assert "--from and --to" in asked.output
    nowhere = CliRunner().invoke(root, [*arguments, "--graph", str(tmp_path / "no" / "acme.svg")])
    assert nowhere.exit_code == 1
