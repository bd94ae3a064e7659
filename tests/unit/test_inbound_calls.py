"""Who talked with a caller, for how long, and who gave up: transfers, Local channels, other tenants."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from recorded_calls import BEGIN, SYSTEMNAME

from orchestrator.calls.inbound import inbound_calls
from orchestrator.calls.leg import gather, leg_of
from orchestrator.model.call import SwitchEvent
from orchestrator.model.inbound import InboundCall
from orchestrator.storage.store import SqlStore

CALLER = "PJSIP/trunk-1"


def at(second: float, channel: str, kind: str, call: str = "1", name: str = "", **facts: str) -> SwitchEvent:
    """An event. Args: channel, call: numbers that uniqueid and linkedid end with."""
    moment = BEGIN + timedelta(seconds=second)
    return SwitchEvent(
        SYSTEMNAME,
        f"{SYSTEMNAME}-1.{channel}",
        f"{SYSTEMNAME}-1.{call}",
        kind,
        moment,
        name or (CALLER if channel == "1" else f"PJSIP/p-{channel}"),
        facts,
    )


def came_in(
    channel: str = "1", call: str = "1", tenant: str = "acme", second: float = 0
) -> list[SwitchEvent]:
    return [
        at(second, channel, "CHAN_START", call),
        at(second, channel, "vpbx.leg", call, tenant=tenant, direction="in", decision="admitted", to="+7495"),
    ]


def phone(
    second: float, channel: str, employee: str, call: str = "1", step: str = "", tenant: str = "acme"
) -> list[SwitchEvent]:
    step = step or f"employees.{employee}"
    return [
        at(second, channel, "CHAN_START", call),
        at(second, channel, "vpbx.phone", call, tenant=tenant, employee=employee, step=step),
    ]


def bridged(
    channel: str, bridge: str, begin: float, end: float, call: str = "1", technology: str = "simple_bridge"
) -> list[SwitchEvent]:
    facts = {"bridge_id": bridge, "bridge_technology": technology}
    return [
        at(begin, channel, "BRIDGE_ENTER", call, **facts),
        at(end, channel, "BRIDGE_EXIT", call, **facts),
    ]


def over(
    second: float, channel: str = "1", call: str = "1", source: str = "", dialstatus: str = ""
) -> SwitchEvent:
    return at(second, channel, "HANGUP", call, hangupsource=source, dialstatus=dialstatus)


def calls(*events: SwitchEvent | Sequence[SwitchEvent]) -> list[InboundCall]:
    flat = [one for each in events for one in ([each] if isinstance(each, SwitchEvent) else each)]
    legs = [leg for facts in gather(flat).values() if (leg := leg_of(facts)) is not None]
    return inbound_calls(legs, flat)


def talked(call: InboundCall) -> dict[str, float]:
    """Seconds by employee, and of nobody."""
    found: dict[str, float] = {}
    for each in call.phones:
        found[each.employee] = found.get(each.employee, 0) + each.talk_us / 1e6
    return {**found, "": call.talk_us / 1e6 - sum(found.values())}


@pytest.mark.parametrize(
    ("source", "dialstatus", "outcome"),
    [
        (CALLER, "", "abandoned"),
        ("PJSIP/p-2", "CANCEL", "abandoned"),
        ("dialplan/builtin", "BUSY", "missed"),
        ("", "NOANSWER", "missed"),
    ],
    ids=["caller", "cancelled", "refused", "lost"],
)
def test_a_call_without_talk_is_the_callers_or_the_switchs_end(
    source: str, dialstatus: str, outcome: str
) -> None:
    [call] = calls(came_in(), over(4, source=source, dialstatus=dialstatus))
    assert (call.outcome, call.wait_us, call.talk_us) == (outcome, 4_000_000, 0)


@pytest.mark.parametrize(("source", "outcome"), [("", "abandoned"), ("dialplan/builtin", "missed")])
def test_a_caller_of_another_tenant_is_behind_a_local_channel(source: str, outcome: str) -> None:
    own = [replace(event, channel="Local/+7495@vpbx-on-platform-0001;2") for event in came_in()]
    assert [call.outcome for call in calls(own, over(4, source=source))] == [outcome]


def test_a_greeting_that_the_switch_answers_with_is_waiting() -> None:
    events = (came_in(), at(1, "1", "ANSWER"), phone(5, "2", "101"), at(9, "2", "ANSWER"))
    [call] = calls(*events, bridged("2", "b", 9, 20), bridged("1", "b", 9, 20), over(20))
    assert (call.outcome, call.wait_us, call.talk_us, call.employee) == (
        "answered",
        9_000_000,
        11_000_000,
        "101",
    )


def test_music_in_a_holding_bridge_is_no_talk() -> None:
    [call] = calls(
        came_in(), bridged("1", "park", 2, 30, technology="holding_bridge"), over(30, source=CALLER)
    )
    assert (call.outcome, call.talk_us) == ("abandoned", 0)


def test_an_attended_transfer_gives_each_what_they_talked_and_the_first_the_answer() -> None:
    """101 answers, asks 102 by another call, and joins the two: 102's channel carries the other linkedid."""
    [call] = calls(
        came_in(),
        phone(1, "2", "101"),
        bridged("2", "b1", 3, 20),
        bridged("1", "b1", 3, 20.1),
        [at(10, "3", "CHAN_START", "3"), at(10, "3", "vpbx.leg", "3", tenant="acme", direction="internal")],
        phone(10, "4", "102", call="3"),
        bridged("4", "b2", 12, 50, call="3"),
        bridged("3", "b2", 12, 20.2, call="3"),
        bridged("1", "b2", 20.15, 50),
        over(50, source=CALLER),
    )
    assert call.employee == "101"
    assert talked(call) == pytest.approx({"101": 17.1, "102": 29.85, "": 0})


