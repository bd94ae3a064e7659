"""Music in place of ringing tones, and music on hold: what who calls from outside hears, by its content."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from harness import farside, media
from harness.farside import CARRIER, FarSide
from harness.ports import PortBlock
from harness.sipp import Row, Sipp, register
from harness.site import EXAMPLES, Site

from orchestrator.asterisk.binary import Asterisk
from orchestrator.model.platform import Address

pytestmark = pytest.mark.switch

SALES, DIRECT, CALLER = "+74951112233", "+74951112234", "+79035556677"
OF_TENANT, OF_EMPLOYEE, ON_HOLD, ANOTHER = 71, 72, 73, 74
SIPP_HOST = "127.0.0.5"


def sound(place: Path, seed: int) -> None:
    place.parent.mkdir(exist_ok=True)
    media.write_wav(place, media.voice(seed, 8))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, asterisk: Asterisk) -> Iterator[Site]:
    """The examples; acme has music, its employee 101 other music."""
    root = tmp_path_factory.mktemp("site") / "project"
    with Site(root, asterisk, EXAMPLES) as made:
        for name, seed in (("tenant", OF_TENANT), ("employee", OF_EMPLOYEE), ("hold", ON_HOLD)):
            sound(made.root / f"music/{name}.wav", seed)
        music = "ringback: music/tenant.wav\nmusic_on_hold: music/hold.wav\n\nemployees:"
        made.edit(
            "tenants/acme.yaml",
            ("employees:", music),
            ("name: Анна Соколова", "name: Анна Соколова, ringback: music/employee.wav"),
        )
        made.start()
        yield made


@pytest.fixture(scope="module")
def world(site: Site) -> Iterator[FarSide]:
    """Everybody rings for ever. The phone of 104 is SIPp's."""
    with site.far_side(*site.phones("acme", ("101", "102", "103"))) as far:
        far.wait_registered()
        yield far


def heard_while_ringing(world: FarSide, phone: str, number: str, rings: str) -> Path:
    """What a phone hears in two seconds of a call that nobody answers."""
    before = len(world.calls_to(rings))
    call = world.call(phone, number, from_number=CALLER if phone == CARRIER else "")
    file = world.overhear(call)
    world.incoming(rings, after=before)
    size = 2 * 2 * media.RATE
    deadline_s = 6.0
    farside.until(
        lambda: file.exists() and file.stat().st_size > size, deadline_s, lambda: f"{file}: no sound"
    )
    ended = world.hang_up(call)
    assert ended.heard is None, "it was answered"
    return file


@pytest.mark.parametrize(
    ("number", "rings", "seed"),
    [(SALES, "acme102desk", OF_TENANT), (DIRECT, "acme101desk", OF_EMPLOYEE)],
    ids=["the tenant's, in a department", "the employee's own"],
)
def test_a_caller_from_outside_hears_music_in_place_of_ringing_tones(
    world: FarSide, number: str, rings: str, seed: int
) -> None:
    file = heard_while_ringing(world, CARRIER, number, rings)
    heard = media.hear_file(file, media.voice(seed, 8))
    assert heard.same, heard
    assert heard.voiced_s >= 1


def test_a_colleague_hears_ringing_tones(world: FarSide) -> None:
    before = len(world.calls_to("acme101desk"))
    call = world.call("acme102desk", "101")
    file = world.overhear(call)
    world.incoming("acme101desk", after=before)
    ended = world.hang_up(call)
    assert ended.heard is None
    [heard] = media.read(file)
    assert media.hear(heard, media.voice(OF_EMPLOYEE, 8)).voiced_s == 0


def test_who_is_put_on_hold_hears_the_tenants_music(site: Site, world: FarSide, tmp_path: Path) -> None:
    [account] = site.phones("acme", ("104",))
    world.behave(CARRIER, farside.answer())
    with PortBlock() as ports:
        where = Address(SIPP_HOST, ports.port())
        row = Row(account.endpoint, "+79161112233", secret=account.secret)
        assert register(tmp_path / "r", where, site.sip, row) == 200
        before = len(world.calls_to(CARRIER))
        with Sipp(tmp_path / "s", "hold_caller", where, site.sip, [row], hold_ms=2500, talk_ms=500) as sipp:
            call = world.incoming(CARRIER, after=before)
            file = world.wait_answered(call)
            sipp.wait_calls(1)
        world.wait_ended(call)
    heard = media.hear_file(file, media.voice(ON_HOLD, 8))
    assert heard.same, heard
    assert heard.voiced_s >= 1.5


def test_who_speaks_after_music_is_in_the_recording(site: Site, world: FarSide, tmp_path: Path) -> None:
    """Ringing music, for as many calls as tell: packets are numbered from anywhere."""
    colleague, caller = (media.write_wav(tmp_path / f"{seed}.wav", media.voice(seed)) for seed in (61, 62))
    world.behave("acme101desk", farside.answer(colleague, ring_s=0.6))
    site.listen()
    calls = [world.call(CARRIER, DIRECT, say=caller, from_number=f"+7903555700{n}") for n in range(5)]
    for call in calls:
        world.wait_answered(call)
    time.sleep(2.5)  # what is heard in that time is in the recording, or not
    for call in calls:
        world.hang_up(call)
    world.behave("acme101desk", farside.ring())
    files = finished_recordings(site, len(calls))
    site.stop_listener()
    sides = [
        media.hear(side, media.voice(seed))
        for file in files
        for side, seed in zip(media.read(file), (62, 61), strict=True)
    ]
    assert all(each.same and each.voiced_s >= 1.5 for each in sides), sides


def finished_recordings(site: Site, count: int) -> list[Path]:
    """The newest recordings, once they are whole."""

    def found() -> list[dict[str, Any]]:
        listed: list[dict[str, Any]] = site.json("recordings", "list", "acme")["recordings"]
        return sorted(listed, key=lambda item: item["started_at"])[-count:]

    site.until(lambda: [item["state"] for item in found()] == ["complete"] * count, f"{count} recordings", 20)
    return [Path(item["file"]) for item in found()]


def test_other_music_is_heard_after_an_apply_and_a_missing_file_refuses_it(
    site: Site, world: FarSide
) -> None:
    sound(site.root / "music/another.wav", ANOTHER)
    site.edit("tenants/acme.yaml", ("ringback: music/tenant.wav", "ringback: music/another.wav"))
    site.vpbx("apply")
    file = heard_while_ringing(world, CARRIER, SALES, "acme102desk")
    assert media.hear_file(file, media.voice(ANOTHER, 8)).same
    site.edit("tenants/acme.yaml", ("ringback: music/another.wav", "ringback: music/nowhere.wav"))
    refused = site.run("apply")
    site.edit("tenants/acme.yaml", ("ringback: music/nowhere.wav", "ringback: music/another.wav"))
    assert refused.returncode == 1
    assert "nowhere.wav" in refused.stderr
