"""Warnings of low balances: once for each fall, by a real mail server and a real web server."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email import policy
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from hypothesis import given, settings
from hypothesis import strategies as st
from mail_server import StandingClock, Taken

from orchestrator import definitions
from orchestrator.asterisk.listening import free_port
from orchestrator.balance_watch import BalanceWatch
from orchestrator.candidate import WrittenSecretMissing
from orchestrator.model.balance_warning import Delivery, LowBalance
from orchestrator.model.payment import Payment
from orchestrator.model.platform import Address, Definitions, Smtp
from orchestrator.postman import GIVEN_UP_AFTER
from orchestrator.storage import balances
from orchestrator.storage.balance_warnings import WarningIndex
from orchestrator.storage.store import SqlStore
from orchestrator.webhook import NotDelivered, post, signature

EXAMPLES = Path(__file__).parents[2] / "examples"
LOADED = definitions.load(EXAMPLES)
NOW = datetime(2026, 11, 27, 9, 0, tzinfo=UTC)
KEY = "a key"
LEVEL = 300_00


@dataclass
class Hook:
    """A web server. Args: answers: statuses in turn, the last one for ever. posts: headers and bodies."""

    answers: list[int] = field(default_factory=lambda: [200])
    posts: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    url: str = ""

    def answer(self) -> int:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    @property
    def ids(self) -> list[str]:
        return [headers["webhook-id"] for headers, _ in self.posts]


@pytest.fixture
def hook() -> Iterator[Hook]:
    kept = Hook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            kept.posts.append(({name.lower(): text for name, text in self.headers.items()}, body))
            status = kept.answer()
            self.send_response(status)
            if status == 302:
                self.send_header("Location", kept.url)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            """Nothing is logged."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    kept.url = f"http://127.0.0.1:{server.server_address[1]}/low?from=vpbx"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield kept
    server.shutdown()
    server.server_close()


@dataclass
class Office:
    """A watch with all that it works with."""

    store: SqlStore
    clock: StandingClock
    loaded: Definitions
    taken: Taken
    controller: Controller
    has_key: bool = True

    def definitions(self) -> Definitions:
        return self.loaded

    def password(self, smtp: Smtp) -> str:  # noqa: ARG002
        return ""

    def key(self, terms: LowBalance) -> str:
        if not self.has_key:
            raise WrittenSecretMissing(f"{terms.secret} holds nothing")
        return KEY

    def warn(self, terms: LowBalance | None) -> None:
        acme = self.loaded.tenants["acme"]
        changed = replace(acme, account=replace(acme.account, low_balance=terms))
        self.loaded = replace(self.loaded, tenants={**self.loaded.tenants, "acme": changed})

    def balance(self, kopecks: int) -> None:
        """Bring acme's balance to a sum as charges and payments do."""
        with self.store.database.writing() as connection:
            balances.charge(connection, [("acme", balances.balance_kop(connection, "acme") - kopecks)])

    def watch(self) -> BalanceWatch:
        return BalanceWatch("pbx1", lambda: pytest.fail("the test has the store"), self, self.clock)

    def look(self) -> None:
        self.watch().look(WarningIndex(self.store.database))

    def tell(self) -> list[Delivery]:
        """Returns: how acme's warnings stand after a round."""
        self.watch().tell(WarningIndex(self.store.database))
        return self.told()

    def told(self) -> list[Delivery]:
        return WarningIndex(self.store.database).of_tenant("acme")

    def fall(self, kopecks: int = 250_00) -> None:
        """From well above every level."""
        self.balance(10_000_00)
        self.look()
        self.balance(kopecks)
        self.look()


@pytest.fixture
def office(any_store: SqlStore) -> Iterator[Office]:
    taken = Taken()
    controller = Controller(taken, "127.0.0.1", free_port("127.0.0.1"))
    controller.start()
    smtp = Smtp(Address("127.0.0.1", controller.port), "pbx@example.com", "none")
    loaded = replace(LOADED, platform=replace(LOADED.platform, smtp=smtp))
    made = Office(any_store, StandingClock(NOW), loaded, taken, controller)
    made.warn(LowBalance((LEVEL,), ("owner@example.com",)))
    try:
        yield made
    finally:
        if controller.loop.is_running():
            controller.stop()


