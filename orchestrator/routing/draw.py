"""A tenant's routing graph as a picture (SVG): numbers on the left, and where calls go from there.

A box is a step; an arrow is named by the outcome that it stands for. Where nothing else is written a call
ends, and no arrow says so. Steps that only tell or record are passed over.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from xml.sax.saxutils import escape, quoteattr

from orchestrator.model.tenant import Tenant
from orchestrator.routing import graph as steps
from orchestrator.routing.graph import Graph, Step

END = "end."
"""What the ids of steps begin with that end a call where nothing else is written."""

_COLUMN, _ROW, _BOX, _LINE = 300, 26, 200, 16
_MARGIN, _TITLE = 24, 56
_LONGEST = 27
_COLOURS: Mapping[str, str] = {
    "number": "#1f4e79",
    "ring": "#2e7d32",
    "ask": "#8a5a00",
    "menu": "#6a1b9a",
    "outside": "#00695c",
    "end": "#8e2020",
    "": "#444444",
}
_ENDS = {17: "486", 19: "480", 20: "480", 21: "403"}


@dataclass(frozen=True, slots=True)
class _Label:
    """Args: kind: of `_COLOURS`. lines: text, the first in bold."""

    kind: str
    lines: tuple[str, ...]


@dataclass(slots=True)
class _Box:
    """Args: column, top: its place. height: in px. to: other boxes, with the outcomes that lead there."""

    label: _Label
    column: int
    top: float = 0.0
    to: dict[str, list[str]] = field(default_factory=dict)

    @property
    def height(self) -> int:
        return _LINE * len(self.label.lines) + 12


def draw(graph: Graph, tenant: Tenant) -> str:
    """The picture of a tenant's graph, as a whole SVG document."""
    boxes = _boxes(graph, tenant)
    width = _MARGIN * 2 + _COLUMN * max(box.column for box in boxes.values()) + _BOX + 40
    height = _placed(boxes) + _MARGIN
    body = [*_arrows(boxes), *(part for box in boxes.values() for part in _box(box))]
    title = escape(f"{tenant.title} ({tenant.name})")
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height:.0f}" '
        f'viewBox="0 0 {width} {height:.0f}" font-family="DejaVu Sans, Arial, sans-serif" font-size="12">'
    )
    return "\n".join(
        [
            head,
            f"<title>{title}</title>",
            '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" '
            'orient="auto"><path d="M0 0L8 4L0 8z" fill="#777"/></marker></defs>',
            '<rect width="100%" height="100%" fill="#ffffff"/>',
            f'<text x="{_MARGIN}" y="34" font-size="18" font-weight="bold">{title}</text>',
            *body,
            "</svg>",
            "",
        ]
    )


def _boxes(graph: Graph, tenant: Tenant) -> dict[str, _Box]:
    """By id of the step, or of the entry or end that a box stands for; those further left come first."""
    boxes: dict[str, _Box] = {}
    ahead: list[tuple[str, int]] = []
    for entry in graph.entries:
        if entry.origin == "trunk":
            label = _Label("number", (entry.pattern, *_rules(graph, entry.step)))
            box = boxes[f"number {entry.step}"] = _Box(label, 0)
            first = list(_chain(graph, entry.step))[-1].id
            box.to[first] = [""]
            ahead.append((first, 1))
    for entry in graph.entries:
        if entry.origin == "phone" and entry.kind in ("code", "outside"):
            text = entry.pattern or "number outside"
            box = boxes[f"phone {entry.step}"] = _Box(_Label("number", ("phones dial", text)), 0)
            box.to[entry.step] = [""]
            ahead.append((entry.step, 1))
    while ahead:
        step, column = ahead.pop(0)
        if step in boxes:
            continue
        box = boxes[step] = _Box(_label(graph.steps[step], tenant), column)
        _lead(graph, box, step)
        ahead += [(to, column + 1) for to in box.to]
    return boxes


def _rules(graph: Graph, first: str) -> Iterator[str]:
    """What is done to every call to a number before it goes anywhere."""
    for step in _chain(graph, first):
        match step.action:
            case steps.Block(lists=lists):
                yield f"refuses {', '.join(each.name for each in lists)}"
            case steps.Admit(limit=limit):
                yield f"{limit} lines"
            case steps.Greet(prompt=prompt):
                yield f"greeting: {prompt.say or prompt.file}"


def _chain(graph: Graph, first: str) -> Iterator[Step]:
    """Steps one after the other, as long as a call has no choice but to go on."""
    here: str | None = first
    while here is not None:
        step = graph.steps[here]
        yield step
        going_on = step.edges.get("admitted", step.edges.get("done"))
        here = going_on if going_on is not None and _is_told_only(step) else None


def _is_told_only(step: Step) -> bool:
    kinds = (steps.Admit, steps.Block, steps.Greet, steps.Announce, steps.Record, steps.MarkInternal)
    return isinstance(step.action, (*kinds, steps.PassOn))


def _lead(graph: Graph, box: _Box, step: str) -> None:
    """Fill in where a box leads."""
    for outcome, to in sorted(graph.steps[step].edges.items()):
        reached = list(_chain(graph, to))[-1]
        if not reached.id.startswith(END):
            box.to.setdefault(reached.id, []).append(_outcome(outcome))


