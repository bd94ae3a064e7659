"""AMI of a real Asterisk: logins, snapshots, real events, and a switch that freezes or restarts."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fake_ami import until

from orchestrator.asterisk.binary import Asterisk
from orchestrator.asterisk.connection import AmiConnection, AmiLogin, Deadlines
from orchestrator.asterisk.control import AmiSwitch
from orchestrator.asterisk.dialplan import Context, parse
from orchestrator.asterisk.events import EventReader
from orchestrator.asterisk.instance import Instance
from orchestrator.asterisk.splice import differing
from orchestrator.asterisk.stream import AmiState, EventStream, Resync, Retries
from orchestrator.errors import ActionFailed, AmiRefused, AmiUnreachable, NotFound
from orchestrator.model.call import SwitchEvent, Systemname
from orchestrator.project import SwitchPaths

pytestmark = pytest.mark.switch

SYSTEMNAME = Systemname("s6f1d2")
DEADLINES = Deadlines(ping_every_s=0.2, pong_s=1.0)
RETRIES = Retries(first_s=0.1, longest_s=0.5)

MODULES = """
pbx_config app_dial app_celgenuserevent app_exec cel_manager func_groupcount func_channel func_callerid
func_global func_strings res_timing_timerfd
bridge_simple bridge_softmix codec_ulaw res_pjproject res_sorcery_memory
res_sorcery_config res_sorcery_astdb res_pjsip res_pjsip_session res_rtp_asterisk res_pjsip_sdp_rtp
res_pjsip_pubsub chan_pjsip
"""

FILES = {
    "modules.conf": "[modules]\nautoload=no\n" + "".join(f"load={name}.so\n" for name in MODULES.split()),
    "manager.conf": """\
[general]
enabled=yes
bindaddr=127.0.0.1
port={ami}
timestampevents=yes
[test]
secret=right
read=call
write=system,command,reporting,call,originate
""",
    "cel.conf": """\
[general]
enable=yes
events=CHAN_START,ANSWER,HANGUP,CHAN_END,LINKEDID_END,USER_DEFINED
[manager]
enabled=yes
""",
    "extensions.conf": """\
[globals]
VPBX_GENERATION=7
[test]
exten => call,1,Set(CALLERID(name)=Иван Щукин)
 same => n,Set(GROUP(lines)=acme)
 same => n,CELGenUserEvent(vpbx.leg,tenant=acme&direction=out&to=+74957654321&decision=admitted)
 same => n,Answer()
 same => n,Wait(60)
exten => far,1,Wait(60)
[inside]
include => test
include => nowhere
exten => 101,1,Wait(1)
 same => n(out),Hangup()
exten => 101,hint,PJSIP/d1
""",
    "pjsip.conf": """\