def hooked(office: Office, hook: Hook, *levels_kop: int) -> None:
    office.warn(LowBalance(levels_kop or (LEVEL,), webhook=hook.url, secret="env:KEY"))


def test_a_fall_to_the_level_is_told_once_by_each_way(office: Office, hook: Hook) -> None:
    office.warn(LowBalance((LEVEL,), ("owner@example.com",), hook.url, "env:KEY"))
    office.fall(LEVEL)
    assert {each.state for each in office.tell()} == {"sent"}
    office.look()
    office.balance(-5_00)
    office.look()
    email, webhook = office.tell()
    assert (email.way, webhook.way, email.crossing) == ("email", "webhook", webhook.crossing)
    assert len(office.taken.mails) == len(hook.posts) == 1


def test_above_the_level_nobody_is_told(office: Office) -> None:
    office.fall(LEVEL + 1)
    assert office.tell() == []


def test_it_is_told_again_once_the_balance_was_above(office: Office) -> None:
    office.fall()
    for kopecks in (LEVEL, LEVEL + 1, LEVEL):
        office.balance(kopecks)
        office.look()
    assert len({each.crossing.id for each in office.told()}) == 2


def test_each_level_is_told_by_itself(office: Office, hook: Hook) -> None:
    hooked(office, hook, 500_00, 100_00, -100_00)
    office.fall(300_00)
    office.balance(-50_00)
    office.look()
    assert {each.crossing.level_kop for each in office.told()} == {500_00, 100_00}


def test_a_balance_that_is_low_when_the_level_is_new_has_not_fallen(office: Office) -> None:
    office.balance(50_00)
    office.look()
    assert office.told() == []
    office.balance(400_00)
    office.look()
    office.balance(50_00)
    office.look()
    assert len(office.told()) == 1


def test_a_tenant_that_the_ledger_does_not_know_yet_has_nothing_left_and_nothing_owed(office: Office) -> None:
    office.warn(LowBalance((-500_00,), ("owner@example.com",)))
    office.look()
    office.balance(-1000_00)
    office.look()
    assert [each.crossing.balance_kop for each in office.told()] == [-1000_00]


def test_what_falls_while_nobody_looks_is_told_by_the_next_one(office: Office) -> None:
    office.balance(500_00)
    office.look()
    office.balance(100_00)
    office.look()
    assert [each.state for each in office.tell()] == ["sent"]


def test_payments_change_the_balance_that_is_looked_at(office: Office) -> None:
    office.look()
    payment = Payment("acme", "order-1", 1000_00, NOW, "ops")
    office.store.pay(payment, NOW)
    office.look()
    with office.store.database.writing() as connection:
        balances.charge(connection, [("acme", 900_00)])
    office.look()
    assert [each.crossing.balance_kop for each in office.told()] == [100_00]


def test_another_nodes_tenants_are_left_to_it(office: Office) -> None:
    watch = BalanceWatch("pbx2", lambda: pytest.fail("the test has the store"), office, office.clock)
    index = WarningIndex(office.store.database)
    office.balance(500_00)
    watch.look(index)
    office.balance(100_00)
    watch.look(index)
    assert office.told() == []
    office.fall()
    watch.tell(index)
    assert [each.state for each in office.told()] == ["due"]