def test_a_transfer_to_an_outside_party_leaves_its_talk_to_nobody() -> None:
    [call] = calls(
        came_in(),
        phone(1, "2", "101"),
        bridged("1", "b1", 3, 60),
        bridged("2", "b1", 3, 20),
        bridged("5", "b1", 20, 60),
        over(60),
    )
    assert talked(call) == pytest.approx({"101": 17, "": 40})


TWICE_TRANSFERRED = [
    *came_in(),
    *phone(1, "2", "101"),
    *bridged("2", "b1", 3, 20),
    over(20, "2"),
    *bridged("1", "b1", 3, 20),
    *bridged("1", "b0", 20, 30, call="0"),
    *phone(31, "5", "103", call="0"),
    over(40, "5", call="0"),
    over(40, call="0", source=CALLER),
]
"""A transfer joined the caller to an older call; a second one rings 103, who doesn't answer."""


def test_a_phone_that_a_transfer_rings_counts_under_whatever_linkedid_the_call_has_by_then() -> None:
    [call] = calls(TWICE_TRANSFERRED)
    assert [(each.employee, each.talk_us // 1_000_000) for each in call.phones] == [("101", 17), ("103", 0)]


def test_a_call_is_found_by_the_linkedid_that_it_ended_with(store: SqlStore) -> None:
    """The hangups of an older call bring the caller in, and the caller the phone that left before."""
    legs = [leg for facts in gather(TWICE_TRANSFERRED).values() if (leg := leg_of(facts)) is not None]
    with store.reconciling() as unit:
        unit.keep_events(TWICE_TRANSFERRED)
        unit.keep_legs(legs)
        assert unit.keep_inbound(SYSTEMNAME, [f"{SYSTEMNAME}-1.0"]) == 1
    assert store.inbound_calls("acme") == calls(TWICE_TRANSFERRED)


def test_one_bridge_left_for_another_in_the_same_microsecond_is_left_first() -> None:
    [*first, last] = bridged("1", "b1", 3, 10)
    [call] = calls(came_in(), first, bridged("1", "b2", 10, 20), last, over(20))
    assert call.talk_us == 17_000_000


def test_bridges_without_a_name_are_different_ones() -> None:
    [call] = calls(came_in(), phone(1, "2", "101"), bridged("1", "", 3, 9), bridged("2", "", 3, 9), over(9))
    assert talked(call) == pytest.approx({"101": 0, "": 6})


def test_a_call_passed_on_to_another_number_of_the_tenant_is_two_that_rang_a_phone_each() -> None:
    first, second = calls(
        came_in(),
        phone(1, "2", "101"),
        came_in("3", second=2),
        phone(3, "4", "102"),
        over(9, "3"),
        over(9),
    )
    assert [[each.employee for each in call.phones] for call in (first, second)] == [["101"], ["102"]]


@pytest.mark.parametrize(
    ("steps", "employee", "department"),
    [
        (["numbers.7495.manager.102"], "102", ""),
        (["numbers.7495.manager.102", "departments.sales"], "", "sales"),
        (["departments.sales", "employees.103", "end.busy"], "103", ""),
        (["numbers.7495.schedule"], "", ""),
    ],
)
def test_a_call_that_nobody_answers_is_theirs_who_were_rung_last(
    steps: list[str], employee: str, department: str
) -> None:
    passed = [at(place, "1", "vpbx.step", step=step) for place, step in enumerate(steps)]
    [call] = calls(came_in(), phone(0.5, "2", "102", step="numbers.7495.manager.102"), passed, over(9))
    assert (call.employee, call.department) == (employee, department)


def test_no_moment_counts_twice_when_three_talk() -> None:
    [call] = calls(
        came_in(),
        phone(1, "2", "101"),
        phone(2, "3", "102"),
        bridged("1", "b", 3, 30),
        bridged("2", "b", 3, 30),
        bridged("3", "b", 10, 20),
        over(30),
    )
    assert talked(call) == pytest.approx({"101": 27, "102": 0, "": 0})


def test_a_member_behind_a_local_channel_is_who_answered() -> None:
    """A leg of a department waits for its turn on a Local channel, and rings a phone from there."""

    def local(second: float, channel: str, half: str, kind: str, **facts: str) -> SwitchEvent:
        return at(second, channel, kind, name=f"Local/101@later-0001;{half}", **facts)

    joined = {"bridge_id": "b1", "bridge_technology": "simple_bridge"}
    behind = {"bridge_id": "b2", "bridge_technology": "simple_bridge"}
    [call] = calls(
        came_in(),
        phone(2, "9", "101", step="departments.after_sales"),
        local(2, "7", "1", "CHAN_START"),
        local(2, "8", "2", "CHAN_START"),
        local(5.001, "8", "2", "BRIDGE_ENTER", **behind),
        bridged("9", "b2", 5.002, 8),
        local(5.003, "7", "1", "BRIDGE_ENTER", **joined),
        bridged("1", "b1", 5, 30),
        local(8, "8", "2", "BRIDGE_EXIT", **behind),
        bridged("9", "b1", 8, 30),
        local(8.01, "7", "1", "BRIDGE_EXIT", **joined),
        over(30, source="PJSIP/p-9"),
    )
    assert (call.employee, call.department) == ("101", "after-sales")
    assert talked(call) == pytest.approx({"101": 25, "": 0})


def test_a_phone_of_another_tenant_is_an_outside_party() -> None:
    """acme forwards to beta's number: on the switch these are two inbound calls of one linkedid.

    A transfer brings beta's phone to acme's caller in the end.
    """
    first, second = calls(
        came_in(),
        came_in("2", tenant="beta", second=1),
        phone(2, "3", "101", tenant="beta"),
        bridged("1", "b1", 4, 9),
        bridged("2", "b2", 4, 9),
        bridged("3", "b2", 4, 6),
        bridged("3", "b1", 6.1, 9),
        over(9),
        over(9, "2"),
    )
    assert (first.tenant, first.outcome, first.employee, first.phones) == ("acme", "answered", "", ())
    assert (second.tenant, second.employee, talked(second)["101"]) == ("beta", "101", pytest.approx(2))


def test_a_call_that_is_up_is_none_yet_and_an_outbound_one_never() -> None:
    out = [
        at(0, "2", "CHAN_START", "2"),
        at(0, "2", "vpbx.leg", "2", tenant="acme", direction="out", decision="admitted"),
        over(9, "2", "2"),
    ]
    assert calls(came_in(), bridged("1", "b", 1, 2), out) == []


@pytest.mark.parametrize("decision", ["full", "blocked"])
def test_a_call_that_is_refused_is_neither_answered_nor_missed(decision: str) -> None:
    started, mark = came_in()
    [call] = calls(started, replace(mark, facts={**mark.facts, "decision": decision}), over(0.1))
    assert call.outcome == decision


def left(mark: str) -> str:
    """What becomes of a caller who hears a greeting and then hangs up."""
    events = [
        *came_in(),
        at(1, "1", "vpbx.step", step="mailboxes.office", decision="message"),
        at(1, "1", "ANSWER"),
        at(9, "1", "vpbx.message", tenant="acme", mailbox="700", decision=mark),
        at(9, "1", "HANGUP", hangupsource=CALLER),
        at(9, "1", "LINKEDID_END"),
    ]
    leg = leg_of(gather(events)[events[0].uniqueid])
    assert leg is not None
    [call] = inbound_calls([leg], events)
    return call.outcome


def test_who_leaves_a_message_is_not_abandoned_and_who_says_nothing_is() -> None:
    assert (left("left"), left("none")) == ("voicemail", "abandoned")


def waits(second: float, decision: str) -> SwitchEvent:
    return at(second, "1", "vpbx.wait", tenant="acme", department="sales", decision=decision)


@pytest.mark.parametrize(
    ("marks", "queued_s"),
    [
        ((), 0),
        ((waits(1, "full"),), 0),
        ((waits(1, "waits"), waits(4, "taken")), 3),
        ((waits(1, "waits"),), 8),
        ((waits(1, "waits"), waits(2, "no_answer"), waits(3, "waits"), waits(5, "taken")), 3),
        ((waits(1, "waits"), waits(2, "taken"), waits(5, "taken"), waits(6, "no_answer")), 1),
    ],
    ids=["no queue", "full", "taken", "hung up", "two departments", "declined"],
)
def test_a_wait_ends_when_a_member_is_rung_or_the_call_ends(
    marks: Sequence[SwitchEvent], queued_s: float
) -> None:
    [call] = calls(came_in(), list(marks), over(9, source=CALLER))
    assert call.queued_us == queued_s * 1e6
