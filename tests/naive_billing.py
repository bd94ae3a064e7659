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
    "minute", "minutes", "segments"}.

    Amounts are texts of roubles. minutes: how many are included and to which first digits; segments: how many
    SMS are. vat: (first date, percent), ascending. calls: first digits: price a minute, increment, fee.
    """

    prices: list[tuple[date, dict[str, Any]]]
    vat: list[tuple[date, str]]
    included: int = 7
    trial_days: int = 7
    trial_options: str = "free"
    vat_mode: str = "inside"
    kept_days: int = 90
    calls: dict[str, tuple[str, int, str]] = field(default_factory=dict)
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
    key: tuple[datetime, int, int] | None = field(default=None, compare=False)
    """When: the moment, what falls due at it first, then by the events' numbers."""


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
    used: list[tuple[tuple[datetime, int, int], datetime, str, Any, date | None]] = field(
        default_factory=list
    )
    taken: dict[tuple[date | None, str], int] = field(default_factory=dict)
    key: tuple[datetime, int, int] = field(init=False)
    reached: datetime = field(init=False)

    def __post_init__(self) -> None:
        self.key = (self._utc(self.activated_at), 1, -1)
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
                self.key = (self._utc(at), 1, number)
                if not self._happens(at, what, value):
                    refused.append(number)
            self._end_trial(datetime.combine(today + ONE_DAY, time()) - timedelta(microseconds=1))
            today += ONE_DAY
        self._charge_uses()
        self.lines = sorted((line for line in self.lines if line.day < until), key=_when)
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
        self.key = (self._utc(at), 1, self.key[2] + 1)
        happened = self._happens(at, what, value)
        self._charge_uses()
        return happened

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
        self.key = (self._utc(datetime.combine(today, time())), 0, -1)
        if self.down_on is not None and (today - self.down_on).days == self.plan.kept_days + 1:
            self.state, self.down_on = "purged", None
        if self.state == "active" and self.period is not None and today == self.period[1]:
            self._open_period(today)

    def _end_trial(self, now: datetime) -> None:
        if self.state == "trial" and self.trial_ends_at <= now:
            self.key = (self._utc(self.trial_ends_at), 0, -1)
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
        else:
            length = {"sms": 0, "inform": value, "call": value[1] if what == "call" else 0}[what]
            ended = self.key[0] + timedelta(seconds=length)
            begun = None if self.period is None else self.period[0]
            self.used.append(((ended, 1, self.key[2]), at, what, value, begun))
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
        parts = (total + on_top, total - support, support + on_top, vat)
        self.lines.append(Line(today, kind, item, quantity, *parts, period, self.key))

    def _charge_uses(self) -> None:
        """What was used, in the order in which it ended."""
        for key, at, what, value, begun in sorted(self.used):
            self.key = key
            day = key[0].replace(tzinfo=ZoneInfo("UTC")).astimezone(self.zone).date()
            prices = self._prices(at.date())
            if what == "sms":
                free = 0
                while free < value and Fraction(prices["sms"]) and self._take_free(begun, "segments", 1):
                    free += 1
                self._use(day, "sms", "", value, (value - free) * Fraction(prices["sms"]), free > 0)
            elif what == "inform":
                minutes = -(-value // 60)
                self._use(day, "autoinform", "", minutes, minutes * Fraction(prices["minute"]), False)
            else:
                self._call(day, begun, *value)
        self.used.clear()

    def _take_free(self, begun: date | None, what: str, quantity: int) -> bool:
        """Take a piece of what the period that began then includes. Returns: False when none is left."""
        if begun is None:
            return False
        prices = self._prices(begun)
        given = prices["segments"] if what == "segments" else prices["minutes"][0] * 60
        used = self.taken.get((begun, what), 0)
        if used + quantity > given:
            return False
        self.taken[begun, what] = used + quantity
        return True

    def _call(self, day: date, begun: date | None, number: str, seconds: int) -> None:
        digits = max((each for each in self.plan.calls if number.startswith(each)), key=len)
        price, step, fee = self.plan.calls[digits]
        whole = covered = 0
        covers = begun is not None and any(
            number.startswith(each) for each in self._prices(begun)["minutes"][1]
        )
        costs = half_up((Fraction(price) * step * -(-seconds // step) / 60 + Fraction(fee)) * 100) > 0
        while whole * step < max(seconds, 1):
            whole += 1
            if covers and costs and self._take_free(begun, "minutes", step):
                covered += 1
        paid = (whole - covered) * step * Fraction(price) / 60 + Fraction(fee)
        minutes = -(-whole * step // 60)
        self._use(day, "call", digits, minutes, paid if covered < whole else Fraction(0), covered > 0)

    def _use(self, day: date, kind: str, item: str, quantity: int, price: Fraction, shown: bool) -> None:
        total = half_up(price * 100)
        vat = self._vat(total, self._percent(day))
        on_top = vat if self.plan.vat_mode == "on_top" else 0
        if total or shown:
            line = Line(day, kind, item, quantity, total + on_top, 0, 0, vat, None, self.key)
            self.lines.append(line)

    def _vat(self, amount: int, percent: Fraction) -> int:
        base = 100 if self.plan.vat_mode == "on_top" else 100 + percent
        return half_up(amount * percent / base)

    def _percent(self, day: date) -> Fraction:
        found = [percent for first, percent in self.plan.vat if first <= day]
        return Fraction(found[-1]) if found else Fraction(0)

    def _prices(self, day: date) -> dict[str, Any]:
        return [prices for first, prices in self.plan.prices if first <= day][-1]

    def _utc(self, local: datetime) -> datetime:
        return local.replace(tzinfo=self.zone).astimezone(ZoneInfo("UTC")).replace(tzinfo=None)

    def _later(self, local: datetime, days: int) -> datetime:
        """So many times 24 hours later, local again."""
        utc = ZoneInfo("UTC")
        moment = local.replace(tzinfo=self.zone).astimezone(utc) + days * timedelta(hours=24)
        return moment.astimezone(self.zone).replace(tzinfo=None)


def _when(line: Line) -> tuple[datetime, int, int]:
    assert line.key is not None
    return line.key


def half_up(amount: Fraction) -> int:
    """A positive amount to the nearest whole number, halves up; through Decimal, exactly."""
    doubled = Decimal((amount * 2).numerator // (amount * 2).denominator)
    return int((doubled / 2).quantize(Decimal(1), rounding=ROUND_HALF_UP))
