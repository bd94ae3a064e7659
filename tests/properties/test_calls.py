"""What holds for calls whatever order, repetition or loss their events suffer."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from recorded_calls import BEGIN, Call, events_of

from orchestrator.calls.leg import gather, leg_of
from orchestrator.calls.state import CallsState, UsageReady, step
from orchestrator.model.call import SwitchEvent, Usage

calls = st.lists(
    st.builds(
        Call,
        number=st.integers(0, 50),
        talk_s=st.none() | st.integers(0, 900),
        begin=st.integers(0, 3600).map(lambda offset: BEGIN + timedelta(seconds=offset)),
        direction=st.sampled_from(["out", "out", "in", "internal"]),
        decision=st.sampled_from(["admitted", "admitted", "full"]),
    ),
    min_size=1,
    max_size=4,
    unique_by=lambda call: call.number,
)


def usages(events: list[SwitchEvent]) -> set[Usage]:
    state, found = CallsState(), set()
    for event in events:
        state, effects = step(state, event)
        found |= {effect.usage for effect in effects if isinstance(effect, UsageReady)}
    return found


def all_events(given_calls: list[Call]) -> list[SwitchEvent]:
    return [event for call in given_calls for event in events_of(call)]


@given(calls, st.data())
def test_legs_are_the_same_in_any_order_and_with_any_repetition(
    made: list[Call], data: st.DataObject
) -> None:
    events = all_events(made)
    shaken = data.draw(st.permutations(events + data.draw(st.lists(st.sampled_from(events)))))
    assert {key: leg_of(facts) for key, facts in gather(events).items()} == {
        key: leg_of(facts) for key, facts in gather(shaken).items()
    }


@given(calls, st.data())
def test_usages_are_the_same_in_any_order_and_with_any_repetition(
    made: list[Call], data: st.DataObject
) -> None:
    events = all_events(made)
    repeated = events + data.draw(st.lists(st.sampled_from(events)))
    # The end of a call makes the state forget it; what comes later is for reconciliation.
    ends = [event for event in repeated if event.kind == "LINKEDID_END"]
    others = [event for event in repeated if event.kind != "LINKEDID_END"]
    assert usages(data.draw(st.permutations(others)) + ends) == usages(events)


@given(calls, st.data())
def test_lost_events_never_make_a_usage_that_the_whole_call_would_not(
    made: list[Call], data: st.DataObject
) -> None:
    events = all_events(made)
    kept = data.draw(st.lists(st.sampled_from(events), unique_by=id))
    assert usages(kept) <= usages(events)


@given(calls, st.data())
def test_the_state_finds_each_channel_under_one_linkedid_and_keeps_nothing_of_what_ended(
    made: list[Call], data: st.DataObject
) -> None:
    state = CallsState()
    for event in data.draw(st.permutations(all_events(made))):
        state, _ = step(state, event)
        found = [(key, linkedid) for linkedid, keys in state.calls.items() for key in keys]
        assert sorted(found) == sorted((key, kept.facts.linkedid) for key, kept in state.channels.items())
