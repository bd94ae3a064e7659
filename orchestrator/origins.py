"""Where each line of the rendered configuration came from: YAML, a hand-written block, or a template."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from orchestrator.candidate import MASKED, masked_secrets
from orchestrator.definitions.written import Place, WrittenFiles
from orchestrator.errors import NotFound, OrchestratorError
from orchestrator.model.platform import Definitions, Node
from orchestrator.origin_lines import BLOCKS, Lines, Origin, Source
from orchestrator.project import Project
from orchestrator.rendering.sources import share_directory
from orchestrator.rendering.trace import Mark, TracedLine, traced

_TENANT_FILE = re.compile(r"(?:dialplan|pjsip)/tenants/([^/]+)\.conf$")
_CONTEXT = re.compile(r"\[([^\]]+)\]")
_CALLED = re.compile(r"\b(vpbx-[a-z0-9-]+)(?:\.[0-9a-f]{8})?(?=[,^])")
_DIGEST = re.compile(r"\b[0-9a-f]{16}\b")


class FileStale(OrchestratorError):
    """The file on disk isn't what the definitions give now."""

    code = "file-stale"


def parse_place(text: str) -> tuple[str, int]:
    """`FILE:LINE` as its two parts. Raises: NotFound: it isn't that."""
    file, colon, line = text.rpartition(":")
    if not colon or not line.isascii() or not line.isdigit() or int(line) < 1 or not file:
        raise NotFound(f"{text!r} names no line", "write FILE:LINE, for example pjsip.conf:12")
    return file, int(line)


def explain(project: Project, definitions: Definitions, node: Node, file: str, line: int) -> Origin:
    """The origin of one line.

    Args: file: below the rendered tree, or a path into a live or written out tree, whose line must be what
        the definitions give now.
    Raises: NotFound: no such file or line. FileStale.
    """
    origins = Origins(project, definitions, node)
    found = origins.file(_in_tree(origins, file))
    on_disk = Path(file) if Path(file).is_file() else None
    if on_disk is not None:
        return _from_disk(on_disk, line, found)
    if line > len(found):
        raise NotFound(f"{file} has {len(found)} lines", "name one of them")
    return found[line - 1]


def _in_tree(origins: Origins, file: str) -> str:
    parts = Path(file).parts
    for begin in range(len(parts)):
        path = "/".join(parts[begin:])
        if origins.has(path):
            return path
    raise NotFound(f"{file} is no rendered file", "vpbx render --out DIR shows them all")


def _from_disk(path: Path, line: int, found: tuple[Origin, ...]) -> Origin:
    try:
        there = path.read_text("utf-8").removesuffix("\n").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise OrchestratorError(f"{path}: {error}", "run vpbx as the user who applied") from error
    if line > len(there):
        raise NotFound(f"{path} has {len(there)} lines", "name one of them")
    if line <= len(found) and _same(there[line - 1], found[line - 1].text):
        return found[line - 1]
    moved = [origin for origin in found if origin.text.strip() and _same(there[line - 1], origin.text)]
    if len(moved) == 1:
        note = f"the definitions have changed since: the line is number {moved[0].line} now"
        return replace(moved[0], note=note if not moved[0].note else f"{note}; {moved[0].note}")
    raise FileStale(
        f"{path}:{line} isn't what the definitions give now", "vpbx render --out DIR, and ask of that file"
    )


def _same(real: str, shown: str) -> bool:
    """Whether a line is the one that is shown with secrets and digests masked."""
    pattern = re.escape(_DIGEST.sub(MASKED, shown)).replace(MASKED, ".*")
    return re.fullmatch(pattern, real) is not None


