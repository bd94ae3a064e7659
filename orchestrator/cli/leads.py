"""Where a tenant's calls lead, as `vpbx show` tells it: targets, overflow and schedules."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.model.balance_warning import LowBalance
from orchestrator.model.caller_list import CallerList
from orchestrator.model.credit import CreditTerms
from orchestrator.model.mailbox import Mailbox
from orchestrator.model.menu import Menu
from orchestrator.model.money import roubles_text
from orchestrator.model.schedule import Schedule
from orchestrator.model.state import TenantSwitch
from orchestrator.model.tenant import Overflow, Target, Tenant

OVERFLOW_COLUMNS = ("of", "when", "leads to")
CALLER_LIST_COLUMNS = ("name", "callers", "")
SWITCH_COLUMNS = ("name", "code", "title")
MAILBOX_COLUMNS = ("name", "extension", "greeting", "e-mail", "lamps")
MENU_COLUMNS = ("name", "extension", "plays", "key", "leads to")
SCHEDULE_COLUMNS = ("name", "hours", "days off", "exceptions")
_REFUSALS = {"busy": "refused with 486", "unavailable": "refused with 480"}


def shown_besides(tenant: Tenant) -> Iterator[str]:
    """What calls outside show instead of the tenant's caller ID, and where."""
    for region in tenant.caller_ids:
        yield f"{region.shown} to {region.prefix}"
    for department in tenant.departments:
        if department.caller_id:
            yield f"{department.caller_id} by {department.name}"
    for employee in tenant.employees:
        if employee.caller_id:
            yield f"{employee.caller_id} by {employee.extension}"


def leads(tenant: Tenant, target: Target) -> str:
    """A target in words, with the names of people and departments."""
    match target.kind:
        case "employee":
            return f"employee {target.name}, {tenant.employee(target.name).name}"
        case "department":
            found = next(each for each in tenant.departments if each.name == target.name)
            return f"department {found.name}, {found.title}"
        case "hangup":
            return _REFUSALS[target.name]
        case "manager":
            [(_, reserve)] = target.branches
            return f"who last spoke with the caller, for {target.name} s; else {leads(tenant, reserve)}"
        case _ if target.branches:
            branches = (f"{name}: {leads(tenant, branch)}" for name, branch in target.branches)
            return f"by {target.kind} {target.name} ({'; '.join(branches)})"
        case _:
            return f"{target.kind} {target.name}"


def target_json(target: Target) -> dict[str, object]:
    """A target as `--json` prints it: `to` and `name`, and where each branch of a choice leads."""
    branches = {name: target_json(branch) for name, branch in target.branches}
    return {"to": target.kind, "name": target.name, **branches}


def overflow_json(overflow: tuple[Overflow, ...]) -> dict[str, object]:
    """An overflow, by when."""
    return {case.when: target_json(case.target) for case in overflow}


def overflow_rows(tenant: Tenant) -> Iterator[tuple[str, str, str]]:
    """Of whom, when, and where to, for all that the tenant has."""
    named = [(f"employee {each.extension}", each.overflow) for each in tenant.employees]
    named += [(f"department {each.name}", each.overflow) for each in tenant.departments]
    for name, overflow in named:
        for case in overflow:
            yield name, case.when.replace("_", " "), leads(tenant, case.target)


def menu_json(menu: Menu) -> dict[str, object]:
    """A menu: what it plays and where it leads."""
    return {
        "name": menu.name,
        "extension": menu.extension or None,
        "prompt": menu.prompt.text,
        "digits": {key: target_json(target) for key, target in menu.keys},
        "dial_extension": menu.dial_extension,
        "tries": menu.tries,
        "invalid": None if menu.invalid is None else target_json(menu.invalid),
        "invalid_prompt": menu.invalid_prompt.text or None,
        "timeout": None if menu.timeout is None else target_json(menu.timeout),
        "timeout_after_s": menu.wait_s,
    }


def menu_rows(tenant: Tenant) -> Iterator[tuple[str, ...]]:
    """A row for each way out of each menu; the menu stands in the first."""
    for menu in tenant.menus:
        head: tuple[str, ...] = (menu.name, menu.extension, menu.prompt.text)
        ways = [(key, leads(tenant, target)) for key, target in menu.keys]
        if menu.dial_extension:
            ways.append(("extension", "whoever has it"))
        for name, target in (("invalid", menu.invalid), ("timeout", menu.timeout)):
            ways.append((name, "the call ends" if target is None else leads(tenant, target)))
        for way in ways:
            yield (*head, *way)
            head = ("", "", "")


