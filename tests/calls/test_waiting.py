"""Callers wait for a department whose members are busy: in order, heard, told, and in the record."""

from __future__ import annotations

import itertools
import random
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from harness import farside, media
from harness.farside import CARRIER, Call, FarSide
from harness.recorded import events, steps_of
from harness.site import Site

from orchestrator.asterisk.binary import Asterisk
from orchestrator.model.call import SwitchEvent
from orchestrator.model.prompt import Prompt
from orchestrator.rendering.filters import prompt
from orchestrator.routing.waiting import place_text, time_text

pytestmark = pytest.mark.switch

PROJECT = Path(__file__).parents[1] / "golden" / "rendering" / "departments" / "project"
FIRST_LINE, MEMBERS = "+74951230005", ("office101desk", "office102desk")
QUEUE_MUSIC = 81
_numbers = itertools.count(79035560001)


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory, asterisk: Asterisk) -> Iterator[Site]:
    with Site(tmp_path_factory.mktemp("office") / "project", asterisk, PROJECT) as site:
        (site.root / "music").mkdir()
        media.write_wav(site.root / "music/queue.wav", media.voice(QUEUE_MUSIC))
        site.edit(
            "tenants/office.yaml",
            (r"music: \{say: Пожалуйста подождите\}", "music: music/queue.wav"),
            ("repeat_s: 10", "repeat_s: 14"),
        )
        site.start()
        yield site


@pytest.fixture(scope="module")
def module_world(office: Site) -> Iterator[FarSide]:
    with office.far_side(*office.phones("office")) as far:
        far.wait_registered()
        yield far


@pytest.fixture
def world(office: Site, module_world: FarSide) -> FarSide:
    """Everybody answers and stays; nobody has a call, or has had one."""
    for name in [*module_world.phones, CARRIER]:
        module_world.behave(name, farside.answer())
    office.until(lambda: office.rx("core show hints").count("State:Idle") == 4, "all phones are idle")
    office.until(
        lambda: office.rx("core show channels count").startswith("0 active channels"), "no call is up"
    )
    for family in ("vpbx-idle", "vpbx-wrap-up", "vpbx-out", "vpbx-wait"):
        office.rx(f"database deltree {family}")
    return module_world


def talking(office: Site, world: FarSide, phones: tuple[str, ...] = MEMBERS) -> list[Call]:
    """Calls outside that keep members busy."""
    calls = [world.call(name, "+79161112233") for name in phones]
    for call in calls:
        world.wait_answered(call)
    office.until(
        lambda: office.rx("core show hints").count("State:InUse") >= len(calls), "the members are busy"
    )
    return calls


def call_in(world: FarSide) -> Call:
    """A call from outside, by a number that nobody else calls from."""
    return world.call(CARRIER, FIRST_LINE, from_number=f"+{next(_numbers)}")


def marks(office: Site, call: Call, kind: str) -> list[SwitchEvent]:
    """What the record has of a call from outside."""
    found = events(office)
    begun = [each for each in found if each.facts.get("from") == call.from_number and each.kind == "vpbx.leg"]
    return [each for each in found if begun and each.linkedid == begun[0].linkedid and each.kind == kind]


def waits(office: Site, call: Call) -> list[str]:
    return [each.facts["decision"] for each in marks(office, call, "vpbx.wait")]


def rung(office: Site, call: Call) -> list[str]:
    return [each.facts["employee"] for each in marks(office, call, "vpbx.attempt")]


def queued(office: Site, world: FarSide) -> Call:
    """A call that waits."""
    call = call_in(world)
    world.wait_answered(call)
    office.until(lambda: waits(office, call) == ["waits"], "it stands in the record")
    return call


def until_rung(office: Site, call: Call, employee: str, deadline_s: float = 8.0) -> None:
    office.until(lambda: rung(office, call)[-1:] == [employee], f"{employee} is rung", deadline_s)


