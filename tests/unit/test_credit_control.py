"""Credit control over real books: what calls may last, what they hold, and sessions that break."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from credit_machine import Now, leg_of
from fake_ami import SYSTEMNAME, Answer, FakeAmi, Fields, ok, play, until

from orchestrator import credit_asked
from orchestrator import definitions as definition_files
from orchestrator.asterisk.connection import AmiLogin, Deadlines
from orchestrator.credit_control import CreditControl, NotReady
from orchestrator.health import Figures, HealthServer
from orchestrator.model.call import ChargeKey, SwitchEvent, Systemname, Usage
from orchestrator.model.credit import CreditStanding, CreditTerms, Held, Prolonged
from orchestrator.model.payment import Payment
from orchestrator.model.platform import Address, Definitions
from orchestrator.pricing import Pricing
from orchestrator.quota_keeper import QuotaKeeper
from orchestrator.storage.store import SqlStore

EXAMPLES = Path(__file__).parents[2] / "examples"
NAME, TENANT, NUMBER = Systemname(SYSTEMNAME), "acme", "+74951234567"
MINUTE_KOP, SLICE_S = 165, 60
NOON = datetime(2026, 11, 27, 9, 0, tzinfo=UTC)
"""In the tenant's local time."""
ONE, TWO, THREE = (f"{SYSTEMNAME}-1790000000.{number}" for number in (1, 2, 3))
SHORT = Deadlines(login_s=1.0, action_s=0.5, ping_every_s=5.0, pong_s=5.0)
PREPAID = CreditTerms(prepaid=True, slice_s=SLICE_S)
EXAMPLE = definition_files.load(EXAMPLES)


def with_account(terms: CreditTerms) -> Definitions:
    acme = replace(EXAMPLE.tenants[TENANT], account=terms)
    return replace(EXAMPLE, tenants={**EXAMPLE.tenants, TENANT: acme})


@dataclass
class Operator:
    """Books and a clock, and what stands in the definitions."""

    store: SqlStore
    url: str
    clock: Now
    definitions: Definitions

    def control(self, terms: CreditTerms | None = None) -> CreditControl:
        """Credit control that answers. Args: terms: of the account from now on."""
        control = self.unready(terms)
        control.ready()
        return control

    def unready(self, terms: CreditTerms | None = None) -> CreditControl:
        if terms is not None:
            self.definitions = with_account(terms)
        control = CreditControl(NAME, lambda: SqlStore.open(self.url), lambda: self.definitions, self.clock)
        control.refresh()
        return control

    def pay(self, minutes: int) -> None:
        payment = Payment(TENANT, str(minutes), minutes * MINUTE_KOP, self.clock.at, "test")
        self.store.pay(payment, self.clock.at)

    def wait(self, seconds: float) -> None:
        self.clock.at += timedelta(seconds=seconds)

    def charge(self, uniqueid: str, seconds: int) -> None:
        """The switch's record is read: a call has ended now, after so many seconds."""
        with self.store.reconciling() as unit:
            usage = self._usage(uniqueid, seconds)
            unit.keep_legs([replace(leg_of(usage), systemname=NAME)])
            pricing = Pricing(self.definitions)
            unit.post([pricing.charge(usage, pricing.taking(unit))], "listener", self.clock.at)

    def keep_leg(self, uniqueid: str) -> None:
        """The record shows a call that is up."""
        with self.store.reconciling() as unit:
            leg = leg_of(self._usage(uniqueid, 0))
            unit.keep_legs([replace(leg, systemname=NAME, answered_at=None, ended_at=None)])

    def _usage(self, uniqueid: str, seconds: int) -> Usage:
        began = self.clock.at - timedelta(seconds=seconds)
        key = ChargeKey(NAME, uniqueid, "call")
        return Usage(key, TENANT, uniqueid, "out", "+74951112233", NUMBER, began, self.clock.at)


@pytest.fixture
def operator(any_store: SqlStore, database_url: str) -> Operator:
    clock = Now()
    clock.at = NOON
    return Operator(any_store, database_url, clock, with_account(PREPAID))


def happens(control: CreditControl, operator: Operator, uniqueid: str, kind: str) -> None:
    control.note(SwitchEvent(NAME, uniqueid, uniqueid, kind, operator.clock.at, "PJSIP/trunk-main-1"))


