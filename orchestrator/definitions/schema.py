"""The file kinds for editors (JSON Schema) and docs/yaml.md (tables), made of what converts them."""

from __future__ import annotations

import json
from collections.abc import Mapping

from orchestrator.definitions.platform_file import PLATFORM
from orchestrator.definitions.records import Record
from orchestrator.definitions.scenario_file import SCENARIO
from orchestrator.definitions.shapes import Field, Json, Scalar
from orchestrator.definitions.targets import TARGET
from orchestrator.definitions.tariff_file import TARIFF
from orchestrator.definitions.tenant_file import TENANT

KINDS: Mapping[str, Record[object]] = {
    "platform": PLATFORM,
    "scenario": SCENARIO,
    "tariff": TARIFF,
    "tenant": TENANT,
}
"""A kind of file by name; its schema lies in schemas/<name>.json."""

_DEFINED: Mapping[str, Mapping[str, Json]] = {"tenant": {"$defs": {"target": TARGET.definition()}}}
"""What a schema refers to by name, for it holds itself."""


def json_schema(kind: str) -> Mapping[str, Json]:
    """JSON Schema (draft 2020-12) of a kind of file.

    It lets through what an editor reads as a number and vpbx as text (`extension: 101`), and doesn't know
    what must hold between fields and files.
    """
    about: dict[str, Json] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"vpbx {kind}",
    }
    return {**about, **KINDS[kind].json_schema(), **_DEFINED.get(kind, {})}


def schema_text(kind: str) -> str:
    """The schema as a file's text."""
    return json.dumps(json_schema(kind), ensure_ascii=False, indent=2) + "\n"


def reference_table(kind: str) -> str:
    """The fields of a kind of file as a Markdown table, `.*` for a key of one's own and `[]` for an item."""
    rows = [_row(path, field) for path, field in KINDS[kind].rows("")]
    return "\n".join(["| field | holds | default | meaning |", "|---|---|---|---|", *rows]) + "\n"


def _row(path: str, field: Field[object]) -> str:
    holds = field.shape.label
    if isinstance(field.shape, Scalar) and field.shape.words:
        holds = " or ".join(f"`{word}`" for word in field.shape.words)
    example = f" Example: `{field.example}`." if field.example and "…" not in field.example else ""
    cells = (f"`{path}`", holds, _default(field), f"{field.doc}{example}")
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _default(field: Field[object]) -> str:
    if field.required:
        return "**required**"
    if field.default_text:
        return field.default_text
    if isinstance(field.default, bool):
        return f"`{str(field.default).lower()}`"
    return f"`{field.default}`"
