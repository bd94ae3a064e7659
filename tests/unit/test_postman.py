"""Messages sent by e-mail to a real server: once, later when it must be, and given up when nothing helps."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email import policy
from email.parser import BytesParser
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from hypothesis import given
from hypothesis import strategies as st
from left_messages import NAME, RECEIVED, leave
from mail_server import StandingClock, Taken

from orchestrator import definitions
from orchestrator.asterisk.listening import free_port
from orchestrator.asterisk.mailbox_spool import MailboxSpool
from orchestrator.mail import MailNotSent, knock, send
from orchestrator.message_mail import compose
from orchestrator.model.message import Mailing, VoiceMessage
from orchestrator.model.platform import Address, Definitions, Smtp
from orchestrator.postman import GIVEN_UP_AFTER, Postman, next_attempt
from orchestrator.storage.messages import MessageIndex
from orchestrator.storage.store import SqlStore

PROJECT = Path(__file__).parents[1] / "golden" / "rendering" / "voicemail" / "project"
LOADED = definitions.load(PROJECT)
HOTEL = LOADED.tenants["hotel"]
NOW = datetime.fromtimestamp(RECEIVED, UTC) + timedelta(minutes=1)
BOX = "hotel-mailboxes/700/INBOX"


@dataclass
class Post:
    """A postman with all that he works with."""

    taken: Taken
    controller: Controller
    clock: StandingClock
    spool: Path
    index: MessageIndex
    loaded: Definitions

    def definitions(self) -> Definitions:
        return self.loaded

    def password(self, smtp: Smtp) -> str:  # noqa: ARG002
        return ""

    def round(self) -> list[Mailing]:
        """Returns: how the hotel's messages stand after it."""
        spool = MailboxSpool(self.spool, NAME)
        postman = Postman(NAME, spool, lambda: pytest.fail("the test has the store"), self, self.clock)
        postman.round(self.index)
        return list(self.index.of_tenant("hotel"))


@pytest.fixture
def post(tmp_path: Path) -> Iterator[Post]:
    taken = Taken()
    controller = Controller(taken, "127.0.0.1", free_port("127.0.0.1"))
    controller.start()
    store = SqlStore.open(f"sqlite:///{tmp_path / 'vpbx.db'}")
    try:
        smtp = Smtp(Address("127.0.0.1", controller.port), "pbx@example.com", "none")
        loaded = replace(LOADED, platform=replace(LOADED.platform, smtp=smtp))
        yield Post(
            taken, controller, StandingClock(NOW), tmp_path / "spool", MessageIndex(store.database), loaded
        )
    finally:
        store.close()
        if controller.loop.is_running():
            controller.stop()


def test_a_message_is_sent_once_to_all_addresses_of_its_mailbox(post: Post) -> None:
    leave(post.spool, BOX, said=b"RIFF1234")
    [mailing] = post.round()
    assert (mailing.state, mailing.attempts, mailing.mailed_at) == ("sent", 1, NOW)
    assert post.round() == [mailing]
    [content] = post.taken.mails
    mail = BytesParser(policy=policy.default).parsebytes(content)
    assert mail["To"] == "desk@example.com, night@example.com"
    [sound] = list(mail.iter_attachments())
    assert sound.get_payload(decode=True) == b"RIFF1234"


def test_a_mailbox_without_an_address_sends_nothing_also_when_it_gets_one_later(post: Post) -> None:
    leave(post.spool, "cafe-mailboxes/101/INBOX")
    post.round()
    assert [each.state for each in post.index.of_tenant("cafe")] == ["none"]
    assert post.taken.mails == []


def test_a_server_that_has_no_time_is_asked_again_later(post: Post) -> None:
    leave(post.spool, BOX)
    post.taken.answer = "451 come back"
    [mailing] = post.round()
    assert (mailing.state, mailing.attempts, mailing.note) == ("due", 1, "451 come back")
    post.taken.answer = ""
    assert post.round() == [mailing]
    post.clock.advance(timedelta(seconds=31))
    assert [each.state for each in post.round()] == ["sent"]


def test_a_server_that_refuses_for_good_is_not_asked_again(post: Post) -> None:
    leave(post.spool, BOX)
    post.taken.answer = "552 too big"
    [mailing] = post.round()
    assert (mailing.state, mailing.note) == ("given_up", "552 too big")
    post.clock.advance(timedelta(days=1))
    assert post.round() == [mailing]


