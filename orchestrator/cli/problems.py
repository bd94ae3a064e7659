"""Problems of files as one JSON object."""

from __future__ import annotations

import json
from collections.abc import Iterable

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
