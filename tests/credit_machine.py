"""A switch, its books and its credit control, second by second, for any order of what may happen to them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

from fresh_store import fresh_store
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from orchestrator import definitions as definition_files
from orchestrator.billing.rating import compile_tariff, rate
from orchestrator.credit_control import CreditControl
from orchestrator.model.call import ChargeKey, Leg, SwitchEvent, Systemname, Usage
from orchestrator.model.credit import CreditTerms, Held
from orchestrator.model.payment import Payment
from orchestrator.model.platform import Definitions
from orchestrator.pricing import Pricing
from orchestrator.storage.store import SqlStore

EXAMPLES = Path(__file__).parents[1] / "examples"
NAME, TENANT = Systemname("s1"), "acme"
BEGIN = datetime(2026, 11, 27, 9, 0, tzinfo=UTC)
NUMBERS = ("+74951234567", "+78095550000", "+78005550000")
"""A rouble and a half a minute; 59 a minute and a connect fee; nothing."""
LINES, LIMIT_KOP, SLICE_S = 4, 1000, 60


def example() -> Definitions:
    """The examples, acme prepaid."""
    made = definition_files.load(EXAMPLES)
    terms = CreditTerms(prepaid=True, credit_limit_kop=LIMIT_KOP, slice_s=SLICE_S)
    acme = replace(made.tenants[TENANT], account=terms)
    return replace(made, tenants={**made.tenants, TENANT: acme})


DEFINITIONS = example()
PRICING = Pricing(DEFINITIONS)
MASTER, ZONE = compile_tariff(DEFINITIONS.tariffs["master"]), ZoneInfo("Europe/Moscow")


@dataclass
class Live:
    """A call as the switch has it."""

    number: str
    granted_s: int
    answered_at: datetime | None = None


class Now:
    def __init__(self) -> None:
        self.at = BEGIN

    def now(self) -> datetime:
        return self.at


class CreditMachine(RuleBasedStateMachine):
    """A switch, its books and its credit control, second by second."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = TemporaryDirectory()
        self.store = fresh_store(Path(self.directory.name) / "vpbx.db")
        self.clock = Now()
        self.live: dict[str, Live] = {}
        self.ended: dict[str, Usage] = {}
        self.unasked = self.unasked_kop = 0
        self.ids = 0
        self.control: CreditControl | None = None
        self.start()

    def teardown(self) -> None:
        self.store.close()
        self.directory.cleanup()

    @precondition(lambda self: self.control is None)
    @rule()
    def start(self) -> None:
        """The listener comes up: it charges what has ended, and takes over what is up."""
        self.settle()
        control = CreditControl(NAME, lambda: SqlStore.open(self.url), lambda: DEFINITIONS, self.clock)
        control.refresh()
        self.control = control
        self.look()
        control.ready()
        self.unasked = 0

    @property
    def url(self) -> str:
        return f"sqlite:///{self.directory.name}/vpbx.db"

    @precondition(lambda self: self.control is not None)
    @rule()
    def crash(self) -> None:
        assert self.control is not None
        self.control.close()
        self.control = None

    @precondition(lambda self: self.control is not None)
    @rule()
    def look(self) -> None:
        """The listener compares with the switch."""
        assert self.control is not None
        held = [
            Held(uid, TENANT, call.number, call.granted_s, self.left_s(call))
            for uid, call in self.live.items()
            if uid in self.control.unknown([uid])
        ]
        self.control.rebuild(held, set(self.live), self.clock.at + timedelta(microseconds=1))
        if not self.live and not self.ended:
            assert self.control.held_by(TENANT).held_kop == 0, "nothing leaks"

    def left_s(self, call: Live) -> float | None:
        if call.answered_at is None:
            return None
        return (call.answered_at + timedelta(seconds=call.granted_s) - self.clock.at).total_seconds()

    @rule(kop=st.integers(1, 20_000))
    def pay(self, kop: int) -> None:
        self.ids += 1
        self.store.pay(Payment(TENANT, str(self.ids), kop, self.clock.at, "test"), self.clock.at)

    @rule(number=st.sampled_from(NUMBERS))
    def place(self, number: str) -> None:
        if len(self.live) == LINES:
            return
        self.ids += 1
        uid, granted_s = f"s1-1.{self.ids}", 0
        if self.control is not None:
            granted_s = self.control.ask(TENANT, uid, number)
        elif self.unasked < LINES:
            self.unasked += 1
            self.unasked_kop += self.cost_kop(number, self.clock.at, SLICE_S)
            granted_s = SLICE_S
        if granted_s:
            self.live[uid] = Live(number, granted_s)

    @precondition(lambda self: self.live)
    @rule(data=st.data())
    def answer(self, data: st.DataObject) -> None:
        uid = data.draw(st.sampled_from(sorted(self.live)))
        if self.live[uid].answered_at is None:
            self.live[uid].answered_at = self.clock.at
            self.tell(uid, "ANSWER")

    @precondition(lambda self: self.live)
    @rule(data=st.data(), seen=st.booleans())
    def hang_up(self, data: st.DataObject, seen: bool) -> None:
        self.end(data.draw(st.sampled_from(sorted(self.live))), seen)

    @rule(seconds=st.integers(1, 70))
    def wait(self, seconds: int) -> None:
        """Time passes; the switch ends the calls whose seconds are over, the listener prolongs them."""
        for _ in range(seconds):
            self.clock.at += timedelta(seconds=1)
            for uid, call in list(self.live.items()):
                left_s = self.left_s(call)
                if left_s is not None and left_s <= 0:
                    self.end(uid, True)
            if self.control is not None:
                for longer in self.control.due():
                    if longer.uniqueid in self.live:
                        self.live[longer.uniqueid].granted_s = longer.granted_s

    @rule()
    def settle(self) -> None:
        """The switch's record is read: what has ended is charged."""
        with self.store.reconciling() as unit:
            unit.keep_legs(leg_of(usage) for usage in self.ended.values())
            taking = PRICING.taking(unit)
            unit.post(
                [PRICING.charge(usage, taking) for usage in self.ended.values()], "listener", self.clock.at
            )
        self.ended.clear()

    def end(self, uid: str, seen: bool) -> None:
        call = self.live.pop(uid)
        if call.answered_at is not None:
            key = ChargeKey(NAME, uid, "call")
            self.ended[uid] = Usage(
                key, TENANT, uid, "out", "+74951112233", call.number, call.answered_at, self.clock.at
            )
        else:
            leg = leg_of(
                Usage(ChargeKey(NAME, uid, "call"), TENANT, uid, "out", "", call.number, BEGIN, BEGIN)
            )
            with self.store.reconciling() as unit:
                unit.keep_legs([replace(leg, answered_at=None, ended_at=self.clock.at)])
        if seen:
            self.tell(uid, "HANGUP")
        elif self.control is not None:
            self.control.events_missed()

    def tell(self, uid: str, kind: str) -> None:
        if self.control is not None:
            self.control.note(SwitchEvent(NAME, uid, uid, kind, self.clock.at, "PJSIP/trunk-main-1"))

    def cost_kop(self, number: str, answered_at: datetime, seconds: int) -> int:
        usage = Usage(
            ChargeKey(NAME, "x", "call"),
            *(TENANT, "x", "out", "", number),
            answered_at,
            answered_at + timedelta(seconds=seconds),
        )
        return rate(usage, MASTER, ZONE).amount_kop

    @invariant()
    def never_owes_more_than_it_may(self) -> None:
        """Were all calls to talk to their end: not beyond the limit, but for what was given unasked."""
        found = self.store.balances(TENANT)
        balance_kop = found[0].balance_kop if found else 0
        owed_kop = sum(
            self.cost_kop(usage.to_number, usage.answered_at, usage.duration_s)
            for usage in self.ended.values()
        )
        owed_kop += sum(
            self.cost_kop(call.number, call.answered_at or self.clock.at, call.granted_s)
            for call in self.live.values()
        )
        assert balance_kop - owed_kop >= -LIMIT_KOP - self.unasked_kop
        if self.control is not None:
            standing = self.control.held_by(TENANT)
            assert standing.spendable_kop == balance_kop + LIMIT_KOP
            assert standing.held_kop >= owed_kop


def leg_of(usage: Usage) -> Leg:
    return Leg(
        *(NAME, usage.key.uniqueid, usage.linkedid, TENANT, "out", usage.from_number, usage.to_number),
        *("101", "trunk-main", "admitted", usage.answered_at, usage.answered_at, usage.ended_at, 16),
    )
