"""Who talked with whom, out of the bridges that channels entered and left.

    hall = gather(events)
    for part in parts(hall, hall.channels["s1-1790000000.5"], end): ...

Whoever talks is in one bridge with the other. Which employee's phone a channel is says its mark `vpbx.phone`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise

from orchestrator.model.call import SwitchEvent

PHONE_MARK, STEP_MARK = "vpbx.phone", "vpbx.step"
WAIT_MARK, MESSAGE_MARK = "vpbx.wait", "vpbx.message"
MESSAGE_LEFT = "left"
_NO_TALK = "holding_bridge"
_DUST = timedelta(seconds=1)
"""Within this a bridge changes partners; a channel is alone in it meanwhile, or with both."""


@dataclass(frozen=True, slots=True)
class Stay:
    """A channel in a bridge. Args: left: None: its end isn't known."""

    bridge: str
    entered: datetime
    left: datetime | None = None

    def until(self, end: datetime) -> datetime:
        """Its end, or another that is known."""
        return end if self.left is None else self.left


@dataclass(slots=True)
class Channel:
    """What the events of one channel say.

    Args: linkedids: all that it ever carried. phone: its `vpbx.phone`. steps: ids, in order.
    waits: its `vpbx.wait`, in order. left_message: in a mailbox.
    """

    uniqueid: str
    name: str = ""
    linkedids: set[str] = field(default_factory=set)
    phone: SwitchEvent | None = None
    answered_at: datetime | None = None
    hangup: SwitchEvent | None = None
    steps: list[str] = field(default_factory=list)
    waits: list[SwitchEvent] = field(default_factory=list)
    stays: list[Stay] = field(default_factory=list)
    left_message: bool = False


@dataclass(frozen=True, slots=True)
class Hall:
    """All channels.

    Args: guests: who was in each bridge. far: the other half of each Local channel's `;1`, by its uniqueid.
    """

    channels: Mapping[str, Channel]
    guests: Mapping[str, Sequence[tuple[Channel, Stay]]]
    far: Mapping[str, Channel]


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a channel's talk. Args: phone: whose mark tells the employee; None: no phone of ours."""

    begin: datetime
    end: datetime
    phone: Channel | None


def gather(events: Iterable[SwitchEvent]) -> Hall:
    """Every channel in the events, whatever their order."""
    channels: dict[str, Channel] = {}
    for event in sorted(events, key=lambda event: (event.at, event.kind != "BRIDGE_EXIT", event.uniqueid)):
        channel = channels.setdefault(event.uniqueid, Channel(event.uniqueid))
        channel.name = channel.name or event.channel
        channel.linkedids.add(event.linkedid)
        handler = HANDLERS.get(event.kind)
        if handler is not None:
            handler(channel, event)
    guests: dict[str, list[tuple[Channel, Stay]]] = {}
    for channel in channels.values():
        for stay in channel.stays:
            guests.setdefault(stay.bridge, []).append((channel, stay))
    local = {each.name: each for each in channels.values() if each.name.startswith("Local/")}
    far = {each.uniqueid: local.get(f"{name[:-1]}2") for name, each in local.items() if name[-2:] == ";1"}
    return Hall(channels, guests, {uniqueid: half for uniqueid, half in far.items() if half is not None})


def parts(hall: Hall, channel: Channel, end: datetime) -> Iterator[Part]:
    """The talk of a channel, cut where its partner changes; the parts together are all of its talk.

    Args: end: of the channel, where a stay's own end isn't known.
    """
    for stay in channel.stays:
        found = _joined(_cut(hall, channel, stay, end))
        for index, part in enumerate(found):
            phone = part.phone
            if phone is None and part.end - part.begin <= _DUST:
                beside = (found[place].phone for place in (index - 1, index + 1) if 0 <= place < len(found))
                phone = next((each for each in beside if each is not None), None)
            yield Part(part.begin, part.end, phone)


def _cut(hall: Hall, channel: Channel, stay: Stay, end: datetime) -> Iterator[Part]:
    stop = stay.until(end)
    partners = [
        (max(stay.entered, other.entered), min(stop, other.until(end)), other.until(end), guest)
        for guest, other in hall.guests.get(stay.bridge, ())
        if guest is not channel and other.entered < stop and other.until(end) > stay.entered
    ]
    times = {stay.entered, stop, *(each[0] for each in partners), *(each[1] for each in partners)}
    for begin, until in pairwise(sorted(times)):
        present = [
            (left, guest.uniqueid, guest)
            for since, to, left, guest in partners
            if since <= begin and until <= to
        ]
        if present:
            # While one takes the other's place both are there: who stays longer is who is talked with.
            yield Part(begin, until, _phone(hall, max(present)[2], begin, until, end))
        else:
            yield Part(begin, until, None)


def _joined(found: Iterable[Part]) -> list[Part]:
    """Parts one after another with the same phone are one."""
    joined: list[Part] = []
    for part in found:
        if joined and joined[-1].phone is part.phone:
            joined[-1] = Part(joined[-1].begin, part.end, part.phone)
        else:
            joined.append(part)
    return joined


def _phone(hall: Hall, partner: Channel, begin: datetime, until: datetime, end: datetime) -> Channel | None:
    """The phone that a partner is, or that is behind it when it is a Local channel."""
    if partner.phone is not None:
        return partner
    half = hall.far.get(partner.uniqueid)
    if half is None:
        return None
    behind = [
        (other.until(end), guest.uniqueid, guest)
        for stay in half.stays
        for guest, other in hall.guests.get(stay.bridge, ())
        if guest.phone is not None and other.entered < until and other.until(end) > begin
    ]
    return max(behind)[2] if behind else None


def _on_phone(channel: Channel, event: SwitchEvent) -> None:
    channel.phone = channel.phone or event


def _on_step(channel: Channel, event: SwitchEvent) -> None:
    channel.steps.append(event.facts.get("step", ""))


def _on_message(channel: Channel, event: SwitchEvent) -> None:
    channel.left_message = channel.left_message or event.facts.get("decision") == MESSAGE_LEFT


def _on_wait(channel: Channel, event: SwitchEvent) -> None:
    channel.waits.append(event)


def _on_answer(channel: Channel, event: SwitchEvent) -> None:
    channel.answered_at = channel.answered_at or event.at


def _on_hangup(channel: Channel, event: SwitchEvent) -> None:
    channel.hangup = channel.hangup or event
    _leave(channel, event)


def _on_enter(channel: Channel, event: SwitchEvent) -> None:
    _leave(channel, event)
    if event.facts.get("bridge_technology") != _NO_TALK:
        # A bridge without a name isn't the same as another one without.
        channel.stays.append(Stay(event.facts.get("bridge_id") or event.uniqueid, event.at))


def _leave(channel: Channel, event: SwitchEvent) -> None:
    if channel.stays and channel.stays[-1].left is None:
        last = channel.stays[-1]
        channel.stays[-1] = Stay(last.bridge, last.entered, event.at)


HANDLERS: Mapping[str, Callable[[Channel, SwitchEvent], None]] = {
    PHONE_MARK: _on_phone,
    STEP_MARK: _on_step,
    MESSAGE_MARK: _on_message,
    WAIT_MARK: _on_wait,
    "ANSWER": _on_answer,
    "BRIDGE_ENTER": _on_enter,
    "BRIDGE_EXIT": _leave,
    "HANGUP": _on_hangup,
}
"""The events that say something of who talked."""