def talks(control: CreditControl, operator: Operator, uniqueid: str) -> None:
    """A call is admitted and answered at once."""
    assert control.ask(TENANT, uniqueid, NUMBER) == SLICE_S
    happens(control, operator, uniqueid, "ANSWER")


def held_kop(control: CreditControl) -> int:
    return control.held_by(TENANT).held_kop


def test_an_hours_cap_counts_what_calls_cost_in_this_hour_and_what_is_held(operator: Operator) -> None:
    control = operator.control(CreditTerms(hour_cap_kop=2 * MINUTE_KOP, slice_s=SLICE_S))
    talks(control, operator, ONE)
    operator.wait(59)
    happens(control, operator, ONE, "HANGUP")
    operator.charge(ONE, 59)
    assert control.held_by(TENANT) == CreditStanding(MINUTE_KOP, 0, 0)
    assert [control.ask(TENANT, each, NUMBER) for each in (TWO, THREE)] == [SLICE_S, 0]
    operator.wait(3600 - 60)
    assert control.ask(TENANT, THREE, NUMBER) == 0, "12:59:59"
    operator.wait(1)
    assert control.ask(TENANT, THREE, NUMBER) == SLICE_S, "at 13:00:00 the call of 12:00 counts no more"
    assert control.held_by(TENANT) == CreditStanding(2 * MINUTE_KOP, 2 * MINUTE_KOP, 2)


def test_a_days_cap_is_of_the_tenants_local_day(operator: Operator) -> None:
    control = operator.control(CreditTerms(day_cap_kop=MINUTE_KOP, slice_s=SLICE_S))
    talks(control, operator, ONE)
    operator.wait(30)
    happens(control, operator, ONE, "HANGUP")
    operator.charge(ONE, 30)
    operator.clock.at = NOON + timedelta(hours=12, seconds=-1)
    assert control.ask(TENANT, TWO, NUMBER) == 0, "23:59:59 in Moscow"
    operator.wait(1)
    assert control.ask(TENANT, TWO, NUMBER) == SLICE_S, "and midnight, while the day of UTC goes on"


def test_what_a_call_cost_is_held_until_it_is_charged_and_never_free_twice(operator: Operator) -> None:
    operator.pay(2)
    control = operator.control(PREPAID)
    talks(control, operator, ONE)
    operator.wait(SLICE_S - PREPAID.warning_s - 5)
    assert control.due() == [Prolonged(ONE, 2 * SLICE_S, NOON + timedelta(seconds=2 * SLICE_S))]
    assert control.ask(TENANT, TWO, NUMBER) == 0, "all is held"
    operator.wait(5)
    happens(control, operator, ONE, "HANGUP")
    assert control.held_by(TENANT) == CreditStanding(2 * MINUTE_KOP, MINUTE_KOP, 1)
    assert control.ask(TENANT, TWO, NUMBER) == SLICE_S, "the second minute wasn't talked"
    assert control.ask(TENANT, THREE, NUMBER) == 0
    operator.charge(ONE, 50)
    assert control.ask(TENANT, THREE, NUMBER) == 0
    assert control.held_by(TENANT) == CreditStanding(MINUTE_KOP, MINUTE_KOP, 1)


def test_a_call_that_ends_unanswered_holds_nothing_at_once(operator: Operator) -> None:
    operator.pay(1)
    control = operator.control(PREPAID)
    assert control.ask(TENANT, ONE, NUMBER) == SLICE_S
    happens(control, operator, ONE, "HANGUP")
    assert control.held_by(TENANT) == CreditStanding(MINUTE_KOP, 0, 0)


def test_a_missed_answer_is_taken_from_the_channel_and_the_call_prolonged(operator: Operator) -> None:
    operator.pay(5)
    control = operator.control(PREPAID)
    assert control.ask(TENANT, ONE, NUMBER) == SLICE_S
    assert control.unknown([ONE, TWO]) == [TWO]
    control.events_missed()
    assert control.unknown([ONE, TWO]) == [ONE, TWO]
    operator.wait(10)
    ringing = Held(ONE, TENANT, NUMBER, SLICE_S, None)
    control.rebuild([ringing], {ONE}, operator.clock.at)
    assert control.unknown([ONE]) == [ONE], "it may be answered any time"
    operator.wait(20)
    control.rebuild([replace(ringing, left_s=45.0)], {ONE}, operator.clock.at)
    assert control.unknown([ONE]) == []
    assert control.due() == []
    operator.wait(30)
    assert control.due() == [Prolonged(ONE, 2 * SLICE_S, operator.clock.at + timedelta(seconds=15 + SLICE_S))]
    assert control.held_by(TENANT).calls == 1


