"""A generated table of ported numbers, a reading of it of its own, and calls on a switch that looks it up."""

from __future__ import annotations

import random
import re
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from harness import farside
from harness.farside import CARRIER, Carrier, FarSide
from harness.ports import PortBlock
from harness.site import Site

from orchestrator.asterisk import install
from orchestrator.model.platform import Address

OPERATORS = {
    "mMTS": ("01", "D2501", "main"),
    "mBeeline": ("99", "D2599", "other"),
    "mTele2": ("20", "D2520", "other"),
    "mMegafon": ("02", "D2502", ""),
}
"""Network, route, and the trunk that is cheapest for the operator's numbers; empty: no trunk has a route."""

OWN_DIGITS = "903"
"""Numbers that begin so are cheapest by `other`, all others by `main`, when nobody is known to have them."""

HEADER = "Number,OwnerId,MNC,Route,RegionCode,PortDate\n"
_HEAD = "prefix,destination,price,starts_on\n"
_DECKS = {
    "main": "7,Россия,1.00,2026-01-01\n7903,Билайн,2.00,2026-01-01\n7910,МТС,1.10,2026-01-01\n",
    "other": "7,Россия,1.50,2026-01-01\n7903,Билайн,1.20,2026-01-01\n7910,МТС,1.30,2026-01-01\n",
}
_TRUNKS = """
trunks:
  other:
    auth: ip
    address: {address}
    match: [{address.host}]
    deck: decks/other.csv
    routes: {{mMTS: "+7910", mBeeline: "+7903", D2520: "+7903"}}
  main:
    deck: decks/main.csv
    routes: {{mMTS: "+7910", mBeeline: "+7903"}}
"""
_OTHER_HOST, _OTHER_PHONES = "127.0.0.6", "127.0.0.7"
_BEGIN, _END = 9_000_000_000, 9_390_000_000
_ROUNDS = 20


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table. Args: first, last: ten digits. since: None: always."""

    first: int
    last: int
    owner: str
    since: datetime | None

    @property
    def text(self) -> str:
        network, route, _ = OPERATORS[self.owner]
        number = f"{self.first}" if self.first == self.last else f"{self.first}-{self.last}"
        return f"{number},{self.owner},{network},{route},77,{self.since.isoformat() if self.since else ''}\n"


def table(chance: random.Random, count: int, now: datetime) -> Iterator[Row]:
    """Rows: a hundredth of them blocks of up to 10,000 numbers, a hundredth not yet ported, none twice."""
    for first in chance.sample(range(_BEGIN // 10_000, _END // 10_000), max(1, count // 100)):
        size = chance.choice((100, 1000, 10_000))
        yield Row(first * 10_000, first * 10_000 + size - 1, chance.choice([*OPERATORS]), None)
    for number in chance.sample(range(_BEGIN, _END), count - max(1, count // 100)):
        days = chance.randint(1, 300) if chance.random() < 0.01 else -chance.randint(1, 4000)
        yield Row(number, number, chance.choice([*OPERATORS]), now + timedelta(days=days))


def expected_trunk(lines: Sequence[str], number: int, now: datetime) -> str:
    """By which trunk a call leaves, after reading every line of the file: the narrowest that holds."""
    best: tuple[int, str] | None = None
    for line in lines[1:]:
        written, owner, _, _, _, since = line.rstrip("\n").split(",")
        first, _, last = written.partition("-")
        if not int(first) <= number <= int(last or first):
            continue
        if since and datetime.fromisoformat(since) > now:
            continue
        width = int(last or first) - int(first)
        if best is None or width < best[0]:
            best = (width, owner)
    known = "" if best is None else OPERATORS[best[1]][2]
    return known or ("other" if str(number).startswith(OWN_DIGITS) else "main")


def chosen(chance: random.Random, rows: Sequence[Row], count: int) -> list[int]:
    """Numbers to call: out of lines, out of blocks, not yet ported, and of nobody who is known."""
    now = datetime.now().astimezone()
    blocks = [row for row in rows if row.first != row.last]
    later = [row for row in rows if row.since is not None and row.since > now]
    found = [chance.choice(rows).first for _ in range(count // 2)]
    found += [chance.randint(row.first, row.last) for row in chance.choices(blocks, k=count // 5)]
    found += [chance.choice(later or rows).first for _ in range(count // 10)]
    found += [int(f"{OWN_DIGITS}{chance.randrange(10**7):07}") for _ in range(count // 10)]
    return found + [chance.randint(_BEGIN, _END) for _ in range(count - len(found))]


@dataclass
class PortedWorld:
    """A started site whose acme has two operators, and what a table does to its calls."""

    site: Site
    operators: dict[str, FarSide]
    clocked: int = 0

    def bring(self, file: Path) -> float:
        """Import a table. Returns: seconds."""
        began = time.monotonic()
        self.site.vpbx("portability", "import", str(file), "--replace")
        return time.monotonic() - began

    def trunk_of(self, number: int) -> str:
        """By which operators a call of 101 leaves, while all say busy."""
        before = {name: len(each.calls_to(CARRIER)) for name, each in self.operators.items()}
        self.operators["main"].wait_ended(self.operators["main"].call("acme101desk", f"+7{number}"))

        def taken() -> list[str]:
            return [
                name for name, each in self.operators.items() if len(each.calls_to(CARRIER)) > before[name]
            ]

        self.site.until(lambda: bool(taken()), f"+7{number} leaves by some trunk")
        return " ".join(taken())

    def look_up_us(self, numbers: Sequence[int]) -> float:
        """How long the switch takes to say who has a number: on average, by its own clock."""
        asked = f"Gosub({self._block()},s,1(7${{number}}))"
        return (self._took_us(asked, numbers) - self._took_us("NoOp()", numbers)) / (len(numbers) * _ROUNDS)

    def _block(self) -> str:
        text = (self.site.root / ".vpbx/switch/pbx1/etc/dialplan/blocks/least_cost.conf").read_text()
        [name] = re.findall(r"^\[(vpbx-ported\.\w+)\]", text, re.MULTILINE)
        return str(name)

    def _took_us(self, application: str, numbers: Sequence[int]) -> int:
        """How long a loop over the numbers takes on the switch, in a call of a phone to an added code."""
        self.clocked += 1
        context, code = f"vpbx-proof-{self.clocked}", f"*99{self.clocked}"
        lines = (
            f"[acme-codes]\nexten => {code},1,Goto({context},s,1)\n\n[{context}]",
            "exten => s,1,Set(began=${STRFTIME(,,%s%6q)})",
            " same => n,Set(round=0)",
            f" same => n(round),Set(numbers={'&'.join(map(str, numbers))})",
            " same => n(number),Set(number=${SHIFT(numbers,&)})",
            f" same => n,{application}",
            " same => n,GotoIf($[${LEN(${numbers})} > 0]?number)",
            " same => n,Set(round=$[${round} + 1])",
            f" same => n,GotoIf($[${{round}} < {_ROUNDS}]?round)",
            f" same => n,Set(DB({context}/took)=${{began}}&${{STRFTIME(,,%s%6q)}})",
            " same => n,Hangup(17)",
        )
        retired = self.site.root / ".vpbx/switch/pbx1/etc/dialplan/retired"
        retired.mkdir(exist_ok=True)
        (retired / f"{context}.conf").write_text("\n".join(lines) + "\n")
        self.site.rx("dialplan reload")
        self.operators["main"].wait_ended(self.operators["main"].call("acme101desk", code))
        told = self.site.rx(f"database get {context} took")
        began, ended = told.partition("Value: ")[2].strip().split("&")
        return int(ended) - int(began)


@contextmanager
def ported_world() -> Iterator[PortedWorld]:
    """A site in a directory that goes away with it."""
    with ExitStack() as stack:
        directory = Path(tempfile.mkdtemp(prefix="vpbx-ported-"))
        stack.callback(shutil.rmtree, directory, ignore_errors=True)
        address = Address(_OTHER_HOST, stack.enter_context(PortBlock()).port())
        asterisk = install.ensure()
        site = stack.enter_context(Site(directory / "project", asterisk))
        for name, deck in _DECKS.items():
            (site.root / f"decks/{name}.csv").write_text(_HEAD + deck)
        site.edit("platform.yaml", (r"\ntrunks:\n  main:\n", _TRUNKS.format(address=address)))
        by_cost = "tariff: master\ntrunks: [main, other]\ntrunk_order: least_cost"
        site.edit("tenants/acme.yaml", ("tariff: master", by_cost))
        site.start()
        far = stack.enter_context(site.far_side(*site.phones("acme", ("101",))))
        carrier = Carrier(address, sources=(site.sip.host,))
        other = stack.enter_context(
            FarSide(asterisk, directory / "other", site.sip, (), carrier, _OTHER_PHONES)
        )
        far.wait_registered()
        for each in (far, other):
            each.behave(CARRIER, farside.busy())
        yield PortedWorld(site, {"main": far, "other": other})
