"""The queue of events over sessions that freeze, break off, flood, and are refused."""

from __future__ import annotations

import asyncio

import pytest
from fake_ami import SYSTEMNAME, FakeAmi, cel, message, play, until

from orchestrator.asterisk.connection import AmiLogin, Deadlines
from orchestrator.asterisk.stream import AmiState, EventStream, Resync, Retries
from orchestrator.errors import AmiUnreachable

SHORT = Deadlines(login_s=1.0, action_s=0.3, ping_every_s=0.05, pong_s=0.3)
QUICK = Retries(first_s=0.02, longest_s=0.05, refused_s=0.1, settled_s=60.0)


def login(fake: FakeAmi, secret: str = "right") -> AmiLogin:
    return AmiLogin("127.0.0.1", fake.port, "control", secret)


def stream_of(fake: FakeAmi, **settings: object) -> EventStream:
    return EventStream(lambda: login(fake), deadlines=SHORT, retries=QUICK, **settings)


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

    play(test)


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

    play(test)


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

    play(test)


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

    play(test)


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

    play(test)


def test_a_giant_message_ends_the_session_and_is_counted() -> None:
    async def test(fake: FakeAmi) -> None:
        stream = stream_of(fake)
        running = asyncio.create_task(stream.run())
        await until(lambda: fake.listeners == 1)
        fake.emit(b"Event: CEL\r\nAppData: " + b"x" * 400_000)
        await until(lambda: stream.status.sessions == 2)
        assert stream.counts.oversized == 1
        running.cancel()

    play(test)


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

    play(test)


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