def test_callers_wait_in_order_and_one_too_many_is_passed_on_as_busy(office: Site, world: FarSide) -> None:
    first_talk, second_talk = talking(office, world)
    first, second = queued(office, world), queued(office, world)
    after = len(world.calls_to("office104desk"))
    third = call_in(world)
    world.incoming("office104desk", after=after)
    assert waits(office, third) == ["full"]
    assert office.json("status", "office")["tenants"]["office"]["waiting"] == {"first-line": 2}
    assert "2 of 2 wait" in office.vpbx("status", "office")
    world.hang_up(third)
    world.hang_up(second_talk)
    until_rung(office, first, "102")
    assert rung(office, second) == []
    world.hang_up(first_talk)
    until_rung(office, second, "101")
    assert [waits(office, each) for each in (first, second)] == [["waits", "taken"]] * 2
    assert [each.facts["place"] for each in marks(office, second, "vpbx.wait")[:1]] == ["2"]
    for call in (first, second):
        world.hang_up(call)


def test_nobody_waits_while_a_member_is_idle_and_nobody_overtakes(office: Site, world: FarSide) -> None:
    call = call_in(world)
    world.wait_answered(call)
    assert (rung(office, call), waits(office, call)) == (["101"], [])
    [other] = talking(office, world, ("office102desk",))
    waiting = queued(office, world)
    world.hang_up(other)
    late = call_in(world)
    until_rung(office, waiting, "102")
    assert rung(office, late) == []
    for each in (call, waiting, late):
        world.hang_up(each)


def test_who_hangs_up_or_is_killed_leaves_the_queue_at_once(office: Site, world: FarSide) -> None:
    talks = talking(office, world)
    first, second = queued(office, world), queued(office, world)
    world.hang_up(first)
    office.until(lambda: in_queue(office) == 1, "one is left in the queue", 2)
    third = queued(office, world)
    world.hang_up(talks[0])
    until_rung(office, second, "101")
    world.hang_up(third)
    office.kill_switch()
    office.vpbx("switch", "start")
    for call in (second, talks[1]):
        world.give_up(call)
    world.wait_registered()
    office.until(lambda: office.rx("core show hints").count("State:Idle") == 4, "phones are known", 30)
    assert in_queue(office) == 0
    again = call_in(world)
    world.wait_answered(again)
    assert rung(office, again) == ["101"]
    world.hang_up(again)


def in_queue(office: Site) -> int:
    return len(re.findall(r"\boffice\s+waits-first-line", office.rx("group show channels")))


def test_who_waits_hears_music_and_is_told_place_and_time_again_and_when_it_improves(
    office: Site, world: FarSide
) -> None:
    office.rx("database put vpbx-wait/office first-line 30000")
    talks = talking(office, world)
    first = queued(office, world)
    second = call_in(world)
    file = world.wait_answered(second)

    def until_heard(text: str, deadline_s: float, after: int = 0) -> None:
        office.until(
            lambda: is_heard(office, media.read_so_far(file)[0][after:], text), f"{text} is heard", deadline_s
        )

    until_heard(place_text(2, "ru"), 8)
    assert not is_heard(office, media.read_so_far(file)[0], place_text(1, "ru"))
    world.hang_up(first)
    until_heard(place_text(1, "ru"), 7)  # sooner than it would be repeated
    until_heard(time_text(1, "ru"), 1)
    until_heard(time_text(0, "ru"), 5)
    until_heard(place_text(1, "ru"), 20, after=len(media.read_so_far(file)[0]))
    world.hang_up(second)
    [heard] = media.read(file)
    music = media.hear(media.voice(QUEUE_MUSIC)[: 2 * media.RATE], heard)
    assert music.same, music
    for talk in talks:
        world.hang_up(talk)


