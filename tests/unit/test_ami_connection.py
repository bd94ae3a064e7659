"""Sessions with a switch that refuses, freezes, breaks off and floods; and the control verbs over them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import pytest
from fake_ami import SYSTEMNAME, FakeAmi, cel, message, ok, until

from orchestrator.asterisk.connection import AmiConnection, AmiLogin, Deadlines
from orchestrator.asterisk.control import AmiSwitch, lines_held, started_at
from orchestrator.asterisk.stream import AmiState, EventStream, Resync, Retries
from orchestrator.errors import ActionFailed, AmiRefused, AmiUnreachable, NotFound
from orchestrator.ports import Switch

SHORT = Deadlines(login_s=1.0, action_s=0.3, ping_every_s=0.05, pong_s=0.3)
QUICK = Retries(first_s=0.02, longest_s=0.05, refused_s=0.1, settled_s=60.0)


def with_fake(test: Callable[[FakeAmi], Awaitable[None]], **settings: object) -> None:
    async def run() -> None:
        async with FakeAmi(**settings) as fake, asyncio.timeout(30):
            await test(fake)

    asyncio.run(run())


def login(fake: FakeAmi, secret: str = "right") -> AmiLogin:
    return AmiLogin("127.0.0.1", fake.port, "control", secret)


def stream_of(fake: FakeAmi, **settings: object) -> EventStream:
    return EventStream(lambda: login(fake), deadlines=SHORT, retries=QUICK, **settings)


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

    with_fake(test)


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

    with_fake(test)


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

    with_fake(test, silent=True)


def test_every_action_has_a_deadline_and_its_late_answer_is_forgotten() -> None:
    async def test(fake: FakeAmi) -> None:
        async with AmiSwitch(login(fake), SHORT) as switch:
            fake.silent = True
            for ask in (switch.status, switch.channels, lambda: switch.command("core show version")):
                with pytest.raises(AmiUnreachable):
                    await ask()
            fake.silent = False
            assert (await switch.status()).systemname == SYSTEMNAME

    with_fake(test)


def test_a_list_that_never_ends_has_a_deadline() -> None:
    async def test(fake: FakeAmi) -> None:
        fake.answers["coreshowchannels"] = lambda fields: ok(fields, EventList="start", Message="will follow")
        async with AmiSwitch(login(fake), SHORT) as switch:
            with pytest.raises(AmiUnreachable):
                await switch.channels()

    with_fake(test)


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

    with_fake(test)


def test_a_line_break_in_a_value_is_never_sent() -> None:
    async def test(fake: FakeAmi) -> None:
        async with AmiSwitch(login(fake), SHORT) as switch:
            with pytest.raises(ActionFailed):
                await switch.command("core show version\r\nAction: Originate")
            await switch.status()
        assert fake.count("originate") == 0

    with_fake(test)


def test_a_break_fails_what_waits_at_once_and_nothing_is_sent_again() -> None:
    async def test(fake: FakeAmi) -> None:
        stream = stream_of(fake)
        running = asyncio.create_task(stream.run())
        await until(lambda: fake.listeners == 1)
        connection = await AmiConnection.connect(login(fake), deadlines=Deadlines(action_s=20))
        call = asyncio.create_task(connection.action({"Action": "Originate", "Channel": "Local/1@x"}))
        await until(lambda: fake.count("originate") == 1)
        fake.drop()
        with pytest.raises(AmiUnreachable):
            await call
        with pytest.raises(AmiUnreachable):
            await connection.action({"Action": "Ping"})
        await until(lambda: stream.status.sessions >= 2)
        assert fake.count("originate") == 1
        running.cancel()

    with_fake(test)


def test_an_originate_unanswered_on_the_event_session_is_not_sent_after_a_reconnect() -> None:
    async def test(fake: FakeAmi) -> None:
        stream = stream_of(fake)
        running = asyncio.create_task(stream.run())
        await until(lambda: stream.status.state is AmiState.UP)
        assert stream._connection is not None
        call = asyncio.create_task(stream._connection.action({"Action": "Originate"}, 20))
        await until(lambda: fake.count("originate") == 1)
        fake.drop()
        with pytest.raises(AmiUnreachable):
            await call
        await until(lambda: stream.status.sessions >= 2)
        fake.emit(message(Event="FullyBooted", Status="Fully Booted") + cel("ANSWER", "1.1"))
        await until(lambda: stream.waiting >= 4)
        assert fake.count("originate") == 1
        running.cancel()

    with_fake(test)


def test_unanswered_pings_end_the_session_and_a_new_one_begins_with_a_resync() -> None:
    async def test(fake: FakeAmi) -> None:
        stream = stream_of(fake)
        running = asyncio.create_task(stream.run())
        await until(lambda: fake.count("ping") >= 2)
        assert stream.status.sessions == 1
        fake.silent = True
        await until(lambda: stream.status.state is AmiState.DOWN)
        assert "no sign of life" in stream.status.error
        fake.silent = False
        await until(lambda: stream.status.state is AmiState.UP)
        assert isinstance(await stream.next(), Resync)
        assert isinstance(await stream.next(), Resync)
        running.cancel()

    with_fake(test)


def test_events_are_a_sign_of_life_while_pongs_are_late() -> None:
    async def test(fake: FakeAmi) -> None:
        stream = stream_of(fake)
        running = asyncio.create_task(stream.run())
        await until(lambda: fake.listeners == 1)
        del fake.answers["ping"]
        for number in range(100):
            fake.emit(cel("ANSWER", f"1.{number}"))
            await asyncio.sleep(0.01)
        assert stream.status.sessions == 1
        running.cancel()

    with_fake(test)


def test_events_keep_their_order_over_sessions() -> None:
    async def test(fake: FakeAmi) -> None:
        stream = stream_of(fake)
        running = asyncio.create_task(stream.run())
        for session in (1, 2):
            await until(lambda expected=session: stream.status.sessions == expected)
            fake.emit("".join(cel("ANSWER", f"{session}.{number}") for number in range(50)))
            await until(lambda expected=session: stream.waiting == expected * 51)
            fake.drop()
            await until(lambda: fake.listeners == 0)
        seen = [await stream.next() for _ in range(102)]
        names = ["resync" if isinstance(item, Resync) else item["UniqueID"] for item in seen]
        expected = [
            name
            for session in (1, 2)
            for name in ("resync", *(f"{SYSTEMNAME}-{session}.{number}" for number in range(50)))
        ]
        assert names == expected
        running.cancel()

    with_fake(test)


def test_a_full_queue_holds_the_switch_back_and_loses_nothing() -> None:
    async def test(fake: FakeAmi) -> None:
        stream = stream_of(fake, depth=20)
        running = asyncio.create_task(stream.run())
        await until(lambda: stream.status.state is AmiState.UP)
        fake.emit("".join(cel("ANSWER", f"1.{number}") for number in range(500)))
        await until(lambda: stream.status.held_back == 1)
        before = fake.count("ping")
        await until(lambda: fake.count("ping") > before + 8)  # longer than the pong deadline
        assert stream.waiting == 20
        assert stream.status.sessions == 1
        seen = [await stream.next() for _ in range(501)]
        assert [item["UniqueID"] for item in seen[1:]] == [f"{SYSTEMNAME}-1.{n}" for n in range(500)]
        assert stream.status.held_back > 1
        fake.emit(cel("ANSWER", "2.0"))
        assert (await stream.next())["UniqueID"] == f"{SYSTEMNAME}-2.0"
        running.cancel()

    with_fake(test)


def test_a_giant_message_ends_the_session_and_is_counted() -> None:
    async def test(fake: FakeAmi) -> None:
        stream = stream_of(fake)
        running = asyncio.create_task(stream.run())
        await until(lambda: fake.listeners == 1)
        fake.emit(b"Event: CEL\r\nAppData: " + b"x" * 400_000)
        await until(lambda: stream.status.sessions == 2)
        assert stream.counts.oversized == 1
        running.cancel()

    with_fake(test)


def test_a_wrong_secret_is_retried_slowly_until_the_new_one_is_found() -> None:
    async def test(fake: FakeAmi) -> None:
        secrets = ["old"]
        stream = EventStream(
            lambda: login(fake, secrets[-1]), deadlines=SHORT, retries=Retries(first_s=0.001, refused_s=0.2)
        )
        running = asyncio.create_task(stream.run())
        loop = asyncio.get_running_loop()
        await until(lambda: fake.count("login") == 1)
        began = loop.time()
        await until(lambda: fake.count("login") == 2)
        assert loop.time() - began > 0.15
        assert stream.status.state is AmiState.REFUSED
        secrets.append("right")
        await until(lambda: stream.status.state is AmiState.UP)
        running.cancel()

    with_fake(test)


def test_a_switch_that_comes_later_is_found() -> None:
    async def test() -> None:
        async with FakeAmi() as fake:
            await fake.stop()
            stream = stream_of(fake)
            running = asyncio.create_task(stream.run())
            await until(lambda: stream.status.state is AmiState.DOWN)
            await fake.listen()
            await until(lambda: stream.status.state is AmiState.UP)
            running.cancel()

    asyncio.run(test())


def test_delays_grow_and_differ() -> None:
    retries = Retries(first_s=1, longest_s=8)
    assert [retries.delay_s(n, 0) for n in (1, 2, 3, 4, 9, 10_000)] == [1, 2, 4, 8, 8, 8]
    assert retries.delay_s(4, 1) == 4