class Origins:
    """The origins of a node's rendered files. A file of one tenant is rendered without the other tenants."""

    def __init__(self, project: Project, definitions: Definitions, node: Node) -> None:
        self._project, self._definitions, self._node = project, definitions, node
        self._written = WrittenFiles(project.root)
        self._share = share_directory()
        self._sources: dict[str, list[str]] = {}
        self._contexts: dict[str, Source] | None = None
        self._traced: dict[str, Mapping[str, tuple[TracedLine, ...]]] = {}

    def excerpt(self, place: Place) -> tuple[str, str]:
        """The YAML line of a place, and a caret under its column."""
        return self._written.excerpt(place.position)

    def has(self, path: str) -> bool:
        """Whether there is such a file."""
        tenant = _TENANT_FILE.match(path)
        if tenant is not None:
            return tenant[1] in self._definitions.tenants and self._is_here(tenant[1])
        if path.startswith(BLOCKS):
            return self._block_file(path).is_file()
        template = self._share / "templates/asterisk" / f"{path}.j2"
        return template.is_file() and not Path(path).name.startswith(("_", "tenant_"))

    def file(self, path: str) -> tuple[Origin, ...]:
        """The origin of every line. Args: path: below the configuration directory. Raises: NotFound."""
        if not self.has(path):
            raise NotFound(f"{path} is no rendered file", "vpbx render --out DIR shows them all")
        match = _TENANT_FILE.match(path)
        tenant = match[1] if match else ""
        found = Lines(self._written, self, path, tenant)
        lines = self._traced_files(tenant)[path]
        return tuple(found.origin(number, line) for number, line in enumerate(lines, 1))

    def template(self, mark: Mark) -> Source:
        """The line of a template that a mark names."""
        file = f"templates/asterisk/{mark.template}"
        return Source(file, mark.line, self._lines(file)[mark.line - 1].strip())

    def block(self, path: str, line: int) -> Source | None:
        """The hand-written line that a line of a rendered block is; None for what was added below."""
        file = str(self._block_file(path).relative_to(self._share))
        lines = self._lines(file)
        if line > len(lines):
            return None
        context, about = _context(lines, line)
        return Source(file, line, lines[line - 1], context, about)

    def called(self, text: str) -> tuple[Source, ...]:
        """The contexts of blocks that a rendered line calls."""
        if self._contexts is None:
            self._contexts = dict(self._opened())
        names = dict.fromkeys(_CALLED.findall(text))
        return tuple(self._contexts[name] for name in names if name in self._contexts)

    def _opened(self) -> Iterator[tuple[str, Source]]:
        for path in sorted((self._share / "dialplans/asterisk").glob("*.conf")):
            file = str(path.relative_to(self._share))
            for number, text in enumerate(self._lines(file), 1):
                match = _CONTEXT.match(text)
                if match is not None:
                    context, about = _context(self._lines(file), number)
                    yield match[1], Source(file, number, text, context, about)

    def _traced_files(self, tenant: str) -> Mapping[str, tuple[TracedLine, ...]]:
        if tenant not in self._traced:
            definitions = self._definitions
            if tenant:
                definitions = replace(definitions, tenants={tenant: definitions.tenants[tenant]})
            secrets = masked_secrets(self._project, definitions, self._node)
            self._traced[tenant] = traced(definitions, self._node, secrets, self._share)
        return self._traced[tenant]

    def _is_here(self, tenant: str) -> bool:
        model = self._definitions.tenants[tenant]
        return model.service == "active" and model.node == self._node.name

    def _block_file(self, path: str) -> Path:
        return self._share / "dialplans/asterisk" / path.removeprefix(BLOCKS)

    def _lines(self, file: str) -> list[str]:
        if file not in self._sources:
            text = (self._share / file).read_text("utf-8")
            self._sources[file] = text.removesuffix("\n").split("\n")
        return self._sources[file]


def _context(lines: list[str], line: int) -> tuple[str, tuple[str, ...]]:
    """The context that a line of a block stands in, and the comment that opens it; before any, the file's."""
    begin, name = -1, ""
    for number in range(line - 1, -1, -1):
        match = _CONTEXT.match(lines[number])
        if match is not None:
            begin, name = number, match[1]
            break
    about = []
    for text in lines[begin + 1 :]:
        if not text.startswith(";"):
            break
        about.append(text.lstrip("; "))
    return name, tuple(each for each in about if each)
