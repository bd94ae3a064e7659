"""What a verb does, in one line, read from its source: listing the verbs loads none of them."""

from __future__ import annotations

import ast
import importlib.util
import inspect
from pathlib import Path

import click


def short_help(place: str, width: int) -> str | None:
    """A command's short help, as click would print it.

    Args: place: `package.module:attribute`. width: most characters.
    Returns: None when the source doesn't tell: an attribute that is no plain decorated function, or one whose
        decorator sets its help.
    """
    module, _, attribute = place.partition(":")
    found = importlib.util.find_spec(module)
    if found is None or found.origin is None:
        return None
    try:
        tree = ast.parse(Path(found.origin).read_bytes())
    except (OSError, SyntaxError, ValueError):
        return None
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == attribute and not _tells_itself(node):
            return _short(ast.get_docstring(node, clean=False) or "", width)
    return None


def _tells_itself(function: ast.FunctionDef) -> bool:
    """Whether a decorator says more of the command's help than its docstring."""
    said = {"help", "short_help", "hidden", "deprecated", "cls"}
    return any(
        keyword.arg in said
        for decorator in function.decorator_list
        if isinstance(decorator, ast.Call)
        and isinstance(decorator.func, ast.Attribute)
        and decorator.func.attr in ("command", "group")
        for keyword in decorator.keywords
    )


def _short(docstring: str, width: int) -> str:
    return click.Command("", help=inspect.cleandoc(docstring)).get_short_help_str(width)