def test_two_that_look_at_once_write_one_warning(office: Office) -> None:
    office.balance(500_00)
    office.look()
    office.balance(100_00)
    gate = threading.Barrier(4)

    def look() -> None:
        gate.wait()
        office.look()

    threads = [threading.Thread(target=look) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(office.told()) == 1


def test_a_post_is_signed_json_with_its_id(office: Office, hook: Hook) -> None:
    hooked(office, hook)
    office.fall()
    [sent] = office.tell()
    [(headers, body)] = hook.posts
    assert headers["webhook-id"] == sent.crossing.id
    at = int(headers["webhook-timestamp"])
    assert at == int(NOW.timestamp())
    assert headers["webhook-signature"] == signature(KEY, sent.crossing.id, at, body)
    assert json.loads(body) == {
        "version": 1,
        "type": "balance.low",
        "timestamp": NOW.isoformat(),
        "data": {"tenant": "acme", "balance": "250.00", "level": "300.00", "currency": "RUB"},
    }


def test_the_e_mail_is_in_the_tenants_language_and_keeps_its_id(office: Office) -> None:
    office.taken.answer = "451 come back"
    office.fall()
    [waiting] = office.tell()
    assert (waiting.state, waiting.note) == ("due", "451 come back")
    office.taken.answer = ""
    office.clock.advance(timedelta(seconds=11))
    [sent] = office.tell()
    [content] = office.taken.mails
    mail = BytesParser(policy=policy.default).parsebytes(content)
    assert mail["Subject"] == "Низкий баланс: 250,00 руб."
    assert mail["Message-ID"] == f"<{sent.crossing.id}@example.com>"
    assert "2026-11-27 12:00:00 +0300" in mail.get_content()


def test_a_server_that_fails_half_the_time_gets_each_warning_in_the_end(office: Office, hook: Hook) -> None:
    hooked(office, hook, *range(100_00, 1100_00, 100_00))
    hook.answers = [500, 200] * 100
    office.fall(0)
    for _ in range(100):
        if all(each.state == "sent" for each in office.tell()):
            break
        office.clock.advance(timedelta(minutes=1))
    assert [each.state for each in office.told()] == ["sent"] * 10
    bodies = {headers["webhook-id"]: body for headers, body in hook.posts}
    assert len(bodies) == 10 and set(hook.ids) == {each.crossing.id for each in office.told()}
    assert all(bodies[headers["webhook-id"]] == body for headers, body in hook.posts)


@pytest.mark.parametrize(
    ("status", "state"),
    [
        (204, "sent"),
        (302, "due"),
        (400, "given_up"),
        (404, "given_up"),
        (408, "due"),
        (410, "given_up"),
        (429, "due"),
        (500, "due"),
        (503, "due"),
    ],
)
def test_what_a_server_answers_decides_what_follows(
    office: Office, hook: Hook, status: int, state: str
) -> None:
    hooked(office, hook)
    hook.answers = [status]
    office.fall()
    [delivery] = office.tell()
    assert (delivery.state, len(hook.posts)) == (state, 1)


def test_what_nobody_takes_is_given_up_after_some_days(office: Office, hook: Hook) -> None:
    hooked(office, hook)
    hook.answers = [500]
    office.fall()
    while (delivery := office.tell()[0]).state == "due":
        assert delivery.next_at is not None
        office.clock.at = delivery.next_at
    assert delivery.state == "given_up"
    assert len(set(hook.ids)) == 1 and len(hook.posts) == delivery.attempts
    assert GIVEN_UP_AFTER < office.clock.now() - NOW < GIVEN_UP_AFTER + timedelta(hours=2)


def test_a_key_that_is_not_there_puts_it_off(office: Office, hook: Hook) -> None:
    hooked(office, hook)
    office.has_key = False
    office.fall()
    assert [each.state for each in office.tell()] == ["due"]
    assert hook.posts == []


def test_a_fault_in_one_delivery_keeps_no_other_from_being_told(office: Office, hook: Hook) -> None:
    office.warn(LowBalance((LEVEL,), ("owner@example.com",), hook.url, "env:KEY"))
    office.has_key = False
    office.key = lambda _: 1 / 0  # type: ignore[method-assign,assignment,return-value]
    office.fall()
    assert [(each.way, each.state) for each in office.tell()] == [("email", "sent"), ("webhook", "due")]


def test_what_nobody_wants_any_more_is_not_sent(office: Office) -> None:
    office.fall()
    office.warn(None)
    assert [each.state for each in office.tell()] == ["none"]
    assert office.taken.mails == []


def test_trouble_with_a_webhook_is_counted_and_trouble_with_e_mail_is_ours(
    office: Office, hook: Hook
) -> None:
    index = WarningIndex(office.store.database)
    hooked(office, hook)
    hook.answers = [500, 410]
    office.fall()
    watch = office.watch()
    watch.tell(index)
    office.clock.advance(timedelta(minutes=1))
    watch.tell(index)
    assert (watch.status.failed, watch.status.given_up, watch.status.error) == (2, 1, "")
    office.warn(LowBalance((LEVEL,), ("owner@example.com",)))
    office.taken.answer = "451 come back"
    office.fall()
    watch.tell(index)
    assert watch.status.error == "451 come back"
    office.taken.answer = ""
    office.clock.advance(timedelta(minutes=1))
    watch.tell(index)
    assert (watch.status.sent, watch.status.error) == (1, "")


def slow_server(say: Callable[[socket.socket], None]) -> tuple[socket.socket, str]:
    """One that takes a connection and then does as it likes."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = listening.accept()
        with connection:
            say(connection)

    threading.Thread(target=serve, daemon=True).start()
    return listening, f"http://127.0.0.1:{listening.getsockname()[1]}/"


def drip(connection: socket.socket) -> None:
    """A header that never ends, a byte at a time: each one resets a time-out."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
    for _ in range(100):
        try:
            connection.sendall(b"x")
        except OSError:
            return
        time.sleep(0.05)


@pytest.mark.parametrize("say", [lambda _: time.sleep(5), drip], ids=["silent", "dripping"])
def test_a_server_that_does_not_come_to_an_end_costs_the_deadline_alone(
    say: Callable[[socket.socket], None],
) -> None:
    listening, url = slow_server(say)
    began = time.monotonic()
    with listening, pytest.raises(NotDelivered) as raised:
        post(url, KEY, "id", b"{}", NOW, deadline_s=0.4)
    assert time.monotonic() - began < 2
    assert not raised.value.final


def test_a_server_that_is_not_there_is_tried_again() -> None:
    with pytest.raises(NotDelivered) as raised:
        post(f"http://127.0.0.1:{free_port('127.0.0.1')}/", KEY, "id", b"{}", NOW)
    assert not raised.value.final


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WarningIndex]:
    """One database for all examples of a property: each has a tenant of its own."""
    store = SqlStore.open(f"sqlite:///{tmp_path_factory.mktemp('warnings')}/vpbx.db")
    yield WarningIndex(store.database)
    store.close()


