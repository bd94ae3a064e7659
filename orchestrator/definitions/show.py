"""Problems for people: where, what, the line with a caret, and what to do next."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable

from orchestrator.definitions.quoting import is_invisible
from orchestrator.definitions.source import split_lines
from orchestrator.model.problem import Problem

_WIDEST = 100
_SECRETS = (
    re.compile(r"((?:secret|password)[\"']?\s*:\s*)(?![\"']?(?:env|file):)[^\s].*", re.IGNORECASE),
    re.compile(r"(://[^/@\s]*:)[^/\s]*(?=@)"),
)


def show(problems: Iterable[Problem], text_of: Callable[[str], str | None]) -> str:
    """Every problem as a block of lines.

    Args: text_of: the text of a project-relative file, None when it can't be read.
    Returns: `file:line:col: code: message`, the line, a caret under the column, `hint: …`; each on its line.
    """
    lines: dict[str, list[str]] = {}
    blocks: list[str] = []
    for problem in problems:
        file = problem.position.file
        if file not in lines:
            lines[file] = split_lines(text_of(file) or "")
        blocks.append(_block(problem, lines[file]))
    return "".join(blocks)


def _block(problem: Problem, lines: list[str]) -> str:
    where = problem.position
    block = f"{where}: {problem.code}: {problem.message}\n"
    if where.line <= len(lines) and lines[where.line - 1].strip():
        line, caret = excerpt(lines[where.line - 1], where.column)
        block += f"    {line}\n    {caret}\n"
    return block + (f"    hint: {problem.hint}\n" if problem.hint else "")


def excerpt(line: str, column: int) -> tuple[str, str]:
    """A line as a terminal shows it, and another with a caret under a column.

    A secret written out is masked; tabs become spaces; what can't be seen becomes `·`; a long line is cut
    around the column.

    >>> excerpt("name: Анна", 7)
    ('name: Анна', '      ^')
    """
    masked = line
    for secret in _SECRETS:
        masked = secret.sub(r"\1***", masked)
    index = min(column - 1, len(masked))
    start = max(0, index - _WIDEST * 2 // 3) if len(masked) > _WIDEST else 0
    end = start + _WIDEST
    before = "…" * (start > 0) + _visible(masked[start:index])
    after = _visible(masked[index:end]) + "…" * (end < len(masked))
    return (before + after).rstrip(), " " * _width(before) + "^"


def _visible(text: str) -> str:
    return "".join("    " if char == "\t" else "·" if is_invisible(char) else char for char in text)


def _width(text: str) -> int:
    width = 0
    for char in text:
        if unicodedata.combining(char):
            continue
        width += 2 if unicodedata.east_asian_width(char) in "WF" else 1
    return width
