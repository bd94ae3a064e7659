"""Post-dial delay of a prepaid account's calls beside a postpaid one's, in turn, on one real switch.

Two tenants that differ in their account alone call the same number, one call after the other; only the
second's bounds its calls. The delay is the switch's own: from the begin of the phone's channel to the
carrier's answer, which comes at once. Prints one JSON line a figure.

    bench/bench_prepaid.py                 2 minutes
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path
from statistics import median, quantiles

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "calls"))

from harness import farside
from harness.farside import CARRIER
from harness.recorded import events
from harness.site import Site

from orchestrator.asterisk import install

NUMBER = "+74951234567"
POSTPAID, PREPAID = "beta", "gamma"


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--calls", type=int, default=150, help="of each tenant")
    calls = asked.parse_args().calls
    before = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="vpbx-bench-") as work:
        site = Site(Path(work) / "project", install.require())
        _add_prepaid(site)
        with site:
            delays = _measure(site, calls)
    for tenant, kind in ((POSTPAID, "postpaid"), (PREPAID, "prepaid")):
        _print(f"{kind}, median", median(delays[tenant]))
        _print(f"{kind}, 95th percentile", quantiles(delays[tenant], n=20)[-1])
    pairs = zip(delays[POSTPAID], delays[PREPAID], strict=True)
    _print("added by asking, median of pairs", median(ours - plain for plain, ours in pairs))
    _print("load average before and after", [round(before, 1), round(os.getloadavg()[0], 1)], "")


def _add_prepaid(site: Site) -> None:
    """A tenant as the postpaid one, but for its name, its number and its account."""
    shutil.copy(site.root / f"tenants/{POSTPAID}.yaml", site.root / f"tenants/{PREPAID}.yaml")
    site.edit(
        f"tenants/{PREPAID}.yaml",
        (f"name: {POSTPAID}", f"name: {PREPAID}"),
        ("tariff: master", "tariff: master\naccount: {kind: prepaid}"),
        ("3432223344", "3432223355"),
    )


def _measure(site: Site, calls: int) -> dict[str, list[float]]:
    """Delays in milliseconds by tenant, in the order of the calls."""
    site.start()
    site.vpbx("pay", PREPAID, "100000", "--ref", "bench")
    site.listen()
    site.until(lambda: "credit-control-ready" in site.logged(), "credit control", 30)
    with site.far_side(*site.phones(POSTPAID, ("101",)), *site.phones(PREPAID, ("101",))) as far:
        far.wait_registered()
        far.behave(CARRIER, farside.answer())
        for number in range(2 * (calls + 10)):
            tenant = (POSTPAID, PREPAID)[number % 2]
            call = far.call(f"{tenant}101desk", NUMBER)
            far.wait_answered(call)
            far.hang_up(call)
    return _delays(site, calls)


def _delays(site: Site, calls: int) -> dict[str, list[float]]:
    begun = {}
    found: dict[str, list[float]] = {POSTPAID: [], PREPAID: []}
    tenants, answered = {}, {}
    for event in events(site):
        if event.kind == "CHAN_START" and event.uniqueid == event.linkedid:
            begun[event.linkedid] = event.at
        elif event.kind == "vpbx.leg" and event.facts["to"] == NUMBER:
            tenants[event.uniqueid] = event.facts["tenant"]
        elif event.kind == "ANSWER" and event.uniqueid in tenants:
            answered[event.uniqueid] = event
    for uniqueid, event in answered.items():
        found[tenants[uniqueid]].append((event.at - begun[event.linkedid]).total_seconds() * 1000)
    return {tenant: values[-calls:] for tenant, values in found.items()}


def _print(figure: str, value: object, unit: str = "ms") -> None:
    shown = round(value, 2) if isinstance(value, float) else value
    print(json.dumps({"bench": "prepaid", "figure": figure, "value": shown, "unit": unit}), flush=True)


if __name__ == "__main__":
    main()