NAMES = count()


@settings(max_examples=40)
@given(st.lists(st.integers(-9, 9), max_size=15), st.sets(st.integers(-9, 9), min_size=1, max_size=3))
def test_there_are_as_many_warnings_as_falls(index: WarningIndex, seen: list[int], levels: set[int]) -> None:
    """Against falls counted one by one."""
    tenant, was, falls = f"t{next(NAMES)}", 0, 0
    wanted = {tenant: LowBalance(tuple(levels), ("a@example.com",))}
    index.look(wanted, NOW, lambda: f"{tenant}/{next(NAMES)}")
    for balance in seen:
        with index.database.writing() as connection:
            balances.charge(connection, [(tenant, was - balance)])
        index.look(wanted, NOW, lambda: f"{tenant}/{next(NAMES)}")
        falls += sum(was > level >= balance for level in levels)
        was = balance
    assert len(index.of_tenant(tenant)) == falls


PROGRAM = """
import sys, time
from pathlib import Path
from orchestrator.balance_watch import BalanceWatch
from orchestrator.books import DefinitionsSource, WarningRoom
from orchestrator.daemon import UtcClock
from orchestrator.project import Project
from orchestrator.storage.store import SqlStore

root, url = Path(sys.argv[1]), sys.argv[2]
room = WarningRoom(Project(root), DefinitionsSource(root).current)
BalanceWatch("pbx1", lambda: SqlStore.open(url), room, UtcClock(), look_every_s=0.01).start()
print("ready", flush=True)
time.sleep(60)
"""
"""A watch as the listener runs it, until it is killed. Arguments: the project's root, the database's URL."""