def test_an_answer_that_comes_after_all_counts_before_what_was_read(operator: Operator) -> None:
    operator.pay(5)
    control = operator.control(PREPAID)
    assert control.ask(TENANT, ONE, NUMBER) == SLICE_S
    control.events_missed()
    happens(control, operator, ONE, "ANSWER")
    operator.wait(45)
    [longer] = control.due()
    control.rebuild([Held(ONE, TENANT, NUMBER, SLICE_S, 15.0)], {ONE}, operator.clock.at)
    operator.wait(60)
    assert control.due() == [Prolonged(ONE, 3 * SLICE_S, longer.ends_at + timedelta(seconds=SLICE_S))]


def test_a_call_whose_answer_was_missed_holds_its_price_after_its_hangup(operator: Operator) -> None:
    operator.pay(1)
    control = operator.control(PREPAID)
    assert control.ask(TENANT, ONE, NUMBER) == SLICE_S
    control.events_missed()
    operator.wait(30)
    happens(control, operator, ONE, "HANGUP")
    assert held_kop(control) == MINUTE_KOP
    assert control.unknown([ONE]) == [], "there is no channel to read any more"
    operator.charge(ONE, 20)
    assert control.held_by(TENANT) == CreditStanding(0, 0, 0)


def test_a_reservation_of_no_call_is_dropped_after_a_while(operator: Operator) -> None:
    operator.pay(2)
    control = operator.control(PREPAID)
    assert control.ask(TENANT, ONE, NUMBER) == control.ask(TENANT, TWO, NUMBER) == SLICE_S
    operator.keep_leg(TWO)
    operator.wait(25)
    control.rebuild([], set(), operator.clock.at)
    assert held_kop(control) == 2 * MINUTE_KOP, "its channel may be seen by the record only"
    operator.wait(10)
    control.rebuild([], set(), operator.clock.at)
    assert control.held_by(TENANT).calls == 1, "what the record shows stays until it is charged"
    assert control.ask(TENANT, ONE, NUMBER) == SLICE_S


def test_a_call_that_was_dropped_and_comes_back_is_sure_again(operator: Operator) -> None:
    operator.pay(1)
    control = operator.control(PREPAID)
    assert control.ask(TENANT, ONE, NUMBER) == SLICE_S
    control.events_missed()
    operator.wait(40)
    control.rebuild([], set(), operator.clock.at)
    assert held_kop(control) == 0
    assert control.ask(TENANT, ONE, NUMBER) == SLICE_S
    happens(control, operator, ONE, "HANGUP")
    assert held_kop(control) == 0, "nobody missed its answer"


def test_nobody_is_answered_before_it_is_known_what_is_up_nor_after_the_end(operator: Operator) -> None:
    control = operator.unready()
    with pytest.raises(NotReady):
        control.ask(TENANT, ONE, NUMBER)
    control.ready()
    assert control.ask(TENANT, ONE, NUMBER) == 0, "nothing is paid"
    control.close()
    with pytest.raises(NotReady):
        control.ask(TENANT, ONE, NUMBER)
    new = CreditControl(NAME, lambda: operator.store, lambda: operator.definitions, operator.clock)
    with pytest.raises(NotReady):
        new.held_by(TENANT)


def test_a_call_is_priced_by_the_definitions_in_force(operator: Operator) -> None:
    operator.pay(5)
    control = operator.control(PREPAID)
    talks(control, operator, ONE)
    tariff = EXAMPLE.tariffs["master"]
    dearer = tuple(replace(rate, price=rate.price * Decimal(2)) for rate in tariff.deck.rates)
    tariff = replace(tariff, deck=replace(tariff.deck, rates=dearer))
    operator.definitions = replace(operator.definitions, tariffs={**EXAMPLE.tariffs, "master": tariff})
    assert control.ask(TENANT, TWO, NUMBER) == SLICE_S
    assert held_kop(control) == 2 * MINUTE_KOP
    control.refresh()
    assert control.ask(TENANT, THREE, NUMBER) == SLICE_S
    assert held_kop(control) == 4 * MINUTE_KOP


