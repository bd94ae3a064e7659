"""A verb's commands, arguments and options as its source says them: a shell on Tab loads no verb.

What completion needs is in the decorators, as literals. Where a source says it otherwise, there is no outline
and the verb itself is loaded.
"""

from __future__ import annotations

import ast
import importlib.util
import inspect
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

_WITHOUT_CHOICES = frozenset({"Path", "IntRange", "FloatRange", "File", "DateTime"})
_PLAIN_TYPES = frozenset({"int", "float", "str"})


class _NoOutline(Exception):
    """The source says it in a way that only running it understands."""


def outline(place: str) -> click.Command | None:
    """The command with its sub-commands, without what they do.

    Args: place: `package.module:attribute`.
    Returns: None when the source doesn't tell.
    """
    module, _, attribute = place.partition(":")
    try:
        tree = _tree(module)
        return _Source(module, tree).command(attribute)
    except (_NoOutline, OSError, SyntaxError, ValueError):
        return None


def _tree(module: str) -> ast.Module:
    found = importlib.util.find_spec(module)
    if found is None or found.origin is None:
        raise _NoOutline(module)
    return ast.parse(Path(found.origin).read_bytes())


class _Source:
    """One module of verbs."""

    def __init__(self, module: str, tree: ast.Module) -> None:
        self._module = module
        self._tree = tree
        self._functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]

    def command(self, attribute: str) -> click.Command:
        function = next((each for each in self._functions if each.name == attribute), None)
        if function is None:
            raise _NoOutline(attribute)
        if any(
            isinstance(node, ast.Attribute) and node.attr == "add_command" for node in ast.walk(self._tree)
        ):
            raise _NoOutline("add_command")
        maker = next((made for made in function.decorator_list if _kind(made) in ("command", "group")), None)
        if maker is None:
            raise _NoOutline(attribute)
        return self._made(function, maker)

    def _made(self, function: ast.FunctionDef, maker: ast.expr) -> click.Command:
        name = _command_name(function, maker)
        text = inspect.cleandoc(ast.get_docstring(function, clean=False) or "")
        params = [param for each in function.decorator_list for param in self._param(each)]
        if _kind(maker) == "command":
            return click.Command(name, params=params, help=text)
        below = [
            self._made(each, made)
            for each in self._functions
            for made in each.decorator_list
            if _kind(made) in ("command", "group") and _owner(made) == function.name
        ]
        return click.Group(name, {str(each.name): each for each in below}, params=params, help=text)

    def _param(self, decorator: ast.expr) -> Iterator[click.Parameter]:
        if isinstance(decorator, ast.Name):
            yield from self._shared(decorator.id)
        elif isinstance(decorator, ast.Call) and _kind(decorator) in ("argument", "option"):
            yield _parameter(decorator)
        elif _kind(decorator) not in ("command", "group", "pass_context", "pass_obj"):
            raise _NoOutline(ast.dump(decorator))

    def _shared(self, name: str) -> Iterator[click.Parameter]:
        """An option that stands in a variable, of this module or of the one it is imported from."""
        module, tree = self._module, self._tree
        for node in self._tree.body:
            if isinstance(node, ast.ImportFrom) and any(alias.name == name for alias in node.names):
                module = node.module or ""
                tree = _tree(module)
        for node in tree.body:
            if isinstance(node, ast.Assign) and any(
                isinstance(target, ast.Name) and target.id == name for target in node.targets
            ):
                yield from _Source(module, tree)._param(node.value)
                return
        raise _NoOutline(name)


def _parameter(call: ast.Call) -> click.Parameter:
    names = [_literal(each) for each in call.args]
    said = {word.arg: word.value for word in call.keywords if word.arg is not None}
    kind = _type(said.get("type"))
    if _kind(call) == "argument":
        required = bool(_literal(said["required"])) if "required" in said else "default" not in said
        nargs = int(str(_literal(said["nargs"]))) if "nargs" in said else 1
        return click.Argument([str(name) for name in names], type=kind, required=required, nargs=nargs)
    flag = {name: bool(_literal(said[name])) for name in ("is_flag", "multiple", "hidden") if name in said}
    help_text = str(_literal(said["help"])) if "help" in said else None
    return click.Option([str(name) for name in names], type=kind, help=help_text, **flag)


def _type(value: ast.expr | None) -> click.Path | click.Choice[str] | None:
    if value is None or (isinstance(value, ast.Name) and value.id in _PLAIN_TYPES):
        return None
    if isinstance(value, ast.Call):
        kind = _kind(value)
        if kind == "Path":
            said = {word.arg: word.value for word in value.keywords}
            only_folders = "file_okay" in said and not _literal(said["file_okay"])
            return click.Path(file_okay=not only_folders)
        if kind == "Choice":
            choices = _literal(value.args[0])
            if isinstance(choices, (list, tuple)):
                return click.Choice([str(each) for each in choices])
        if kind in _WITHOUT_CHOICES:
            return None
    raise _NoOutline(ast.dump(value))


def _kind(node: ast.expr) -> str:
    """`option` of `click.option(...)` and of `click.option`."""
    inner = node.func if isinstance(node, ast.Call) else node
    return inner.attr if isinstance(inner, ast.Attribute) else ""


def _owner(decorator: ast.expr) -> str:
    """`calls` of `@calls.command("list")`."""
    inner = decorator.func if isinstance(decorator, ast.Call) else decorator
    return inner.value.id if isinstance(inner, ast.Attribute) and isinstance(inner.value, ast.Name) else ""


def _command_name(function: ast.FunctionDef, maker: ast.expr) -> str:
    if isinstance(maker, ast.Call):
        said: Sequence[ast.expr] = [
            *maker.args[:1],
            *(word.value for word in maker.keywords if word.arg == "name"),
        ]
        if said:
            return str(_literal(said[0]))
    return function.name.lower().replace("_", "-")


def _literal(node: ast.expr) -> object:
    try:
        return ast.literal_eval(node)
    except ValueError as error:
        raise _NoOutline(ast.dump(node)) from error
