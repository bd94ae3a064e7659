"""Inbound calls out of the events of all their channels: who was rung, who talked, how long, who gave up.

Rule: docs/statistics.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from orchestrator.calls.talk import Channel, Hall, Part, gather, parts
from orchestrator.model.call import Leg, SwitchEvent
from orchestrator.model.inbound import InboundCall, Outcome, RungPhone

_EMPLOYEE, _DEPARTMENT = "employees.", "departments."
_MICROSECOND = timedelta(microseconds=1)


def inbound_calls(legs: Iterable[Leg], events: Iterable[SwitchEvent]) -> list[InboundCall]:
    """The inbound calls among some legs that are over.

    Args: legs: any. events: of all channels of their calls, those that transfers brought in included.
    """
    hall = gather(events)
    ended = [leg for leg in legs if leg.direction == "in" and leg.ended_at is not None]
    rung = _rung(ended, hall)
    return [_call(leg, hall, rung.get(leg.uniqueid, ())) for leg in ended]


def department_of(step: str) -> str:
    """The department whose step this is; empty for any other.

    >>> department_of("departments.after_sales"), department_of("employees.101")
    ('after-sales', '')
    """
    if not step.startswith(_DEPARTMENT):
        return ""
    return step.removeprefix(_DEPARTMENT).partition(".")[0].replace("_", "-")


def _call(leg: Leg, hall: Hall, rung: Sequence[Channel]) -> InboundCall:
    own = hall.channels.get(leg.uniqueid) or Channel(leg.uniqueid)
    end = leg.ended_at or leg.started_at
    talk = [_own(part, leg.tenant) for part in parts(hall, own, end)]
    phones = _phones(leg, rung, talk)
    outcome = _outcome(leg, own)
    if outcome == "answered":
        by = {phone.uniqueid: phone for phone in phones}
        first = next((by[part.phone.uniqueid] for part in talk[:1] if part.phone is not None), None)
        employee, department = ("", "") if first is None else (first.employee, first.department)
    else:
        employee, department = _sent_to(own.steps, phones)
    return InboundCall(
        systemname=leg.systemname,
        uniqueid=leg.uniqueid,
        linkedid=leg.linkedid,
        tenant=leg.tenant,
        caller=leg.from_number,
        number=leg.to_number,
        began_at=leg.started_at,
        ended_at=end,
        outcome=outcome,
        wait_us=_micros(leg.started_at, own.stays[0].entered if own.stays else end),
        talk_us=sum(_micros(part.begin, part.end) for part in talk),
        employee=employee,
        department=department,
        queued_us=_queued(own, end),
        phones=phones,
    )


def _outcome(leg: Leg, own: Channel) -> Outcome:
    if leg.decision != "admitted":
        return "full" if leg.decision == "full" else "blocked"
    if own.stays:
        return "answered"
    if own.left_message:
        return "voicemail"
    return "abandoned" if own.hangup is not None and _gave_up(own.name, own.hangup.facts) else "missed"


def _gave_up(name: str, said: Mapping[str, str]) -> bool:
    """Whether the caller's own side hung up. Args: name: of the caller's channel. said: by its HANGUP."""
    source = said.get("hangupsource", "")
    if name.startswith("Local/"):
        # The caller is behind it, on another channel.
        return not source.startswith("dialplan/")
    return source == name or said.get("dialstatus") == "CANCEL"


def _queued(own: Channel, end: datetime) -> int:
    """How long a caller waited in queues of departments. Args: end: of who hangs up there."""
    waited, since = 0, None
    for mark in own.waits:
        if mark.facts.get("decision") == "waits":
            since = mark.at
        elif since is not None:
            waited, since = waited + _micros(since, mark.at), None
    return waited if since is None else waited + _micros(since, end)


def _sent_to(steps: Sequence[str], phones: Sequence[RungPhone]) -> tuple[str, str]:
    """Employee and department that a call went to last: by its step, or by whose phones alone a step rang."""
    rang: dict[str, set[str]] = {}
    for phone in phones:
        rang.setdefault(phone.step, set()).add(phone.employee)
    for step in reversed(steps):
        if step.startswith(_EMPLOYEE):
            return step.removeprefix(_EMPLOYEE).partition(".")[0], ""
        if step.startswith(_DEPARTMENT):
            return "", department_of(step)
        if len(rang.get(step, ())) == 1:
            return next(iter(rang[step])), ""
    return "", ""


def _own(part: Part, tenant: str) -> Part:
    """A part of the talk; a phone of another tenant is like any outside party."""
    if part.phone is None or _tenant(part.phone) == tenant:
        return part
    return Part(part.begin, part.end, None)


def _phones(leg: Leg, rung: Sequence[Channel], talk: Sequence[Part]) -> tuple[RungPhone, ...]:
    """The phones that the call rang, and those that a transfer brought to it."""
    talk_us: dict[str, int] = {}
    found = {channel.uniqueid: channel for channel in rung}
    for part in talk:
        if part.phone is not None:
            found[part.phone.uniqueid] = part.phone
            so_far = talk_us.get(part.phone.uniqueid, 0)
            talk_us[part.phone.uniqueid] = so_far + _micros(part.begin, part.end)
    phones = [
        RungPhone(
            systemname=leg.systemname,
            uniqueid=channel.uniqueid,
            call=leg.uniqueid,
            tenant=leg.tenant,
            employee=channel.phone.facts.get("employee", ""),
            department=department_of(channel.phone.facts.get("step", "")),
            step=channel.phone.facts.get("step", ""),
            rung_at=channel.phone.at,
            answered_at=channel.answered_at,
            talk_us=talk_us.get(channel.uniqueid, 0),
        )
        for channel in found.values()
        if channel.phone is not None
    ]
    return tuple(sorted(phones, key=lambda phone: (phone.rung_at, phone.uniqueid)))


def _rung(legs: Sequence[Leg], hall: Hall) -> dict[str, list[Channel]]:
    """Phones by the inbound leg that rang them: that of their tenant and call that began last before."""
    by_call: dict[tuple[str, str], list[Leg]] = {}
    for leg in legs:
        own = hall.channels.get(leg.uniqueid)
        for linkedid in {leg.linkedid} if own is None else own.linkedids | {leg.linkedid}:
            by_call.setdefault((leg.tenant, linkedid), []).append(leg)
    found: dict[str, list[Channel]] = {}
    for channel in hall.channels.values():
        if channel.phone is None:
            continue
        at = channel.phone.at
        before = [
            leg for leg in by_call.get((_tenant(channel), channel.phone.linkedid), ()) if leg.started_at <= at
        ]
        if before:
            last = max(before, key=lambda leg: (leg.started_at, leg.uniqueid))
            found.setdefault(last.uniqueid, []).append(channel)
    return found


def _tenant(channel: Channel) -> str:
    return "" if channel.phone is None else channel.phone.facts.get("tenant", "")


def _micros(begin: datetime, end: datetime) -> int:
    return max(0, (end - begin) // _MICROSECOND)
