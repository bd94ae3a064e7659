"""Random histories of a tenant's service, as vpbx sees them and as the naive model does."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st
from naive_billing import Books, Plan

from orchestrator.model.problem import Position
from orchestrator.model.scenario import Scenario, ScenarioEvent
from orchestrator.model.service import (
    AutoinformCalled,
    Called,
    EmployeesChanged,
    OptionConnected,
    OptionDisconnected,
    ServiceDisconnected,
    ServiceEvent,
    ServiceRestored,
    SmsSent,
    UsageEvent,
)
from orchestrator.model.tariff import (
    Deck,
    IncludedMinutes,
    Option,
    Prices,
    Rate,
    Tariff,
    Tier,
    Trial,
    VatRate,
)

ZONES = ("Europe/Moscow", "Asia/Yekaterinburg", "Europe/Berlin", "America/New_York")
OPTIONS = ("analytics", "crm", "storage_year")
COUNTED = "storage_year"
CALLS = {"7": ("1.99", 60, "0"), "7495": ("0.70", 1, "0.10"), "7812": ("3.00", 90, "0"), "78": ("0", 60, "0")}
"""First digits: price a minute, increment, connect fee."""

_roubles = st.integers(0, 300_000).map(lambda kopecks: f"{kopecks // 100}.{kopecks % 100:02d}")
_slugs = st.sampled_from(OPTIONS)


@dataclass(frozen=True)
class History:
    """Args: events: local time, what, value: as the naive model plays them."""

    plan: Plan
    zone: str
    activated_at: datetime
    employees: int
    options: dict[str, int]
    events: list[tuple[datetime, str, Any]]
    until: date

    def books(self) -> Books:
        return Books(self.plan, ZoneInfo(self.zone), self.activated_at, self.employees, dict(self.options))

    def tariff(self) -> Tariff:
        return tariff_of(self.plan)

    def scenario(self, *, without: list[int] | None = None) -> Scenario:
        """Args: without: numbers of events that are left out."""
        dropped = set(without or ())
        return Scenario(
            tariff="master",
            employees=self.employees,
            options=self.options,
            time_zone=self.zone,
            activated_at=self.moment(self.activated_at),
            events=tuple(
                ScenarioEvent(self.moment(at), event_of(what, value), Position("", number + 1))
                for number, (at, what, value) in enumerate(self.events)
                if number not in dropped
            ),
            until=self.until,
        )

    def moment(self, local: datetime) -> datetime:
        return local.replace(tzinfo=ZoneInfo(self.zone)).astimezone(UTC)


def event_of(what: str, value: Any) -> ServiceEvent | UsageEvent:
    match what:
        case "connect":
            return OptionConnected(*value)
        case "disconnect":
            return OptionDisconnected(value)
        case "employees":
            return EmployeesChanged(value)
        case "down":
            return ServiceDisconnected()
        case "restore":
            return ServiceRestored()
        case "sms":
            return SmsSent("+79991234567", "я" * (1 if value == 1 else value * 67))
        case "inform":
            return AutoinformCalled("+79991234567", value)
        case "call":
            return Called("out", f"+{value[0]}", value[1])
    raise AssertionError(what)


def tariff_of(plan: Plan) -> Tariff:
    states = [
        Prices(
            version=f"from-{first}",
            starts_on=first,
            subscription=Decimal(prices["subscription"]),
            employee=(Tier(1, Decimal(prices["employee"])),),
            options={slug: Decimal(price) for slug, price in prices["options"].items()},
            sms=Decimal(prices["sms"]),
            autoinform=Rate("", "", Decimal(prices["minute"]), date.min),
            included_minutes=IncludedMinutes(*prices["minutes"]) if prices["minutes"][0] else None,
            included_sms=prices["segments"],
        )
        for first, prices in plan.prices
    ]
    return Tariff(
        slug=plan.slug,
        prices=tuple(states),
        title={},
        currency="RUB",
        included_employees=plan.included,
        lines_per_seat=2,
        options={slug: Option(slug, {}, counted=slug == COUNTED) for slug in OPTIONS},
        deck=Deck(
            "sample",
            "1",
            tuple(
                Rate(digits, digits, Decimal(price), date.min, step, connect_fee=Decimal(fee))
                for digits, (price, step, fee) in plan.calls.items()
            ),
        ),
        vat=tuple(VatRate(first, Decimal(percent)) for first, percent in plan.vat),
        vat_mode=plan.vat_mode,
        trial=Trial(plan.trial_days, plan.trial_options),
        kept_days=plan.kept_days,
    )


prices_of_a_date = st.fixed_dictionaries(
    {
        "subscription": _roubles,
        "employee": _roubles,
        "options": st.fixed_dictionaries(dict.fromkeys(OPTIONS, _roubles)),
        "sms": st.sampled_from(("2.50", "0", "1.99")),
        "minute": st.sampled_from(("2.30", "0.01", "3")),
        "minutes": st.tuples(
            st.sampled_from((0, 0, 1, 5, 60)), st.sampled_from((("7",), ("7495",), ("7495", "7812")))
        ),
        "segments": st.sampled_from((0, 0, 1, 6)),
    }
)
_vat = [(date(2019, 1, 1), "20"), (date(2026, 1, 1), "22"), (date(2027, 3, 15), "10")]


def _plan(
    first: dict[str, Any],
    changes: dict[date, dict[str, Any]],
    trial_options: str,
    vat_mode: str,
    kept_days: int,
    trial_days: int,
) -> Plan:
    return Plan(
        prices=[(date.min, first), *sorted(changes.items())],
        vat=_vat,
        trial_options=trial_options,
        vat_mode=vat_mode,
        kept_days=kept_days,
        trial_days=trial_days,
        calls=CALLS,
    )


plans = st.builds(
    _plan,
    prices_of_a_date,
    st.dictionaries(st.dates(date(2025, 1, 1), date(2027, 12, 31)), prices_of_a_date, max_size=2),
    st.sampled_from(("free", "free", "charged")),
    st.sampled_from(("inside", "inside", "on_top")),
    st.sampled_from((90, 90, 0, 20)),
    st.sampled_from((7, 7, 14, 1)),
)
quantities = st.sampled_from(
    [(slug, n) for slug in OPTIONS for n in ((1, 2, 3) if slug == COUNTED else (1,))]
)
_numbers = st.sampled_from(("74951234567", "78123456789", "79161234567", "78001234567"))
account_happenings: st.SearchStrategy[tuple[str, Any]] = st.one_of(
    st.tuples(st.just("connect"), quantities),
    st.tuples(st.just("disconnect"), _slugs),
    st.tuples(st.just("employees"), st.integers(0, 12)),
    st.sampled_from((("down", None), ("restore", None))),
    st.tuples(st.just("sms"), st.integers(1, 4)),
    st.tuples(st.just("inform"), st.integers(1, 4000)),
)
"""What may happen to an account, and its value."""

happenings = st.one_of(
    account_happenings, st.tuples(st.just("call"), st.tuples(_numbers, st.integers(1, 4000)))
)
"""What may happen in a forecast, which has calls too."""

beginnings = st.one_of(
    st.dates(date(2025, 6, 1), date(2027, 6, 1)),
    st.builds(date, st.sampled_from((2026, 2027)), st.sampled_from((1, 3, 8)), st.integers(22, 31)),
    st.just(date(2028, 2, 22)),
)
minutes_of_a_day = st.one_of(st.just(0), st.integers(0, 24 * 60 - 1))
gaps = st.sampled_from((0, 0, 1, 1, 3, 7, 20, 28, 31, 60, 95))


def _history(
    plan: Plan,
    zone: str,
    begins_on: date,
    minutes: int,
    employees: int,
    options: dict[str, int],
    steps: list[tuple[int, int, tuple[str, Any]]],
    rest_days: int,
) -> History:
    at = activated_at = there(begins_on, minutes, zone)
    events = []
    for gap, time_of_day, happening in steps:
        at = max(at, there(at.date() + timedelta(days=gap), time_of_day, zone))
        events.append((at, *happening))
    until = at.date() + timedelta(days=rest_days)
    return History(plan, zone, activated_at, employees, options, events, until)


histories = st.builds(
    _history,
    plans,
    st.sampled_from(ZONES),
    beginnings,
    minutes_of_a_day,
    st.integers(0, 12),
    st.lists(quantities, max_size=3).map(dict),
    st.lists(st.tuples(gaps, minutes_of_a_day, happenings), max_size=14),
    st.sampled_from((1, 2, 31, 120)),
)

_including = st.builds(
    lambda prices, given, segments: {**prices, "minutes": given, "segments": segments},
    prices_of_a_date,
    st.tuples(st.integers(1, 90), st.sampled_from((("7",), ("7495",), ("7495", "7812")))),
    st.integers(0, 9),
)
_uses = st.one_of(
    st.tuples(st.just("call"), st.tuples(_numbers, st.integers(1, 2000))),
    st.tuples(st.just("call"), st.tuples(_numbers, st.integers(1, 300))),
    st.tuples(st.just("sms"), st.integers(1, 4)),
    st.sampled_from((("down", None), ("restore", None))),
)
busy_histories = st.builds(
    _history,
    st.builds(
        _plan,
        _including,
        st.dictionaries(st.dates(date(2025, 1, 1), date(2027, 12, 31)), _including, max_size=1),
        st.just("free"),
        st.sampled_from(("inside", "on_top")),
        st.just(90),
        st.just(1),
    ),
    st.sampled_from(ZONES),
    beginnings,
    minutes_of_a_day,
    st.just(7),
    st.just({}),
    st.lists(
        st.tuples(st.sampled_from((0, 0, 0, 0, 1, 2, 16)), minutes_of_a_day, _uses), min_size=6, max_size=30
    ),
    st.just(2),
)
"""Of tenants that call more than their subscriptions include."""


def there(day: date, minutes: int, zone: str) -> datetime:
    """A local time, or what the clock shows an hour later where it is left out."""
    local = datetime.combine(day, time()) + timedelta(minutes=minutes)
    moved = local.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC).astimezone(ZoneInfo(zone))
    return moved.replace(tzinfo=None)
