"""Many tenants on one switch, and what each tries to get at another: nothing of it may get through.

Every tenant has the same extensions 101 and 102, and an extension and a code that nobody else has.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from harness.sip_phone import Dialog, SipPhone
from harness.site import EXAMPLES, Site
from orchestrator.asterisk.binary import Asterisk

PROBES = ("extension", "endpoint", "code", "refer", "replaces", "refer with replaces")
_REFUSED = range(300, 700)
_NOT_YET, _DEADLINE_S = 400, 5.0


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A tenant with its phones. Args: first: that calls. second: its colleague. third: has `extension`."""

    name: str
    extension: str
    code: str
    first: SipPhone
    second: SipPhone
    third: SipPhone


@dataclass(frozen=True, slots=True)
class Leak:
    """A line of a tenant's rendered dialplan that lets it into another's. Args: probe: that finds it."""

    context: str
    include: str
    probe: str


LEAKS: Mapping[str, Leak] = {
    "phones find another's extensions": Leak("phones", "inside", "extension"),
    "phones dial another's codes": Leak("phones", "codes", "code"),
    "a transferred call finds another's extensions": Leak("transfer", "extensions", "refer"),
}


class Neighbourhood:
    """So many tenants on a running switch, their phones registered."""

    def __init__(self, root: Path, asterisk: Asterisk, count: int) -> None:
        """Args: root: does not exist yet."""
        self.site = Site(root, asterisk, EXAMPLES)
        for file in (root / "tenants").glob("*.yaml"):
            file.unlink()
        self._names = tuple(f"t{number:02}" for number in range(1, count + 1))
        for number, name in enumerate(self._names):
            (root / "tenants" / f"{name}.yaml").write_text(_tenant(name, number), "utf-8")
        self.tenants: tuple[Neighbour, ...] = ()

    def __enter__(self) -> Neighbourhood:
        try:
            self.site.start()
            self.tenants = tuple(_neighbour(self.site, name, n) for n, name in enumerate(self._names))
            for each in self.tenants:
                for phone in (each.first, each.second, each.third):
                    phone.register()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for each in self.tenants:
            for phone in (each.first, each.second, each.third):
                phone.close()
        self.site.stop()


@contextmanager
def leaking(site: Site, leak: str, intruder: str, victim: str) -> Iterator[None]:
    """The switch reads a rendering that leaks, as long as this lasts."""
    line = LEAKS[leak]
    switch = site.root / ".vpbx/switch" / site.node
    live = [path for path in switch.rglob(f"dialplan/tenants/{intruder}.conf") if not path.is_symlink()]
    texts = {path: path.read_text("utf-8") for path in live}
    # Behind the tenant's own includes: nothing of its own goes elsewhere by it.
    context = re.compile(rf"^\[{intruder}-{line.context}\]\n(?:.+\n)+", re.MULTILINE)
    assert texts and all(context.search(text) for text in texts.values()), switch
    try:
        for path, text in texts.items():
            path.chmod(0o640)
            leaks = context.sub(rf"\g<0>include => {victim}-{line.include}\n", text)
            path.write_text(leaks, "utf-8")
        site.rx("dialplan reload")
        read = site.rx(f"dialplan show {intruder}-{line.context}")
        assert f"{victim}-{line.include}" in read, read
        yield
    finally:
        for path, text in texts.items():
            path.write_text(text, "utf-8")
        site.rx("dialplan reload")


def turned(site: Site) -> list[str]:
    """Tenants whose switch somebody has turned on."""
    told = site.json("status")["tenants"]
    return [name for name, tenant in told.items() if "on" in tenant["switches"].values()]


def _tenant(name: str, number: int) -> str:
    return (
        f"version: 1\nname: {name}\ntitle: {name}\ntariff: master\n"
        "employees:\n"
        f'  - {{extension: "101", name: {name} one}}\n'
        f'  - {{extension: "102", name: {name} two}}\n'
        f'  - {{extension: "{300 + number}", name: {name} three}}\n'
        f'switches: {{night: {{code: "*7{number:02}", title: Ночь}}}}\n'
        f'numbers: {{"+7495555{number:04}": {{employee: "101"}}}}\n'
    )


def _neighbour(site: Site, name: str, number: int) -> Neighbour:
    extension = str(300 + number)
    phones = {each.name: each for each in site.phones(name)}
    first, second, third = (
        SipPhone(phones[f"{name}{each}desk"], site.sip) for each in ("101", "102", extension)
    )
    return Neighbour(name, extension, f"*7{number:02}", first, second, third)


def through(neighbours: Iterable[Neighbour]) -> tuple[int, list[str]]:
    """Everything tried, for every ordered pair. Returns: how many pairs, and what got through."""
    everybody = tuple(neighbours)
    found: list[str] = []
    pairs = 0
    for victim in everybody:
        call = talk(victim)
        for intruder in everybody:
            if intruder is not victim:
                pairs += 1
                found += [
                    f"{intruder.name} -> {victim.name}: {each}" for each in _tried(intruder, victim, call)
                ]
        if call.call_id in victim.first.ended or victim.first.bye(call) != 200:
            found.append(f"a call of {victim.name} was ended by somebody else")
    return pairs, found


def talk(tenant: Neighbour) -> Dialog:
    """A call of its first phone to its second."""
    code, dialog = tenant.first.invite("102")
    assert dialog is not None, f"{tenant.name} can't even call itself: {code}"
    return dialog


def _tried(intruder: Neighbour, victim: Neighbour, call: Dialog) -> Iterator[str]:
    """What of the probes got through. Args: call: one of the victim's, that is up."""
    rung = _rung(victim)
    for probe, number in (
        ("extension", victim.extension),
        ("endpoint", victim.third.user),
        ("code", victim.code),
    ):
        code, dialog = intruder.first.invite(number)
        if dialog is not None:
            intruder.first.bye(dialog)
        if code not in _REFUSED:
            yield probe
    own = talk(intruder)
    if refer(intruder, own, victim.extension) not in _REFUSED:
        yield "refer"
    _hang_up(intruder, own)
    own = talk(intruder)
    # Whoever knows both tags of a call may replace it, as RFC 3891 says; the switch's is of 122 random bits.
    guessed = f"{call.call_id};to-tag={own.other_tag};from-tag={call.own_tag}"
    replaced = quote(guessed, safe="")
    if refer(intruder, own, "102", f"?Replaces={replaced}") not in _REFUSED:
        yield "refer with replaces"
    _hang_up(intruder, own)
    code, dialog = intruder.first.invite("102", f"Replaces: {guessed}\r\n")
    if code not in _REFUSED:
        yield "replaces"
    if dialog is not None:
        intruder.first.bye(dialog)
    if _rung(victim) != rung:
        yield "a phone rang"


def refer(tenant: Neighbour, call: Dialog, to: str, more: str = "") -> int:
    """Transfer a call of the first phone. Returns: the code that tells what became of it."""
    deadline = time.monotonic() + _DEADLINE_S
    while True:
        code = tenant.first.refer(call, f"sip:{to}@{tenant.first.switch}{more}")
        # Until both ends are joined, a moment after the answer, the switch can't transfer.
        if code != _NOT_YET or time.monotonic() > deadline:
            return code


def _rung(tenant: Neighbour) -> int:
    """How often its phones have rung."""
    return sum(len(phone.arrived) for phone in (tenant.first, tenant.second, tenant.third))


def _hang_up(tenant: Neighbour, dialog: Dialog) -> None:
    if dialog.call_id not in tenant.first.ended:
        tenant.first.bye(dialog)
