"""Checks of how departments distribute calls: a member whose turn can't come is told."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.definitions.distribution import STEP
from orchestrator.definitions.document import Document
from orchestrator.definitions.quoting import quoted
from orchestrator.definitions.waiting import REPEAT
from orchestrator.model.problem import Problem
from orchestrator.model.tenant import Department, Tenant


def check_distributions(file: Document[Tenant]) -> Iterator[Problem]:
    """Problems of the distributions of one tenant."""
    for department in file.value.departments:
        yield from _check_waiting(file, department)
        if department.distribution == "all":
            yield from _check_delays(file, department)
        elif department.distribution:
            yield from _check_steps(file, department)


def _check_delays(file: Document[Tenant], department: Department) -> Iterator[Problem]:
    path = ("departments", department.name)
    if department.step_s != STEP.default:
        message = "`all` has no steps: everybody rings at once"
        yield file.problem(
            (*path, "step_s"), "step-nowhere", message, "delete it, or take another distribution"
        )
    delays = [department.delays_s.get(member, 0) for member in department.members]
    for index, delay_s in enumerate(delays):
        if delay_s >= department.ring_timeout_s:
            member = quoted(department.members[index])
            message = f"{member} would never ring: the department rings for {department.ring_timeout_s} s"
            yield file.problem(
                (*path, "members", index, "delay_s"), "delay-long", message, "a shorter delay, or none"
            )
    if delays and min(delays) > 0:
        message = f"nobody rings for the first {min(delays)} s: every member has a delay"
        yield file.problem((*path, "members"), "delay-everybody", message, "let one of them ring at once")


def _check_waiting(file: Document[Tenant], department: Department) -> Iterator[Problem]:
    waiting = department.waiting
    if waiting is None or file.node("departments", department.name, "waiting", REPEAT.name) is None:
        return
    path = ("departments", department.name, "waiting", REPEAT.name)
    if not waiting.tells_place and not waiting.tells_time:
        message = "who waits is told nothing, so nothing is told again"
        yield file.problem(path, "told-nothing", message, "write position: true, time: true, or delete it")
    elif waiting.repeat_s >= waiting.longest_s:
        message = f"nobody waits {waiting.repeat_s} s: the longest wait is {waiting.longest_s} s"
        yield file.problem(path, "told-never", message, "a shorter repeat_s, or a longer longest_s")


def _check_steps(file: Document[Tenant], department: Department) -> Iterator[Problem]:
    path = ("departments", department.name)
    for index, member in enumerate(department.members):
        if department.delays_s.get(member, 0):
            message = f"`{department.distribution}` says itself when {quoted(member)} rings"
            hint = "a delay belongs to distribution: all"
            yield file.problem((*path, "members", index, "delay_s"), "delay-nowhere", message, hint)
    turns = -(-department.ring_timeout_s // department.step_s)
    if len(department.members) > turns:
        member = quoted(department.members[turns])
        message = (
            f"{member} would never ring: {department.ring_timeout_s} s are over after {turns} steps of "
            f"{department.step_s} s"
        )
        hint = f"ring_timeout_s: {department.step_s * len(department.members)}, or a shorter step_s"
        written = (key for key in ("ring_timeout_s", "step_s") if file.node(*path, key) is not None)
        named = next(written, "distribution")
        yield file.problem((*path, named), "turn-never", message, hint)
