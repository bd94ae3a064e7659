"""State that phones set: a night switch and log-in, by code, lamp and verb; what stays and what goes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from harness import farside, media
from harness.farside import CARRIER, FarSide
from harness.keys import Panel
from harness.recorded import steps_of
from harness.site import EXAMPLES, PHONES_HOST, Site

from orchestrator.asterisk.binary import Asterisk

pytestmark = pytest.mark.switch

DIRECT, CALLER = "+74951112234", "+79035556677"
CODE, LOG_IN, LOG_OUT, DND, NO_DND = "*50", "*45", "*46", "*78", "*79"
RISES, FALLS = (600, 900), (900, 600)
_BY_SWITCH = '{switch: night, on: {employee: "102"}, off: {employee: "101"}}'
_SWITCHES = 'switches:\n  night: {code: "*50", title: Ночной режим}\n\nnumbers:'


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, asterisk: Asterisk) -> Iterator[Site]:
    """The examples; a number of acme's goes by a switch."""
    with Site(tmp_path_factory.mktemp("site") / "project", asterisk, EXAMPLES) as made:
        made.edit(
            "tenants/acme.yaml",
            ("numbers:", _SWITCHES),
            (
                rf'"\{DIRECT}": .*',
                f'"{DIRECT}": {_BY_SWITCH}',
            ),
        )
        made.start()
        yield made


@pytest.fixture(scope="module")
def module_world(site: Site) -> Iterator[FarSide]:
    with site.far_side(*site.phones("acme", ("101", "102", "103")), *site.phones("beta", ("101",))) as far:
        far.wait_registered()
        yield far


@pytest.fixture
def world(site: Site, module_world: FarSide) -> FarSide:
    """Nothing is set. 101 is busy, 102 refuses: who rang is told by the code."""
    module_world.behave("acme101desk", farside.busy())
    module_world.behave("acme102desk", farside.reject(403))
    site.vpbx("turn", "acme", "night", "off")
    site.vpbx("employee", "log-in", "acme", "103")
    site.vpbx("employee", "set", "acme", "103", "--dnd", "off")
    return module_world


def dial(world: FarSide, phone: str, code: str) -> Path:
    """Dial a code. Returns: what the phone heard."""
    heard = world.wait_ended(world.call(phone, code)).heard
    assert heard is not None, "nobody answered"
    return heard


def tones(file: Path) -> tuple[int, ...]:
    """The tones in what was heard, to 50 Hz, one after the other."""
    [samples] = media.read(file)
    width = media.RATE // 20
    found: list[int] = []
    for start in range(0, len(samples) - width, width):
        window = samples[start : start + width]
        if float(np.sqrt(np.mean(window**2))) < 500:
            continue
        spectrum = np.abs(np.fft.rfft(window * np.hanning(width), media.RATE))
        tone = round(int(np.argmax(spectrum)) / 50) * 50
        if not found or found[-1] != tone:
            found.append(tone)
    return tuple(found)


def rings(world: FarSide) -> str:
    """Who a call to the number rings."""
    code = world.wait_ended(world.call(CARRIER, DIRECT, from_number=CALLER)).code
    return {486: "101", 403: "102"}[code or 0]


def state(site: Site) -> dict[str, Any]:
    """What phones have set."""
    found: dict[str, Any] = site.json("status", "acme")["tenants"]["acme"]
    return {name: found[name] for name in ("switches", "logged_out")}


def test_a_code_turns_the_switch_and_calls_go_the_other_way_as_route_says(site: Site, world: FarSide) -> None:
    assert rings(world) == "101"
    assert tones(dial(world, "acme103desk", CODE)) == RISES
    assert rings(world) == "102"
    recorded = steps_of(site, CALLER, DIRECT)
    call = ("--tenant", "acme", "--from", CALLER, "--to", DIRECT)
    said = site.json("route", *call, "--live", "--busy", "102")
    told = {step["id"]: step["outcome"] for step in said["steps"]}
    assert list(told)[:-1] == recorded[:-1]
    assert (told["numbers.74951112234.switch"], recorded[-2]) == ("on", "employees.102")
    assert site.json("route", *call, "--on", "night")["end"]["name"] == "102"
    assert site.json("route", *call)["end"]["name"] == "101"
    assert tones(dial(world, "acme103desk", CODE)) == FALLS
    assert rings(world) == "101"


def test_a_lamp_shows_the_switch_whoever_turns_it(site: Site, world: FarSide) -> None:
    [secretary] = site.phones("acme", ("104",))
    with Panel(secretary, PHONES_HOST, site.sip) as panel:
        lamp = panel.subscribe(CODE)
        assert lamp.code == 200
        dial(world, "acme103desk", CODE)
        lamp.wait("confirmed", 5)
        site.vpbx("turn", "acme", "night", "off")
        lamp.wait("terminated", 5)


