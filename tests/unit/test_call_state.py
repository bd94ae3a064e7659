"""The call state machine and the legs it gathers."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from datetime import timedelta

import pytest
from recorded_calls import BEGIN, SYSTEMNAME, Call, events_of

from orchestrator.calls.leg import close_estimated, gather, leg_of, merge, usage_of
from orchestrator.calls.state import (
    CallEnded,
    CallsState,
    Effect,
    LegEnded,
    RecordersStale,
    UsageReady,
    step,
    without,
)
from orchestrator.model.call import MUSIC_STOPPED, Leg, SwitchEvent, Systemname


def run(events: list[SwitchEvent], state: CallsState | None = None) -> tuple[CallsState, list[Effect]]:
    moving, effects = state or CallsState(), []
    for event in events:
        moving, more = step(moving, event)
        effects += more
    return moving, effects


def leg(call: Call) -> Leg:
    found = leg_of(gather(events_of(call))[call.trunk_leg])
    assert found is not None
    return found


def test_an_answered_outbound_call_gives_one_usage_and_leaves_nothing_behind() -> None:
    call = Call(1, talk_s=61)
    state, effects = run(events_of(call))
    assert [type(effect) for effect in effects] == [LegEnded, UsageReady, CallEnded]
    usage = next(effect.usage for effect in effects if isinstance(effect, UsageReady))
    assert (str(usage.key), usage.duration_s, usage.to_number) == (call.key, 61, "+74957654321")
    assert not state.channels


@pytest.mark.parametrize(
    "call",
    [
        Call(1, talk_s=None),
        Call(1, talk_s=None, decision="full"),
        Call(1, talk_s=30, direction="in"),
        Call(1, talk_s=30, direction="internal"),
        Call(1, talk_s=30, direction="emergency"),
    ],
    ids=["unanswered", "refused", "inbound", "internal", "emergency"],
)
def test_what_is_free_gives_a_leg_and_no_usage(call: Call) -> None:
    _, effects = run(events_of(call))
    assert [type(effect) for effect in effects] == [LegEnded, CallEnded]


@pytest.mark.parametrize("missing", ["vpbx.leg", "ANSWER", "HANGUP"])
def test_incomplete_evidence_gives_no_usage(missing: str) -> None:
    call = Call(1, talk_s=61)
    kept = [event for event in events_of(call) if (event.uniqueid, event.kind) != (call.trunk_leg, missing)]
    _, effects = run(kept)
    assert not any(isinstance(effect, UsageReady) for effect in effects)


def test_the_answer_of_another_channel_is_not_the_legs_own() -> None:
    call = Call(1, talk_s=61)
    kept = [event for event in events_of(call) if (event.uniqueid, event.kind) != (call.trunk_leg, "ANSWER")]
    found = leg_of(gather(kept)[call.trunk_leg])
    assert found is not None
    assert found.answered_at is None


def test_duplicates_give_no_second_usage_while_the_call_is_up() -> None:
    events = events_of(Call(1, talk_s=61))[:-1]
    _, effects = run(events + events)
    assert sum(isinstance(effect, UsageReady) for effect in effects) == 1


def test_a_hangup_after_the_end_of_the_call_still_counts() -> None:
    *others, last = events_of(Call(1, talk_s=61))
    hangups = [event for event in others if event.kind == "HANGUP"]
    state, effects = run([*(event for event in others if event not in hangups), last, *hangups])
    assert sum(isinstance(effect, UsageReady) for effect in effects) == 1
    assert not state.channels


def test_a_transfer_that_changes_the_linkedid_ends_with_the_legs_own_hangup() -> None:
    call = Call(1, talk_s=61)
    moved = [
        replace(event, linkedid="s0a1b2c3-1.0") if event.kind in ("HANGUP", "BRIDGE_ENTER") else event
        for event in events_of(call)
        if event.kind != "LINKEDID_END"
    ]
    _, effects = run(moved)
    usages = [effect.usage for effect in effects if isinstance(effect, UsageReady)]
    assert [(usage.linkedid, usage.duration_s) for usage in usages] == [(call.linkedid, 61)]


def test_a_year_of_calls_with_gaps_does_not_grow_the_state() -> None:
    state = CallsState()
    largest = 0
    for number in range(2000):
        call = Call(number, talk_s=10, begin=BEGIN + timedelta(hours=4 * number))
        events = events_of(call)
        # Every third call loses its end, as when the connection breaks.
        state, _ = run(events[: -4 if number % 3 == 0 else None], state)
        largest = max(largest, len(state.channels))
    assert largest <= 20


def test_the_first_answer_the_earliest_hangup_and_the_first_mark_stand() -> None:
    call = Call(1, talk_s=61)
    later = [replace(event, at=event.at + timedelta(seconds=5)) for event in events_of(call)]
    forged = [
        replace(event, facts={**event.facts, "tenant": "beta"}) if event.kind == "vpbx.leg" else event
        for event in later
    ]
    assert leg_of(gather(forged + events_of(call))[call.trunk_leg]) == leg(call)


def test_a_leg_cut_off_ends_at_its_last_known_second() -> None:
    up = replace(leg(Call(1, talk_s=61)), ended_at=None, cause=None)
    assert usage_of(up) is None
    closed = close_estimated(up, BEGIN + timedelta(seconds=33, microseconds=250_000))
    usage = usage_of(closed)
    assert usage is not None
    assert (usage.duration_s, usage.estimated) == (30, True)


def test_an_exact_end_wins_over_an_estimated_one_in_either_order() -> None:
    exact = leg(Call(1, talk_s=61))
    estimated = close_estimated(replace(exact, ended_at=None, cause=None), BEGIN + timedelta(seconds=90))
    assert merge(exact, estimated) == merge(estimated, exact) == exact
    assert merge(estimated, replace(exact, ended_at=None, cause=None)) == estimated


def transfer(call: Call, **facts: str) -> SwitchEvent:
    """What the transferer's channel tells when it joins two others."""
    own = call.linkedid
    return SwitchEvent(Systemname(call.systemname), own, own, "ATTENDEDTRANSFER", BEGIN, "PJSIP/t-1", facts)


