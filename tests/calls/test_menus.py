"""Greetings and menus (IVR): what callers hear, by content, and where keys lead, as `vpbx route` says."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from harness import farside, media
from harness.farside import CARRIER, Call, FarSide
from harness.recorded import steps_of
from harness.site import EXAMPLES, Site

from orchestrator.asterisk.binary import Asterisk

pytestmark = pytest.mark.switch

GREETED, PLAIN, ONCE = "+74951112233", "+74951112234", "+74951112235"
SEEDS = {"greeting": 81, "main": 82, "sub": 83, "wrong": 84}
SECONDS = 1.5
MENUS = """
menus:
  main:
    prompt: prompts/main.wav
    extension: "300"
    digits:
      {"1": {department: sales}, "4": {menu: sub}, "5": {by_name: all}, "33": {employee: "105"},
       "*": {menu: main}}
    dial_extension: true
    tries: 2
  sub:
    prompt: prompts/sub.wav
    digits: {"1": {employee: "102"}, "9": {menu: main}}
    tries: 1
    timeout: {after_s: 1}
  once:
    prompt: prompts/main.wav
    digits: {"1": {department: sales}}
    dial_extension: true
    tries: 1
    invalid: {prompt: prompts/wrong.wav, target: {employee: "104"}}
  again:
    prompt: prompts/main.wav
    digits: {"1": {hangup: busy}}
    tries: 2
    timeout: {after_s: 1, target: {employee: "105"}}

numbers:"""
_callers = itertools.count(1)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, asterisk: Asterisk) -> Iterator[Site]:
    """The examples; two numbers of acme's lead to a menu, one of them with a greeting."""
    with Site(tmp_path_factory.mktemp("site") / "project", asterisk, EXAMPLES) as made:
        (made.root / "prompts").mkdir()
        for name, seed in SEEDS.items():
            media.write_wav(made.root / f"prompts/{name}.wav", media.voice(seed, SECONDS))
        made.edit(
            "tenants/acme.yaml",
            (r"\nnumbers:", MENUS),
            (rf'"\{GREETED}": .*', f'"{GREETED}": {{greeting: prompts/greeting.wav, menu: again}}'),
            (rf'"\{PLAIN}": .*', f'"{PLAIN}": {{menu: main}}'),
            (rf'"\{ONCE}": .*', f'"{ONCE}": {{menu: once}}'),
        )
        made.start()
        yield made


@pytest.fixture(scope="module")
def world(site: Site) -> Iterator[FarSide]:
    """Everybody rings for ever."""
    with site.far_side(*site.phones("acme", ("101", "102", "104", "105", "106"))) as far:
        far.wait_registered()
        yield far


def new_caller() -> str:
    """Nobody has called from it before: the record tells its calls apart."""
    return f"+790355500{next(_callers):02}"


def rings_after(world: FarSide, number: str, press: str, rings: str, caller: str) -> tuple[Call, Path]:
    """A call in which keys are pressed, ahead of prompts too. Returns: it, and what the caller hears."""
    before = len(world.calls_to(f"acme{rings}desk"))
    call = world.call(CARRIER, number, from_number=caller)
    heard = world.wait_answered(call)
    world.press(call, press)
    world.incoming(f"acme{rings}desk", after=before)
    return call, heard


