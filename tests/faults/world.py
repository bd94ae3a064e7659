"""A whole vpbx with its phones and carrier, as the fault proofs use it, and how a proof tells its figures."""

from __future__ import annotations

import json
import random
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bursts import Burst, Planned
from harness import farside
from harness.farside import CARRIER, FarSide, Phone
from harness.ports import PortBlock
from harness.site import CARRIER_HOST, Site

from orchestrator.asterisk import install
from orchestrator.asterisk.binary import Asterisk

ACME_DIRECT, ACME_FORWARDED, BETA_DIRECT = "+74951112234", "+74951112235", "+73432223344"
"""Numbers of the examples: to acme's 101, on to an outside mobile, and to beta's 101."""

SIPP_PHONE_HOST = "127.0.0.4"
_RTP_BLOCKS, _RTP_PORTS = 3, 880
"""Two ports a channel, also of a call that is about to be refused: a burst of 200 on a slow machine has them
all at once, and Asterisk answers 488 when none is left."""


@dataclass
class World:
    """Args: phones: by the far side's names. directory: for what generators write."""

    site: Site
    far: FarSide
    phones: Mapping[str, Phone]
    directory: Path
    bursts: int = 0

    def inbound(self, calls: Sequence[Planned], spread_s: float) -> Burst:
        """The carrier calls."""
        return Burst(self.next_directory(), self.site.sip, CARRIER_HOST, calls, spread_s=spread_s)

    def outbound(self, phone: str, calls: Sequence[Planned], spread_s: float) -> Burst:
        """A phone calls. Args: phone: one that this account is not registered by, or it is as well."""
        account = self.phones[phone]
        return Burst(
            self.next_directory(), self.site.sip, SIPP_PHONE_HOST, calls, spread_s=spread_s, phone=account
        )

    def next_directory(self) -> Path:
        """An own one for a generator, not made yet."""
        self.bursts += 1
        return self.directory / f"burst-{self.bursts:04d}"


@contextmanager
def open_world(
    directory: Path, asterisk: Asterisk, prepare: Callable[[Site], None] = lambda _: None
) -> Iterator[World]:
    """A started site whose phones and carrier answer. Args: prepare: changes the project before its apply."""
    with ExitStack() as stack:
        rtp = stack.enter_context(PortBlock(_RTP_BLOCKS))
        first, last = rtp.span(_RTP_PORTS)
        site = stack.enter_context(Site(directory / "project", asterisk))
        site.edit("platform.yaml", (r"rtp: \d+-\d+", f"rtp: {first}-{last}"))
        prepare(site)
        site.start()
        phones = site.phones("acme", ("101", "102")) + site.phones("beta", ("101",))
        far = stack.enter_context(site.far_side(*phones))
        far.wait_registered()
        for name in (*(phone.name for phone in phones), CARRIER):
            far.behave(name, farside.answer())
        yield World(site, far, {phone.name: phone for phone in phones}, directory / "bursts")


@contextmanager
def temporary_world(prepare: Callable[[Site], None] = lambda _: None) -> Iterator[World]:
    """For a proof: a world in a directory that goes away with it."""
    directory = Path(tempfile.mkdtemp(prefix="vpbx-proof-"))
    try:
        with open_world(directory, install.ensure(), prepare) as world:
            yield world
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@dataclass
class Proof:
    """Figures of one proof, each printed as a JSON line, and what went against it."""

    name: str
    seed: int
    faults: list[str] = field(default_factory=list)

    @property
    def chance(self) -> random.Random:
        return random.Random(self.seed)

    def tell(self, figure: str, **values: object) -> None:
        print(json.dumps({"proof": self.name, "seed": self.seed, "figure": figure, **values}), flush=True)

    def check(self, holds: bool, fault: str) -> None:
        if not holds:
            self.faults.append(fault)

    def end(self) -> int:
        """Print the verdict. Returns: exit code."""
        self.tell("verdict", holds=not self.faults, faults=self.faults[:20])
        return 1 if self.faults else 0
