"""Where each line of the rendered configuration came from: YAML, a hand-written block, or a template."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from orchestrator.candidate import MASKED, masked_secrets
from orchestrator.definitions.written import DEFAULTS_IN_PLATFORM, Place, WrittenFiles
from orchestrator.errors import NotFound, OrchestratorError
from orchestrator.model.platform import Definitions, Node, Platform
from orchestrator.model.problem import Position
from orchestrator.model.tenant import Device, Tenant
from orchestrator.project import Project
from orchestrator.rendering.render import SwitchSecrets
from orchestrator.rendering.sources import share_directory
from orchestrator.rendering.trace import Mark, Read, TracedLine, traced
from orchestrator.routing import graph
from orchestrator.routing.graph import Entry, Step

BLOCKS = "dialplan/blocks/"
_TENANT_FILE = re.compile(r"(?:dialplan|pjsip)/tenants/([^/]+)\.conf$")
_CONTEXT = re.compile(r"\[([^\]]+)\]")
_CALLED = re.compile(r"\b(vpbx-[a-z0-9-]+)(?:\.[0-9a-f]{8})?(?=[,^])")
_DIGEST = re.compile(r"\b[0-9a-f]{16}\b")
_KEPT = "vpbx made it up and keeps it in .vpbx/secrets.json; it is masked here"
_OF_TRUNK = "it is read where `secret:` of the trunk says; it is masked here"
_SAME = "the same for every tenant"

_RENAMED: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("Tenant", "dial_classes"): ("outgoing", "allow"),
    ("Node", "rtp_from"): ("rtp",),
    ("Node", "rtp_to"): ("rtp",),
}
"""Fields of the model that the YAML names otherwise."""

_BELOW: Mapping[type[object], tuple[str, ...]] = {graph.Ring: ("devices", "members", "ring_timeout_s")}
"""What a step of a kind reads of the record that it stands for."""

_OF_TENANT: Mapping[type[object], tuple[str, ...]] = {
    graph.Admit: ("lines", "seats"),
    graph.Announce: ("recording.announce",),
    graph.Record: ("options",),
    graph.Classify: ("outgoing.allow", "caller_id"),
    graph.RefuseClass: ("outgoing.allow",),
    graph.DialOut: ("caller_id", "trunk"),
    graph.Emergency: ("caller_id", "trunk"),
}
"""What a step of a kind reads of the tenant itself, the first thing first."""


class FileStale(OrchestratorError):
    """The file on disk isn't what the definitions give now."""

    code = "file-stale"