def test_who_is_unknown_there_keeps_nobody_else_from_it(post: Post) -> None:
    leave(post.spool, BOX)
    post.taken.refused = ("desk@example.com",)
    [mailing] = post.round()
    assert (mailing.state, mailing.note) == ("sent", "desk@example.com: 550 nobody here")
    leave(post.spool, BOX, 1)
    post.taken.refused = ("desk@example.com", "night@example.com")
    assert [each.state for each in post.round()] == ["sent", "given_up"]


def test_no_server_for_days_is_given_up(post: Post) -> None:
    leave(post.spool, BOX)
    post.controller.stop()
    rounds = 0
    while (mailing := post.round()[0]).state == "due":
        rounds += 1
        assert mailing.next_at is not None
        post.clock.at = mailing.next_at
    assert mailing.state == "given_up"
    assert mailing.attempts == rounds + 1
    assert post.clock.now() - NOW > GIVEN_UP_AFTER - timedelta(hours=1)


def test_a_message_that_was_deleted_or_found_too_late_is_not_sent(post: Post) -> None:
    leave(post.spool, BOX)
    post.taken.answer = "451 come back"
    post.round()
    post.taken.answer = ""
    for path in (post.spool / "voicemail" / BOX).iterdir():
        path.unlink()
    post.clock.advance(timedelta(minutes=1))
    assert [each.state for each in post.round()] == ["gone"]
    leave(post.spool, BOX, 1)
    post.clock.advance(timedelta(days=6))
    assert [each.state for each in post.round()] == ["gone", "none"]
    assert post.taken.mails == []


@given(st.integers(1, 10_000))
def test_each_attempt_waits_longer_but_never_above_an_hour(attempts: int) -> None:
    wait, longer = next_attempt(NOW, attempts) - NOW, next_attempt(NOW, attempts + 1) - NOW
    assert timedelta(seconds=10) <= wait <= longer <= timedelta(hours=1)


def test_a_server_that_says_nothing_costs_its_deadline_alone() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        smtp = Smtp(Address("127.0.0.1", silent.getsockname()[1]), "a@example.com", "none")
        mail = compose(MESSAGE, HOTEL, HOTEL.mailbox("night-desk"), "a@example.com", ("b@example.com",), b"")
        with pytest.raises(MailNotSent) as raised:
            send(smtp, "", mail, ("b@example.com",), deadline_s=0.3)
        assert not raised.value.final


MESSAGE = VoiceMessage(NAME, "hotel", "700", "1795731730-00000000", "", "+79035550001", NOW, 65)


def test_the_e_mail_is_in_the_tenants_language_and_time() -> None:
    box = HOTEL.mailbox("night-desk")
    mail = compose(MESSAGE, HOTEL, box, "pbx@example.com", box.email, b"RIFF")
    again = compose(MESSAGE, HOTEL, box, "pbx@example.com", box.email, b"RIFF")
    assert mail["Subject"] == "Голосовое сообщение от +79035550001, 1:05"
    body = mail.get_body()
    assert body is not None
    assert body.get_content() == (
        "Ящик: night-desk (700), Гостиница «Волна»\n"
        "От: +79035550001\n"
        "Когда: 2026-11-27 03:23:10 +0500\n"
        "Длина: 1:05\n"
    )
    assert mail["Message-ID"] == again["Message-ID"]
    english = compose(
        replace(MESSAGE, caller=""), replace(HOTEL, language="en"), box, "p@e.com", box.email, b""
    )
    assert english["Subject"] == "Voice message from a withheld number, 1:05"
    [sound] = list(mail.iter_attachments())
    assert sound.get_filename() == "20261127-032310-79035550001.wav"


def test_a_server_is_asked_whether_it_lets_us_in_and_given_nothing(post: Post) -> None:
    smtp = post.loaded.platform.smtp
    assert smtp is not None
    knock(smtp, "")
    assert post.taken.mails == []
    with pytest.raises(MailNotSent):
        knock(replace(smtp, username="pbx"), "wrong")
    with pytest.raises(MailNotSent):
        knock(replace(smtp, security="starttls"), "")
