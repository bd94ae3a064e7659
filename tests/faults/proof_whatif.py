"""`make proof-whatif`: a month of 1,000,000 calls by the tariff in force and by another, by `vpbx whatif`.

The ledger is posted by the code that posts it. Each computation is a process of its own, so that its time and
its peak of memory are its alone. Its sums are compared with those that plain SQL adds up, tenant by tenant.
A verb yields to everything else (nice), so what is held against the limit is what it computes for: on a
quiet machine that is what it takes, and both are told. The other tariff is the worst case: its deck needs
the number of every single call.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[1] / "calls"))

from charged_months import OCTOBER, fill, platform
from world import Proof

from orchestrator import definitions
from orchestrator.storage.store import SqlStore

MOST_S, MOST_MB = 30, 500
_VPBX = str(Path(sys.executable).with_name("vpbx"))


@dataclass(frozen=True)
class Done:
    """A run of `vpbx whatif`. Args: seconds: from its start to its end. cpu_s: of its processes."""

    told: dict[str, Any]
    seconds: float
    cpu_s: float
    peak_mb: int

    @property
    def figures(self) -> dict[str, object]:
        return {
            "seconds": round(self.seconds, 1),
            "cpu_seconds": round(self.cpu_s, 1),
            "peak_mb": self.peak_mb,
            "entries": sum(each["entries"] for each in self.told["tenants"]),
            "ledger_kop": self.told["ledger_kop"],
            "whatif_kop": self.told["whatif_kop"],
            "winners": len(self.told["winners"]),
            "losers": len(self.told["losers"]),
        }


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--seed", type=int, default=20261127)
    asked.add_argument("--calls", type=int, default=1_000_000)
    asked.add_argument("--tenants", type=int, default=100)
    asked.add_argument("--fill", type=Path, help="Only fill the ledger of this project, in this process.")
    options = asked.parse_args()
    if options.fill:
        _fill(options.fill, options.calls, options.tenants, options.seed)
        return 0
    proof = Proof("whatif", options.seed)
    with tempfile.TemporaryDirectory() as directory:
        project = platform(Path(directory))
        began = time.monotonic()
        arguments = [
            "--calls",
            str(options.calls),
            "--tenants",
            str(options.tenants),
            "--seed",
            str(proof.seed),
        ]
        subprocess.run([sys.executable, __file__, "--fill", str(project), *arguments], check=True)
        database = project / ".vpbx" / "vpbx.db"
        size_mb = round(database.stat().st_size / 1e6)
        proof.tell("filled", calls=options.calls, seconds=round(time.monotonic() - began), file_mb=size_mb)
        prove(proof, project, options.calls)
    return proof.end()


def _fill(project: Path, calls: int, tenants: int, seed: int) -> None:
    store = SqlStore.open(f"sqlite:///{project}/.vpbx/vpbx.db")
    fill(store, definitions.load(project).tariffs["master"], calls, tenants, seed)
    store.close()


def prove(proof: Proof, project: Path, calls: int) -> None:
    """Three computations of October, and what must hold of them."""
    ledger = _ledger(project)
    proof.check(len(ledger) > 1, "nobody was charged")
    own = whatif(project)
    in_force = whatif(project, "--tariff", str(project / "tariffs" / "master.yaml"))
    other = whatif(project, "--tariff", str(project / "next" / "next.yaml"))
    for name, done in (("own terms", own), ("in force", in_force), ("another", other)):
        entries = int(str(done.figures["entries"]))
        proof.check(entries > calls * 0.9, f"{name}: only {entries} entries of October")
        proof.check(done.cpu_s < MOST_S, f"{name}: {done.cpu_s:.1f} s")
        proof.check(done.peak_mb < MOST_MB, f"{name}: {done.peak_mb} MB")
        for each in done.told["tenants"]:
            tenant, wanted = each["tenant"], ledger.get(each["tenant"])
            proof.check(each["ledger_kop"] == wanted, f"{name}: {tenant}: the ledger has {wanted}")
            gaps = each["refused"], each["unoffered"], each["unpriced"], each["guessed"], each["as_posted"]
            proof.check(not any(gaps), f"{name}: {tenant}: {gaps}")
            if done is not other:
                proof.check(
                    each["whatif_kop"] == wanted, f"{name}: {tenant}: {each['whatif_kop']}, not {wanted}"
                )
        proof.check(
            {each["tenant"] for each in done.told["tenants"]} == set(ledger), f"{name}: other tenants"
        )
        proof.tell(name, **done.figures)
    proof.check(other.told["winners"] != [] or other.told["losers"] != [], "another tariff changes nothing")


def whatif(project: Path, *arguments: str) -> Done:
    command = [_VPBX, "-C", str(project), "whatif", "--period", str(OCTOBER), "--json", *arguments]
    began, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        text = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)}: exit code {process.returncode}")
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Done(json.loads(text), time.monotonic() - began, cpu_s, used.ru_maxrss // 1024)


def _ledger(project: Path) -> dict[str, int]:
    """What each tenant was charged in October, as SQL adds it up."""
    query = """
        SELECT tenant, sum(amount_kop) FROM ledger_entry
        WHERE json_extract(facts, '$.day') BETWEEN ? AND ? GROUP BY tenant
    """
    base = sqlite3.connect(project / ".vpbx" / "vpbx.db")
    try:
        return dict(base.execute(query, (OCTOBER.first.isoformat(), OCTOBER.last.isoformat())))
    finally:
        base.close()


if __name__ == "__main__":
    sys.exit(main())