def mailbox_json(mailbox: Mailbox) -> dict[str, object]:
    """A mailbox and who is told of its messages."""
    return {
        "name": mailbox.name,
        "extension": mailbox.extension,
        "greeting": mailbox.greeting.text or None,
        "email": list(mailbox.email),
        "lamps": list(mailbox.lamps),
        "longest_s": mailbox.longest_s,
    }


def account_json(terms: CreditTerms) -> dict[str, object]:
    """What a tenant's calls may spend."""
    return {
        "kind": "prepaid" if terms.prepaid else "postpaid",
        "credit_limit_kop": terms.credit_limit_kop if terms.prepaid else None,
        "hour_cap_kop": terms.hour_cap_kop,
        "day_cap_kop": terms.day_cap_kop,
        "slice_s": terms.slice_s if terms.controlled else None,
        "warning_s": terms.warning_s if terms.controlled else None,
        "when_controller_down": terms.when_controller_down if terms.controlled else None,
        "low_balance": None if terms.low_balance is None else _low_balance_json(terms.low_balance),
        "on_debt": None
        if terms.on_debt is None
        else {
            "grace_days": terms.on_debt.grace_days,
            "suspend_after_days": terms.on_debt.suspend_after_days,
        },
    }


def _low_balance_json(terms: LowBalance) -> dict[str, object]:
    return {
        "levels_kop": list(terms.levels_kop),
        "email": list(terms.email),
        "webhook": terms.webhook or None,
    }


def account_words(terms: CreditTerms) -> str:
    """The same for people.

    >>> account_words(CreditTerms(prepaid=True, credit_limit_kop=50_000, day_cap_kop=200_000))
    'prepaid, credit limit 500.00, at most 2000.00 a day'
    >>> account_words(CreditTerms(hour_cap_kop=30_000))
    'postpaid, at most 300.00 an hour'
    """
    words = ["prepaid" if terms.prepaid else "postpaid"]
    if terms.credit_limit_kop:
        words.append(f"credit limit {roubles_text(terms.credit_limit_kop)}")
    for name, cap_kop in (("an hour", terms.hour_cap_kop), ("a day", terms.day_cap_kop)):
        if cap_kop is not None:
            words.append(f"at most {roubles_text(cap_kop)} {name}")
    if terms.low_balance is not None:
        words.append(f"told at {', '.join(map(roubles_text, terms.low_balance.levels_kop))}")
    if terms.on_debt is not None:
        words.append(f"in debt calls out barred after {terms.on_debt.grace_days} days")
        if terms.on_debt.suspend_after_days is not None:
            words.append(f"suspended after {terms.on_debt.suspend_after_days}")
    return ", ".join(words)


def mailbox_row(mailbox: Mailbox) -> tuple[str, ...]:
    """Name, what it is listened to by, what callers hear, who is told."""
    greeting = mailbox.greeting.text or "the switch's own"
    return mailbox.name, mailbox.extension, greeting, ", ".join(mailbox.email), ", ".join(mailbox.lamps)


def caller_list_row(callers: CallerList, tenant: Tenant) -> tuple[str, str, str]:
    """Name, who is in it, whether they are refused."""
    return callers.name, callers.text, "refused" if callers.name in tenant.block else ""


def switch_row(switch: TenantSwitch) -> tuple[str, str, str]:
    """Name, code, title."""
    return switch.name, switch.code, switch.title


def schedule_json(schedule: Schedule) -> dict[str, object]:
    """A schedule; hours as they are written."""
    return {
        "name": schedule.name,
        "weekly": {day: str(hours) for day, hours in schedule.weekly.items()},
        "holidays": schedule.holidays or None,
        "dates": {day: str(hours) for day, hours in schedule.dates.items()},
    }


def schedule_row(schedule: Schedule) -> tuple[str, str, str, str]:
    """Name, hours of the week, calendar of days off, exceptions."""
    dates = "; ".join(f"{day} {hours}" for day, hours in schedule.dates.items())
    return schedule.name, schedule.week, schedule.holidays or "none", dates or "none"
