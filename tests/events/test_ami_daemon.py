"""The listener as a whole over a switch's AMI side and a real durable record, through every kind of gap."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from fake_ami import FakeAmi, cel, until
from recorded_calls import Call, record_of

from orchestrator import definitions as definition_files
from orchestrator.asterisk.connection import AmiLogin, Deadlines
from orchestrator.asterisk.stream import Retries
from orchestrator.books import NodeBooks
from orchestrator.daemon import Listener, Pace, UtcClock
from orchestrator.model.call import Systemname
from orchestrator.project import Project
from orchestrator.storage import views
from orchestrator.storage.store import SqlStore
from orchestrator.writer import Cadence, Writer

EXAMPLES = Path(__file__).parents[2] / "examples"
NODE = "pbx1"
SYSTEMNAME = Systemname("s6f1d2")
CADENCE = Cadence(prompt_s=0.05, settle_s=0.2, regular_s=30.0, retry_s=0.1)
SHORT = Deadlines(login_s=2.0, action_s=1.0, ping_every_s=0.1, pong_s=0.5)
QUICK = Retries(first_s=0.05, longest_s=0.2, refused_s=0.2)
PACE = Pace(snapshot_every_s=0.1, stop_s=10.0)


@dataclass
class Scene:
    """A project with one node, its listener and its switch's AMI side."""

    project: Project
    fake: FakeAmi
    listener: Listener

    @property
    def tenant(self) -> str:
        return next(iter(definition_files.load(self.project.root).tenants))

    def call(self, number: int, talk_s: float | None = 61.5) -> Call:
        begin = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=10)
        return Call(number, talk_s, begin, tenant=self.tenant, systemname=SYSTEMNAME)

    def record(self, *calls: Call) -> None:
        """The switch writes calls into its durable record."""
        file = self.project.switch(NODE).cel_file
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("ab") as open_file:
            open_file.write(record_of(calls))

    def tell(self, call: Call) -> None:
        """The switch tells a call over AMI."""
        own = call.trunk_leg.removeprefix(f"{SYSTEMNAME}-")
        self.fake.emit(
            cel("vpbx.leg", own, f'{{"extra":"{call.mark}"}}')
            + cel("ANSWER", own)
            + cel("HANGUP", own, '{"hangupcause":16}')
            + cel("LINKEDID_END", own)
        )

    def charges(self) -> dict[str, str]:
        """Path by key of all charges in the ledger."""
        configured = definition_files.load(self.project.root).platform.storage.database
        store = SqlStore.open(self.project.database_url(configured))
        try:
            return {charge.key: charge.path for charge in store.charges(views.Asked())}
        finally:
            store.close()


def play(tmp_path: Path, test: Callable[[Scene], Awaitable[None]], **fake_settings: object) -> Scene:
    root = tmp_path / "project"
    shutil.copytree(EXAMPLES, root, ignore=shutil.ignore_patterns(".vpbx"))
    project = Project(root)

    async def run() -> Scene:
        async with FakeAmi(**fake_settings) as fake, asyncio.timeout(60):
            clock = UtcClock()
            writer = Writer(lambda: NodeBooks(project, NODE, SYSTEMNAME, clock), clock, CADENCE)
            listener = Listener(
                NODE,
                SYSTEMNAME,
                lambda: AmiLogin("127.0.0.1", fake.port, "listen", "right"),
                writer,
                pace=PACE,
                deadlines=SHORT,
                retries=QUICK,
            )
            scene = Scene(project, fake, listener)
            running = asyncio.create_task(listener.run())
            try:
                await test(scene)
            finally:
                listener.stop()
                await running
            return scene

    return asyncio.run(run())


async def settled(scene: Scene) -> None:
    await until(lambda: scene.listener.figures().last_reconcile_at and not scene.listener.figures().problems)


def test_a_call_told_over_ami_is_charged_from_the_record(tmp_path: Path) -> None:
    async def test(scene: Scene) -> None:
        await settled(scene)
        call = scene.call(1)
        scene.record(call)
        scene.tell(call)
        await until(lambda: call.key in scene.charges())
        assert scene.charges()[call.key] == "listener"
        await until(lambda: scene.listener.figures().posted.get("listener") == 1)
        assert scene.listener.figures().events == 4

    play(tmp_path, test)


def test_an_event_without_a_record_charges_nothing(tmp_path: Path) -> None:
    async def test(scene: Scene) -> None:
        await settled(scene)
        before = scene.listener.figures().last_reconcile_at
        scene.tell(scene.call(1))
        await until(lambda: scene.listener.figures().last_reconcile_at != before)
        assert scene.charges() == {}

    play(tmp_path, test)


def test_calls_missed_in_a_gap_are_charged_after_it(tmp_path: Path) -> None:
    async def test(scene: Scene) -> None:
        await settled(scene)
        await scene.fake.stop()
        await until(lambda: scene.listener.figures().ami == "down")
        missed = [scene.call(number) for number in range(5)]
        scene.record(*missed)
        await scene.fake.listen()
        await until(lambda: {call.key for call in missed} <= set(scene.charges()))
        await until(lambda: scene.listener.figures().sessions == 2)

    play(tmp_path, test)


def test_calls_of_before_the_start_are_charged_with_the_switch_away(tmp_path: Path) -> None:
    async def test(scene: Scene) -> None:
        call = scene.call(1)
        scene.record(call)
        await until(lambda: scene.listener.figures().ami == "refused")
        await until(lambda: call.key in scene.charges() or scene.listener.figures().last_reconcile_at)

    scene = play(tmp_path, test, secret="other")
    assert len(scene.charges()) == 1, "the reconciliation at the end found it at the latest"


def test_forged_messages_are_counted_and_charge_nothing(tmp_path: Path) -> None:
    async def test(scene: Scene) -> None:
        await settled(scene)
        scene.fake.emit(
            "Event: Cdr\r\nBillableSeconds: 99999\r\n\r\n"
            "Event: CEL\r\nEventName: HANGUP\r\nUniqueID: x-1.1\r\nLinkedID: x-1.1\r\n\r\n"
            "UniqueID: rest-of-a-cut-one\r\n\r\n"
        )
        await until(lambda: scene.listener.figures().forged == 3)
        assert scene.listener.figures().events == 0
        assert scene.charges() == {}

    play(tmp_path, test)


def test_live_calls_have_a_heartbeat_and_are_counted(tmp_path: Path) -> None:
    async def test(scene: Scene) -> None:
        scene.fake.channels = ["1790000000.1", "1790000000.2"]
        await until(lambda: scene.listener.figures().calls_up == 2)

    play(tmp_path, test)


def test_a_switch_of_another_name_is_reported(tmp_path: Path) -> None:
    async def test(scene: Scene) -> None:
        await until(lambda: "stranger" in " ".join(scene.listener.figures().problems))
        assert scene.listener.figures().calls_up == 0

    play(tmp_path, test, systemname="stranger")


def test_a_frozen_switch_is_noticed_and_followed_again(tmp_path: Path) -> None:
    async def test(scene: Scene) -> None:
        await settled(scene)
        scene.fake.silent = True
        await until(lambda: scene.listener.figures().ami == "down")
        assert scene.listener.figures().problems
        scene.fake.silent = False
        await settled(scene)

    play(tmp_path, test)


def test_stopping_takes_what_was_read_and_reconciles_once_more(tmp_path: Path) -> None:
    calls: list[Call] = []

    async def test(scene: Scene) -> None:
        await settled(scene)
        calls.append(scene.call(1))
        scene.record(calls[0])

    scene = play(tmp_path, test)
    assert calls[0].key in scene.charges()
