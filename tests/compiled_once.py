"""Each template is compiled once in a test process: tests render anew all the time.

What is compiled is the same for the same text, name and settings. What vpbx itself keeps between runs, and
when it compiles anew, is as ever.
"""

from __future__ import annotations

from types import CodeType
from typing import Any

import jinja2

from orchestrator.rendering.render import _environment
from orchestrator.rendering.sources import share_directory
from orchestrator.rendering.trace import _TracingEnvironment

_compiled: dict[tuple[object, ...], CodeType] = {}
_compile = jinja2.Environment.compile


def compile_once() -> None:
    """From now on, for this process and its copies."""
    jinja2.Environment.compile = _kept  # type: ignore[method-assign,assignment]


def compile_all() -> None:
    """The switch's templates now."""
    environment = _environment(share_directory() / "templates" / "asterisk", jinja2.Environment)
    for name in environment.list_templates():
        environment.get_template(name)


def _kept(
    self: jinja2.Environment,
    source: Any,
    name: str | None = None,
    filename: str | None = None,
    raw: bool = False,
    defer_init: bool = False,
) -> Any:
    if type(self) is jinja2.Environment:
        kind: object = frozenset(self.filters.items())
    elif isinstance(self, _TracingEnvironment):
        kind = self._trace.blanks
    else:
        return _compile(self, source, name, filename, raw, defer_init)  # type: ignore[call-overload]
    settings = (self.trim_blocks, self.lstrip_blocks, self.keep_trailing_newline, self.autoescape)
    key = (source, name, filename, raw, defer_init, *settings, self.undefined, self.finalize, kind)
    if key not in _compiled:
        _compiled[key] = _compile(self, source, name, filename, raw, defer_init)  # type: ignore[call-overload]
    return _compiled[key]
