"""The switch as a whole: does it run, and did a configuration reach it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from orchestrator.doctor.finding import Check, Finding, some

RUNS = Check(
    "switch-running",
    "the switch's process, and whether it answers on AMI",
    "no call is carried without it; what only a running switch can tell isn't checked",
    warning_when="it doesn't run",
    problem_when="its process is there and doesn't answer, or another switch answers in its place",
)
APPLIED = Check(
    "configuration-applied",
    "the generation of the configuration that is live on disk",
    "a switch starts with the configuration that was applied last",
    warning_when="nothing was applied yet, or files were changed by hand since",
    problem_when="the live generation's directory is gone",
)
CHECKS = (RUNS, APPLIED)


@dataclass(frozen=True, slots=True)
class LiveSwitch:
    """What a running switch says of itself.

    Args:
        pid: of its process; None when it doesn't run.
        answers: an AMI session was had, and it was ours. trouble: why not, when the process is there.
        version: e.g. `22.10.1`. modules: status by module, e.g. `Running`.
        readers: by AMI user, the event classes it reads. http: the first lines of `http show status`.
        registrations: state by trunk, those with operators and providers.
        ahead_s: its clock against ours; unsure_s: by how much that may be wrong.
    """

    pid: int | None = None
    answers: bool = False
    trouble: str = ""
    version: str = ""
    modules: Mapping[str, str] | None = None
    readers: Mapping[str, str] | None = None
    http: str = ""
    registrations: Mapping[str, str] | None = None
    ahead_s: float | None = None
    unsure_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Applied:
    """Args: generation: number of the live one; None: nothing was applied. there: its directory exists.

    edited: files of all tenants and phones' rows that aren't as they were written.
    """

    generation: int | None
    there: bool = True
    edited: tuple[str, ...] = ()


def check(live: LiveSwitch, applied: Applied) -> Iterator[Finding]:
    """Findings on the switch as a whole."""
    if live.pid is None:
        if live.trouble:
            yield RUNS.problem(live.trouble, "stop it, or give the node another ami: address")
        else:
            yield RUNS.warning("it doesn't run", "vpbx switch start")
    elif not live.answers:
        yield RUNS.problem(
            f"process {live.pid} runs but doesn't answer: {live.trouble}", "vpbx switch status; see its log"
        )
    else:
        yield RUNS.ok(f"process {live.pid} runs and answers")
    if applied.generation is None:
        yield APPLIED.warning("nothing was applied yet", "vpbx apply")
    elif not applied.there:
        yield APPLIED.problem(f"generation {applied.generation} is live and its files are gone", "vpbx apply")
    elif applied.edited:
        yield APPLIED.warning(
            f"generation {applied.generation}: {some(applied.edited)} changed since it was written",
            "vpbx apply brings back what the YAML says; edits belong there",
        )
    else:
        yield APPLIED.ok(f"generation {applied.generation} is live")
