"""Recorders renewed over AMI: in order, once for each transfer, with patience, and never to a call's cost."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from fake_ami import SYSTEMNAME, FakeAmi, Fields, message, ok, play, until

from orchestrator.asterisk.connection import AmiLogin, Deadlines
from orchestrator.recorders import Patience, Recorders, RecordersStatus
from orchestrator.written_sound import Monitored

SHORT = Deadlines(login_s=1.0, action_s=0.3, ping_every_s=5.0, pong_s=5.0)
QUICK = Patience(release_s=0.01, look_after_s=(0.05, 0.05, 0.05), retry_s=(0.01, 0.01))
CHANNEL, OTHER = (f"{SYSTEMNAME}-1790000000.{number}" for number in (4, 7))
BLOCK = (Path(__file__).parents[2] / "dialplans/asterisk/recording.conf").read_text()
ORDER = ["getvar", "stopmixmonitor", "mixmonitor"]


@dataclass
class Tape:
    """What recorders write, without a disk. Args: hears: answers to the looks, the last one for ever."""

    hears: list[bool] = field(default_factory=lambda: [True])

    def size(self, _file: str) -> int:
        return 320

    def hears_inside(self, _file: str, beyond: int) -> bool:
        assert beyond == 320
        return self.hears.pop(0) if len(self.hears) > 1 else self.hears[0]


def recorded(fake: FakeAmi, *channels: str, refuses: str = "") -> None:
    """Channels that are up and recorded. Args: refuses: an action that the switch always refuses."""

    def answer(fields: Fields) -> str:
        if fields["Action"].lower() == refuses:
            return message(Response="Error", ActionID=fields["ActionID"], Message="no")
        file = f"{fields['Channel']}.raw" if fields["Channel"] in channels else ""
        return ok(fields, Variable="VPBX_RECORDING", Value=file)

    fake.channels = [channel.removeprefix(f"{SYSTEMNAME}-") for channel in channels]
    fake.answers |= dict.fromkeys(ORDER, answer)


def over(fake: FakeAmi, tape: Tape) -> Recorders:
    return Recorders(
        lambda: AmiLogin("127.0.0.1", fake.port, "listen", "right"), tape, deadlines=SHORT, patience=QUICK
    )


def asked(fake: FakeAmi) -> list[str]:
    return [action for fields in fake.received if (action := fields["Action"].lower()) in ORDER]


def run(test: Callable[[FakeAmi, Recorders], Awaitable[None]], tape: Tape | None = None) -> None:
    async def with_recorders(fake: FakeAmi) -> None:
        recorders = over(fake, tape or Tape())
        try:
            await test(fake, recorders)
        finally:
            await recorders.stop(5.0)

    play(with_recorders)


def test_a_recorder_is_stopped_and_started_into_the_same_file_as_the_dialplan_does() -> None:
    async def test(fake: FakeAmi, recorders: Recorders) -> None:
        recorded(fake, CHANNEL)
        recorders.renew([CHANNEL])
        await until(lambda: recorders.status == RecordersStatus(renewed=1))
        assert asked(fake) == ORDER
        start = fake.received[-1]
        assert start["Channel"] == CHANNEL
        assert f"MixMonitor(,{start['Options'].replace(CHANNEL, '${VPBX_RECORDING:0:-4}')})" in BLOCK

    run(test)


def test_a_channel_that_is_not_recorded_is_left_alone() -> None:
    async def test(fake: FakeAmi, recorders: Recorders) -> None:
        recorded(fake, CHANNEL)
        recorders.renew([OTHER])
        await until(lambda: asked(fake) == ["getvar"])
        recorders.renew([CHANNEL])
        await until(lambda: recorders.status.renewed == 1)
        assert asked(fake) == ["getvar", *ORDER]

    run(test)


@pytest.mark.parametrize("file", ["../../x.raw", "a b.raw", "|rm", "s-1.1.raw,cmd", "s-1.1.wav"])
def test_a_file_that_the_dialplan_would_not_name_is_never_written(file: str) -> None:
    async def test(fake: FakeAmi, recorders: Recorders) -> None:
        recorded(fake, CHANNEL)
        fake.answers["getvar"] = lambda fields: ok(fields, Value=file)
        recorders.renew([CHANNEL])
        await recorders.stop(5.0)
        assert asked(fake) == ["getvar"]

    run(test)


def test_both_who_stay_are_renewed() -> None:
    async def test(fake: FakeAmi, recorders: Recorders) -> None:
        recorded(fake, CHANNEL, OTHER)
        recorders.renew([CHANNEL, OTHER])
        await until(lambda: recorders.status.renewed == 2)
        started = {fields["Channel"] for fields in fake.received if fields["Action"] == "MixMonitor"}
        assert started == {CHANNEL, OTHER}

    run(test)


def test_a_recorder_that_hears_nobody_is_renewed_again_and_not_for_ever() -> None:
    async def test(fake: FakeAmi, recorders: Recorders) -> None:
        recorded(fake, CHANNEL, OTHER)
        recorders.renew([CHANNEL])
        await until(lambda: recorders.status.renewed == 2)
        recorders.renew([OTHER])
        await until(lambda: recorders.status.renewed == 3)

    run(test, Tape([False, True]))

    async def never(fake: FakeAmi, recorders: Recorders) -> None:
        recorded(fake, CHANNEL)
        recorders.renew([CHANNEL])
        await until(lambda: recorders.status.renewed == len(QUICK.look_after_s))
        await recorders.stop(5.0)
        assert recorders.status == RecordersStatus(renewed=3)

    run(never, Tape([False]))


def test_a_second_transfer_while_one_is_in_work_renews_once_more() -> None:
    async def test(fake: FakeAmi, recorders: Recorders) -> None:
        recorded(fake, CHANNEL)
        recorders.renew([CHANNEL])
        recorders.renew([CHANNEL])
        await until(lambda: recorders.status.renewed == 2)
        assert asked(fake) == ORDER * 2

    run(test)


def test_a_start_that_fails_is_tried_again_and_then_told() -> None:
    async def test(fake: FakeAmi, recorders: Recorders) -> None:
        recorded(fake, CHANNEL, refuses="mixmonitor")
        recorders.renew([CHANNEL])
        await until(lambda: recorders.status.failed == 1)
        assert asked(fake) == ORDER * 3
        recorded(fake, CHANNEL, refuses="stopmixmonitor")
        recorders.renew([CHANNEL])
        await until(lambda: recorders.status.renewed == 1)

    run(test)


def test_a_call_that_ended_meanwhile_is_no_failure() -> None:
    async def test(fake: FakeAmi, recorders: Recorders) -> None:
        recorded(fake, CHANNEL, refuses="getvar")
        fake.channels = []
        recorders.renew([CHANNEL])
        await until(lambda: fake.count("coreshowchannels") == 1)
        await recorders.stop(5.0)
        assert recorders.status == RecordersStatus()

    run(test)


def test_a_switch_that_does_not_answer_costs_the_recording_and_nothing_else() -> None:
    async def test(fake: FakeAmi, recorders: Recorders) -> None:
        recorded(fake, CHANNEL)
        fake.answers.pop("stopmixmonitor")
        recorders.renew([CHANNEL])
        await until(lambda: recorders.status == RecordersStatus(failed=1))
        assert "mixmonitor" not in asked(fake)

    run(test)


def test_a_stop_waits_for_the_start_of_what_it_stopped() -> None:
    async def test(fake: FakeAmi, recorders: Recorders) -> None:
        recorded(fake, CHANNEL)
        recorders.renew([CHANNEL])
        await until(lambda: "stopmixmonitor" in asked(fake))
        await recorders.stop(5.0)
        assert asked(fake) == ORDER
        recorders.renew([OTHER])
        assert recorders.status == RecordersStatus(renewed=1, failed=1)

    run(test)


def test_what_is_written_is_looked_at_on_the_inside_alone_and_beyond_a_place(tmp_path: Path) -> None:
    written = Monitored(tmp_path)
    (tmp_path / "c-left.raw").write_bytes(b"\x01\x00" * 500)
    (tmp_path / "c-right.raw").write_bytes(b"\x01\x00" + b"\x00\x00" * 100 + b"\x01")
    assert written.size("c.raw") == 101 * 2 + 1
    assert written.hears_inside("c.raw", 0)
    assert not written.hears_inside("c.raw", 2)
    assert not written.hears_inside("c.raw", written.size("c.raw"))
    assert written.hears_inside("gone.raw", 0)
    assert written.size("gone.raw") == 0
