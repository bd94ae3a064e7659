"""Bytes in, whole messages out; one bad message costs only itself; no action carries a header of its own."""

from __future__ import annotations

import asyncio

import pytest
from panoramisk.actions import Action
from panoramisk.message import Message

from orchestrator.asterisk.connection import ByteFeed
from orchestrator.asterisk.protocol import (
    ForgedMessage,
    MessageSplitter,
    MessageTooLong,
    check_action,
    read_message,
)
from orchestrator.errors import ActionFailed

NAME = "Щётка «Ёж» ☎"


def block(*lines: str) -> bytes:
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


STREAM = (
    b"Asterisk Call Manager/11.0.0\r\n"
    + block("Event: FullyBooted", "Status: Fully Booted")
    + block("Event: NewCallerid", f"CallerIDName: {NAME}", "Exten: ")
    + block("Event: Hangup", "Cause: 16")
)


def feed_all(chunks: list[bytes]) -> tuple[list[Message], ByteFeed]:
    seen: list[Message] = []

    def take(message: Message) -> bool:
        seen.append(message)
        return True

    feed = ByteFeed(take)
    for chunk in chunks:
        feed.feed(chunk)
    return seen, feed


def test_a_stream_cut_at_every_byte_gives_the_same_messages() -> None:
    whole = [dict(message) for message in feed_all([STREAM])[0]]
    assert [message["Event"] for message in whole] == ["FullyBooted", "NewCallerid", "Hangup"]
    assert whole[1]["CallerIDName"] == NAME
    for cut in range(len(STREAM) + 1):
        assert [dict(message) for message in feed_all([STREAM[:cut], STREAM[cut:]])[0]] == whole, cut


def test_a_stream_of_single_bytes_gives_the_same_messages() -> None:
    seen, feed = feed_all([bytes([byte]) for byte in STREAM])
    assert [message["Event"] for message in seen] == ["FullyBooted", "NewCallerid", "Hangup"]
    assert feed.counts.forged == feed.counts.fragments == 0


def test_an_absent_header_is_absent_and_an_empty_one_is_empty() -> None:
    message = feed_all([STREAM])[0][1]
    assert message["Exten"] == ""
    assert "Context" not in message
    assert message.get("Context") is None


def test_bytes_that_are_not_utf_8_become_replacement_characters() -> None:
    seen, feed = feed_all([b"Event: X\r\nCallerIDName: a\xff\xfeb\r\n\r\n", block("Event: Y")])
    assert seen[0]["CallerIDName"] == "a\ufffd\ufffdb"
    assert [message["Event"] for message in seen] == ["X", "Y"]
    assert feed.counts.failed == 0


def test_stray_line_breaks_between_messages_are_no_messages() -> None:
    seen, feed = feed_all([b"\r\n\r\n\r\n" + block("Event: X") + b"\r\n" + block("Event: Y")])
    assert [message["Event"] for message in seen] == ["X", "Y"]
    assert feed.counts.fragments == 0


@pytest.mark.parametrize(
    "header", ["Event", "SystemName", "EventName", "EventTime", "UniqueID", "LinkedID", "uniqueid", "Extra"]
)
def test_a_repeated_identity_header_makes_a_message_forged(header: str) -> None:
    lines = ["Event: CEL", f"{header}: a", f"{header}: b"]
    with pytest.raises(ForgedMessage):
        read_message(block(*lines).removesuffix(b"\r\n\r\n"))
    seen, feed = feed_all([block(*lines) + block("Event: After")])
    assert [message["Event"] for message in seen] == ["After"]
    assert feed.counts.forged == 1


def test_other_headers_may_repeat_and_keep_their_order() -> None:
    message = read_message(b"Response: Success\r\nOutput: one\r\nOutput: \r\nOutput: two")
    assert message is not None
    assert message["Output"] == ["one", "", "two"]


def test_a_block_that_is_neither_event_nor_response_is_counted() -> None:
    seen, feed = feed_all([block("UniqueID: s1-1.1", "Extra: "), block("Event: X")])
    assert [message["Event"] for message in seen] == ["X"]
    assert feed.counts.fragments == 1


def test_an_event_whose_handling_raises_costs_only_itself() -> None:
    seen: list[str] = []

    def take(message: Message) -> bool:
        if message["Event"] == "Bad":
            raise RuntimeError("no")
        seen.append(message["Event"])
        return True

    feed = ByteFeed(take)
    feed.feed(block("Event: A") + block("Event: Bad") + block("Event: B"))
    feed.feed(block("Event: C"))
    assert seen == ["A", "B", "C"]
    assert feed.counts.failed == 1


def test_a_shutdown_event_that_anybody_could_forge_does_not_end_the_session() -> None:
    seen, _ = feed_all([block("Event: Shutdown", "Shutdown: Cleanly") + block("Event: After")])
    assert [message["Event"] for message in seen] == ["Shutdown", "After"]


def test_a_message_above_the_limit_ends_the_connection() -> None:
    splitter = MessageSplitter(longest=1000)
    assert splitter.feed(block("Event: " + "x" * 900)) != []
    with pytest.raises(MessageTooLong):
        splitter.feed(b"y" * 1001)
    _, feed = feed_all([b"Event: X\r\nName: " + b"z" * (300 * 1024)])
    assert feed.counts.oversized == 1


def test_a_sink_that_wants_no_more_gets_no_more() -> None:
    seen: list[str] = []

    def take(message: Message) -> bool:
        seen.append(message["Event"])
        return len(seen) < 2

    ByteFeed(take).feed(b"".join(block(f"Event: E{number}") for number in range(10)))
    assert seen == ["E0", "E1"]


@pytest.mark.parametrize("evil", ["a\r\nAction: Originate", "a\nb", "a\rb", "a\0b"])
@pytest.mark.parametrize("place", ["value", "listed", "name"])
def test_an_action_with_a_line_break_is_refused_before_it_is_sent(evil: str, place: str) -> None:
    async def make() -> Action:
        fields: dict[str, object] = {"Action": "Setvar", "Variable": "X"}
        if place == "value":
            fields["Value"] = evil
        elif place == "listed":
            fields["Value"] = ["good", evil]
        else:
            fields[evil] = "good"
        return Action(fields)

    with pytest.raises(ActionFailed):
        check_action(asyncio.run(make()))
