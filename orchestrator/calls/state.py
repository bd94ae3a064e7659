"""The state of all calls that are up, moved on event by event.

    state, effects = step(state, event)

`UsageReady` comes once, when mark, answer and hangup of that very channel are all known: a charge is never
made from incomplete evidence. What a lost event leaves open here is found by reconciliation.

Maps are persistent: a step costs the same however many calls are up, and the state before it stays whole.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from immutables import Map

from orchestrator.calls.leg import LegFacts, learn, leg_of, usage_of
from orchestrator.calls.talk import MESSAGE_LEFT, MESSAGE_MARK
from orchestrator.model.call import MUSIC_STOPPED, Leg, SwitchEvent, Usage

LONGEST_SILENCE = timedelta(hours=25)
"""A channel without any event for longer than this is forgotten; reconciliation still knows it."""

SWEEP_EVERY = timedelta(hours=1)

_STAYING = ("transferee_channel_uniqueid", "transfer_target_channel_uniqueid")
_NUMBER = re.compile(r"[0-9]{1,11}\.[0-9]{1,10}")


@dataclass(frozen=True, slots=True)
class UsageReady:
    """An outbound leg can be charged."""

    usage: Usage


@dataclass(frozen=True, slots=True)
class LegEnded:
    """A marked leg has hung up."""

    leg: Leg


@dataclass(frozen=True, slots=True)
class CallEnded:
    """The last channel of a call is gone."""

    linkedid: str


@dataclass(frozen=True, slots=True)
class RecordersStale:
    """Channels talk to somebody else from now on, and no dialplan saw it: their recorders are to be renewed.

    Args: uniqueids: of both who stay after an attended transfer, or of one that heard music before; recorded
    or not.
    """

    uniqueids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MessageLeft:
    """A caller has left a message in a mailbox."""


Effect = UsageReady | LegEnded | CallEnded | RecordersStale | MessageLeft


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel in the state.

    Args: end_told, usage_told, transfer_told: the effect was given. call_over: its call ended before its
    hangup was seen.
    """

    facts: LegFacts
    end_told: bool = False
    usage_told: bool = False
    transfer_told: bool = False
    call_over: bool = False


@dataclass(frozen=True, slots=True)
class CallsState:
    """Channels of the calls that are up, by uniqueid. It grows with them, never with time.

    Args: calls: uniqueids by the linkedid that the channel carries now. swept_at: event time when silent
    channels were last looked for.
    """

    channels: Map[str, Channel] = field(default_factory=Map)
    calls: Map[str, frozenset[str]] = field(default_factory=Map)
    swept_at: datetime | None = None


def step(state: CallsState, event: SwitchEvent) -> tuple[CallsState, tuple[Effect, ...]]:
    """The state after one event, and what follows from it.

    Args: event: genuine, of any switch; order and repetition may be broken.
    """
    handler = HANDLERS.get(event.kind)
    if handler is None:
        return state, ()
    return handler(_swept(state, event.at), event)


def without(state: CallsState, uniqueids: Collection[str]) -> CallsState:
    """The state without some channels."""
    for uniqueid in uniqueids:
        state = _dropped(state, uniqueid)
    return state


def _on_leg_event(state: CallsState, event: SwitchEvent) -> tuple[CallsState, tuple[Effect, ...]]:
    channel = _learned(state, event)
    effects: list[Effect] = []
    leg = leg_of(channel.facts)
    if leg is not None and leg.ended_at is not None:
        if not channel.end_told:
            effects.append(LegEnded(leg))
        usage = usage_of(leg)
        if usage is not None and not channel.usage_told:
            effects.append(UsageReady(usage))
        channel = replace(channel, end_told=True, usage_told=channel.usage_told or usage is not None)
    if channel.call_over and channel.facts.ended_at is not None:
        return _dropped(state, event.uniqueid), tuple(effects)
    return _kept(state, event.uniqueid, channel), tuple(effects)


