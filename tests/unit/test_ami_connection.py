"""Sessions with a switch that refuses, keeps silent or breaks off; and the control verbs over them."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from fake_ami import SYSTEMNAME, FakeAmi, message, ok, play, until

from orchestrator.asterisk.answers import lines_held, started_at
from orchestrator.asterisk.connection import AmiConnection, AmiLogin, Deadlines
from orchestrator.asterisk.control import AmiSwitch
from orchestrator.errors import ActionFailed, AmiRefused, AmiUnreachable, NotFound
from orchestrator.ports import Switch

SHORT = Deadlines(login_s=1.0, action_s=0.3, ping_every_s=0.05, pong_s=0.3)


def login(fake: FakeAmi, secret: str = "right") -> AmiLogin:
    return AmiLogin("127.0.0.1", fake.port, "control", secret)


def test_a_control_session_fulfils_the_switch_port() -> None:
    switch: Switch = AmiSwitch(AmiLogin("127.0.0.1", 1, "control", "hush"))
    assert switch is not None


def test_a_login_does_not_show_its_secret() -> None:
    assert "hush" not in repr(AmiLogin("127.0.0.1", 1, "control", "hush"))


def test_status_and_channels_are_read() -> None:
    async def test(fake: FakeAmi) -> None:
        fake.channels = ["1790000000.1", "1790000000.2"]
        async with AmiSwitch(login(fake), SHORT) as switch:
            status = await switch.status()
            channels = await switch.channels()
        assert (status.version, status.systemname, status.calls_up) == ("22.10.1", SYSTEMNAME, 2)
        assert status.started_at == datetime(2026, 9, 21, 14, 13, 10, tzinfo=UTC)
        assert [channel.line_of for channel in channels] == ["acme", "acme"]
        assert channels[0].created_at == datetime(2026, 9, 21, 14, 13, 20, tzinfo=UTC)

    play(test)


def test_the_channels_of_a_warning_are_of_no_call() -> None:
    async def test(fake: FakeAmi) -> None:
        fake.channels = ["1790000000.1", "1790000000.2", "1790000000.3"]
        plain = fake.answers["coreshowchannels"]
        warning = "Local/tone@vpbx-credit-warning-00000001"
        fake.answers["coreshowchannels"] = lambda fields: (
            plain(fields)
            .replace("PJSIP/t-1790000000.2", f"{warning};1")
            .replace("PJSIP/t-1790000000.3", f"{warning};2")
        )
        async with AmiSwitch(login(fake), SHORT) as switch:
            [call] = await switch.channels()
        assert call.uniqueid == f"{SYSTEMNAME}-1790000000.1"

    play(test)


@pytest.mark.parametrize(
    ("local", "offset"),
    [("2026-09-21 17:13:10", "+3"), ("2026-09-21 19:43:10", "+5:30"), ("2026-09-21 04:13:10", "-10")],
)
def test_a_start_time_is_utc_whatever_the_switchs_zone(local: str, offset: str) -> None:
    now = datetime(2026, 9, 21, 14, 13, 20, 700000, tzinfo=UTC)
    assert started_at(local, now, 10) == datetime(2026, 9, 21, 14, 13, 10, tzinfo=UTC), offset


def test_only_the_lines_category_holds_lines() -> None:
    output = "Channel  Group  Category\nPJSIP/a-1  acme  lines\nPJSIP/b-1  acme  other\n2 active channels"
    assert lines_held(output) == {"PJSIP/a-1": "acme"}


def test_a_wrong_secret_is_refused_in_one_line_and_tried_once() -> None:
    async def test(fake: FakeAmi) -> None:
        with pytest.raises(AmiRefused) as refused:
            async with AmiSwitch(login(fake, "wrong"), SHORT):
                pass
        assert "\n" not in refused.value.message
        assert "wrong" not in refused.value.message
        assert fake.count("login") == 1

    play(test)


def test_nothing_listening_is_unreachable() -> None:
    async def test() -> None:
        async with FakeAmi() as fake:
            pass
        with pytest.raises(AmiUnreachable):
            async with AmiSwitch(login(fake), SHORT):
                pass

    asyncio.run(test())


def test_a_switch_that_never_answers_the_login_is_unreachable() -> None:
    async def test(fake: FakeAmi) -> None:
        with pytest.raises(AmiUnreachable):
            async with AmiSwitch(login(fake), Deadlines(login_s=0.2)):
                pass

    play(test, silent=True)


def test_every_action_has_a_deadline_and_its_late_answer_is_forgotten() -> None:
    async def test(fake: FakeAmi) -> None:
        async with AmiSwitch(login(fake), SHORT) as switch:
            fake.silent = True
            for ask in (switch.status, switch.channels, lambda: switch.command("core show version")):
                with pytest.raises(AmiUnreachable):
                    await ask()
            fake.silent = False
            assert (await switch.status()).systemname == SYSTEMNAME

    play(test)


def test_a_list_that_never_ends_has_a_deadline() -> None:
    async def test(fake: FakeAmi) -> None:
        fake.answers["coreshowchannels"] = lambda fields: ok(fields, EventList="start", Message="will follow")
        async with AmiSwitch(login(fake), SHORT) as switch:
            with pytest.raises(AmiUnreachable):
                await switch.channels()

    play(test)


def test_errors_of_the_switch_are_raised() -> None:
    async def test(fake: FakeAmi) -> None:
        def refuse(fields: dict[str, str]) -> str:
            return message(Response="Error", ActionID=fields["ActionID"], Message="No such module")

        fake.answers |= {"reload": refuse, "pjsipshowendpoint": refuse}
        async with AmiSwitch(login(fake), SHORT) as switch:
            with pytest.raises(ActionFailed, match="No such module"):
                await switch.reload("nonsense.so")
            with pytest.raises(ActionFailed, match="No such command"):
                await switch.command("nonsense")
            with pytest.raises(NotFound):
                await switch.endpoint("nobody")

    play(test)


def test_a_line_break_in_a_value_is_never_sent() -> None:
    async def test(fake: FakeAmi) -> None:
        async with AmiSwitch(login(fake), SHORT) as switch:
            with pytest.raises(ActionFailed):
                await switch.command("core show version\r\nAction: Originate")
            await switch.status()
        assert fake.count("originate") == 0

    play(test)


def test_a_break_fails_what_waits_at_once_and_nothing_is_sent_again() -> None:
    async def test(fake: FakeAmi) -> None:
        connection = await AmiConnection.connect(login(fake), deadlines=Deadlines(action_s=20))
        call = asyncio.create_task(connection.action({"Action": "Originate", "Channel": "Local/1@x"}))
        await until(lambda: fake.count("originate") == 1)
        fake.drop()
        with pytest.raises(AmiUnreachable):
            await call
        with pytest.raises(AmiUnreachable):
            await connection.action({"Action": "Ping"})
        async with AmiSwitch(login(fake), SHORT) as switch:
            await switch.status()
        assert fake.count("originate") == 1

    play(test)
