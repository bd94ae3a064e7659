"""The two switches whose ways to route a call are compared: ours, and one with a bare Dial and a bare Queue.

Both are rendered from the same tenant, so that phones, trunk and media settings are the same to the byte.
"""

from __future__ import annotations

import asyncio
import shutil
import wave
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

HOST, OPERATOR = "127.0.0.1", "127.0.0.3"
TENANT, NODE = "bench", "pbx1"
MEMBERS = 20
SEATS = 1000
RTP = "4000-7999"

_HERE = Path(__file__).parent
_OFF = "[general]\nenable=no\n"
_RATE, _PROMPT_S = 8000, 0.2


@dataclass(frozen=True, slots=True)
class Way:
    """A way to route a call. Args: number: that is called. bare: on the switch without us. presses: a key."""

    name: str
    number: str
    bare: bool = False
    presses: bool = False


DIAL = Way("bare Dial", "+74951112211", bare=True)
QUEUE = Way("bare Queue", "+74951112212", bare=True)
EMPLOYEE = Way("employee", "+74951112201")
SCHEDULE = Way("schedule", "+74951112202")
MENU = Way("menu", "+74951112203", presses=True)
IN_ORDER = Way("department, in order", "+74951112204")
EVENLY = Way("department, evenly", "+74951112205")
WAYS = (DIAL, QUEUE, EMPLOYEE, SCHEDULE, MENU, IN_ORDER, EVENLY)


@dataclass(frozen=True, slots=True)
class Running:
    """A switch that is up. Args: accounts: endpoint and secret of each phone."""

    instance: Instance
    sip: Address
    pid: int
    accounts: tuple[tuple[str, str], ...]


def start(root: Path, asterisk: Asterisk, *, bare: bool) -> Running:
    """Make a project below `root` and start its switch."""
    project = Project(root / ("bare" if bare else "ours"))
    ports = free_ports(HOST, 4)
    sip = Address(HOST, ports[0])
    _write_project(project.root, ports)
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
    rendered = render(loaded, node, secrets, share_directory(), str(paths.phones))
    accounts = tuple((each.endpoint, each.secret) for each in secrets.devices.values())
    if bare:
        rendered = _bare(rendered, [endpoint for endpoint, _ in accounts])
    asyncio.run(
        apply(
            on_its_own(rendered, 1, Origin(datetime.now(UTC), "", "bench")), paths, project.root, None, None
        )
    )
    instance = Instance(paths, asterisk)
    started = instance.start(kept.systemname(NODE), (Listen("udp", sip, "SIP"),))
    return Running(instance, sip, started.pid, accounts)


def _bare(rendered: Rendered, endpoints: list[str]) -> Rendered:
    dialplan = (_HERE / "bare.conf").read_text("ascii").replace("@phone@", endpoints[0])
    for way in (DIAL, QUEUE):
        dialplan = dialplan.replace(f"@{way.name.removeprefix('bare ').lower()}@", way.number)
    members = "".join(f"member => PJSIP/{each}\n" for each in endpoints)
    queues = f"[general]\n\n[bench]\nstrategy=rrmemory\nringinuse=no\ntimeout=10\n{members}"
    modules = rendered.shared["modules.conf"]
    files: Mapping[str, RenderedFile] = {
        **rendered.shared,
        "extensions.conf": RenderedFile(dialplan),
        "queues.conf": RenderedFile(queues),
        "modules.conf": replace(modules, text=f"{modules.text}load=app_queue.so\n"),
        **{name: RenderedFile(_OFF) for name in ("cel.conf", "cdr.conf")},
    }
    return replace(rendered, shared=MappingProxyType(dict(files)))


def _write_project(root: Path, ports: list[int]) -> None:
    examples = share_directory() / "examples"
    for name in ("tariffs", "decks"):
        shutil.copytree(examples / name, root / name)
    (root / "tenants").mkdir()
    (root / "prompts").mkdir()
    with wave.open(str(root / "prompts/menu.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(_RATE)
        file.writeframes(bytes(2 * int(_RATE * _PROMPT_S)))
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
  main: {{auth: ip, address: "{OPERATOR}:{ports[3]}", match: [{OPERATOR}]}}
defaults: {{node: {NODE}, trunk: main, tariff: master, dial_classes: [local]}}
""",
        encoding="utf-8",
    )
    extensions = [str(201 + number) for number in range(MEMBERS)]
    staff = "".join(f'  - {{extension: "{each}", name: Phone {each}}}\n' for each in extensions)
    members = ", ".join(f'"{each}"' for each in extensions)
    (root / "tenants" / f"{TENANT}.yaml").write_text(
        f"""\
version: 1
name: {TENANT}
title: Bench
tariff: master
seats: {SEATS}
caller_id: "{EMPLOYEE.number}"
employees:
{staff}departments:
  in-order: {{title: In order, distribution: in_order, members: [{members}], ring_timeout_s: 200}}
  evenly: {{title: Evenly, distribution: evenly, members: [{members}], ring_timeout_s: 200}}
schedules:
  always: {{weekly: {{mon-sun: "00:00-24:00"}}, holidays: ru, dates: {{"2020-01-01": closed}}}}
menus:
  main: {{prompt: prompts/menu.wav, digits: {{"1": {{employee: "201"}}, "2": {{department: evenly}}}}}}
numbers:
  "{EMPLOYEE.number}": {{employee: "201"}}
  "{SCHEDULE.number}": {{schedule: always, open: {{employee: "201"}}, closed: {{employee: "201"}}}}
  "{MENU.number}": {{menu: main}}
  "{IN_ORDER.number}": {{department: in-order}}
  "{EVENLY.number}": {{department: evenly}}
""",
        encoding="utf-8",
    )
