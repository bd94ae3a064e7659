"""Record real calls as the switch tells them: the AMI bytes that the listener is sent, and its record files.

    python tests/faults/record_events.py [NAME ...]

Writes tests/events/recorded/<name>.ami, .cel.csv and .cdr.csv. The tests replay them; no test records.
"""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import quote

sys.path.insert(0, str(Path(__file__).parents[1] / "calls"))

from bursts import Planned
from harness import farside
from harness.farside import CARRIER
from harness.ports import PortBlock
from harness.sipp import Row, Sipp
from harness.site import Site
from world import ACME_DIRECT, ACME_FORWARDED, World, temporary_world

from orchestrator.model.platform import Address
from orchestrator.project import Project
from orchestrator.secrets import AMI_LISTEN, Secrets

RECORDED = Path(__file__).parents[1] / "events/recorded"
LINES = 2
_CALLER, _MOBILE, _MOSCOW = "+79035556677", "89161112233", "84957654321"
_NAMED = f'"Ёлка Щукина" <{_CALLER}>'
_FORGED = (
    "\r\n\r\nEvent: CEL\r\nSystemName: s0\r\nEventName: HANGUP\r\nUniqueID: s0-1.1\r\nLinkedID: s0-1.1"
    "\r\nChannel: x\r\nExtra: \r\n\r\n"
)
"""What somebody who doesn't know the systemname can put on the stream: an event that cuts a genuine one."""
_DEADLINE_S = 20.0


def main() -> int:
    wanted = sys.argv[1:] or list(CALLS)
    RECORDED.mkdir(exist_ok=True)
    with temporary_world(_few_lines) as world:
        for name in wanted:
            _record(world, name, CALLS[name])
    return 0


def _outbound(world: World) -> None:
    _talk(world, "acme101desk", _MOBILE)


def _inbound(world: World) -> None:
    _talk(world, CARRIER, ACME_DIRECT)


def _internal(world: World) -> None:
    _talk(world, "acme101desk", "102")


def _forward(world: World) -> None:
    _talk(world, CARRIER, ACME_FORWARDED)


def _cyrillic(world: World) -> None:
    _talk(world, CARRIER, ACME_FORWARDED, _NAMED)


def _blind_transfer(world: World) -> None:
    far = world.far
    before = len(far.calls_to("acme101desk"))
    call = far.call(CARRIER, ACME_DIRECT, from_number=_CALLER)
    arrived = far.incoming("acme101desk", after=before)
    far.wait_answered(call)
    far.wait_answered(arrived)
    far.transfer(arrived, _MOBILE)
    world.site.until(lambda: world.site.lines("acme")["in_use"] == 2, "the transfer stands")
    far.hang_up(call)


def _attended_transfer(world: World) -> None:
    """A phone calls two outside parties and joins them."""
    account = world.phones["acme102desk"]
    row = Row(account.endpoint, _MOSCOW, secret=account.secret, first=_MOBILE)
    with PortBlock() as ports:
        own = Address("127.0.0.5", ports.port())
        sipp = Sipp(world.next_directory(), "transfer_attended_caller", own, world.site.sip, [row])
        sipp.run()
    far = world.far
    for call in far.calls_to(CARRIER)[-2:]:
        if not far.has_ended(call):
            far.hang_up(call)


def _refused(world: World) -> None:
    held = [world.far.call("acme101desk", _MOBILE) for _ in range(LINES)]
    for call in held:
        world.far.wait_answered(call)
    world.far.wait_ended(world.far.call("acme101desk", _MOSCOW))
    world.far.wait_ended(world.far.call(CARRIER, ACME_DIRECT))
    for call in held:
        world.far.hang_up(call)


def _forged(world: World) -> None:
    world.inbound([Planned(ACME_FORWARDED, 1.0, _CALLER + quote(_FORGED, safe=""))], 0.1).wait()


CALLS: Mapping[str, Callable[[World], None]] = {
    "outbound": _outbound,
    "inbound": _inbound,
    "internal": _internal,
    "forward": _forward,
    "blind-transfer": _blind_transfer,
    "attended-transfer": _attended_transfer,
    "refused": _refused,
    "cyrillic-caller": _cyrillic,
    "forged-caller": _forged,
}


class AmiText:
    """The bytes that a session of the listener's user is sent."""

    def __init__(self, site: Site) -> None:
        secret = Secrets.open(Project(site.root).secrets_file).ami(site.node, AMI_LISTEN)
        self._socket = socket.create_connection((site.ami.host, site.ami.port), timeout=_DEADLINE_S)
        self._socket.sendall(
            f"Action: Login\r\nActionID: 1\r\nUsername: {AMI_LISTEN}\r\nSecret: {secret}\r\n\r\n".encode()
        )
        self.data = b""
        self.wait(b"Authentication accepted", 1)

    def wait(self, text: bytes, count: int) -> None:
        """Read until a text has come so many times."""
        deadline = time.monotonic() + _DEADLINE_S
        while self.data.count(text) < count:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{text!r} came {self.data.count(text)} times\n{self.data!r}")
            self.data += self._socket.recv(65536)

    def close(self) -> None:
        self._socket.close()


def _few_lines(site: Site) -> None:
    site.edit("tenants/acme.yaml", ("service: active", f"service: active\nlines: {LINES}"))


def _talk(world: World, phone: str, number: str, caller: str = _CALLER) -> None:
    placed = world.far.call(phone, number, stay_s=1.4, from_number=caller if phone == CARRIER else "")
    world.far.wait_answered(placed)
    world.far.wait_ended(placed)


def _record(world: World, name: str, play: Callable[[World], None]) -> None:
    site = world.site
    paths = Project(site.root).switch(site.node)
    for phone in ("acme101desk", "acme102desk", CARRIER):
        world.far.behave(phone, farside.answer())
    begun = [_size(path) for path in (paths.cel_file, paths.cdr_file)]
    ami = AmiText(site)
    play(world)
    site.until(lambda: "0 active channels" in site.rx("core show channels count"), "all is over")
    cel, cdr = (
        path.read_bytes()[start:] for path, start in zip((paths.cel_file, paths.cdr_file), begun, strict=True)
    )
    ends = cel.count(b'"LINKEDID_END"')
    assert ends, "the record has the calls' ends"
    ami.wait(b"EventName: LINKEDID_END", ends)
    ami.close()
    (RECORDED / f"{name}.ami").write_bytes(ami.data)
    (RECORDED / f"{name}.cel.csv").write_bytes(cel)
    (RECORDED / f"{name}.cdr.csv").write_bytes(cdr)
    print(f"{name}: {len(ami.data)} bytes of AMI, {len(cel)} of CEL, {ends} calls", file=sys.stderr)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


if __name__ == "__main__":
    sys.exit(main())
