"""Registrations that are lost and come back, and what doctor says of them."""

from __future__ import annotations

from structlog.testing import capture_logs

from orchestrator.doctor import registrations
from orchestrator.registrations import RegistrationWatch


def test_one_that_is_missed_twice_is_lost_and_told_once() -> None:
    watch = RegistrationWatch()
    with capture_logs() as logged:
        for state in ("Unregistered", "Registered", "Rejected"):
            watch.take({"trunk-a": state, "trunk-b": "Registered"})
            assert watch.problems == ()
        watch.take({"trunk-a": "Rejected", "trunk-b": "Registered"})
        watch.take({"trunk-a": "Rejected", "trunk-b": "Registered"})
        assert watch.problems == ("trunk-a isn't registered: Rejected",)
        watch.take({"trunk-a": "Registered", "trunk-b": "Registered"})
        assert watch.problems == ()
    assert [line["event"] for line in logged] == ["registration-lost", "registration-back"]


def test_doctor_tells_each_registration_that_is_wanted() -> None:
    found = registrations.check(
        ["trunk-a", "trunk-b", "trunk-c"], {"trunk-a": "Registered", "trunk-b": "Rejected"}
    )
    assert [(each.severity, each.seen) for each in found] == [
        ("ok", "trunk-a is registered"),
        ("problem", "trunk-b isn't registered: Rejected"),
        ("problem", "the running switch knows nothing of trunk-c"),
    ]
    assert not list(registrations.check(["trunk-a"], None))
