"""The clock: charges, VAT and retention hang on the date, and calls are joined by time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from orchestrator.doctor.finding import Check, Finding, some

EARLIEST, LATEST = datetime(2026, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
APART_WARNING_S, APART_PROBLEM_S = 0.5, 2.0

YEAR = Check(
    "clock-date",
    "the date of this machine",
    "a charge and its VAT go by date, and recordings are deleted by it",
    problem_when="it is before 2026 or after 2099",
)
ZONES = Check(
    "clock-zones",
    "time zone data for every tenant's zone, for vpbx and for the switch",
    "business hours and days of charges are local",
    warning_when="the system has no file for a zone (the switch reads those)",
    problem_when="vpbx itself doesn't know a zone",
)
SYNCHRONISED = Check(
    "clock-synchronised",
    "whether the kernel's clock is kept by NTP",
    "a clock that drifts dates calls wrongly, and operators' bills won't match",
    warning_when="it isn't synchronised",
)
SWITCH = Check(
    "clock-switch",
    "the switch's clock against vpbx's, over AMI",
    "what is up and what has ended is told by comparing the two",
    warning_when="they are more than 0.5 s apart",
    problem_when="they are more than 2 s apart",
)
CHECKS = (YEAR, ZONES, SYNCHRONISED, SWITCH)


@dataclass(frozen=True, slots=True)
class Clock:
    """Args:
    now: of this machine. zones: of tenants and platform. unknown: zones that vpbx has no data for; without
        a file: zones that the system has none for.
    synchronised: None: this machine can't tell. error_s: the kernel's estimate.
    ahead_s: the switch's clock against ours, give or take unsure_s; None: it doesn't run.
    """

    now: datetime
    zones: Sequence[str]
    unknown: Sequence[str]
    without_file: Sequence[str]
    synchronised: bool | None
    error_s: float = 0.0
    ahead_s: float | None = None
    unsure_s: float = 0.0


def check(seen: Clock) -> Iterator[Finding]:
    """Findings on the clock."""
    date = f"{seen.now:%Y-%m-%d %H:%M:%S} UTC"
    if EARLIEST <= seen.now < LATEST:
        yield YEAR.ok(date)
    else:
        yield YEAR.problem(date, "set the clock: timedatectl set-ntp true")
    yield _zones(seen)
    if seen.synchronised is None:
        yield SYNCHRONISED.ok("this machine can't tell; in a container ask its host")
    elif seen.synchronised:
        yield SYNCHRONISED.ok(f"synchronised, within {seen.error_s:.3f} s")
    else:
        yield SYNCHRONISED.warning("not synchronised", "timedatectl set-ntp true, or install chrony")
    if seen.ahead_s is not None:
        yield _switch(seen.ahead_s, seen.unsure_s)


def _zones(seen: Clock) -> Finding:
    if seen.unknown:
        return ZONES.problem(f"vpbx has no data for {some(seen.unknown)}", "pip install --upgrade tzdata")
    if seen.without_file:
        return ZONES.warning(f"the system has no data for {some(seen.without_file)}", "apt install tzdata")
    return ZONES.ok(some(seen.zones))


def _switch(ahead_s: float, unsure_s: float) -> Finding:
    apart = max(0.0, abs(ahead_s) - unsure_s)
    side = "ahead" if ahead_s >= 0 else "behind"
    text = f"the switch is {abs(ahead_s):.3f} s {side}, give or take {unsure_s:.3f} s"
    do = "let NTP keep both clocks; restart the switch if it was started with another one"
    if apart > APART_PROBLEM_S:
        return SWITCH.problem(text, do)
    return SWITCH.warning(text, do) if apart > APART_WARNING_S else SWITCH.ok(text)
