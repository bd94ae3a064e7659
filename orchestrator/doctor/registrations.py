"""Registrations with operators and providers."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from orchestrator.doctor.finding import Check, Finding

REGISTRATIONS = Check(
    "registrations",
    "each registration that the switch is to hold at an operator or provider",
    "no call comes in by a number whose registration is lost",
    problem_when="the running switch hasn't registered",
)
CHECKS = (REGISTRATIONS,)


def check(wanted: Collection[str], states: Mapping[str, str] | None) -> Iterator[Finding]:
    """Findings. Args: wanted: trunks that register. states: by trunk; None: no running switch was asked."""
    if states is None:
        return
    for trunk in sorted(wanted):
        state = states.get(trunk, "")
        if state == "Registered":
            yield REGISTRATIONS.ok(f"{trunk} is registered")
        elif not state:
            yield REGISTRATIONS.problem(f"the running switch knows nothing of {trunk}", "vpbx apply")
        else:
            yield REGISTRATIONS.problem(
                f"{trunk} isn't registered: {state}",
                "check its account and address; the switch's log tells more",
            )