def test_what_is_set_stays_through_reload_apply_restart_and_a_killed_switch(
    site: Site, world: FarSide
) -> None:
    dial(world, "acme103desk", CODE)
    dial(world, "acme103desk", LOG_OUT)
    set_now = {"switches": {"night": "on"}, "logged_out": ["103"]}
    assert state(site) == set_now
    site.rx("core reload")
    site.edit("tenants/acme.yaml", ("name: Ольга Новикова", "name: Ольга Петрова"))
    site.vpbx("apply")
    assert (state(site), rings(world)) == (set_now, "102")
    site.vpbx("switch", "stop")
    site.vpbx("switch", "start")
    world.wait_registered()
    site.until(lambda: rings(world) == "102", "it answers", 30)
    assert state(site) == set_now
    site.kill_switch()
    site.vpbx("switch", "start")
    assert state(site) == set_now


def test_codes_log_out_and_in_who_dials_them(site: Site, world: FarSide) -> None:
    assert tones(dial(world, "acme103desk", LOG_OUT)) == FALLS
    assert state(site)["logged_out"] == ["103"]
    assert tones(dial(world, "acme103desk", LOG_IN)) == RISES
    assert state(site)["logged_out"] == []
    site.vpbx("employee", "log-out", "acme", "103")
    assert state(site)["logged_out"] == ["103"]


def test_phones_of_who_is_not_to_be_disturbed_do_not_ring_until_that_is_ended(
    site: Site, world: FarSide
) -> None:
    """Not for colleagues and not for callers; they see a busy key, and can still call."""
    world.behave("acme103desk", farside.answer())
    [secretary] = site.phones("acme", ("104",))
    with Panel(secretary, PHONES_HOST, site.sip) as panel:
        lamp = panel.subscribe("103")
        assert tones(dial(world, "acme103desk", DND)) == FALLS
        lamp.wait("confirmed", 5)
        rung = len(world.calls_to("acme103desk"))
        assert world.wait_ended(world.call("acme101desk", "103")).code == 486
        assert len(world.calls_to("acme103desk")) == rung
        told = site.json("route", "--tenant", "acme", "--from", "101", "--to", "103", "--live")
        assert (
            told["steps"]
            == site.json("route", "--tenant", "acme", "--from", "101", "--to", "103", "--dnd", "103")["steps"]
        )
        assert (told["end"]["kind"], told["end"]["sip"]) == ("refused", 486)
        assert steps_of(site, "101", "103") == [step["id"] for step in told["steps"]]
        assert site.json("status", "acme")["tenants"]["acme"]["dnd"] == ["103"]
        site.rx("core reload")
        assert world.wait_ended(world.call("acme101desk", "103")).code == 486
        assert tones(dial(world, "acme103desk", NO_DND)) == RISES
        lamp.wait("terminated", 5)
        call = world.call("acme101desk", "103")
        world.wait_answered(call)
        world.hang_up(call)
        site.vpbx("employee", "set", "acme", "103", "--dnd", "on")
        lamp.wait("confirmed", 5)
        assert world.wait_ended(world.call("acme101desk", "103")).code == 486


def test_another_tenants_code_reaches_nothing(site: Site, world: FarSide) -> None:
    assert world.wait_ended(world.call("beta101desk", CODE)).code == 404
    assert world.wait_ended(world.call(CARRIER, CODE, from_number=CALLER)).code == 404
    assert state(site)["switches"] == {"night": "off"}


def test_an_apply_drops_the_state_of_what_is_gone_and_of_nothing_else(site: Site, world: FarSide) -> None:
    dial(world, "acme103desk", CODE)
    site.vpbx("employee", "log-out", "acme", "107")
    site.vpbx("employee", "log-out", "acme", "103")
    text = (site.root / "tenants/acme.yaml").read_text()
    site.edit(
        "tenants/acme.yaml",
        (_SWITCHES.replace("*", r"\*").replace("{", r"\{"), "numbers:"),
        (rf'"\{DIRECT}": .*', f'"{DIRECT}": {{employee: "101"}}'),
        (r'\n  - \{extension: "107".*', ""),
    )
    site.vpbx("apply")
    shown = site.rx("database show vpbx")
    assert "night" not in shown
    assert "/vpbx-out/acme/103" in site.rx("database show vpbx-out")
    assert "/vpbx-out/acme/107" not in site.rx("database show vpbx-out")
    (site.root / "tenants/acme.yaml").write_text(text)
    site.vpbx("apply")
    assert state(site) == {"switches": {"night": "off"}, "logged_out": ["103"]}
