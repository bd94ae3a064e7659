"""JSON Schema, docs/yaml.md, the example and the starter say the same as what reads the files."""

from __future__ import annotations

import re
from pathlib import Path

import jsonschema
import pytest
import yaml

from orchestrator.definitions.schema import KINDS, json_schema, reference_table, schema_text

ROOT = Path(__file__).parents[2]
STARTER = ROOT / "orchestrator" / "definitions" / "starter"
FILES = [
    (kind, path)
    for folder in (ROOT / "examples", STARTER)
    for kind, pattern in (
        ("platform", "platform.yaml"),
        ("tariff", "tariffs/*.yaml"),
        ("tenant", "tenants/*.yaml"),
    )
    for path in sorted(folder.glob(pattern))
]


@pytest.mark.parametrize("kind", KINDS)
def test_schema_is_valid(kind: str) -> None:
    jsonschema.Draft202012Validator.check_schema(json_schema(kind))


@pytest.mark.parametrize("kind", KINDS)
def test_committed_schema_is_what_vpbx_schema_prints(kind: str, update_goldens: bool) -> None:
    committed = ROOT / "examples" / "schemas" / f"{kind}.json"
    if update_goldens:
        committed.write_text(schema_text(kind), "utf-8")
    assert committed.read_text("utf-8") == schema_text(kind)


@pytest.mark.parametrize("kind", KINDS)
def test_reference_has_the_table_made_from_the_schema(kind: str, update_goldens: bool) -> None:
    reference = ROOT / "docs" / "yaml.md"
    begin, end = f"<!-- {kind} -->\n", f"<!-- /{kind} -->"
    before, _, rest = reference.read_text("utf-8").partition(begin)
    table, _, after = rest.partition(end)
    if update_goldens:
        reference.write_text(f"{before}{begin}{reference_table(kind)}{end}{after}", "utf-8")
    else:
        assert table == reference_table(kind)


class AsEditorsRead(yaml.SafeLoader):
    """YAML 1.2's core schema, as editors have it: dates are text, `no` is text."""


AsEditorsRead.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


@pytest.mark.parametrize(
    ("kind", "path"), FILES, ids=lambda value: value.name if isinstance(value, Path) else value
)
def test_file_is_valid_by_its_schema_and_names_it(kind: str, path: Path) -> None:
    text = path.read_text("utf-8")
    jsonschema.Draft202012Validator(json_schema(kind)).validate(yaml.load(text, AsEditorsRead))
    folder = "" if kind == "platform" else "../"
    assert text.startswith(f"# yaml-language-server: $schema={folder}schemas/{kind}.json\n")


def test_editors_numbers_are_let_through_where_text_is_accepted() -> None:
    tenant = {
        "version": 1,
        "name": "acme",
        "title": 2026,
        "caller_id": 74951112233,
        "employees": [{"extension": 101, "name": "Анна"}],
        "departments": {"sales": {"title": "x", "members": [101]}},
        "numbers": {"74951112233": {"employee": 101}},
    }
    jsonschema.Draft202012Validator(json_schema("tenant")).validate(tenant)


@pytest.mark.parametrize(
    "change",
    [{"nmae": 1}, {"service": "off"}, {"employees": {}}, {"lines": 0}, {"numbers": {"+74951112233": {}}}],
)
def test_schema_refuses(change: dict[str, object]) -> None:
    tenant = {"version": 1, "name": "acme", "title": "x", "employees": [], **change}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(json_schema("tenant")).validate(tenant)


def test_decisions_are_numbered_from_1_to_15() -> None:
    text = (ROOT / "docs" / "decisions.md").read_text("utf-8")
    assert re.findall(r"^## Decision (\d+):", text, re.MULTILINE) == [str(number) for number in range(1, 16)]


@pytest.mark.parametrize("name", ["clinic", "shop"])
def test_schedules_and_overflow_are_valid_by_the_schema(name: str) -> None:
    text = (ROOT / f"tests/golden/rendering/schedules/project/tenants/{name}.yaml").read_text("utf-8")
    jsonschema.Draft202012Validator(json_schema("tenant")).validate(yaml.load(text, AsEditorsRead))


@pytest.mark.parametrize(
    "target",
    [
        {"schedule": "office", "open": {"employee": "101"}},
        {"open": {"employee": "101"}, "closed": {"employee": "101"}},
        {"schedule": "office", "open": {"employee": "101"}, "closed": {"never": "101"}},
        {"hangup": "later"},
        {"employee": "101", "hangup": "busy"},
    ],
)
def test_the_schema_refuses_a_target_that_vpbx_refuses(target: dict[str, object]) -> None:
    validator = jsonschema.Draft202012Validator(
        {"$ref": "#/$defs/target", "$defs": json_schema("tenant")["$defs"]}
    )
    assert not validator.is_valid(target)
