"""The main job on embedded defaults: two tenants on a real Asterisk, real calls, lines, recordings, charges.

`make demo` runs it. A second Asterisk plays the phones and the operator behind the trunk. The project stays
in .cache/demo/project, to be looked at with `vpbx -C .cache/demo/project ...`.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "calls"))

from harness import farside, media  # noqa: E402 - the call harness of the tests plays the outside world
from harness.farside import CARRIER, Call, FarSide  # noqa: E402
from harness.site import Site  # noqa: E402

from orchestrator.asterisk import install  # noqa: E402
from orchestrator.model.money import roubles_text  # noqa: E402

PLACE = ROOT / ".cache" / "demo"
SALES, ANNA, DIRECT, OUTSIDE = "+74951112233", "101", "+74951112234", "+79161112233"
CALLS_AT_ONCE, LIMIT, TALKS = 15, 14, 2
INSIDE_VOICE, OUTSIDE_VOICE = 1, 2

console = Console(highlight=False)


class DemoFailed(Exception):
    """Something was not as this demonstration says it is."""


def main() -> int:
    began = time.monotonic()
    try:
        with step("an Asterisk is there"):
            asterisk = install.ensure()
        _stop_leftovers()
        shutil.rmtree(PLACE, ignore_errors=True)
        with Site(PLACE / "project", asterisk) as site:
            _run(site)
            with step("clean stop"):
                site.stop_listener()
                site.vpbx("switch", "stop")
    except DemoFailed as failed:
        console.print(f"[red]failed:[/] {failed}")
        return 1
    console.print(f"\ndone in {time.monotonic() - began:.0f} s; look around with")
    console.print(f"  .venv/bin/vpbx -C {PLACE.relative_to(ROOT)}/project calls list")
    return 0


def _run(site: Site) -> None:
    with step("two tenants checked, rendered, applied; the switch runs and has them"):
        site.vpbx("validate", str(site.root))
        site.start()
        site.listen()
    phones = site.phones("acme", ("101", "102", "103")) + site.phones("beta")
    with site.far_side(*phones) as far:
        with step(f"{len(phones)} phones are registered"):
            far.wait_registered()
        inside = media.write_wav(PLACE / "inside.wav", media.voice(INSIDE_VOICE))
        outside = media.write_wav(PLACE / "outside.wav", media.voice(OUTSIDE_VOICE))
        with step("102 calls 101 by its short number: answered, no line held, nothing charged"):
            _internal(site, far)
        with step("a customer calls sales: three phones ring, one answers"):
            _department(far, inside, outside)
        with step(f"101 calls {OUTSIDE}: the callee sees {SALES}"):
            _outbound(far, inside, outside)
        with step(f"{CALLS_AT_ONCE} customers call {ANNA} at once: {LIMIT} are admitted, one hears busy"):
            _crowd(site, far, inside, outside)
    _recording(site)
    _books(site)


def _internal(site: Site, far: FarSide) -> None:
    far.behave("acme101desk", farside.answer(stay_s=1))
    call = far.call("acme102desk", ANNA)
    far.wait_answered(call)
    check(site.lines("acme")["in_use"] == 0, "an internal call held a line")
    far.wait_ended(call)


def _department(far: FarSide, inside: Path, outside: Path) -> None:
    for phone in ("acme101desk", "acme103desk", "acme103mobile"):
        far.behave(phone, farside.ring())
    far.behave("acme102desk", farside.answer(inside, ring_s=0.5))
    before = {phone: len(far.calls_to(phone)) for phone in ("acme101desk", "acme102desk", "acme103desk")}
    call = far.call(CARRIER, SALES, say=outside, stay_s=4, from_number="+79035556677")
    far.wait_answered(call)
    for phone, count in before.items():
        far.incoming(phone, after=count)
    far.wait_ended(call)


def _outbound(far: FarSide, inside: Path, outside: Path) -> None:
    far.behave(CARRIER, farside.answer(outside))
    call = far.call("acme101desk", "8 916 111 22 33".replace(" ", ""), say=inside, stay_s=4)
    shown = far.incoming(CARRIER).from_number
    check(shown == SALES, f"the callee saw {shown}")
    far.wait_ended(call)


def _crowd(site: Site, far: FarSide, inside: Path, outside: Path) -> None:
    far.behave("acme101desk", farside.answer(inside))
    calls = [
        far.call(CARRIER, DIRECT, say=outside, from_number=f"+7903555{number:04d}")
        for number in range(CALLS_AT_ONCE)
    ]
    site.until(lambda: site.lines("acme")["in_use"] == LIMIT, f"{LIMIT} lines are in use")
    refused = [call for call in calls if far.has_ended(call)]
    check(len(refused) == CALLS_AT_ONCE - LIMIT, f"{len(refused)} calls were refused")
    check(far.wait_ended(refused[0]).code == 486, "the refused caller did not get 486")
    console.print(f"    {site.vpbx('lines', 'acme').strip()}")
    _hang_up(far, [call for call in calls if call not in refused])
    site.until(lambda: site.lines("acme")["in_use"] == 0, "all lines are free again")


def _hang_up(far: FarSide, calls: list[Call]) -> None:
    for call in calls:
        far.hang_up(call)


def _recording(site: Site) -> None:
    with step("each recording has the outside party left and the employee right"):
        site.until(lambda: len(_finished(site)) == TALKS + LIMIT, "every answered call has its recording")
        talks = _finished(site)[:TALKS]
        for talk in talks:
            left, right = (_score(Path(talk["file"]), channel) for channel in (0, 1))
            check(
                left[OUTSIDE_VOICE] >= media.SAME and right[INSIDE_VOICE] >= media.SAME, "a voice is missing"
            )
            check(
                left[INSIDE_VOICE] < media.SAME and right[OUTSIDE_VOICE] < media.SAME, "channels are swapped"
            )
    for talk in talks:
        left, right = (_score(Path(talk["file"]), channel) for channel in (0, 1))
        console.print(
            f"    likeness: left to outside {left[OUTSIDE_VOICE]:.2f}, to inside {left[INSIDE_VOICE]:.2f};"
            f" right to outside {right[OUTSIDE_VOICE]:.2f}, to inside {right[INSIDE_VOICE]:.2f}",
            soft_wrap=True,
        )
        console.print(f"    play it: {Path(talk['file']).relative_to(ROOT)}", soft_wrap=True)


def _finished(site: Site) -> list[dict[str, object]]:
    """Whole recordings, oldest first: those of the two talks, then those of the crowd."""
    found = site.json("recordings", "list", "acme")["recordings"]
    return [item for item in found if item["state"] == "complete"]


def _score(file: Path, channel: int) -> dict[int, float]:
    return {
        seed: media.hear_file(file, media.voice(seed), channel).score
        for seed in (INSIDE_VOICE, OUTSIDE_VOICE)
    }


def _books(site: Site) -> None:
    charges = site.json("charges", "list")["charges"]
    check([charge["to"] for charge in charges] == [OUTSIDE], "exactly the one outbound call is charged")
    table = Table(
        "tenant", "from", "to", "talked", "working", "VAT in it", "charged", box=None, header_style="bold"
    )
    for charge in charges:
        table.add_row(
            charge["tenant"],
            charge["from"],
            charge["to"],
            f"{charge['duration_s']} s",
            charge["working"],
            roubles_text(charge["vat_kop"]),
            f"{roubles_text(charge['amount_kop'])} RUB",
        )
    console.print("\nthe ledger:")
    console.print(table)
    console.print(site.vpbx("ledger", "verify").strip(), soft_wrap=True)


@contextmanager
def step(what: str) -> Iterator[None]:
    """Say what is shown, and that it was so."""
    with console.status(what):
        try:
            yield
        except (TimeoutError, AssertionError, OSError, subprocess.SubprocessError) as error:
            raise DemoFailed(f"{what}: {error}") from error
    console.print(f"[green]ok[/] {what}")


def check(true: bool, otherwise: str) -> None:
    if not true:
        raise DemoFailed(otherwise)


def _stop_leftovers() -> None:
    """A demonstration that was cut off may have left its switches running."""
    vpbx = ROOT / ".venv" / "bin" / "vpbx"
    if (PLACE / "project" / "platform.yaml").exists():
        subprocess.run(
            [vpbx, "-C", PLACE / "project", "switch", "stop"], capture_output=True, timeout=60, check=False
        )


if __name__ == "__main__":
    sys.exit(main())
