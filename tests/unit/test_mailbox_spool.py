"""Messages in a switch's spool: read whole, known by their id wherever they move, gone with their tenant."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from left_messages import NAME, RECEIVED, leave

from orchestrator.asterisk.mailbox_spool import MailboxSpool


def test_a_message_is_read_with_who_left_it_when_and_in_which_call(tmp_path: Path) -> None:
    leave(tmp_path, "acme-mailboxes/700/INBOX")
    [kept] = MailboxSpool(tmp_path, NAME).messages()
    message = kept.message
    assert (message.tenant, message.mailbox, message.caller) == ("acme", "700", "+79035550001")
    assert message.received_at == datetime.fromtimestamp(RECEIVED, UTC)
    assert (message.length_s, message.uniqueid, kept.folder) == (4, f"{NAME}-1.0", "INBOX")
    assert kept.sound.read_bytes() == b"RIFF"


@pytest.mark.parametrize(
    ("callerid", "caller"),
    [('"Анна" <101>', "101"), ("Unknown", ""), ("+79035550001", "+79035550001"), ('"x\nmsg_id=1" <1', "")],
)
def test_who_left_it_is_a_number_or_nobody(tmp_path: Path, callerid: str, caller: str) -> None:
    leave(tmp_path, "acme-mailboxes/700/INBOX", callerid=callerid)
    assert [kept.message.caller for kept in MailboxSpool(tmp_path, NAME).messages()] == [caller]


def test_what_is_being_recorded_is_no_message_yet_nor_is_what_can_not_be_read(tmp_path: Path) -> None:
    leave(tmp_path, "acme-mailboxes/700/tmp")
    leave(tmp_path, "acme-mailboxes/700/INBOX", 1, msg_id="../../etc")
    leave(tmp_path, "acme-mailboxes/700/INBOX", 2, duration="long")
    (tmp_path / "voicemail/acme-mailboxes/700/INBOX/msg0003.txt").write_bytes(b"\xff[mess")
    assert list(MailboxSpool(tmp_path, NAME).messages()) == []


def test_a_message_is_found_where_it_has_moved_to(tmp_path: Path) -> None:
    """The first was heard and filed; the one behind it has its number now."""
    first = leave(tmp_path, "acme-mailboxes/700/INBOX", 0, b"first")
    second = leave(tmp_path, "acme-mailboxes/700/INBOX", 1, b"second")
    spool = MailboxSpool(tmp_path, NAME)
    known = {kept.message.message: kept.message for kept in spool.messages()}
    heard = first.parent.with_name("Old")
    heard.mkdir()
    for suffix in (".txt", ".wav"):
        first.with_suffix(suffix).rename(heard / f"msg0000{suffix}")
        second.with_suffix(suffix).rename(first.with_suffix(suffix))
    assert [spool.sound_of(known[f"{RECEIVED}-0000000{n}"]) for n in (0, 1)] == [b"first", b"second"]
    first.unlink()
    assert spool.sound_of(known[f"{RECEIVED}-00000001"]) is None


def test_a_tenants_messages_go_with_greetings_and_pins_and_nobody_elses(tmp_path: Path) -> None:
    leave(tmp_path, "acme-mailboxes/700/INBOX")
    leave(tmp_path, "acme-mailboxes/101/Old")
    leave(tmp_path, "acme-mailboxes-2-mailboxes/101/Old")
    (tmp_path / "voicemail/acme-mailboxes/101/secret.conf").write_text("[general]\npassword=1\n")
    spool = MailboxSpool(tmp_path, NAME)
    assert spool.pin_set_by_phone("acme", "101")
    assert spool.remove("acme") == 2
    assert spool.remove("acme") == 0
    assert not spool.pin_set_by_phone("acme", "101")
    assert [kept.message.tenant for kept in spool.messages()] == ["acme-mailboxes-2"]