def warned_project(directory: Path, hook: Hook) -> Path:
    """The example project, whose tenant acme is told of a low balance by a webhook."""
    root = directory / "project"
    shutil.copytree(EXAMPLES, root, ignore=shutil.ignore_patterns(".vpbx"))
    acme = root / "tenants" / "acme.yaml"
    warned = f"account: {{low_balance: {{at: [300], webhook: '{hook.url}', secret: 'file:key'}}}}"
    acme.write_text(f"{acme.read_text()}\n{warned}\n")
    (root / "key").write_text(KEY)
    return root


def wait(until: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not until():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def seen_low(store: SqlStore) -> bool | None:
    """How the only level was seen last; None: it wasn't yet."""
    with store.database.reading() as connection:
        found = connection.exec_driver_sql("SELECT low FROM balance_level").scalar()
    return None if found is None else bool(found)


@pytest.mark.program
def test_the_listener_warns_and_counts_it(hook: Hook, tmp_path: Path) -> None:
    root = warned_project(tmp_path, hook)
    platform = root / "platform.yaml"
    port = free_port("127.0.0.1")
    text = platform.read_text().replace("127.0.0.1:5038", "127.0.0.1:1").replace(":9417", f":{port}")
    platform.write_text(text)
    store = SqlStore.open(f"sqlite:///{root}/.vpbx/vpbx.db")
    store.pay(Payment("acme", "order-1", 1000_00, NOW, "ops"), NOW)
    vpbx = [sys.executable, "-m", "orchestrator.cli.main", "-C", str(root), "listen"]
    listener = subprocess.Popen(vpbx, stderr=subprocess.DEVNULL)
    try:
        wait(lambda: seen_low(store) is False)
        with store.database.writing() as connection:
            balances.charge(connection, [("acme", 800_00)])
        wait(lambda: [each.state for each in WarningIndex(store.database).of_tenant("acme")] == ["sent"])
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            assert "vpbx_balance_warnings_sent_total 1.0" in answer.read().decode().splitlines()
        assert len(hook.posts) == 1
        listener.terminate()
        assert listener.wait(30) == 0
    finally:
        listener.kill()
        listener.wait(10)
        store.close()


@pytest.mark.program
def test_a_kill_neither_forgets_a_warning_nor_makes_another_one(
    store: SqlStore, hook: Hook, tmp_path: Path
) -> None:
    """Killed again and again while balances fall and rise: each fall has one id, and each id arrives."""
    root = warned_project(tmp_path, hook)
    url = f"sqlite:///{store.database.file}"

    def start() -> subprocess.Popen[str]:
        made = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(root), url], stdout=subprocess.PIPE, text=True
        )
        assert made.stdout is not None
        assert "ready\n" in iter(made.stdout.readline, "")
        return made

    def balance(kopecks: int) -> None:
        with store.database.writing() as connection:
            balances.charge(connection, [("acme", balances.balance_kop(connection, "acme") - kopecks)])

    balance(500_00)
    running = start()
    wait(lambda: seen_low(store) is False)
    falls = 5
    for number in range(falls):
        balance(100_00)
        time.sleep(0.004 * number)
        os.kill(running.pid, signal.SIGKILL)
        running.wait(10)
        running = start()
        wait(lambda: seen_low(store) is True)
        balance(500_00)
        wait(lambda: seen_low(store) is False)
    index = WarningIndex(store.database)
    wait(lambda: [each.state for each in index.of_tenant("acme")] == ["sent"] * falls)
    os.kill(running.pid, signal.SIGKILL)
    running.wait(10)
    assert set(hook.ids) == {each.crossing.id for each in index.of_tenant("acme")}
    assert len(set(hook.ids)) == falls
