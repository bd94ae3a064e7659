"""Versions: Python, vpbx, the Asterisk that is installed and the one that runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from orchestrator.asterisk.release import Judgement, judge
from orchestrator.doctor.finding import Check, Finding

OLDEST_PYTHON, NEWEST_PYTHON = (3, 11), (3, 13)

PYTHON = Check(
    "python-version",
    "the Python that vpbx runs on",
    "vpbx is tested on Python 3.11 to 3.13",
    warning_when="it is newer than 3.13",
    problem_when="it is older than 3.11",
)
VPBX = Check(
    "vpbx-version",
    "the version of vpbx",
    "a fault can only be looked for in a version that is known",
    warning_when="vpbx runs without being installed",
)
INSTALLED = Check(
    "asterisk-version",
    "the Asterisk that `vpbx switch start` would run",
    "a published crash in PJSIP needs no account: one packet from anybody ends every call",
    warning_when="its version can't be read, is newer than this vpbx, or a later release of fixes is known",
    problem_when="there is none; it is older than 22.10, 20.20, 23.4, certified 22.8-cert3 or 20.7-cert11;"
    " its branch gets no fixes any more",
)
RUNNING = Check(
    "asterisk-running-version",
    "the release of the switch that runs, against the installed one",
    "an update on disk protects nobody until the switch is started again",
    warning_when="the switch still runs another release than the installed one",
    problem_when="the release that runs is one that is refused",
)
CHECKS = (PYTHON, VPBX, INSTALLED, RUNNING)


@dataclass(frozen=True, slots=True)
class Versions:
    """Args: vpbx: empty when it isn't installed. asterisk: what `-V` printed; None: there is none.

    running: what the running switch says of itself; empty: it doesn't run or answer.
    unusable: what the machine's own Asterisk says that vpbx doesn't run; empty: none is there.
    """

    python: tuple[int, int, int]
    vpbx: str
    asterisk: str | None
    running: str = ""
    unusable: str = ""


def check(seen: Versions) -> Iterator[Finding]:
    """Findings on versions."""
    yield _python(seen.python)
    if seen.vpbx:
        yield VPBX.ok(f"vpbx {seen.vpbx}")
    else:
        yield VPBX.warning("vpbx is not installed as a package", "install it with pip, or run make setup")
    if seen.asterisk is None:
        other = f"; {seen.unusable} is there, and vpbx doesn't run it" if seen.unusable else ""
        yield INSTALLED.problem(f"no Asterisk 20 or newer on this machine{other}", "vpbx switch install")
    else:
        yield _asterisk(seen.asterisk, judge(seen.asterisk))
    if seen.running:
        yield _running(seen.running, seen.asterisk or "")


def _python(version: tuple[int, int, int]) -> Finding:
    text = f"Python {'.'.join(map(str, version))}"
    if version[:2] < OLDEST_PYTHON:
        return PYTHON.problem(text, "install Python 3.11, 3.12 or 3.13")
    if version[:2] > NEWEST_PYTHON:
        return PYTHON.warning(text, "use Python 3.11, 3.12 or 3.13")
    return PYTHON.ok(text)


def _asterisk(text: str, judged: Judgement) -> Finding:
    if judged.verdict == "good":
        return INSTALLED.ok(text)
    seen = f"{text}: {judged.reason}"
    if judged.verdict == "refused":
        return INSTALLED.problem(seen, f"install Asterisk {judged.wanted} or newer of that branch")
    if judged.verdict == "dated":
        return INSTALLED.warning(seen, f"update to Asterisk {judged.wanted}, then restart the switch")
    return INSTALLED.warning(seen, "compare it with the published advisories of Asterisk yourself")


def _running(running: str, installed: str) -> Finding:
    text = running if running.startswith("Asterisk ") else f"Asterisk {running}"
    judged = judge(text)
    if judged.verdict == "refused":
        return RUNNING.problem(
            f"{text}: {judged.reason}", "update it, then vpbx switch stop, vpbx switch start"
        )
    if _release(text) != _release(installed):
        return RUNNING.warning(
            f"{text} runs, {installed or 'none'} is installed",
            "vpbx switch stop --drain 300, vpbx switch start",
        )
    return RUNNING.ok(f"{text} runs")


def _release(text: str) -> str:
    """`Asterisk 22.10.1+dfsg-1 built by ...` as `22.10.1+dfsg-1`."""
    return text.removeprefix("Asterisk ").partition(" ")[0]
