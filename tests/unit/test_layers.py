"""Imports go one way: model, pure packages, ports, adapters, and the daemon and CLI last."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import orchestrator

ROOT = Path(orchestrator.__file__).parent

MODEL = 0
PURE = 1
PORTS = 2
ADAPTERS = 3
WIRING = 4
TOP = 5

LAYERS = {
    "errors": MODEL,
    "log": MODEL,
    "model": MODEL,
    "project": MODEL,
    "billing": PURE,
    "cache_file": ADAPTERS,
    "calls": PURE,
    "carrier": PURE,
    "definitions": ADAPTERS,
    "planning": PURE,
    "rendering": PURE,
    "routing": PURE,
    "statistics": PURE,
    "ports": PORTS,
    "accounts": PORTS,
    "pricing": PORTS,
    "reconciliation": PORTS,
    "secrets": ADAPTERS,
    "storage": ADAPTERS,
    "asterisk": ADAPTERS,
    "credit_asked": ADAPTERS,
    "credit_control": ADAPTERS,
    "health": ADAPTERS,
    "debt_keeper": WIRING,
    "listener_page": ADAPTERS,
    "quota_keeper": WIRING,
    "mail": ADAPTERS,
    "message_mail": PURE,
    "postman": WIRING,
    "balance_watch": WIRING,
    "warning_text": PURE,
    "webhook": ADAPTERS,
    "systemd": ADAPTERS,
    "writer": ADAPTERS,
    "candidate": WIRING,
    "certificates": ADAPTERS,
    "durable": ADAPTERS,
    "compiled_templates": ADAPTERS,
    "deployment": WIRING,
    "recorders": WIRING,
    "registrations": ADAPTERS,
    "recordings": WIRING,
    "rounds": ADAPTERS,
    "recording_files": WIRING,
    "courier": WIRING,
    "object_store": ADAPTERS,
    "sound": ADAPTERS,
    "written_sound": ADAPTERS,
    "books": WIRING,
    "settlement": WIRING,
    "retention": WIRING,
    "origins": WIRING,
    "portability": WIRING,
    "origin_lines": WIRING,
    "trial": WIRING,
    "consumer": WIRING,
    "daemon": WIRING,
    "doctor": WIRING,
    "drift": WIRING,
    "orphans": WIRING,
    "papers": ADAPTERS,
    "expected": WIRING,
    "cli": TOP,
}
"""Each package or module, and its layer: it may import its own layer and those below."""

IO_MODULES = {
    "asyncio",
    "os",
    "socket",
    "sqlite3",
    "subprocess",
    "tempfile",
    "threading",
    "time",
    "sqlalchemy",
    "click",
}


def modules() -> Iterator[tuple[str, Path]]:
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        if parts != ("__init__",) and "migrations" not in parts:
            yield parts[0], path


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {
                f"{node.module}.{alias.name}" if node.module == "orchestrator" else node.module
                for alias in node.names
            }
    return names


def test_every_module_has_a_layer() -> None:
    assert {place for place, _ in modules()} == set(LAYERS)


def test_no_module_imports_a_layer_above_its_own() -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for place, path in modules()
        for name in imported(path)
        if name.startswith("orchestrator.") and LAYERS[name.split(".")[1]] > LAYERS[place]
    ]
    assert wrong == []


def test_model_and_pure_packages_do_no_input_or_output() -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for place, path in modules()
        if LAYERS[place] in (MODEL, PURE, PORTS) and place != "project"
        for name in imported(path)
        if name.split(".")[0] in IO_MODULES
    ]
    assert wrong == []


def test_sql_is_named_in_storage_only() -> None:
    wrong = [
        str(path.relative_to(ROOT))
        for place, path in modules()
        if place != "storage"
        and any(name.split(".")[0] in ("sqlalchemy", "alembic") for name in imported(path))
    ]
    assert wrong == []
