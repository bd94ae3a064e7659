"""The state of all calls that are up, moved on event by event.

    state, effects = step(state, event)

`UsageReady` comes once, when mark, answer and hangup of that very channel are all known: a charge is never
made from incomplete evidence. What a lost event leaves open here is found by reconciliation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from orchestrator.calls.leg import LegFacts, learn, leg_of, usage_of
from orchestrator.model.call import Leg, SwitchEvent, Usage

LONGEST_SILENCE = timedelta(hours=25)
"""A channel without any event for longer than this is forgotten; reconciliation still knows it."""

SWEEP_EVERY = timedelta(hours=1)


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


Effect = UsageReady | LegEnded | CallEnded


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel in the state.

    Args: end_told, usage_told: the effect was given. call_over: its call ended before its hangup was seen.
    """

    facts: LegFacts
    end_told: bool = False
    usage_told: bool = False
    call_over: bool = False


@dataclass(frozen=True, slots=True)
class CallsState:
    """Channels of the calls that are up, by uniqueid. It grows with them, never with time.

    Args: swept_at: event time when silent channels were last looked for.
    """

    channels: Mapping[str, Channel] = field(default_factory=dict)
    swept_at: datetime | None = None


def step(state: CallsState, event: SwitchEvent) -> tuple[CallsState, tuple[Effect, ...]]:
    """The state after one event, and what follows from it.

    Args: event: genuine, of any switch; order and repetition may be broken.
    """
    handler = HANDLERS.get(event.kind)
    if handler is None:
        return state, ()
    return handler(_swept(state, event.at), event)


def _on_leg_event(state: CallsState, event: SwitchEvent) -> tuple[CallsState, tuple[Effect, ...]]:
    before = state.channels.get(event.uniqueid)
    facts = learn(None if before is None else before.facts, event)
    channel = Channel(facts) if before is None else replace(before, facts=facts)
    effects: list[Effect] = []
    leg = leg_of(facts)
    if leg is not None and leg.ended_at is not None:
        if not channel.end_told:
            effects.append(LegEnded(leg))
        usage = usage_of(leg)
        if usage is not None and not channel.usage_told:
            effects.append(UsageReady(usage))
        channel = replace(channel, end_told=True, usage_told=channel.usage_told or usage is not None)
    channels = dict(state.channels)
    if channel.call_over and facts.ended_at is not None:
        channels.pop(event.uniqueid, None)
    else:
        channels[event.uniqueid] = channel
    return replace(state, channels=channels), tuple(effects)


def _on_call_end(state: CallsState, event: SwitchEvent) -> tuple[CallsState, tuple[Effect, ...]]:
    """Channels of the call are forgotten, but for those whose hangup is still to come."""
    channels: dict[str, Channel] = {}
    for uniqueid, channel in state.channels.items():
        if channel.facts.linkedid != event.linkedid:
            channels[uniqueid] = channel
        elif channel.facts.ended_at is None:
            channels[uniqueid] = replace(channel, call_over=True)
    return replace(state, channels=channels), (CallEnded(event.linkedid),)


def _swept(state: CallsState, at: datetime) -> CallsState:
    """The state without channels silent for too long; they are looked for once an hour of event time."""
    if state.swept_at is not None and at - state.swept_at < SWEEP_EVERY:
        return state
    oldest = at - LONGEST_SILENCE
    channels = {key: channel for key, channel in state.channels.items() if channel.facts.last_at >= oldest}
    return CallsState(channels, at)


HANDLERS: Mapping[str, Callable[[CallsState, SwitchEvent], tuple[CallsState, tuple[Effect, ...]]]] = {
    "CHAN_START": _on_leg_event,
    "ANSWER": _on_leg_event,
    "HANGUP": _on_leg_event,
    "BRIDGE_ENTER": _on_leg_event,
    "vpbx.leg": _on_leg_event,
    "LINKEDID_END": _on_call_end,
}