def _outcome(outcome: str) -> str:
    return {"done": "", "admitted": "", "star": "*"}.get(outcome, outcome.replace("_", " "))


def _label(step: Step, tenant: Tenant) -> _Label:
    match step.action:
        case steps.Ring(kind="employee", name=name, timeout_s=timeout_s):
            return _Label("ring", (f"employee {name}", tenant.employee(name).name, f"rings {timeout_s} s"))
        case steps.RingMobile(number=number):
            return _Label("ring", ("their mobile", number))
        case steps.Distribute(name=name, timeout_s=timeout_s, waits=waits):
            found = next(each for each in tenant.departments if each.name == name)
            queue = () if waits is None else (f"{waits.most} wait, {waits.longest_s} s",)
            return _Label("ring", (f"department {name}", found.title, f"rings {timeout_s} s", *queue))
        case steps.AskTime(schedule=name):
            return _Label("ask", ("schedule", name))
        case steps.AskSwitch(switch=name):
            return _Label("ask", ("switch", name))
        case steps.AskCaller(callers=callers):
            return _Label("ask", ("caller list", callers.name))
        case steps.AskManager():
            return _Label("ask", ("who last spoke", "with the caller"))
        case steps.PlayMenu(name=name):
            return _Label("menu", ("menu", name))
        case steps.Dialled():
            return _Label("menu", ("an extension", "is dialled"))
        case steps.DialOut(number=number, trunk=trunk):
            return _Label("outside", (f"calls {number or 'the number'}", f"by {trunk}"))
        case steps.ChooseTrunk():
            return _Label("ask", ("trunks", "the cheapest first"))
        case steps.DialSip(address=address):
            return _Label("outside", ("calls by SIP", address))
        case steps.Classify():
            return _Label("ask", ("dial class",))
        case steps.HangUp(cause=cause):
            return _Label("end", (f"ends, {_ENDS[cause]}",))
        case steps.RefuseClass():
            return _Label("end", ("ends, 403",))
        case steps.Turn(switch=name):
            return _Label("ask", ("turns switch", name))
        case steps.SetOwn(state=state, on=on):
            return _Label("ask", (f"{state.replace('_', ' ')} {'on' if on else 'off'}", "for who calls"))
        case steps.TakeMessage(name=name):
            return _Label("end", ("voicemail", name))
        case steps.Listen(own=own):
            return _Label("end", ("listens to", "their mailbox" if own else "a mailbox"))
        case _:
            return _Label("", (step.id,))


def _placed(boxes: Mapping[str, _Box]) -> float:
    """Give each box its place in its column. Returns: the height of all."""
    bottoms: dict[int, float] = {}
    for box in boxes.values():
        box.top = bottoms.get(box.column, float(_TITLE))
        bottoms[box.column] = box.top + box.height + _ROW
    return max(bottoms.values(), default=float(_TITLE))


def _arrows(boxes: Mapping[str, _Box]) -> Iterator[str]:
    for box in boxes.values():
        for number, (to, outcomes) in enumerate(box.to.items()):
            yield from _arrow(box, boxes[to], _joined(outcomes), number)


def _joined(outcomes: Sequence[str]) -> str:
    return ", ".join(filter(None, outcomes))


def _arrow(box: _Box, to: _Box, text: str, number: int) -> Iterator[str]:
    """From the right side of a box to the left of another; one that leads back goes round below."""
    begin_x, begin_y = _left(box) + _BOX, box.top + min(10 + 10 * number, box.height - 4)
    end_x, end_y = _left(to), to.top + to.height / 2
    bend = 50 if end_x > begin_x else 110
    yield (
        f'<path d="M{begin_x} {begin_y:.0f}C{begin_x + bend} {begin_y:.0f} {end_x - bend} {end_y:.0f} '
        f'{end_x} {end_y:.0f}" fill="none" stroke="#999" marker-end="url(#tip)"/>'
    )
    if text:
        ahead = end_x > begin_x
        at_x, at_y = (end_x - 14, end_y - 6) if ahead else (begin_x + 6, begin_y - 3)
        anchor = "end" if ahead else "start"
        place = f'<text x="{at_x:.0f}" y="{at_y:.0f}" text-anchor="{anchor}" font-size="11"'
        yield f'{place} stroke="#fff" stroke-width="4" fill="#fff">{escape(_short(text))}</text>'
        yield f'{place} fill="#333">{escape(_short(text))}</text>'


def _box(box: _Box) -> Iterator[str]:
    colour = _COLOURS[box.label.kind]
    yield (
        f'<rect x="{_left(box)}" y="{box.top:.0f}" width="{_BOX}" height="{box.height}" rx="6" '
        f'fill="#fff" stroke={quoteattr(colour)} stroke-width="1.5"/>'
    )
    for number, line in enumerate(box.label.lines):
        weight = ' font-weight="bold"' if number == 0 else ""
        yield (
            f'<text x="{_left(box) + 10}" y="{box.top + 18 + _LINE * number:.0f}"{weight} '
            f"fill={quoteattr(colour)}>{escape(_short(line))}</text>"
        )


def _left(box: _Box) -> int:
    return _MARGIN + _COLUMN * box.column


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
