"""Every error of the package has a code of its own and its place in the tree that `errors.py` draws."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from collections import Counter
from collections.abc import Iterator

import orchestrator
from orchestrator import errors
from orchestrator.errors import OrchestratorError

_NODE = re.compile(r"^(?P<indent>[│├└─ ]*)(?P<name>[A-Z]\w+)\b")
_CODE = re.compile(r"[a-z]+(-[a-z]+)*")


def _all_errors() -> set[type[OrchestratorError]]:
    """Every error class of the package, wherever it is defined."""
    for module in pkgutil.walk_packages(orchestrator.__path__, "orchestrator."):
        if ".migrations" not in module.name:
            importlib.import_module(module.name)
    return set(_below(OrchestratorError))


def _below(kind: type[OrchestratorError]) -> Iterator[type[OrchestratorError]]:
    if kind.__module__.startswith("orchestrator."):
        yield kind
    for child in kind.__subclasses__():
        yield from _below(child)


def _drawn() -> list[tuple[str, str]]:
    """Every line of the drawing as (name, name of its parent)."""
    above: list[tuple[int, str]] = []
    found = []
    for line in inspect.cleandoc(errors.__doc__ or "").splitlines()[1:]:
        match = _NODE.match(line)
        if match is None:
            continue
        depth = len(match["indent"])
        above = [(indent, name) for indent, name in above if indent < depth]
        found.append((match["name"], above[-1][1] if above else ""))
        above.append((depth, match["name"]))
    return found


def test_every_error_has_a_code_of_its_own() -> None:
    kinds = _all_errors()
    shared = [code for code, count in Counter(kind.code for kind in kinds).items() if count > 1]
    assert shared == []
    assert [kind.__name__ for kind in kinds if "code" not in vars(kind)] == []
    assert [kind.code for kind in kinds if not _CODE.fullmatch(kind.code)] == []


def test_the_drawn_tree_is_the_tree_of_classes() -> None:
    parents = {kind.__name__: kind.__base__ for kind in _all_errors()}
    real = {
        (name, parent.__name__ if parent is not None and name != OrchestratorError.__name__ else "")
        for name, parent in parents.items()
    }
    drawn = _drawn()
    assert len(drawn) == len(set(drawn))
    assert set(drawn) == real


def test_no_two_errors_share_a_name() -> None:
    names = Counter(kind.__name__ for kind in _all_errors())
    assert [name for name, count in names.items() if count > 1] == []