def test_it_is_asked_over_http_and_an_absent_listener_is_told(operator: Operator) -> None:
    operator.pay(2)
    control = operator.unready(PREPAID)
    figures = Figures("pbx1", "up", NOON)
    with HealthServer(Address("127.0.0.1", 0), lambda: figures, control) as server:
        where = Address("127.0.0.1", server.port)
        assert credit_asked.answer(control, f"tenant={TENANT}&call={ONE}&to=%2B74951234567") == NotReady.code
        control.ready()
        assert credit_asked.answer(control, f"tenant={TENANT}&call={ONE}&to=%2B74951234567") == str(SLICE_S)
        assert credit_asked.standing_of(where, TENANT) == CreditStanding(2 * MINUTE_KOP, MINUTE_KOP, 1)
        with pytest.raises(credit_asked.ListenerAway):
            credit_asked.standing_of(where, "nobody")
    with pytest.raises(credit_asked.ListenerAway):
        credit_asked.standing_of(where, TENANT)


def kept(
    control: CreditControl,
    clock: Now,
    answers: Callable[[FakeAmi], Mapping[str, Answer]],
    done: Callable[[FakeAmi], bool],
) -> list[Fields]:
    """Keep quotas over a fake switch with a call up until something holds. Returns: what it was told."""

    async def test(fake: FakeAmi) -> None:
        fake.channels = [ONE.removeprefix(f"{SYSTEMNAME}-")]
        fake.answers |= {"setvar": ok, "absolutetimeout": ok, **answers(fake)}
        login = AmiLogin("127.0.0.1", fake.port, "listen", "right")
        keeper = QuotaKeeper(control, lambda: login, clock, lambda: None, SHORT)
        keeping = asyncio.create_task(keeper.run())
        await until(lambda: done(fake))
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
        told.extend(fake.received)

    told: list[Fields] = []
    play(test)
    return told


def ends_told(told: Sequence[Fields]) -> list[str]:
    return [fields["Timeout"] for fields in told if fields["Action"] == "AbsoluteTimeout"]


@pytest.mark.parametrize(
    ("away_s", "told"),
    [pytest.param(10.0, ["60.000"], id="in time"), pytest.param(70.0, [], id="its end has come")],
)
def test_what_a_broken_session_left_untold_is_told_by_the_next_one(
    operator: Operator, away_s: float, told: list[str]
) -> None:
    operator.pay(2)
    control = operator.control(PREPAID)
    talks(control, operator, ONE)
    operator.wait(50)

    def gone(fake: FakeAmi) -> Mapping[str, Answer]:
        """The switch breaks off before it answers what it is told first, and is away for some time."""

        def breaks_off(fields: Fields) -> str:
            if fake.count("login") == 1:
                operator.clock.at = NOON + timedelta(seconds=50 + away_s)
                fake.drop()
            return ok(fields)

        return {"setvar": breaks_off}

    heard = kept(control, operator.clock, gone, lambda fake: fake.count("coreshowchannels") == 2)
    actions = [fields["Action"] for fields in heard]
    [_, again], [_, look] = (
        [at for at, each in enumerate(actions) if each == action] for action in ("Login", "CoreShowChannels")
    )
    assert ends_told(heard[again:look]) == told, "before anything that the books are asked for"


def test_a_missed_answer_is_read_off_the_channel(operator: Operator) -> None:
    operator.pay(2)
    control = operator.control(PREPAID)
    assert control.ask(TENANT, ONE, NUMBER) == SLICE_S
    control.events_missed()
    operator.wait(50)
    says = {
        "VPBX_CREDIT": f"{TENANT}&{NUMBER}",
        "VPBX_GRANTED_S": str(SLICE_S),
        "VPBX_PAID": "1",
        "TIMEOUT(absolute)": "10.000",
    }

    def variable(fields: Fields) -> str:
        return ok(fields, Variable=fields["Variable"], Value=says[fields["Variable"]])

    def prolonged(fake: FakeAmi) -> bool:
        return fake.count("absolutetimeout") > 0

    assert ends_told(kept(control, operator.clock, lambda _: {"getvar": variable}, prolonged)) == ["70.000"]