[udp]
type=transport
protocol=udp
bind=127.0.0.1:{sip}
[d1]
type=endpoint
context=test
disallow=all
allow=ulaw
set_var=VPBX_GENERATION=7
set_var=VPBX_TENANT=acme
""",
    "logger.conf": "[logfiles]\nmessages = error,warning\n",
    **{
        f"{name}.conf": "[general]\n"
        for name in ("cdr", "features", "acl", "udptl", "ccss", "indications", "rtp")
    },
}


@dataclass
class Switch:
    instance: Instance
    port: int

    def login(self, secret: str = "right") -> AmiLogin:
        return AmiLogin("127.0.0.1", self.port, "test", secret)

    def start(self) -> int:
        return self.instance.start(SYSTEMNAME, ()).pid

    def control(self) -> AmiSwitch:
        return AmiSwitch(self.login())


@pytest.fixture
def switch(tmp_path: Path, asterisk: Asterisk) -> Iterator[Switch]:
    """A running switch with a small configuration."""
    paths = SwitchPaths(tmp_path / "pbx1")
    generation = paths.generations / "1"
    generation.mkdir(parents=True)
    paths.etc.symlink_to("generations/1")
    ami, sip = free_port(socket.SOCK_STREAM), free_port(socket.SOCK_DGRAM)
    for name, text in FILES.items():
        filled = text.replace("{ami}", str(ami)).replace("{sip}", str(sip))
        (generation / name).write_text(filled, encoding="utf-8")
    made = Switch(Instance(paths, asterisk), ami)
    made.start()
    yield made
    made.instance.stop()


def free_port(kind: socket.SocketKind) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def play(test: Callable[[], Awaitable[None]]) -> None:
    async def run() -> None:
        async with asyncio.timeout(90):
            await test()

    asyncio.run(run())


async def place_call(ami: AmiConnection) -> None:
    fields = {
        "Action": "Originate",
        "Channel": "Local/call@test",
        "Context": "test",
        "Exten": "far",
        "Priority": "1",
    }
    await ami.action({**fields, "Async": "true"})


def test_status_commands_reloads_and_endpoints(switch: Switch) -> None:
    async def test() -> None:
        async with switch.control() as control:
            status = await control.status()
            assert status.systemname == SYSTEMNAME
            assert status.version.startswith(("20.", "21.", "22.", "23."))
            assert timedelta(0) <= datetime.now(UTC) - status.started_at < timedelta(minutes=2)
            assert (await control.status()).started_at == status.started_at
            assert "System uptime" in await control.command("core show uptime")
            await control.reload("pbx_config.so")
            for refused in (control.reload("nonsense.so"), control.command("nonsense")):
                with pytest.raises(ActionFailed):
                    await refused
            endpoint = await control.endpoint("d1")
            assert endpoint.variables == {"VPBX_GENERATION": "7", "VPBX_TENANT": "acme"}
            assert endpoint.options["Context"] == "test"
            with pytest.raises(NotFound):
                await control.endpoint("d2")
            assert await control.global_variable("VPBX_GENERATION") == "7"
            assert await control.global_variable("NOT_SET") == ""

    play(test)


def test_a_context_is_told_whole_and_each_difference_from_it_found(switch: Switch) -> None:
    wanted = parse(FILES["extensions.conf"]).contexts["inside"]

    async def test() -> None:
        async with switch.control() as ami:
            assert differing(wanted, await ami.dialplan("inside")) == ""
            for change, told in (
                ("add extension 102,1,Wait,1 into inside", "the removal of inside, 102, priority 1"),
                ("remove extension 102@inside", ""),
                ("remove include nowhere from inside", "the includes of inside"),
                ("add include nowhere into inside", ""),
                ("remove extension 101@inside 2", "inside, 101, priority 2"),
            ):
                await ami.command(f"dialplan {change}")
                assert differing(wanted, await ami.dialplan("inside")) == told
            assert await ami.dialplan("nothing") is None
            assert await ami.dialplan("inside", "103") == Context("inside", 0)

    play(test)


def test_a_wrong_secret_is_refused_and_a_wrong_port_unreachable(switch: Switch) -> None:
    async def test() -> None:
        with pytest.raises(AmiRefused):
            async with AmiSwitch(switch.login("wrong")):
                pass
        with pytest.raises(AmiUnreachable):
            async with AmiSwitch(AmiLogin("127.0.0.1", free_port(socket.SOCK_STREAM), "test", "right")):
                pass

    play(test)


def test_a_snapshot_shows_channels_and_the_lines_they_hold(switch: Switch) -> None:
    async def test() -> None:
        ami = await AmiConnection.connect(switch.login())
        async with switch.control() as control:
            assert await control.channels() == ()
            await place_call(ami)
            lines: list[str] = []
            deadline = time.monotonic() + 20
            # Until the call is through there are more channels, which go by themselves.
            while sorted(lines) != ["", "acme"] and time.monotonic() < deadline:
                channels = await control.channels()
                lines = [channel.line_of for channel in channels]
            assert sorted(lines) == ["", "acme"]
            assert all(channel.uniqueid.startswith(f"{SYSTEMNAME}-") for channel in channels)
            assert len({channel.linkedid for channel in channels}) == 1
            assert (await control.status()).calls_up > 0
        ami.close()

    play(test)


def test_real_events_are_genuine_and_in_order(switch: Switch) -> None:
    async def test() -> None:
        stream = EventStream(switch.login, deadlines=DEADLINES, retries=RETRIES)
        running = asyncio.create_task(stream.run())
        ami = await AmiConnection.connect(switch.login())
        await until(lambda: stream.status.state is AmiState.UP)
        await place_call(ami)
        reader = EventReader(SYSTEMNAME)
        seen: list[SwitchEvent] = []
        hung_up = False
        while not any(event.kind == "LINKEDID_END" for event in seen):
            item = await stream.next()
            event = None if isinstance(item, Resync) else reader.read(item)
            if event is not None:
                seen.append(event)
            if not hung_up and any(event.kind == "ANSWER" for event in seen):
                hung_up = True
                await ami.action({"Action": "Hangup", "Channel": "/.*/"})
        leg = next(event for event in seen if event.kind == "vpbx.leg")
        assert leg.facts["to"] == "+74957654321"
        assert abs(datetime.now(UTC) - leg.at) < timedelta(seconds=60)
        own = [event.kind for event in seen if event.uniqueid == leg.uniqueid]
        assert own[:3] == ["CHAN_START", "vpbx.leg", "ANSWER"]
        assert own.index("HANGUP") > own.index("ANSWER")
        assert reader.counts.forged == stream.counts.forged == stream.counts.fragments == 0
        ami.close()
        running.cancel()

    play(test)


def test_a_frozen_switch_is_noticed_and_a_thawed_one_followed_again(switch: Switch) -> None:
    async def test() -> None:
        stream = EventStream(switch.login, deadlines=DEADLINES, retries=RETRIES)
        running = asyncio.create_task(stream.run())
        await until(lambda: stream.status.state is AmiState.UP)
        pid = switch.instance.pid()
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        try:
            began = time.monotonic()
            await until(lambda: stream.status.state is AmiState.DOWN)
            assert time.monotonic() - began < 5
            assert "no sign of life" in stream.status.error
        finally:
            os.kill(pid, signal.SIGCONT)
        await until(lambda: stream.status.state is AmiState.UP, 30)
        running.cancel()

    play(test)


def test_a_restarted_switch_is_followed_again_from_a_resync(switch: Switch) -> None:
    async def test() -> None:
        stream = EventStream(switch.login, deadlines=DEADLINES, retries=RETRIES)
        running = asyncio.create_task(stream.run())
        await until(lambda: stream.status.state is AmiState.UP)
        pid = switch.instance.pid()
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        await until(lambda: stream.status.state is AmiState.DOWN)
        await asyncio.to_thread(switch.start)
        await until(lambda: stream.status.sessions == 2, 30)
        items = []
        while sum(isinstance(item, Resync) for item in items) < 2:
            items.append(await stream.next())
        assert isinstance(items[0], Resync)
        running.cancel()

    play(test)
