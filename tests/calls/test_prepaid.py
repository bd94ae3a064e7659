"""Calls of a prepaid account: as many seconds as are paid for, shared by all, whatever the listener does."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from harness import farside, media
from harness.farside import CARRIER, Call, FarSide
from harness.site import EXAMPLES, Site

from orchestrator.asterisk.binary import Asterisk

pytestmark = pytest.mark.switch

NUMBER, DIRECT, CALLER = "+79995550101", "+74951112234", "+79035556677"
RATE = '7999,"Россия, проба",6.00,6,0,0,0,2026-01-01\n'
STARTED_KOP, STARTED_S, SLICE_S, WARNING_S = 60, 6, 12, 2
"""What each started 6 s cost, and how much a call reserves at a time."""
SNAPSHOT_S = 5
"""How often the listener looks which calls are up."""
TONE_HZ = 700
"""Of the switch's own `beep`."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, asterisk: Asterisk) -> Iterator[Site]:
    with Site(tmp_path_factory.mktemp("site") / "project", asterisk, EXAMPLES) as made:
        deck = made.root / "decks" / "multifon-business.csv"
        deck.write_text(deck.read_text().replace(",60,", f",{STARTED_S},") + RATE)
        account = f"{{kind: prepaid, slice_s: {SLICE_S}, warning_s: {WARNING_S}}}"
        made.edit("tenants/acme.yaml", ("tariff: master", f"tariff: master\naccount: {account}"))
        made.start()
        listen(made)
        yield made


@pytest.fixture(scope="module")
def far(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FarSide]:
    voice = media.write_wav(tmp_path_factory.mktemp("voice") / "outside.wav", media.voice(7, 60.0))
    with site.far_side(*site.phones("acme", ("101", "102"))) as made:
        made.wait_registered()
        made.behave(CARRIER, farside.answer(say=voice))
        for phone in ("acme101desk", "acme102desk"):
            made.behave(phone, farside.answer())
        yield made


@pytest.fixture
def world(site: Site, far: FarSide) -> Iterator[FarSide]:
    """Whatever a test has paid is spent when it is over, and nothing is reserved."""
    yield far
    site.until(lambda: standing(site)["reserved_kop"] == 0, "nothing is reserved any more", 10)


def listen(site: Site) -> None:
    """Start the listener, and wait until it answers for balances."""
    log = site.root / "listen.log"
    before = log.stat().st_size if log.exists() else 0
    site.listen()
    site.until(lambda: b"credit-control-ready" in log.read_bytes()[before:], "credit control", 20)


def standing(site: Site) -> dict[str, Any]:
    """How acme stands, as `vpbx balance` shows it."""
    [found] = site.json("balance", "acme", "--no-reconcile")["balances"]
    assert isinstance(found, dict)
    return found


def pay_for(site: Site, started: int) -> None:
    """Pay for so many started increments, beside what is owed."""
    kop = started * STARTED_KOP - standing(site)["balance_kop"]
    site.vpbx("pay", "acme", f"{kop / 100:.2f}", "--ref", f"{time.time_ns()}")


def place(world: FarSide, phone: str = "acme101desk") -> Call:
    return world.call(phone, NUMBER)


def test_a_call_is_prolonged_as_long_as_is_paid_for_warned_and_ended_at_that_second(
    site: Site, world: FarSide, tmp_path: Path
) -> None:
    pay_for(site, 3)
    voice = media.write_wav(tmp_path / "inside.wav", media.voice(7, 60.0))
    call = world.call("acme101desk", NUMBER, say=voice)
    heard = world.wait_answered(call)
    began = time.monotonic()
    assert standing(site)["reserved_kop"] == 2 * STARTED_KOP
    site.until(lambda: time.monotonic() - began > SNAPSHOT_S + 1, "a snapshot shows the call", SNAPSHOT_S + 5)
    assert site.health()["calls_up"] == 1, "the channels of its warning are no call"
    world.wait_ended(call, 30)
    assert time.monotonic() - began == pytest.approx(3 * STARTED_S, abs=1.0)
    site.until(lambda: standing(site)["balance_kop"] == 0, "it is charged what was paid", 10)
    at = tones(heard)
    assert at and at[0] >= 3 * STARTED_S - WARNING_S - 1.5 and at[-1] <= 3 * STARTED_S


