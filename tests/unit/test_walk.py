"""A walk of the graph: what each step does with what is told of the situation."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from orchestrator import definitions
from orchestrator.model.platform import DialClass
from orchestrator.routing.compile import compile_tenant
from orchestrator.routing.graph import MOST_PASSES, Entry, Graph, HangUp, Origin, PassOn, Step
from orchestrator.routing.walk import ROUND, Situation, dial_class, find_entry, walk

PROJECT = Path(__file__).parents[1] / "golden" / "rendering" / "schedules" / "project"
LOADED = definitions.load(PROJECT)
CLINIC = compile_tenant(LOADED, LOADED.tenants["clinic"])
OPEN, CLOSED = datetime(2026, 11, 26, 6, 0, tzinfo=UTC), datetime(2026, 11, 26, 20, 0, tzinfo=UTC)
NUMBER = "+73432223344"


def entered(origin: Origin, dialled: str) -> Entry:
    found = find_entry(CLINIC, origin, dialled, "RU")
    assert found is not None
    return found[0]


def steps(
    dialled: str,
    told: Mapping[str, str] | None = None,
    *,
    origin: Origin = "trunk",
    at: datetime = OPEN,
    lines_in_use: int = 0,
) -> list[str]:
    found = find_entry(CLINIC, origin, dialled, "RU")
    assert found is not None
    situation = Situation(at, lines_in_use, told or {}, found[1])
    return [f"{passed.step.id}: {passed.outcome}" for passed in walk(CLINIC, found[0], situation)]


def test_who_is_called_answers_unless_told_otherwise() -> None:
    assert steps(NUMBER) == [
        "numbers.73432223344.admit: admitted",
        "numbers.73432223344.schedule: open",
        "numbers.73432223344.open.record: done",
        "employees.101: answered",
    ]


def test_a_closed_schedule_leads_to_its_other_target_and_refuses_before_anything_is_answered() -> None:
    assert steps(NUMBER, at=CLOSED)[1:] == [
        "numbers.73432223344.schedule: closed",
        "numbers.73432223344.closed: closed",
        "numbers.73432223344.closed.closed: ended",
    ]


@pytest.mark.parametrize(
    ("outcome", "passes"),
    [
        ("busy", ["employees.101.busy: done", "employees.102: answered"]),
        ("refused", ["employees.101.busy: done", "employees.102: answered"]),
        ("no_answer", ["employees.101.no_answer: done", "departments.doctors: answered"]),
        ("unavailable", ["employees.101.unreachable: done", "employees.101.unreachable.forward: answered"]),
    ],
)
def test_each_outcome_has_its_overflow(outcome: str, passes: list[str]) -> None:
    assert steps(NUMBER, {"101": outcome})[4:] == passes


@pytest.mark.parametrize(
    ("told", "outcome"),
    [
        ({"102": "busy"}, "answered"),
        ({"102": "busy", "103": "no_answer"}, "no_answer"),
        ({"102": "busy", "103": "unavailable"}, "busy"),
        ({"102": "unavailable", "103": "unavailable"}, "unavailable"),
        ({"102": "busy", "103": "busy", "doctors": "no_answer"}, "no_answer"),
    ],
)
def test_a_department_does_what_its_phones_do_or_what_is_told_of_itself(
    told: Mapping[str, str], outcome: str
) -> None:
    assert steps("200", told, origin="phone")[1] == f"departments.doctors: {outcome}"


def test_a_call_that_finds_no_line_is_refused_and_a_forward_needs_a_second_one() -> None:
    assert steps(NUMBER, lines_in_use=14) == ["numbers.73432223344.admit: full", "end.full: ended"]
    assert steps(NUMBER, {"101": "unavailable"}, lines_in_use=13)[-1] == (
        "employees.101.unreachable.forward: full"
    )
    assert steps(NUMBER, {"101": "unavailable"}, lines_in_use=12)[-1] == (
        "employees.101.unreachable.forward: answered"
    )


def test_a_number_outside_that_is_busy_ends_the_call() -> None:
    assert steps(NUMBER, {"101": "unavailable", "+79161234567": "busy"})[-1] == "end.busy: ended"


@pytest.mark.parametrize(
    ("dialled", "last"),
    [
        ("112", "emergency.112: answered"),
        ("89161112233", "outside.dial: answered"),
        ("+4930123456", "outside.denied: ended"),
        ("810493012345", "outside.denied: ended"),
    ],
)
def test_what_a_phone_dials_outside_goes_by_its_class(dialled: str, last: str) -> None:
    assert steps(dialled, origin="phone")[-1] == last


@pytest.mark.parametrize(
    ("origin", "dialled"),
    [
        ("phone", "10"),
        ("phone", "1011"),
        ("phone", "outside"),
        ("phone", "80161112233"),
        ("trunk", "101"),
        ("trunk", "112"),
        ("trunk", "+79161112233"),
        ("trunk", "0073432223344"),
    ],
)
def test_what_the_dialplan_has_no_place_for_has_no_entry(origin: Origin, dialled: str) -> None:
    assert find_entry(CLINIC, origin, dialled, "RU") is None


@pytest.mark.parametrize("dialled", ["+73432223344", "73432223344", "83432223344", "3432223344"])
def test_a_number_is_entered_in_every_form_that_an_operator_sends(dialled: str) -> None:
    assert entered("trunk", dialled).step == "numbers.73432223344.admit"


def test_who_is_not_to_be_disturbed_is_busy_and_left_out_of_departments() -> None:
    undisturbed = Situation(OPEN, dnd=frozenset({"103"}))
    passed = walk(CLINIC, entered("phone", "103"), undisturbed)
    assert [each.outcome for each in passed][-2:] == ["busy", "ended"]
    other = walk(CLINIC, entered("phone", "101"), undisturbed)
    assert other[-1].outcome == "answered"


def test_the_longest_prefix_is_the_class_and_the_own_area_comes_first() -> None:
    classes = (DialClass("national", ("+7",)), DialClass("mobile", ("+79",)), DialClass("abroad", ("+77",)))
    assert [dial_class(number, "+7495", classes) for number in ("+74951112233", "+79161112233")] == [
        "local",
        "mobile",
    ]
    assert dial_class("+77011112233", "", classes) == "abroad"
    assert dial_class("+4930123456", "", classes) == "unknown"


def test_the_end_that_all_share_has_the_place_of_what_led_to_it() -> None:
    passed = walk(CLINIC, entered("phone", "103"), Situation(OPEN, told={"103": "busy"}))
    assert passed[-1].step.id == "end.busy"
    assert passed[-1].position == passed[-2].position == LOADED.tenants["clinic"].employees[2].position


def test_a_call_is_passed_on_five_times_and_no_more() -> None:
    place = LOADED.platform.position
    ends = {f"s{n}": Step(f"s{n}", PassOn(), place, {"done": f"s{n + 1}"}) for n in range(MOST_PASSES + 1)}
    ends[f"s{MOST_PASSES + 1}"] = Step(f"s{MOST_PASSES + 1}", HangUp(17), place)
    graph = Graph("t", (), ends)
    passed = walk(graph, Entry("trunk", "did", "", "s0", place), Situation(OPEN))
    assert [each.outcome for each in passed] == ["done"] * MOST_PASSES + [ROUND]
