"""Voicemail: what callers leave, who is told of it, who may listen; by content, as `vpbx route` says."""

from __future__ import annotations

import io
import itertools
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import farside, media
from harness.farside import CARRIER, Call, FarSide
from harness.keys import Panel
from harness.mail import MailServer
from harness.recorded import steps_of
from harness.site import EXAMPLES, PHONES_HOST, Site

from orchestrator.asterisk.binary import Asterisk

pytestmark = pytest.mark.switch

CLOSED, ANNA = "+74951112233", "+74951112234"
"""To the shared mailbox, and to 101, who has one of her own."""
GREETING, SPEECH, OWN_GREETING = 91, 92, 93
SPOKEN_S = 12.0
MAILBOXES = """
mailboxes:
  "101": {email: [anna@example.com]}
  closed:
    extension: "700"
    greeting: prompts/closed.wav
    email: [office@example.com, night@example.com]
    lamps: ["101", "102"]

numbers:"""
_callers = itertools.count(1)


@pytest.fixture(scope="module")
def server() -> Iterator[MailServer]:
    with MailServer() as made:
        yield made


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, asterisk: Asterisk, server: MailServer) -> Iterator[Site]:
    """The examples with mailboxes; beta has one of the same extension."""
    with Site(tmp_path_factory.mktemp("site") / "project", asterisk, EXAMPLES) as made:
        (made.root / "prompts").mkdir()
        media.write_wav(made.root / "prompts/closed.wav", media.voice(GREETING, 1.5))
        smtp = f"smtp: {{server: '{server.address}', from: pbx@example.com, security: none}}\n"
        made.edit("platform.yaml", (r"\Z", smtp))
        made.edit(
            "tenants/acme.yaml",
            (r"\nnumbers:", MAILBOXES),
            (
                r"name: Анна Соколова\}",
                'name: Анна Соколова, ring_timeout_s: 5, overflow: {any: {voicemail: "101"}}}',
            ),
            (rf'"\{CLOSED}": .*', f'"{CLOSED}": {{voicemail: closed}}'),
            (rf'"\{ANNA}": .*', f'"{ANNA}": {{employee: "101"}}'),
        )
        made.edit("tenants/beta.yaml", (r"\nnumbers:", '\nmailboxes: {"101": {}}\n\nnumbers:'))
        made.start()
        made.listen()
        yield made


@pytest.fixture(scope="module")
def world(site: Site) -> Iterator[FarSide]:
    phones = (*site.phones("acme", ("101", "102", "103")), *site.phones("beta", ("101",)))
    with site.far_side(*phones) as far:
        far.wait_registered()
        yield far