def test_calls_at_once_share_what_is_paid_for_and_the_others_are_refused(site: Site, world: FarSide) -> None:
    """14 on what pays for 10 started increments: ten are talked, not one more, and not a kopeck is owed."""
    pay_for(site, 10)
    calls = [place(world, f"acme{101 + at % 2}desk") for at in range(14)]
    ends = [world.wait_ended(call, 60) for call in calls]
    assert sorted(end.code or 0 for end in ends) == [0] * 5 + [403] * 9
    site.until(lambda: standing(site)["balance_kop"] == 0, "ten are charged", 10)
    refused = [leg for leg in newest(site, 14) if leg["decision"] == "credit"]
    assert len(refused) == 9
    assert site.lines("acme")["in_use"] == 0


def test_without_money_a_call_is_refused_and_emergency_inbound_and_internal_calls_go_on(
    site: Site, world: FarSide
) -> None:
    assert standing(site)["balance_kop"] == 0
    told = site.json("route", "--tenant", "acme", "--from", "101", "--to", NUMBER, "--live")
    assert (told["steps"][-1]["outcome"], told["end"]["sip"]) == ("no_money", 403)
    assert world.wait_ended(place(world)).code == 403
    for call in (
        world.call("acme101desk", "112"),
        world.call("acme101desk", "102"),
        world.call(CARRIER, DIRECT, from_number=CALLER),
    ):
        world.wait_answered(call)
        world.hang_up(call)


def test_what_a_call_doesnt_need_is_there_for_the_next(site: Site, world: FarSide) -> None:
    """Two slices, one after the other, on what pays for three increments."""
    pay_for(site, 3)
    told = site.json("route", "--tenant", "acme", "--from", "101", "--to", NUMBER, "--live")
    assert f"{SLICE_S} s are paid for at first" in told["steps"][-1]["decided"]
    assert standing(site)["reserved_kop"] == 0
    for _ in range(2):
        call = place(world)
        world.wait_answered(call)
        assert standing(site)["reserved_kop"] in (STARTED_KOP, 2 * STARTED_KOP)
        world.hang_up(call)
        site.until(lambda: standing(site)["reserved_kop"] == 0, "it is charged", 10)
    assert standing(site)["balance_kop"] == STARTED_KOP


def test_a_call_that_nobody_answers_reserves_nothing_any_more(site: Site, world: FarSide) -> None:
    world.behave(CARRIER, farside.busy(), NUMBER)
    try:
        before = standing(site)["balance_kop"]
        assert world.wait_ended(place(world)).code == 486
        site.until(lambda: standing(site)["reserved_kop"] == 0, "nothing is reserved", 5)
        assert standing(site)["balance_kop"] == before
    finally:
        world.behave(CARRIER, farside.answer(), NUMBER)


def test_with_the_listener_dead_calls_end_with_what_they_reserved_and_each_new_one_gets_a_slice(
    site: Site, world: FarSide
) -> None:
    pay_for(site, 100)
    running = place(world)
    world.wait_answered(running)
    began = time.monotonic()
    site.stop_listener(signal.SIGKILL)
    new = place(world, "acme102desk")
    world.wait_answered(new)
    world.wait_ended(running, 30)
    assert time.monotonic() - began == pytest.approx(SLICE_S, abs=1.5)
    world.wait_ended(new, 30)
    assert time.monotonic() - began == pytest.approx(SLICE_S, abs=4.0)
    assert "/acme/calls" in site.rx("database show vpbx-unasked/acme")
    listen(site)
    site.until(lambda: standing(site)["balance_kop"] == 96 * STARTED_KOP, "both are charged", 10)
    site.until(lambda: "0 results" in site.rx("database show vpbx-unasked/acme"), "it is forgotten", 15)


def test_reservations_are_made_anew_from_the_calls_that_are_up(site: Site, world: FarSide) -> None:
    pay_for(site, 100)
    call = place(world)
    world.wait_answered(call)
    began = time.monotonic()
    site.stop_listener(signal.SIGKILL)
    listen(site)
    assert standing(site)["reserved_kop"] >= 2 * STARTED_KOP
    site.until(lambda: time.monotonic() - began > SLICE_S + 2, "a slice has passed", SLICE_S + 5)
    assert not world.has_ended(call)
    world.hang_up(call)


def newest(site: Site, count: int) -> list[dict[str, Any]]:
    """The newest legs."""
    found: list[dict[str, Any]] = site.json("calls", "list", "--limit", str(count))["calls"]
    return found


def tones(file: Path) -> list[float]:
    """Where the warning's tone is heard, seconds from the begin, whoever speaks beside it."""
    [samples] = media.read(file)
    step = media.RATE // 5
    spectra = [np.abs(np.fft.rfft(samples[at : at + step])) for at in range(0, len(samples) - step, step)]
    return [at / 5 for at, each in enumerate(spectra) if each[TONE_HZ // 5] > 8 * np.median(each[60:600])]
