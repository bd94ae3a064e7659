"""The arms that are compared: one Asterisk each, with the same phones, trunk and modules.

All are rendered from the same tenant, so that SIP and media settings are the same to the byte; the bare arms
then get another dialplan and other record settings.
"""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

from orchestrator import definitions as definition_files
from orchestrator.asterisk.apply import apply
from orchestrator.asterisk.binary import Asterisk
from orchestrator.asterisk.instance import Instance
from orchestrator.asterisk.listening import Listen, free_ports
from orchestrator.asterisk.manifest import Origin
from orchestrator.asterisk.parcel import on_its_own
from orchestrator.model.platform import Address
from orchestrator.project import Project
from orchestrator.rendering.render import Rendered, RenderedFile, SwitchSecrets, device_keys, render
from orchestrator.rendering.sources import share_directory
from orchestrator.secrets import AMI_CONTROL, AMI_LISTEN, Secrets

HOST = "127.0.0.1"
TENANT, NODE = "bench", "pbx1"
PHONES = 50
SEATS = 1000
RTP = "4000-7999"
"""One range for all arms: an arm that has no calls holds no ports. SIPp takes its own from 8192 on."""

_HERE = Path(__file__).parent
_STOP_S = 15
_OFF = "[general]\nenable=no\n"


@dataclass(frozen=True, slots=True)
class Arm:
    """Args: dialplan: file of a bare arm; empty for ours. record: calls are recorded.

    off: configuration files of records that aren't kept.
    """

    name: str
    dialplan: str
    record: bool
    off: tuple[str, ...] = ()


BARE = Arm("bare", "bare.conf", record=False, off=("cel.conf", "cdr.conf"))
RECORDED = Arm("bare+cel+cdr+mixmonitor", "recorded.conf", record=True)
OURS_RECORDED = Arm("ours+recording+listener", "", record=True)
OURS = Arm("ours+listener", "", record=False)
ARMS = (BARE, RECORDED, OURS_RECORDED, OURS)


@dataclass(frozen=True, slots=True)
class Running:
    """An arm whose switch is up.

    Args: sip: where phones call. pid: of Asterisk. callers: SIPp's file of phones. listener: `vpbx listen`.
    """

    arm: Arm
    instance: Instance
    sip: Address
    pid: int
    callers: Path
    listener: subprocess.Popen[bytes] | None

    @property
    def pids(self) -> tuple[int, ...]:
        return (self.pid,) if self.listener is None else (self.pid, self.listener.pid)

    def forget_recordings(self) -> None:
        """Drop what a bare arm recorded; ours moves its own away."""
        if self.listener is None:
            for file in self.instance.paths.monitor.glob("*.raw"):
                file.unlink()

    def stop(self) -> None:
        if self.listener is not None:
            self.listener.send_signal(signal.SIGTERM)
            try:
                self.listener.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                self.listener.kill()
                self.listener.wait()
        self.instance.stop()


def start(arm: Arm, root: Path, asterisk: Asterisk, far: Address, seed: int, share: Path | None) -> Running:
    """Make an arm's project below `root` and start its switch, and its listener when it has one.

    Args: far: the other end of the trunk. share: `templates/` and `dialplans/` to try instead of our own.
    """
    project = Project(root / arm.name)
    ports = free_ports(HOST, 3)
    sip = Address(HOST, ports[0])
    _write_project(project.root, ports, far, arm.record and not arm.dialplan)
    loaded = definition_files.load(project.root)
    node = loaded.platform.nodes[NODE]
    kept = Secrets.open(project.secrets_file)
    secrets = SwitchSecrets(
        systemname=kept.systemname(NODE),
        ami={user: kept.ami(NODE, user) for user in (AMI_LISTEN, AMI_CONTROL)},
        devices=kept.devices(device_keys(loaded, node)),
        trunks=dict.fromkeys(loaded.platform.trunks, ""),
    )
    paths = project.switch(NODE)
    share = share or share_directory()
    rendered = _as_arm(arm, render(loaded, node, secrets, share, str(paths.phones)))
    parcel = on_its_own(rendered, 1, Origin(datetime.now(UTC), "", "bench"))
    asyncio.run(apply(parcel, paths, project.root, None, None))
    callers = project.root / "callers.csv"
    callers.write_text(_callers(secrets, seed), encoding="ascii")
    instance = Instance(paths, asterisk)
    started = instance.start(kept.systemname(NODE), (Listen("udp", sip, "SIP"),))
    listener = None if arm.dialplan else _listen(project.root)
    return Running(arm, instance, sip, started.pid, callers, listener)


def _as_arm(arm: Arm, rendered: Rendered) -> Rendered:
    if not arm.dialplan:
        return rendered
    files: Mapping[str, RenderedFile] = {
        **rendered.shared,
        "extensions.conf": RenderedFile((_HERE / arm.dialplan).read_text("ascii")),
        **{name: RenderedFile(_OFF) for name in arm.off},
    }
    return replace(rendered, shared=MappingProxyType(dict(files)))


def _listen(root: Path) -> subprocess.Popen[bytes]:
    with (root / "listen.log").open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "orchestrator.cli.main", "-C", str(root), "listen"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )


def _write_project(root: Path, ports: list[int], far: Address, recording: bool) -> None:
    examples = share_directory() / "examples"
    for name in ("tariffs", "decks"):
        shutil.copytree(examples / name, root / name)
    (root / "tenants").mkdir()
    (root / "platform.yaml").write_text(
        f"""\
version: 1
name: bench
region: RU
time_zone: Europe/Moscow
emergency: ["112"]
codecs: [alaw, ulaw]
nodes:
  {NODE}: {{sip: "{HOST}:{ports[0]}", rtp: {RTP}, ami: "{HOST}:{ports[1]}", metrics: "{HOST}:{ports[2]}"}}
trunks:
  main: {{auth: ip, address: "{far}", match: [{HOST}]}}
defaults:
  node: {NODE}
  trunk: main
  tariff: master
  dial_classes: [local, national, mobile]
""",
        encoding="utf-8",
    )
    staff = "".join(f'  - {{extension: "{201 + n}", name: Phone {n}}}\n' for n in range(PHONES))
    (root / "tenants" / f"{TENANT}.yaml").write_text(
        f"""\
version: 1
name: {TENANT}
title: Bench
tariff: master
service: active
seats: {SEATS}
caller_id: "+74951112233"
options: [{"recording" if recording else ""}]
outgoing: {{allow: [local, national, mobile]}}
employees:
{staff}numbers:
  "+74951112233": {{employee: "201"}}
""",
        encoding="utf-8",
    )


def _callers(secrets: SwitchSecrets, seed: int) -> str:
    """One line a call: endpoint; number called; how it proves itself. SIPp goes round in it."""
    dice = random.Random(seed)
    phones = sorted(secrets.devices.values(), key=lambda device: device.endpoint)
    lines = []
    for _ in range(20):
        for device in phones:
            number = f"+7916{dice.randrange(10**7):07}"
            proof = f"[authentication username={device.endpoint} password={device.secret}]"
            lines.append(f"{device.endpoint};{number};{proof}\n")
    return "SEQUENTIAL\n" + "".join(lines)