@dataclass(frozen=True, slots=True)
class Source:
    """A line of a template or of a block. Args: file: in vpbx. about: opening comment of its context."""

    file: str
    line: int
    text: str
    context: str = ""
    about: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a line came from.

    Args:
        file, line, text: the rendered line, secrets masked.
        kind: `yaml`; `default` (a field that isn't written); `block`; `template`; `mark` (vpbx adds it).
        places: in the project's YAML, the first the main one.
        template: the line that made it. block: its hand-written source. calls: blocks that it calls.
        note: what else is to be known.
    """

    file: str
    line: int
    text: str
    kind: str
    places: tuple[Place, ...] = ()
    template: Source | None = None
    block: Source | None = None
    calls: tuple[Source, ...] = ()
    note: str = ""


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
        found = _Lines(self._written, self, path, tenant)
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


@dataclass(frozen=True, slots=True)
class _Found:
    """Args: whole: it stands for a whole tenant or platform, not for something in it."""

    place: Place
    whole: bool = False


@dataclass(slots=True)
class _Lines:
    """Makes the origins of one file. Args: tenant: whose file it is, or empty."""

    written: WrittenFiles
    origins: Origins
    path: str
    tenant: str
    last: Source | None = field(default=None)

    def origin(self, number: int, line: TracedLine) -> Origin:
        made = Origin(self.path, number, line.text, "template", calls=self.origins.called(line.text))
        if self.path.startswith(BLOCKS):
            block = self.origins.block(self.path, number)
            if block is not None:
                return replace(made, kind="block", block=block, note=_SAME)
        if not line.marks:
            return self._added(made)
        self.last = self.origins.template(_maker(line.marks))
        places = self._places(line.marks)
        secrets = [kept for mark in line.marks for read in mark.reads for kept in _secrets(read)]
        notes = [_OF_TRUNK if "trunks" in secrets else _KEPT] if secrets else []
        if not places:
            return replace(made, template=self.last, note="; ".join([*notes, _SAME]))
        kind = "default" if places[0].default else "yaml"
        return replace(made, kind=kind, places=places, template=self.last, note="; ".join(notes))

    def _added(self, made: Origin) -> Origin:
        """A line that no template made: the mark at the end of a shared dialplan file, or an empty line."""
        if self.path.startswith("dialplan/"):
            note = "vpbx adds it, so that apply can ask the switch whether it read the whole file"
            return replace(made, kind="mark", template=self.last, note=note)
        return replace(made, template=self.last, note=_SAME)

    def _places(self, marks: tuple[Mark, ...]) -> tuple[Place, ...]:
        printed = [found for mark in marks for read in mark.reads for found in self._found(read)]
        around = next(
            (found for read in reversed(marks[-1].around) if (found := self._found(read))),
            next((found for read in reversed(marks[0].around) if (found := self._found(read))), []),
        )
        printed = printed or around
        ordered = sorted(printed, key=lambda found: found.whole)
        places = dict.fromkeys(found.place for found in [*ordered, *around])
        lines: dict[tuple[str, int, str], Place] = {}
        for place in places:
            lines.setdefault((place.position.file, place.position.line, place.default), place)
        return tuple(lines.values())

    def _found(self, read: Read) -> list[_Found]:
        """Where what was read is written; empty when it isn't of the YAML."""
        holder, rest = _holder(read)
        if isinstance(holder, Step):
            return [_Found(place) for place in self._of_step(holder)]
        if isinstance(holder, Entry):
            return [_Found(place) for place in self._of_entry(holder)]
        if holder is not None:
            return [self._of_model(holder, rest)]
        groups = [found for each in read.made_of if (found := self._found(each))]
        own = [found for found in groups if not all(each.whole for each in found)]
        found = (own or groups or [[]])[-1]
        name = getattr(read.value, "name", "")
        if len(found) == 1 and name and isinstance(name, str):
            return [_Found(self.written.entry(found[0].place, name))]
        return found

    def _of_model(self, holder: object, rest: tuple[str, ...]) -> _Found:
        kind = type(holder).__name__
        rest = _RENAMED.get((kind, rest[0]), rest) if rest else rest
        position = _position(holder)
        key = str(getattr(holder, "name", "") or getattr(holder, "number", ""))
        number = getattr(holder, "number", "")
        if isinstance(holder, Device):
            devices = self.written.at(position, "", ("devices",))
            return _Found(self.written.item(devices, holder.name) if not devices.default else Place(position))
        place = self.written.at(position, str(number or key), rest)
        if place.default in ("name", "number"):
            place = Place(position)
        whole = isinstance(holder, (Tenant, Platform)) and rest in ((), ("name",))
        return _Found(self._or_default(place), whole)

    def _or_default(self, place: Place) -> Place:
        """The platform's own field where a tenant doesn't write one and the platform does."""
        field_there = DEFAULTS_IN_PLATFORM.get(place.default)
        if field_there is None or place.position.file == "platform.yaml":
            return place
        there = self.written.at(self.written.root("platform.yaml"), "", tuple(field_there.split(".")))
        return place if there.default else there

    def _of_tenant(self, file: str, name: str) -> Place:
        return self._or_default(self.written.at(self.written.root(file), "", tuple(name.split("."))))

    def _of_step(self, step: Step) -> list[Place]:
        if isinstance(step.action, graph.HangUp):
            return []
        places: list[Place] = []
        kind = type(step.action)
        file = step.position.file
        of_tenant = file if file != "platform.yaml" else f"tenants/{self.tenant}.yaml"
        if isinstance(step.action, graph.Emergency):
            emergency = self.written.at(self.written.root(file), "", ("emergency",))
            places.append(self.written.item(emergency, step.action.number))
        elif step.position != self.written.root(file):
            places.append(Place(step.position))
        key = step.id.partition(".")[2]
        for name in _BELOW.get(kind, ()):
            place = self.written.at(step.position, key, (name,))
            if not place.default:
                places.append(place)
        for name in _OF_TENANT.get(kind, ()):
            place = self._of_tenant(of_tenant, name)
            if not place.default or not places:
                places.append(place)
        return places or [Place(step.position)]

    def _of_entry(self, entry: Entry) -> list[Place]:
        if entry.kind == "emergency":
            emergency = self.written.at(self.written.root("platform.yaml"), "", ("emergency",))
            return [self.written.item(emergency, entry.pattern)]
        if entry.kind == "outside":
            return [self._of_tenant(entry.position.file, "outgoing.allow")]
        return [Place(entry.position)]


def _maker(marks: tuple[Mark, ...]) -> Mark:
    """The mark of the template line that a rendered line is made by: that of its first text."""
    return next((mark for mark in marks if mark.is_text), marks[0])


def _holder(read: Read) -> tuple[object | None, tuple[str, ...]]:
    """The innermost value on a read path that knows its place, and the path below it."""
    holder: object | None = read.value if _has_position(read.value) else None
    rest = read.path
    value = read.value
    for number, name in enumerate(read.path, 1):
        value = getattr(value, name, None)
        if _has_position(value):
            holder, rest = value, read.path[number:]
    return holder, rest


def _has_position(value: object) -> bool:
    position = getattr(value, "position", None)
    return isinstance(position, Position) and bool(position.file)


def _position(value: object) -> Position:
    found = getattr(value, "position", None)
    assert isinstance(found, Position)
    return found


def _secrets(read: Read) -> list[str]:
    """The kinds of secrets that were read: fields of SwitchSecrets."""
    own = [read.path[0]] if isinstance(read.value, SwitchSecrets) and read.path else []
    return [*own, *(kept for each in read.made_of for kept in _secrets(each))]
