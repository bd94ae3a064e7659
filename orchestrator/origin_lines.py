"""The origin of each line of one rendered file: what its template read, and where the YAML writes that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from orchestrator.definitions.written import DEFAULTS_IN_PLATFORM, Place, WrittenFiles
from orchestrator.model.platform import Platform
from orchestrator.model.problem import Position
from orchestrator.model.tenant import Device, Tenant
from orchestrator.rendering.render import SwitchSecrets
from orchestrator.rendering.trace import Mark, Read, TracedLine
from orchestrator.routing import graph
from orchestrator.routing.graph import Entry, Step

BLOCKS = "dialplan/blocks/"
_KEPT = "vpbx made it up and keeps it in .vpbx/secrets.json; it is masked here"
_OF_TRUNK = "it is read where `secret:` of the trunk says; it is masked here"
_SAME = "the same for every tenant"

_RENAMED: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("Tenant", "dial_classes"): ("outgoing", "allow"),
    ("Node", "rtp_from"): ("rtp",),
    ("Node", "rtp_to"): ("rtp",),
}
"""Fields of the model that the YAML names otherwise."""

_BELOW: Mapping[type[object], tuple[str, ...]] = {
    graph.Ring: ("devices", "ring_timeout_s", "ringback"),
    graph.RingMobile: ("mobile", "mobile_rings"),
    graph.Distribute: (
        "members",
        "distribution",
        "ring_timeout_s",
        "step_s",
        "wrap_up_s",
        "waiting",
        "ringback",
    ),
    graph.Greet: ("greeting",),
    graph.TakeMessage: ("extension", "greeting"),
    graph.PlayMenu: ("prompt", "digits", "dial_extension", "tries", "invalid", "timeout"),
}
"""What a step of a kind reads of the record that it stands for."""

_OF_TENANT: Mapping[type[object], tuple[str, ...]] = {
    graph.Block: ("block", "caller_lists"),
    graph.AskCaller: ("caller_lists",),
    graph.Admit: ("lines", "seats", "ringback", "language"),
    graph.AdmitMobile: ("lines", "seats", "options"),
    graph.Announce: ("recording.announce",),
    graph.Record: ("options",),
    graph.SpellName: ("employees",),
    graph.Classify: ("outgoing.allow", "caller_id"),
    graph.RefuseClass: ("outgoing.allow",),
    graph.ChooseTrunk: ("trunk_order", "trunks"),
    graph.DialOut: ("caller_id", "trunk", "trunks"),
    graph.DialSip: ("caller_id",),
    graph.Emergency: ("caller_id", "trunk", "trunks"),
}
"""What a step of a kind reads of the tenant itself, the first thing first."""


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


class Sources(Protocol):
    """The hand-written lines that a rendering is made of."""

    def template(self, mark: Mark) -> Source:
        """The line of a template that a mark names."""
        ...

    def block(self, path: str, line: int) -> Source | None:
        """The hand-written line that a line of a rendered block is; None for what was added below."""
        ...

    def called(self, text: str) -> tuple[Source, ...]:
        """The contexts of blocks that a rendered line calls."""
        ...


@dataclass(frozen=True, slots=True)
class _Found:
    """Args: whole: it stands for a whole tenant or platform, not for something in it."""

    place: Place
    whole: bool = False


@dataclass(slots=True)
class Lines:
    """Makes the origins of one file. Args: tenant: whose file it is, or empty."""

    written: WrittenFiles
    sources: Sources
    path: str
    tenant: str
    last: Source | None = field(default=None)

    def origin(self, number: int, line: TracedLine) -> Origin:
        made = Origin(self.path, number, line.text, "template", calls=self.sources.called(line.text))
        if self.path.startswith(BLOCKS):
            block = self.sources.block(self.path, number)
            if block is not None:
                return replace(made, kind="block", block=block, note=_SAME)
        if not line.marks:
            return self._added(made)
        self.last = self.sources.template(_maker(line.marks))
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
        if isinstance(step.action, graph.HangUp) and step.position == self.written.root(step.position.file):
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
