"""Problems of files as one JSON object, and the texts that they are shown in."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from orchestrator.definitions.deck import DECK_LIMIT
from orchestrator.definitions.source import read_source
from orchestrator.model.problem import Problem

_JSON_VERSION = 1


def problems_json(problems: Iterable[Problem]) -> str:
    """`{"version", "problems": [{"file", "line", "column", "path", "code", "message", "hint"}…]}`."""
    rows = [
        {
            "file": problem.position.file,
            "line": problem.position.line,
            "column": problem.position.column,
            "path": problem.path,
            "code": problem.code,
            "message": problem.message,
            "hint": problem.hint,
        }
        for problem in problems
    ]
    return json.dumps({"version": _JSON_VERSION, "problems": rows}, ensure_ascii=False, indent=2)


def text_of(file: str) -> str | None:
    """The text of a file by its path, as an operator named it; None when it can't be read."""
    path = Path(file)
    source = read_source(path.parent, path.name, DECK_LIMIT)
    return None if isinstance(source, Problem) else source.text
