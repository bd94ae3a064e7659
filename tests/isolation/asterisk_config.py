"""Asterisk's configuration files as Asterisk reads them, as far as isolation needs it.

It shares nothing with vpbx: a proof must not believe what made the thing it proves.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

Settings = Sequence[tuple[str, str]]

_SECTION = re.compile(r"^\[([^\]]+)\](?:\(([^)]*)\))?")
_EXTENSION = re.compile(r"^([^,]+),\s*([^,(]+?)\s*(?:\(([^)]*)\))?\s*,\s*(.*)$")
_SAME = re.compile(r"^\s*n\s*(?:\(([^)]*)\))?\s*,\s*(.*)$")


@dataclass(frozen=True, slots=True)
class Line:
    """One priority. Args: where: file and line. application, data: as written; empty for a hint's device."""

    where: str
    context: str
    extension: str
    label: str
    application: str
    data: str


@dataclass(slots=True)
class Context:
    """Args: hints: device by extension."""

    name: str
    lines: list[Line] = field(default_factory=list)
    includes: list[str] = field(default_factory=list)
    hints: dict[str, str] = field(default_factory=dict)

    def of(self, extension: str) -> list[Line]:
        """The lines of one extension as it is written."""
        return [line for line in self.lines if line.extension == extension]


def sections(file: str, text: str) -> Iterator[tuple[str, str, str, str]]:
    """Where, section, key and value of every line that has them; comments are gone."""
    section = ""
    for number, raw in enumerate(text.splitlines(), 1):
        line = re.split(r"(?<!\\);", raw, maxsplit=1)[0].strip()
        found = _SECTION.match(line)
        if found is not None:
            section = found[1]
        elif "=" in line and not line.startswith("#"):
            key, _, value = line.partition("=")
            yield f"{file}:{number}", section, key.strip(), value.removeprefix(">").strip()


def dialplan(files: Mapping[str, str]) -> dict[str, Context]:
    """The contexts of all files together. Args: files: text by name."""
    found: dict[str, Context] = {}
    for file, text in files.items():
        extension = ""
        for where, section, key, value in sections(file, text):
            if section in ("general", "globals"):
                continue
            context = found.setdefault(section, Context(section))
            if key == "include":
                context.includes.append(value)
            elif key == "exten":
                match = _EXTENSION.match(value)
                assert match is not None, f"{where}: {value}"
                extension = match[1].strip()
                if match[2] == "hint":
                    context.hints[extension] = match[4]
                else:
                    context.lines.append(_line(where, section, extension, match[3], match[4]))
            elif key == "same":
                match = _SAME.match(value)
                assert match is not None and extension, f"{where}: {value}"
                context.lines.append(_line(where, section, extension, match[1], match[2]))
            else:
                raise AssertionError(f"{where}: {key}")
    return found


def _line(where: str, context: str, extension: str, label: str | None, call: str) -> Line:
    application, bracket, data = call.partition("(")
    assert not bracket or data.endswith(")"), f"{where}: {call}"
    return Line(where, context, extension, label or "", application.strip(), data[:-1])


def split(text: str, at: str = ",") -> list[str]:
    """Split outside every kind of bracket."""
    parts, depth = [""], 0
    for sign in text:
        depth += (sign in "([{") - (sign in ")]}")
        if sign == at and depth == 0:
            parts.append("")
        else:
            parts[-1] += sign
    return parts
