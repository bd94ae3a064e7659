"""`vpbx listen`: it answers, is well, and has read the switch's record lately."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from orchestrator.doctor.finding import Check, Finding, some

LATE, TOO_LATE = timedelta(minutes=3), timedelta(hours=1)

RUNS = Check(
    "listener-running",
    "the health page of `vpbx listen`",
    "while it doesn't run nothing is lost, but nothing is charged and no recording is put in its place",
    warning_when="it doesn't run",
    problem_when="somebody else answers at its address, or it runs and doesn't answer in time",
)
HEALTH = Check(
    "listener-health",
    "what the health page says is wrong",
    "the listener knows best what it can't do",
    problem_when="it says that something is wrong",
)
RECONCILED = Check(
    "listener-reconciled",
    "when the switch's record was last read whole",
    "a call is charged by it, whatever events were missed",
    warning_when="more than 3 minutes ago",
    problem_when="more than an hour ago",
)
CHECKS = (RUNS, HEALTH, RECONCILED)


@dataclass(frozen=True, slots=True)
class Listener:
    """Args: running: its process is there. page: what /health answered; None: nothing, trouble says why."""

    node: str
    running: bool
    page: Mapping[str, object] | None
    trouble: str = ""


def check(seen: Listener, now: datetime) -> Iterator[Finding]:
    """Findings on the listener. Args: now: aware."""
    if seen.page is None:
        if seen.running:
            yield RUNS.problem(f"it runs and doesn't answer: {seen.trouble}", "see its log; restart it")
        else:
            yield RUNS.warning("it doesn't run", f"vpbx listen --node {seen.node}")
        return
    node = seen.page.get("node")
    if node != seen.node:
        yield RUNS.problem(
            f"at the metrics address answers {f'the listener of node {node}' if node else 'something else'}",
            "give each node its own metrics: address",
        )
        return
    yield RUNS.ok("it answers")
    problems = seen.page.get("problems")
    texts = [str(problem) for problem in problems] if isinstance(problems, list) else []
    if texts or seen.page.get("status") != "ok":
        yield HEALTH.problem(some(texts) or "it says it isn't well", "see its log; vpbx switch status")
    else:
        yield HEALTH.ok("nothing is wrong")
    yield _reconciled(seen.page.get("last_reconcile"), now)


def _reconciled(text: object, now: datetime) -> Finding:
    do = "see the listener's log; vpbx reconcile does it now"
    try:
        at = datetime.fromisoformat(str(text))
    except ValueError:
        return RECONCILED.warning("not since the listener started", do)
    ago = max(timedelta(0), now - at)
    seen = f"{ago.total_seconds():.0f} s ago"
    if ago > TOO_LATE:
        return RECONCILED.problem(seen, do)
    return RECONCILED.warning(seen, do) if ago > LATE else RECONCILED.ok(seen)