def _on_attended_transfer(state: CallsState, event: SwitchEvent) -> tuple[CallsState, tuple[Effect, ...]]:
    """The event's own channel is the transferer's, which transfers once and then ends."""
    channel = _learned(state, event)
    told = channel.transfer_told
    state = _kept(state, event.uniqueid, replace(channel, transfer_told=True))
    staying = tuple(uniqueid for name in _STAYING if (uniqueid := _own(event, name)))
    return state, (RecordersStale(staying),) if staying and not told else ()


def _on_music_stopped(state: CallsState, event: SwitchEvent) -> tuple[CallsState, tuple[Effect, ...]]:
    """Its recorder takes packets after music for late ones, as it does after another speaker."""
    return state, (RecordersStale((event.uniqueid,)),)


def _on_message(state: CallsState, event: SwitchEvent) -> tuple[CallsState, tuple[Effect, ...]]:
    return state, (MessageLeft(),) if event.facts.get("decision") == MESSAGE_LEFT else ()


def _on_call_end(state: CallsState, event: SwitchEvent) -> tuple[CallsState, tuple[Effect, ...]]:
    """Channels of the call are forgotten, but for those whose hangup is still to come."""
    for uniqueid in state.calls.get(event.linkedid, frozenset()):
        channel = state.channels[uniqueid]
        if channel.facts.ended_at is None:
            state = _kept(state, uniqueid, replace(channel, call_over=True))
        else:
            state = _dropped(state, uniqueid)
    return state, (CallEnded(event.linkedid),)


def _learned(state: CallsState, event: SwitchEvent) -> Channel:
    """The event's channel with what the event says of it."""
    before = state.channels.get(event.uniqueid)
    if before is None:
        return Channel(learn(None, event))
    return replace(before, facts=learn(before.facts, event))


def _own(event: SwitchEvent, name: str) -> str:
    """A uniqueid that an event names, if it is one of the event's own switch; or nothing."""
    uniqueid = event.facts.get(name, "")
    start, _, number = uniqueid.partition("-")
    return uniqueid if start == event.systemname and _NUMBER.fullmatch(number) else ""


def _kept(state: CallsState, uniqueid: str, channel: Channel) -> CallsState:
    """The state with a channel as it is now, found under the linkedid that it carries now."""
    before = state.channels.get(uniqueid)
    linkedid = channel.facts.linkedid
    calls = state.calls
    if before is None or before.facts.linkedid != linkedid:
        if before is not None:
            calls = _unlinked(calls, before.facts.linkedid, uniqueid)
        calls = calls.set(linkedid, calls.get(linkedid, frozenset()) | {uniqueid})
    return CallsState(state.channels.set(uniqueid, channel), calls, state.swept_at)


def _dropped(state: CallsState, uniqueid: str) -> CallsState:
    channel = state.channels.get(uniqueid)
    if channel is None:
        return state
    calls = _unlinked(state.calls, channel.facts.linkedid, uniqueid)
    return CallsState(state.channels.delete(uniqueid), calls, state.swept_at)


def _unlinked(calls: Map[str, frozenset[str]], linkedid: str, uniqueid: str) -> Map[str, frozenset[str]]:
    others = calls[linkedid] - {uniqueid}
    return calls.set(linkedid, others) if others else calls.delete(linkedid)


def _swept(state: CallsState, at: datetime) -> CallsState:
    """The state without channels silent for too long; they are looked for once an hour of event time."""
    if state.swept_at is not None and at - state.swept_at < SWEEP_EVERY:
        return state
    oldest = at - LONGEST_SILENCE
    silent = [key for key, channel in state.channels.items() if channel.facts.last_at < oldest]
    return replace(without(state, silent), swept_at=at)


HANDLERS: Mapping[str, Callable[[CallsState, SwitchEvent], tuple[CallsState, tuple[Effect, ...]]]] = {
    "CHAN_START": _on_leg_event,
    "ANSWER": _on_leg_event,
    "HANGUP": _on_leg_event,
    "BRIDGE_ENTER": _on_leg_event,
    "vpbx.leg": _on_leg_event,
    "ATTENDEDTRANSFER": _on_attended_transfer,
    "LINKEDID_END": _on_call_end,
    MUSIC_STOPPED: _on_music_stopped,
    MESSAGE_MARK: _on_message,
}
