"""A tenant's charges by walking every single day: slow, plain, and sharing no code with
`orchestrator.billing`.

It knows a tariff as plain numbers and a history as plain tuples; the tests translate. It counts days one by
one, finds anchors by asking each day whether it is one, and rounds in Decimal.
"""

from __future__ import annotations

import calendar
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

ONE_DAY = timedelta(days=1)


@dataclass
class Plan:
    """A tariff. Args: prices: by first date, ascending: {"subscription", "employee", "options", "sms",
    "minute"}.

    Amounts are texts of roubles. vat: (first date, percent), ascending.
    """

    prices: list[tuple[date, dict[str, Any]]]
    vat: list[tuple[date, str]]
    included: int = 7
    trial_days: int = 7
    trial_options: str = "free"
    vat_mode: str = "inside"
    kept_days: int = 90
    slug: str = "master"


@dataclass
class Line:
    """One charge."""

    day: date
    kind: str
    item: str
    quantity: int
    amount_kop: int
    licence_kop: int
    support_kop: int
    vat_kop: int
    period: tuple[date, date] | None


@dataclass
class Books:
    """A tenant. Times are local and naive, except for the trial's end, which is 24 hours times its days
    away."""

    plan: Plan
    zone: ZoneInfo
    activated_at: datetime
    employees: int
    options: dict[str, int]
    lines: list[Line] = field(default_factory=list)
    state: str = "trial"
    anchor_day: int = 0
    period: tuple[date, date] | None = None
    paid: dict[str, int] = field(default_factory=dict)
    down_on: date | None = None
    reached: datetime = field(init=False)

    def __post_init__(self) -> None:
        self.trial_ends_at = self._later(self.activated_at, self.plan.trial_days)
        self.reached = self.activated_at
        for slug in sorted(self.options):
            self._pay_more("option", slug, self.options[slug], self.activated_at.date())

    def play(self, events: list[tuple[datetime, str, Any]], until: date) -> list[int]:
        """Every day from the activation on. Returns: numbers of the events that were refused."""
        refused = []
        left = list(enumerate(events))
        today = self.activated_at.date()
        while today < until:
            self._midnight(today)
            while left and left[0][1][0].date() == today:
                number, (at, what, value) = left.pop(0)
                self._end_trial(at)
                if not self._happens(at, what, value):
                    refused.append(number)
            self._end_trial(datetime.combine(today + ONE_DAY, time()) - timedelta(microseconds=1))
            today += ONE_DAY
        return refused

    def reach(self, at: datetime) -> None:
        """Every midnight up to a local time, and the trial's end. For those who go step by step."""
        day = self.reached.date() + ONE_DAY
        while day <= at.date():
            self._end_trial(datetime.combine(day, time()) - timedelta(microseconds=1))
            self._midnight(day)
            day += ONE_DAY
        self._end_trial(at)
        self.reached = max(self.reached, at)

    def take(self, at: datetime, what: str, value: Any) -> bool:
        """Something happens at a local time that was reached. Returns: False when it is refused."""
        return self._happens(at, what, value)

    def move(self, zone: ZoneInfo) -> bool:
        """The tenant's clock is another one from now on: what it has shown so far, in the other zone."""
        if self.state in ("purged", "down") or zone == self.zone:
            return False
        utc = ZoneInfo("UTC")

        def there(local: datetime) -> datetime:
            moment = local.replace(tzinfo=self.zone).astimezone(utc)
            return moment.astimezone(zone).replace(tzinfo=None)

        before = self.reached
        self.activated_at, self.trial_ends_at = there(self.activated_at), there(self.trial_ends_at)
        now, self.zone = there(before), zone
        self.reached = min(before, now)
        self.reach(now)
        self.reached = now
        return True

    def _midnight(self, today: date) -> None:
        if self.down_on is not None and (today - self.down_on).days == self.plan.kept_days + 1:
            self.state, self.down_on = "purged", None
        if self.state == "active" and self.period is not None and today == self.period[1]:
            self._open_period(today)

    def _end_trial(self, now: datetime) -> None:
        if self.state == "trial" and self.trial_ends_at <= now:
            self._start(self.trial_ends_at.date())

    def _start(self, today: date) -> None:
        self.state, self.anchor_day = "active", today.day
        self._open_period(today)

    def _open_period(self, today: date) -> None:
        end = today + ONE_DAY
        while end.day != min(self.anchor_day, calendar.monthrange(end.year, end.month)[1]):
            end += ONE_DAY
        self.period = (today, end)
        prices = self._prices(today)
        extra = max(0, self.employees - self.plan.included)
        self._write(today, "subscription", self.plan.slug, 1, Fraction(prices["subscription"]), self.period)
        self._write(today, "extra_employees", "", extra, extra * Fraction(prices["employee"]), self.period)
        for slug in sorted(self.options):
            price = self.options[slug] * Fraction(prices["options"][slug])
            self._write(today, "option", slug, self.options[slug], price, self.period)
        self.paid = {**self.options, "employees": extra}

    def _happens(self, at: datetime, what: str, value: Any) -> bool:
        today = at.date()
        if self.state == "purged" or (self.state == "down" and what != "restore"):
            return False
        if what == "connect":
            slug, quantity = value
            if self.options.get(slug) == quantity:
                return False
            self.options[slug] = quantity
            self._pay_more("option", slug, quantity, today)
        elif what == "disconnect":
            if value not in self.options:
                return False
            del self.options[value]
        elif what == "employees":
            self.employees = value
            self._pay_more("extra_employees", "employees", max(0, value - self.plan.included), today)
        elif what == "down":
            self.state, self.down_on = "down", today
        elif what == "plan":
            if value is self.plan:
                return False
            self.plan = value
        elif what == "restore":
            return self._restore(at)
        elif what == "sms":
            self._use(today, "sms", value, value * Fraction(self._prices(today)["sms"]))
        elif what == "inform":
            minutes = -(-value // 60)
            ended_on = (at + timedelta(seconds=value)).date()
            self._use(ended_on, "autoinform", minutes, minutes * Fraction(self._prices(today)["minute"]))
        return True

    def _restore(self, at: datetime) -> bool:
        if self.state != "down":
            return False
        self.down_on = None
        if self.period is None and at < self.trial_ends_at:
            self.state = "trial"
        elif self.period is not None and at.date() < self.period[1]:
            self.state = "active"
        else:
            self._start(at.date())
        return True

    def _pay_more(self, kind: str, key: str, wanted: int, today: date) -> None:
        paid = self.paid.get(key, 0)
        self.paid[key] = max(paid, wanted)
        if wanted <= paid or (
            self.state == "trial" and (self.plan.trial_options == "free" or kind != "option")
        ):
            return
        prices = self._prices(today)
        if self.state == "trial":
            begun = self.activated_at.date()
            end = begun + ONE_DAY
            while end.day != min(begun.day, calendar.monthrange(end.year, end.month)[1]):
                end += ONE_DAY
            whole, end = (end - begun).days, self.trial_ends_at.date()
        else:
            assert self.period is not None
            end = self.period[1]
            whole = (end - self.period[0]).days
        first = today if self.period is None else max(today, self.period[0])
        apiece = Fraction(prices["options"][key] if kind == "option" else prices["employee"])
        price = (wanted - paid) * apiece * (end - first).days / whole
        item = key if kind == "option" else ""
        self._write(today, kind, item, wanted - paid, price, (first, end))

    def _write(
        self, today: date, kind: str, item: str, quantity: int, price: Fraction, period: tuple[date, date]
    ) -> None:
        total = half_up(price * 100)
        if total == 0:
            return
        support = half_up(Fraction(total, 100))
        each_day = [self._percent(period[0] + n * ONE_DAY) for n in range((period[1] - period[0]).days)]
        runs: list[list[Any]] = []
        for percent in each_day:
            if runs and runs[-1][0] == percent:
                runs[-1][1] += 1
            else:
                runs.append([percent, 1])
        left, vat = support, 0
        for number, (percent, days) in enumerate(runs):
            part = left if number == len(runs) - 1 else half_up(Fraction(support * days, len(each_day)))
            left -= part
            vat += self._vat(part, percent)
        on_top = vat if self.plan.vat_mode == "on_top" else 0
        self.lines.append(
            Line(today, kind, item, quantity, total + on_top, total - support, support + on_top, vat, period)
        )

    def _use(self, day: date, kind: str, quantity: int, price: Fraction) -> None:
        total = half_up(price * 100)
        vat = self._vat(total, self._percent(day))
        on_top = vat if self.plan.vat_mode == "on_top" else 0
        if total:
            self.lines.append(Line(day, kind, "", quantity, total + on_top, 0, 0, vat, None))

    def _vat(self, amount: int, percent: Fraction) -> int:
        base = 100 if self.plan.vat_mode == "on_top" else 100 + percent
        return half_up(amount * percent / base)

    def _percent(self, day: date) -> Fraction:
        found = [percent for first, percent in self.plan.vat if first <= day]
        return Fraction(found[-1]) if found else Fraction(0)

    def _prices(self, day: date) -> dict[str, Any]:
        return [prices for first, prices in self.plan.prices if first <= day][-1]

    def _later(self, local: datetime, days: int) -> datetime:
        """So many times 24 hours later, local again."""
        utc = ZoneInfo("UTC")
        moment = local.replace(tzinfo=self.zone).astimezone(utc) + days * timedelta(hours=24)
        return moment.astimezone(self.zone).replace(tzinfo=None)


def half_up(amount: Fraction) -> int:
    """A positive amount to the nearest whole number, halves up; through Decimal, exactly."""
    doubled = Decimal((amount * 2).numerator // (amount * 2).denominator)
    return int((doubled / 2).quantize(Decimal(1), rounding=ROUND_HALF_UP))