def names_heard(heard: Path) -> list[str]:
    """The prompts in what a caller heard, in order."""
    [samples] = media.read(heard)
    found: list[str] = []
    window = media.RATE // 2
    for start in range(0, len(samples) - window, window // 2):
        piece = samples[start : start + window]
        for name, seed in SEEDS.items():
            if media.hear(piece, media.voice(seed, SECONDS)).same and found[-1:] != [name]:
                found.append(name)
    return found


def agrees(site: Site, caller: str, number: str, press: str) -> list[str]:
    """The steps in the record, which are those that `vpbx route` says."""
    recorded = steps_of(site, caller, number)
    asked = ("--tenant", "acme", "--from", caller, "--to", number)
    told = site.json("route", *asked, *(("--press", press) if press else ()))
    assert [step["id"] for step in told["steps"]] == recorded
    return recorded


def test_a_greeting_is_heard_once_then_the_menu_which_asks_again_and_ends(site: Site, world: FarSide) -> None:
    caller = new_caller()
    call, heard = rings_after(world, GREETED, "", "105", caller)
    world.hang_up(call)
    assert names_heard(heard) == ["greeting", "main"]
    [samples] = media.read(heard)
    main = media.hear(samples, media.voice(SEEDS["main"], SECONDS))
    assert main.voiced_s >= 3 * SECONDS - 1, "it asked once"
    assert agrees(site, caller, GREETED, "")[-2:] == ["menus.again", "employees.105"]


@pytest.mark.parametrize(
    ("press", "rings", "through"),
    [
        ("1", "102", ["menus.main", "departments.sales"]),
        ("4,1", "102", ["menus.main", "menus.sub", "employees.102"]),
        ("4,9,106", "106", ["menus.main", "menus.sub", "menus.main", "dialled", "employees.106"]),
        ("33", "105", ["menus.main", "employees.105"]),
        ("*,200", "102", ["menus.main", "menus.main", "dialled", "departments.sales"]),
    ],
    ids=["a digit", "a nested menu", "back, then an extension", "two digits", "again, then a department"],
)
def test_keys_lead_where_route_says(
    site: Site, world: FarSide, press: str, rings: str, through: list[str]
) -> None:
    caller = new_caller()
    call, _ = rings_after(world, PLAIN, press.replace(",", ""), rings, caller)
    world.hang_up(call)
    assert agrees(site, caller, PLAIN, press)[-len(through) :] == through


@pytest.mark.parametrize(
    ("spelled", "taken", "rings"),
    [("654", ("3", "1"), "105"), ("589", ("1",), "102")],
    ids=["two have it, the second is taken", "a Russian name by Latin letters"],
)
def test_a_caller_spells_a_name_and_takes_one_of_those_who_are_offered(
    site: Site, world: FarSide, spelled: str, taken: tuple[str, ...], rings: str
) -> None:
    caller = new_caller()
    before = len(world.calls_to(f"acme{rings}desk"))
    call = world.call(CARRIER, PLAIN, from_number=caller)
    world.wait_answered(call)
    world.press(call, f"5{spelled}")
    for key in taken:
        world.press(call, key)
    world.incoming(f"acme{rings}desk", after=before)
    world.hang_up(call)
    through = agrees(site, caller, PLAIN, ",".join(("5", spelled, *taken)))
    assert through[-4:] == ["menus.main", "names.all", "dialled", f"employees.{rings}"]


@pytest.mark.parametrize("press", ["7", "112", "79"], ids=["no key", "no colleague", "an outside number"])
def test_wrong_keys_are_told_and_lead_elsewhere(site: Site, world: FarSide, press: str) -> None:
    caller = new_caller()
    call, heard = rings_after(world, ONCE, press, "104", caller)
    world.hang_up(call)
    assert "wrong" in names_heard(heard)
    assert agrees(site, caller, ONCE, press)[-2:] == ["menus.once", "employees.104"]


def test_a_wrong_key_is_told_in_the_tenants_language_where_the_menu_has_no_prompt_for_it(
    site: Site, world: FarSide
) -> None:
    [told] = media.read(Path("/usr/share/asterisk/sounds/ru_RU_f_IvrvoiceRU/pbx-invalid.wav"))
    caller = new_caller()
    call = world.call(CARRIER, PLAIN, from_number=caller)
    heard = world.wait_answered(call)
    world.press(call, "7")
    farside.until(lambda: media.hear(media.read_so_far(heard)[0], told).same, 12, lambda: "it isn't told")
    world.hang_up(call)


def test_letters_that_some_phones_have_are_no_keys(site: Site, world: FarSide) -> None:
    caller = new_caller()
    call, _ = rings_after(world, PLAIN, "D1", "102", caller)
    world.hang_up(call)
    assert agrees(site, caller, PLAIN, "-,1")[-2:] == ["menus.main", "departments.sales"]


def test_silence_in_a_menu_without_another_end_ends_the_call(site: Site, world: FarSide) -> None:
    caller = new_caller()
    call = world.call(CARRIER, PLAIN, from_number=caller)
    heard = world.wait_answered(call)
    world.press(call, "4")
    world.wait_ended(call, 10)
    assert names_heard(heard)[-1:] == ["sub"]
    assert agrees(site, caller, PLAIN, "4")[-3:] == ["menus.main", "menus.sub", "end.no_answer"]


def test_a_colleague_reaches_a_menu_by_its_extension_and_hears_who_is_called_ring(
    site: Site, world: FarSide
) -> None:
    before = len(world.calls_to("acme106desk"))
    call = world.call("acme101desk", "300")
    heard = world.wait_answered(call)
    world.press(call, "106")
    world.incoming("acme106desk", after=before)
    farside.until(lambda: rings_in(heard), 8, lambda: f"no ringing tone in {heard}")
    world.hang_up(call)


def rings_in(heard: Path) -> bool:
    """Whether a ringing tone (425 Hz) is among what was heard so far."""
    [samples] = media.read_so_far(heard)
    width = media.RATE // 4
    pieces = [samples[start : start + width] for start in range(0, len(samples) - width, width)]
    loud = [piece for piece in pieces if float(np.sqrt(np.mean(piece**2))) > 500]
    return any(abs(np.abs(np.fft.rfft(piece)).argmax() * media.RATE / width - 425) < 10 for piece in loud)


def test_a_call_that_waits_in_a_menu_goes_as_the_old_text_says_and_the_next_as_the_new(
    site: Site, world: FarSide
) -> None:
    waiting = world.call(CARRIER, PLAIN, from_number=new_caller())
    world.wait_answered(waiting)
    site.edit("tenants/acme.yaml", ('"33": {employee: "105"}', '"33": {employee: "106"}'))
    site.vpbx("apply")
    before = len(world.calls_to("acme105desk"))
    world.press(waiting, "33")
    world.incoming("acme105desk", after=before)
    world.hang_up(waiting)
    call, _ = rings_after(world, PLAIN, "33", "106", new_caller())
    world.hang_up(call)
    site.edit("tenants/acme.yaml", ('"33": {employee: "106"}', '"33": {employee: "105"}'))
    site.vpbx("apply")
