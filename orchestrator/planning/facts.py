"""A tenant in service terms, flat: what a plan compares and a history tells."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.model.credit import CreditTerms
from orchestrator.model.least_cost import LEAST_COST
from orchestrator.model.mailbox import Mailbox
from orchestrator.model.menu import Menu
from orchestrator.model.money import roubles_text
from orchestrator.model.platform import Definitions
from orchestrator.model.tenant import Overflow, Target, Tenant
from orchestrator.model.waiting import Waiting

Facts = dict[str, str]
"""Value by path, e.g. `employees/101/name` -> `Анна Соколова`. It is kept with each generation."""


def facts_of(definitions: Definitions, tenant: Tenant) -> Facts:
    """What a customer has: names, numbers, departments, lines, options."""
    return dict(_facts(definitions, tenant))


def target_text(target: Target) -> str:
    """Where a call goes, in words.

    >>> target_text(Target("department", "sales"))
    'department sales'
    >>> leads = (("open", Target("employee", "101")), ("closed", Target("hangup", "busy")))
    >>> target_text(Target("schedule", "office", leads))
    'schedule office (open: employee 101; closed: hangup busy)'
    """
    branches = "; ".join(f"{name}: {target_text(branch)}" for name, branch in target.branches)
    return f"{target.kind} {target.name}" + (f" ({branches})" if branches else "")


def _facts(definitions: Definitions, tenant: Tenant) -> Iterator[tuple[str, str]]:
    yield "title", tenant.title
    yield "tariff", tenant.tariff
    yield "lines", str(definitions.line_limit(tenant))
    yield "caller ID", tenant.caller_id
    if tenant.verified_numbers:
        yield "verified numbers", ", ".join(tenant.verified_numbers)
    for region in tenant.caller_ids:
        yield f"caller ID/to {region.prefix}", region.shown
    yield from _account_facts(tenant.account)
    yield "trunk", ", ".join(tenant.trunks)
    if tenant.trunk_order == LEAST_COST:
        yield "trunk order", "cheapest first"
    yield "time zone", tenant.time_zone
    yield "language", tenant.language
    yield "may dial", ", ".join(sorted(tenant.dial_classes))
    for option, quantity in tenant.options.items():
        yield f"options/{option}", "on" if quantity == 1 else str(quantity)
    yield "recording/announce", tenant.recording.announce.text
    yield "recording/announce outbound", tenant.recording.announce_outbound.text
    if tenant.ringback:
        yield "ringback", tenant.ringback.text
    if tenant.music_on_hold:
        yield "music on hold", tenant.music_on_hold.text
    for external in tenant.external_numbers:
        account = f"{external.username} at {external.host}:{external.port}"
        yield f"numbers/{external.number}/registered as", account
    for employee in tenant.employees:
        base = f"employees/{employee.extension}"
        yield f"{base}/name", employee.name
        yield f"{base}/devices", ", ".join(device.name for device in employee.devices)
        yield f"{base}/ring timeout", f"{employee.ring_timeout_s} s"
        if employee.mobile:
            yield f"{base}/mobile", employee.mobile + (", rings" if employee.mobile_rings else "")
        if employee.caller_id:
            yield f"{base}/caller ID", employee.caller_id
        if employee.ringback:
            yield f"{base}/ringback", employee.ringback.text
        yield from _overflow_facts(base, employee.overflow)
    for department in tenant.departments:
        base = f"departments/{department.name}"
        yield f"{base}/title", department.title
        yield f"{base}/extension", department.extension
        yield f"{base}/members", ", ".join(department.members)
        yield f"{base}/distribution", department.distribution
        yield f"{base}/ring timeout", f"{department.ring_timeout_s} s"
        if department.waiting is not None:
            yield from _waiting_facts(f"{base}/waiting", department.waiting)
        if department.caller_id:
            yield f"{base}/caller ID", department.caller_id
        if department.ringback:
            yield f"{base}/ringback", department.ringback.text
        yield from _overflow_facts(base, department.overflow)
    for schedule in tenant.schedules:
        base = f"schedules/{schedule.name}"
        yield f"{base}/week", schedule.week
        yield f"{base}/holidays", schedule.holidays
        for day, hours in schedule.dates.items():
            yield f"{base}/{day}", str(hours)
    for menu in tenant.menus:
        yield from _menu_facts(menu)
    for mailbox in tenant.mailboxes:
        yield from _mailbox_facts(mailbox)
    for callers in tenant.caller_lists:
        yield f"caller lists/{callers.name}", callers.text
    if tenant.block:
        yield "refused callers", ", ".join(tenant.block)
    for switch in tenant.switches:
        yield f"switches/{switch.name}/code", switch.code
        yield f"switches/{switch.name}/title", switch.title
    for name, code in tenant.codes.items():
        yield f"codes/{name.replace('_', ' ')}", code
    for did in tenant.numbers:
        yield f"numbers/{did.number}/target", target_text(did.target)
        if did.greeting:
            yield f"numbers/{did.number}/greeting", did.greeting.text
        if did.ringback:
            yield f"numbers/{did.number}/ringback", did.ringback.text


def _waiting_facts(base: str, waiting: Waiting) -> Iterator[tuple[str, str]]:
    yield f"{base}/most", str(waiting.most)
    yield f"{base}/longest", f"{waiting.longest_s} s"
    if waiting.music:
        yield f"{base}/music", waiting.music.text
    told = [
        name for name, is_told in (("position", waiting.tells_place), ("time", waiting.tells_time)) if is_told
    ]
    if told:
        yield f"{base}/told", f"{', '.join(told)}, every {waiting.repeat_s} s"


def _menu_facts(menu: Menu) -> Iterator[tuple[str, str]]:
    base = f"menus/{menu.name}"
    yield f"{base}/prompt", menu.prompt.text
    yield f"{base}/extension", menu.extension
    yield f"{base}/dial extension", "yes" if menu.dial_extension else "no"
    yield f"{base}/tries", f"{menu.tries}, waits {menu.wait_s} s"
    for key, target in menu.keys:
        yield f"{base}/key {key}", target_text(target)
    for name, after in (("invalid", menu.invalid), ("timeout", menu.timeout)):
        if after is not None:
            yield f"{base}/{name}", target_text(after)
    if menu.invalid_prompt:
        yield f"{base}/invalid prompt", menu.invalid_prompt.text


def _account_facts(terms: CreditTerms) -> Iterator[tuple[str, str]]:
    if not terms.controlled:
        return
    yield "account", "prepaid" if terms.prepaid else "postpaid"
    bounds = {
        "credit limit": terms.credit_limit_kop,
        "hour cap": terms.hour_cap_kop,
        "day cap": terms.day_cap_kop,
    }
    for name, kop in bounds.items():
        if kop is not None:
            yield f"account/{name}", roubles_text(kop)
    yield "account/slice", f"{terms.slice_s} s"
    yield "account/warning", f"{terms.warning_s} s"
    yield "account/when controller down", terms.when_controller_down


def _mailbox_facts(mailbox: Mailbox) -> Iterator[tuple[str, str]]:
    base = f"mailboxes/{mailbox.name}"
    yield f"{base}/extension", mailbox.extension
    yield f"{base}/longest", f"{mailbox.longest_s} s"
    for name, value in (
        ("greeting", mailbox.greeting.text),
        ("email", ", ".join(mailbox.email)),
        ("lamps", ", ".join(mailbox.lamps)),
    ):
        if value:
            yield f"{base}/{name}", value


def _overflow_facts(base: str, overflow: tuple[Overflow, ...]) -> Iterator[tuple[str, str]]:
    for case in overflow:
        yield f"{base}/overflow when {case.when.replace('_', ' ')}", target_text(case.target)