def test_an_attended_transfer_makes_the_recorders_of_both_who_stay_stale_once() -> None:
    call, consult = Call(1, talk_s=61), Call(2, talk_s=10)
    joined = transfer(
        call,
        channel2_uniqueid=consult.linkedid,
        transferee_channel_uniqueid=call.trunk_leg,
        transfer_target_channel_uniqueid=consult.trunk_leg,
    )
    *others, last = events_of(call)
    _, effects = run([*others, joined, joined, last])
    stale = [effect for effect in effects if isinstance(effect, RecordersStale)]
    assert stale == [RecordersStale((call.trunk_leg, consult.trunk_leg))]
    assert [effect for effect in effects if effect not in stale] == run(events_of(call))[1]


@pytest.mark.parametrize(
    "named", ["s9-1790000000.1", "s0a1b2c3-1.2\r\nAction: x", "s0a1b2c3-1", "PJSIP/t-1", ""]
)
def test_a_transfer_makes_nothing_stale_on_channels_that_are_not_this_switchs(named: str) -> None:
    _, effects = run([transfer(Call(1, talk_s=61), transferee_channel_uniqueid=named)])
    assert effects == []


def test_the_end_of_music_makes_the_recorder_of_who_heard_it_stale_and_changes_nothing_else() -> None:
    call = Call(1, talk_s=61)
    first, *others = events_of(call)
    music = replace(first, kind=MUSIC_STOPPED, uniqueid=call.trunk_leg, facts={})
    _, effects = run([first, music, *others])
    stale = [effect for effect in effects if isinstance(effect, RecordersStale)]
    assert stale == [RecordersStale((call.trunk_leg,))]
    assert [effect for effect in effects if effect not in stale] == run(events_of(call))[1]


def test_a_channel_is_found_by_the_linkedid_that_it_carries_now() -> None:
    """A transfer gives a channel another linkedid; the end of its first one doesn't end it."""
    call = Call(1, talk_s=61)
    *others, end = events_of(call)
    moved = replace(
        others[0], uniqueid=call.trunk_leg, kind="BRIDGE_ENTER", linkedid=f"{SYSTEMNAME}-1.1", at=end.at
    )
    state, _ = run([*others, moved])
    state, _ = step(state, end)
    assert set(state.channels) == {call.trunk_leg}
    assert {linkedid: set(found) for linkedid, found in state.calls.items()} == {
        f"{SYSTEMNAME}-1.1": {call.trunk_leg}
    }
    assert not without(state, [call.trunk_leg]).calls


def test_a_step_costs_the_same_whatever_is_up() -> None:
    """Not by a clock: the maps before and after share all but a handful of their nodes."""
    many, _ = run([events_of(Call(number, talk_s=60))[0] for number in range(2000)])
    begun = events_of(Call(5000, talk_s=60))[0]
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    after, _ = step(many, begun)
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert len(after.channels) == len(many.channels) + 1
    assert grown < 20_000