@pytest.fixture(scope="module")
def speech(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return media.write_wav(tmp_path_factory.mktemp("said") / "speech.wav", media.voice(SPEECH, SPOKEN_S))


def new_caller() -> str:
    """Nobody has called from it before: the record tells its calls apart."""
    return f"+790355600{next(_callers):02}"


def says(world: FarSide, number: str, speech: Path, caller: str, seconds: float = 5.0) -> Path:
    """A caller who speaks all the while, and skips the greeting of a mailbox without one by a key.

    Returns: what they hear.
    """
    call = world.call(CARRIER, number, say=speech, from_number=caller)
    heard = world.wait_answered(call, 15)
    if number == ANNA:
        time.sleep(1.5)
        world.press(call, "#")
    time.sleep(seconds)
    world.hang_up(call)
    return heard


def messages(site: Site, caller: str) -> list[dict[str, object]]:
    told = site.json("voicemail", "list", "acme")["messages"]
    return [each for each in told if each["from"] == caller]


def dial(world: FarSide, phone: str, number: str) -> tuple[Call, Path]:
    """A phone dials into a mailbox. Returns: the call, and the file of what the phone hears."""
    call = world.call(phone, number)
    return call, world.wait_answered(call)


def hears(heard: Path, seed: int, seconds: float, last_s: float = 0) -> bool:
    """Whether a voice is in what was heard, or the last of it, among whatever else."""
    [samples] = media.read_so_far(heard)
    window, voice = media.RATE // 2, media.voice(seed, seconds)
    part = samples[-int(last_s * media.RATE) :] if last_s else samples
    pieces = (part[start : start + window] for start in range(0, len(part) - window, window))
    return sum(media.hear(piece, voice).same for piece in pieces) >= 2


def test_a_message_is_greeted_kept_mailed_and_shown_by_lamps(
    site: Site, world: FarSide, speech: Path, server: MailServer
) -> None:
    caller = new_caller()
    [secretary] = site.phones("acme", ("102",))
    with Panel(secretary, PHONES_HOST, site.sip) as panel:
        lamp = panel.subscribe(secretary.endpoint, "message-summary")
        assert lamp.code == 200
        lamp.wait("no", 5)
        heard = says(world, CLOSED, speech, caller, 6.0)
        lamp.wait("yes", 5)
    assert hears(heard, GREETING, 1.5)
    recorded = steps_of(site, caller, CLOSED)
    told = site.json("route", "--tenant", "acme", "--from", caller, "--to", CLOSED)
    assert [step["id"] for step in told["steps"]] == recorded
    assert (recorded[-1], told["end"]["kind"], told["end"]["name"]) == (
        "mailboxes.closed",
        "voicemail",
        "closed",
    )
    [message] = messages(site, caller)
    assert (message["mailbox"], message["heard"]) == ("closed", False)
    assert media.hear_file(Path(str(message["file"])), media.voice(SPEECH, SPOKEN_S)).same
    site.until(lambda: bool(server.inbox.taken), "the e-mail is there", 15)
    [mail] = server.inbox.taken
    assert server.inbox.to == [["office@example.com", "night@example.com"]]
    assert caller in str(mail["Subject"]) and "сообщение" in str(mail["Subject"])
    body = mail.get_body()
    assert body is not None and "closed (700)" in body.get_content()
    [attached] = list(mail.iter_attachments())
    assert attached.get_content_type() == "audio/wav"
    content = attached.get_payload(decode=True)
    assert isinstance(content, bytes)
    assert io.BytesIO(content).read(4) == b"RIFF"
    assert content == Path(str(message["file"])).read_bytes()
    site.until(lambda: messages(site, caller)[0]["mail"] == "sent", "that it was sent is noted")


def test_a_message_is_in_the_history_and_the_statistics(site: Site, world: FarSide, speech: Path) -> None:
    before = site.json("stats", "acme")["total"]
    left, hung_up = new_caller(), new_caller()
    says(world, CLOSED, speech, left)
    says(world, CLOSED, speech, hung_up, 0.5)
    site.vpbx("reconcile")
    after = site.json("stats", "acme")["total"]
    assert (after["voicemail"] - before["voicemail"], after["abandoned"] - before["abandoned"]) == (1, 1)
    assert len(messages(site, left)) == 1 and messages(site, hung_up) == []


def test_who_does_not_answer_has_a_mailbox_of_their_own(site: Site, world: FarSide, speech: Path) -> None:
    world.behave("acme101desk", farside.busy())
    caller = new_caller()
    says(world, ANNA, speech, caller)
    recorded = steps_of(site, caller, ANNA)
    asked = ("--tenant", "acme", "--from", caller, "--to", ANNA, "--busy", "101")
    assert [step["id"] for step in site.json("route", *asked)["steps"]] == recorded
    assert recorded[-2:] == ["employees.101.any", "mailboxes.101"]
    [message] = messages(site, caller)
    assert message["mailbox"] == "101"


def test_the_owner_listens_with_the_pin_and_nobody_without(site: Site, world: FarSide, speech: Path) -> None:
    caller = new_caller()
    world.behave("acme101desk", farside.busy())
    says(world, ANNA, speech, caller)
    pin = site.vpbx("voicemail", "pin", "acme", "101").strip()
    wrong = f"{(int(pin) + 1) % 10**6:06}"
    owner = dial(world, "acme101desk", "*97")
    colleague = dial(world, "acme103desk", "*98")
    guesser = dial(world, "acme102desk", "*98")
    neighbour = dial(world, "beta101desk", "*98")
    asked = {
        owner: (pin, "1"),
        colleague: ("101", pin, "1"),
        guesser: ("101", wrong, "1"),
        neighbour: ("101", pin, "1"),
    }
    for turn in range(3):
        time.sleep(1.5)
        for (call, _), keys in asked.items():
            world.press(
                call, "".join(f"{each}#" if len(each) > 1 else each for each in keys[turn : turn + 1])
            )
    site.until(
        lambda: all(hears(heard, SPEECH, SPOKEN_S, 6) for _, heard in (owner, colleague)), "both hear it", 30
    )
    assert not any(hears(heard, SPEECH, SPOKEN_S) for _, heard in (guesser, neighbour))
    for call, _ in asked:
        world.give_up(call)
    assert any(message["heard"] for message in messages(site, caller))


def test_a_message_waits_for_a_mail_server_and_is_sent_once(
    site: Site, world: FarSide, speech: Path, server: MailServer
) -> None:
    caller = new_caller()
    server.down()
    taken = len(server.inbox.taken)
    says(world, CLOSED, speech, caller)
    site.until(lambda: bool(messages(site, caller)[:1]), "it is kept")
    site.until(lambda: messages(site, caller)[0]["note"] is not None, "an attempt has failed", 15)
    assert messages(site, caller)[0]["mail"] == "due"
    assert any("messages are not sent" in each for each in site.health()["problems"])
    site.stop_listener()
    server.up()
    site.listen()
    site.until(lambda: messages(site, caller)[0]["mail"] == "sent", "it is sent", 60)
    assert len(server.inbox.taken) == taken + 1


def test_a_message_that_was_left_while_nothing_listened_is_sent_later(
    site: Site, world: FarSide, speech: Path, server: MailServer
) -> None:
    caller = new_caller()
    site.stop_listener()
    taken = len(server.inbox.taken)
    says(world, CLOSED, speech, caller)
    site.listen()
    site.until(lambda: len(server.inbox.taken) == taken + 1, "it is sent", 15)
    assert caller in str(server.inbox.taken[-1]["Subject"])