def is_heard(office: Site, heard: media.Samples, text: str) -> bool:
    """Whether the last half second of a text is in what was heard: there the sentences differ."""
    name = prompt(Prompt(say=text, language="ru"))
    [file] = (office.root / ".vpbx").rglob(f"{name}.wav")
    [said] = media.read(file)
    said = np.trim_zeros(np.where(np.abs(said) > 200, said, 0))[-media.RATE // 2 :]
    return media.hear(said, heard).same


def test_a_caller_whom_a_member_declines_waits_for_another(office: Site, world: FarSide) -> None:
    [talk] = talking(office, world, ("office102desk",))
    world.behave("office101desk", farside.busy())
    call = queued(office, world)
    assert rung(office, call) == ["101"]
    behind = queued(office, world)
    world.hang_up(talk)
    until_rung(office, call, "102")
    for each in (call, behind):
        world.hang_up(each)


def test_who_has_waited_as_long_as_may_be_goes_on_as_not_answered(office: Site, world: FarSide) -> None:
    office.edit(
        "tenants/office.yaml",
        ("longest_s: 60", "longest_s: 5"),
        (r"repeat_s: 14\}\n    overflow: \{busy", "}\n    overflow: {no_answer: {employee: '103'}, busy"),
    )
    office.vpbx("apply")
    talks = talking(office, world)
    after = len(world.calls_to("office103desk"))
    call = queued(office, world)
    world.incoming("office103desk", after=after)
    [begun, ended] = marks(office, call, "vpbx.wait")
    assert (begun.facts["decision"], ended.facts["decision"]) == ("waits", "no_answer")
    assert 4.9 < (ended.at - begun.at).total_seconds() < 8
    told = office.vpbx(
        *("route", "--tenant", "office", "--from", call.from_number, "--to", FIRST_LINE),
        *("--busy", "101", "--busy", "102"),
    )
    assert "waits as number 1 of 2 at most, for 5 s: no answer" in told
    assert "goes to: employee 103" in told
    for each in (call, *talks):
        world.hang_up(each)


def test_statistics_say_how_many_waited_and_how_long(office: Site, world: FarSide) -> None:
    begun = datetime.now(UTC).isoformat()
    talks = talking(office, world)
    served, lost = queued(office, world), queued(office, world)
    world.hang_up(talks[1])
    until_rung(office, served, "102")
    for each in (lost, served, talks[0]):
        world.hang_up(each)
    [waits_at, taken_at] = [each.at for each in marks(office, served, "vpbx.wait")]
    [since] = [each.at for each in marks(office, lost, "vpbx.wait")]
    office.until(lambda: bool(hung_up(office, lost)), "the other one has hung up")
    took = [(taken_at - waits_at).total_seconds(), (hung_up(office, lost)[0] - since).total_seconds()]
    office.vpbx("reconcile")
    total = office.json("stats", "office", "--from", begun)["total"]
    assert total["queued"] == 2
    assert total["queue_median_s"] == pytest.approx(min(took), abs=0.001)
    assert total["queue_p90_s"] == pytest.approx(max(took), abs=0.001)
    assert "in queue" in office.vpbx("stats", "office", "--from", begun)


def hung_up(office: Site, call: Call) -> list[datetime]:
    """When a caller's own channel ended."""
    [begun] = marks(office, call, "vpbx.leg")
    return [each.at for each in marks(office, call, "HANGUP") if each.uniqueid == begun.uniqueid]


def test_many_callers_are_served_as_they_came_though_some_hang_up(office: Site, world: FarSide) -> None:
    office.edit("tenants/office.yaml", ("most: 2", "most: 9"), ("longest_s: 5", "longest_s: 120"))
    office.vpbx("apply")
    talks = talking(office, world)
    calls = [queued(office, world) for _ in range(9)]
    for name in MEMBERS:
        world.behave(name, farside.answer(ring_s=0.2, stay_s=0.2))
    gone = random.Random(20261127).sample(calls, 3)
    for call in gone:
        world.hang_up(call)
    for talk in talks:
        world.hang_up(talk)
    left = [call for call in calls if call not in gone]
    for call in left:
        world.wait_ended(call, 40)
    assert [waits(office, call) for call in left] == [["waits", "taken"]] * len(left)
    taken = [marks(office, call, "vpbx.wait")[-1].at for call in left]
    assert taken == sorted(taken)
    assert [waits(office, call) for call in gone] == [["waits"]] * len(gone)


def test_route_says_the_steps_of_who_waits(office: Site, world: FarSide) -> None:
    [talk] = talking(office, world, ("office101desk",))
    office.rx("database put vpbx-out/office 102 1")
    call = queued(office, world)
    world.hang_up(talk)
    until_rung(office, call, "101")
    world.hang_up(call)
    told = office.json("route", "--tenant", "office", "--from", call.from_number, "--to", FIRST_LINE)
    assert steps_of(office, call.from_number, FIRST_LINE) == [each["id"] for each in told["steps"]]


def test_who_calls_a_queue_of_his_own_does_not_wait_for_himself(office: Site, world: FarSide) -> None:
    office.rx("database put vpbx-out/office 102 1")
    after = len(world.calls_to("office104desk"))
    call = world.call("office101desk", "205")
    passed_on = world.incoming("office104desk", after=after, deadline_s=4)  # as busy
    assert passed_on.from_number == "101"
    world.hang_up(call)


def test_nobody_waits_where_nobody_is_logged_in(office: Site, world: FarSide) -> None:
    for extension in ("101", "102"):
        office.rx(f"database put vpbx-out/office {extension} 1")
    call = call_in(world)
    assert world.wait_ended(call).code == 480
    assert waits(office, call) == []


def test_who_has_waited_is_in_the_recording_with_whom_he_talks(tmp_path: Path, asterisk: Asterisk) -> None:
    """The listener attaches the recorder anew when the music ends."""
    colleague, caller = (media.write_wav(tmp_path / f"{seed}.wav", media.voice(seed)) for seed in (61, 62))
    members = ("acme101desk", "acme102desk", "acme103desk")
    with Site(tmp_path / "project", asterisk) as site:
        (site.root / "music").mkdir()
        media.write_wav(site.root / "music/queue.wav", media.voice(QUEUE_MUSIC))
        waiting = "waiting: {music: music/queue.wav, position: true}"
        site.edit("tenants/acme.yaml", ("distribution: all", f"distribution: in_order\n    {waiting}"))
        site.start()
        site.listen()
        with site.far_side(*site.phones("acme", ("101", "102", "103"))) as far:
            far.wait_registered()
            far.behave(CARRIER, farside.answer())
            for name in members:
                far.behave(name, farside.answer(colleague, ring_s=0.6))
            talks = talking(site, far, members)
            calls = [
                far.call(CARRIER, "+74951112233", say=caller, from_number=f"+7903555701{n}")
                for n in (1, 2, 3)
            ]
            for call in calls:
                far.wait_answered(call)
            site.until(
                lambda: site.json("status", "acme")["tenants"]["acme"]["waiting"] == {"sales": 3}, "they wait"
            )
            for talk in talks:
                far.hang_up(talk)
            for name in members:
                far.incoming(name)
            time.sleep(4)  # what is heard in that time is in the recording, or not
            for call in calls:
                far.hang_up(call)
        heard = [each for file in whole_recordings(site, calls) for each in both_sides(file)]
    assert len(heard) == 6
    assert all(each.same and each.voiced_s >= 2 for each in heard), heard


def whole_recordings(site: Site, calls: list[Call]) -> list[Path]:
    """The recordings of calls from outside, once they are whole."""

    def found() -> list[Path]:
        listed = site.json("recordings", "list", "acme")["recordings"]
        return [Path(each["file"]) for each in listed if each["state"] == "complete"]

    site.until(lambda: len(found()) == len(calls), "every recording is whole", 30)
    return found()


def both_sides(file: Path) -> list[media.Heard]:
    """How well caller and colleague are heard, each on its side."""
    return [
        media.hear(side, media.voice(seed)) for side, seed in zip(media.read(file), (62, 61), strict=True)
    ]
