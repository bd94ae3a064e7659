"""AMI text of a real call as events, and the same text with a caller's own messages in it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from orchestrator.asterisk.events import read_stream
from orchestrator.model.call import MUSIC_STOPPED, Systemname

OURS = Systemname("s6f1d2")
CHANNEL = "PJSIP/trunk-0000000a"
MARK = "tenant=acme&direction=out&from=+74951110000&to=+74957654321&decision=admitted"


def cel(name: str, extra: str = "", caller: str = "Иван Петров", **other: str) -> str:
    """One CEL event as Asterisk 22 writes it. Args: other: headers to replace; `None` text removes one."""
    headers = {
        "Event": "CEL",
        "Privilege": "call,all",
        "Timestamp": "1790000000.123456",
        "SystemName": OURS,
        "EventName": name,
        "AccountCode": "",
        "CallerIDnum": caller,
        "CallerIDname": "Щётка",
        "CallerIDani": caller,
        "CallerIDrdnis": "",
        "CallerIDdnid": "",
        "Exten": "100",
        "Context": "inside",
        "Channel": CHANNEL,
        "Application": "",
        "AppData": "",
        "EventTime": "2026-09-21 13:33:20",
        "AMAFlags": "DOCUMENTATION",
        "UniqueID": f"{OURS}-1790000000.7",
        "LinkedID": f"{OURS}-1790000000.6",
        "Userfield": "",
        "Peer": "",
        "PeerAccount": "",
        "Extra": extra,
        **other,
    }
    kept = {key: value for key, value in headers.items() if value != "(none)"}
    return "".join(f"{key}: {value}\r\n" for key, value in kept.items()) + "\r\n"


CALL = (
    cel("CHAN_START")
    + cel("vpbx.leg", f'{{"extra":"{MARK}"}}')
    + cel("ANSWER", Timestamp="1790000002.500000")
    + cel("HANGUP", '{"hangupcause":16,"hangupsource":"","dialstatus":""}', Timestamp="1790000063.000001")
    + cel("LINKEDID_END", Timestamp="1790000063.000002")
)


def music_stopped(**other: str) -> str:
    """The event as Asterisk 22 writes it, in the headers that are read."""
    headers = {
        "Event": "MusicOnHoldStop",
        "Privilege": "call,all",
        "Timestamp": "1790000002.700000",
        "SystemName": OURS,
        "Channel": CHANNEL,
        "CallerIDName": "Щётка",
        "Uniqueid": f"{OURS}-1790000000.7",
        "Linkedid": f"{OURS}-1790000000.6",
        **other,
    }
    return "".join(f"{key}: {value}\r\n" for key, value in headers.items()) + "\r\n"


def test_the_end_of_music_is_an_event_of_this_switch_alone() -> None:
    forged = music_stopped(Uniqueid="s666-1790000000.7") + music_stopped(SystemName="s666")
    events, counts, _ = read_stream([(music_stopped() + forged).encode()], OURS)
    assert [(each.kind, each.uniqueid, each.linkedid) for each in events] == [
        (MUSIC_STOPPED, f"{OURS}-1790000000.7", f"{OURS}-1790000000.6")
    ]
    assert counts.forged == 2


def test_a_call_becomes_its_events() -> None:
    events, counts, stream = read_stream([CALL.encode()], OURS)
    assert [event.kind for event in events] == ["CHAN_START", "vpbx.leg", "ANSWER", "HANGUP", "LINKEDID_END"]
    assert events[1].facts["to"] == "+74957654321"
    assert events[3].facts["hangupcause"] == "16"
    assert events[2].at == datetime(2026, 9, 21, 14, 13, 22, 500000, tzinfo=UTC)
    assert {event.uniqueid for event in events} == {f"{OURS}-1790000000.7"}
    assert counts.forged == stream.forged == stream.fragments == 0


def test_a_call_cut_at_every_byte_becomes_the_same_events() -> None:
    text = (cel("ANSWER") + cel("vpbx.step", '{"extra":"step=t/acme/in/0"}')).encode()
    whole = read_stream([text], OURS)[0]
    assert len(whole) == 2
    for cut in range(len(text) + 1):
        assert read_stream([text[:cut], text[cut:]], OURS)[0] == whole, cut


FAKE_CDR = "\r\n\r\nEvent: Cdr\r\nPrivilege: cdr,all\r\nUniqueID: 1790000000.7\r\nBillableSeconds: 99999\r\n"
FAKE_CEL = cel("HANGUP", '{"hangupcause":16}', SystemName="guess", UniqueID="guess-1.1", LinkedID="guess-1.1")
NAMELESS_CEL = cel("ANSWER", SystemName="(none)")
OTHERS_CALL = cel("HANGUP", '{"hangupcause":16}', UniqueID="other-1790000000.9")


@pytest.mark.parametrize(
    "injected",
    [
        FAKE_CDR,
        "\r\n\r\n" + FAKE_CEL,
        "\r\n\r\n" + NAMELESS_CEL,
        "\r\n\r\n" + OTHERS_CALL,
        f"\r\n\r\nEvent: CEL\r\nEventName: HANGUP\r\nUniqueID: {OURS}-1790000000.8\r\n",
        "\r\nUniqueID: other-1.1",
        "\r\nUniqueID: other-1.1\r\nLinkedID: other-1.1\r\nExtra: \r\n",
        "\r\nExtra: {}\r\n",
        "\r\nSystemName: x",
        "\r\nTimestamp: 1.000000",
        "\r\n\r\n\r\n\r\n",
    ],
)
def test_what_a_caller_writes_never_becomes_an_event(injected: str) -> None:
    text = cel("ANSWER", caller="100") + cel("HANGUP", '{"hangupcause":16}', caller=f"evil{injected}")
    text += cel("LINKEDID_END", caller="100")
    events, counts, stream = read_stream([text.encode()], OURS)
    assert [event.kind for event in events] == ["ANSWER", "LINKEDID_END"]
    assert {event.uniqueid for event in events} == {f"{OURS}-1790000000.7"}
    assert counts.forged + stream.forged + stream.fragments > 0


@pytest.mark.parametrize(
    "damaged",
    [
        {"SystemName": "(none)"},
        {"SystemName": "s6f1d3"},
        {"UniqueID": "(none)"},
        {"LinkedID": "(none)"},
        {"UniqueID": "1790000000.7"},
        {"UniqueID": f"{OURS}1790000000.7"},
        {"LinkedID": "other-1790000000.7"},
        {"LinkedID": f"{OURS}-"},
        {"Channel": "(none)"},
        {"Timestamp": "yesterday"},
        {"Timestamp": "1790000000"},
        {"Timestamp": "(none)", "EventTime": "yesterday"},
        {"Timestamp": "(none)", "EventTime": "(none)"},
        {"Extra": "(none)"},
    ],
)
def test_a_damaged_event_is_dropped_and_counted(damaged: dict[str, str]) -> None:
    text = cel("ANSWER", **damaged) + cel("LINKEDID_END")
    events, counts, _ = read_stream([text.encode()], OURS)
    assert [event.kind for event in events] == ["LINKEDID_END"]
    assert counts.forged == 1


@pytest.mark.parametrize(
    "mark",
    [
        '{"extra":"tenant=acme&to=+7495;DROP"}',
        '{"extra":"tenant=acme&tenant=other"}',
        '{"extra":"tenant"}',
        '{"extra":"Tenant=acme"}',
        '{"extra":"tenant=ac me"}',
        '{"extra":"tenant=acme&"}',
        '{"extra":7}',
        '["extra"]',
        "{",
        '{"extra":"' + "a" * 5000 + '=b"}',
        "[" * 4000,
    ],
)
def test_a_mark_in_another_form_is_dropped_and_counted(mark: str) -> None:
    events, counts, _ = read_stream([cel("vpbx.leg", mark).encode()], OURS)
    assert events == []
    assert counts.forged == 1


def test_a_time_without_stamp_is_read_in_the_hosts_zone() -> None:
    text = cel("ANSWER", Timestamp="(none)")
    (event,) = read_stream([text.encode()], OURS)[0]
    assert event.at == datetime(2026, 9, 21, 13, 33, 20).astimezone(UTC)


def test_other_genuine_events_are_no_forgeries() -> None:
    text = f"Event: Reload\r\nSystemName: {OURS}\r\n\r\nEvent: FullyBooted\r\nStatus: Fully Booted\r\n\r\n"
    events, counts, _ = read_stream([(text + cel("APP_START") + cel("unknown")).encode()], OURS)
    assert [event.kind for event in events] == ["APP_START"]
    assert (counts.other, counts.forged) == (3, 0)
