"""A department's distribution and its queue in words."""

from __future__ import annotations

from orchestrator.model.waiting import Waiting
from orchestrator.routing.graph import Distribute
from orchestrator.routing.walk import Passed


def distribution_words(department: Distribute) -> str:
    """Who rings, in which order and how long.

    >>> from orchestrator.routing.graph import MemberRef
    >>> members = (MemberRef("101", ()), MemberRef("102", (), 5))
    >>> distribution_words(Distribute("sales", "all", members, 30, 10, 0))
    'rings department sales, all at once: 101, 102 after 5 s; for 30 s'
    >>> distribution_words(Distribute("sales", "cascade", members[:1], 30, 10, 0))
    'rings department sales, one more every 10 s: 101; for 30 s'
    """
    members = ", ".join(
        f"{member.extension} after {member.delay_s} s" if member.delay_s else member.extension
        for member in department.members
    )
    order = {
        "all": "all at once",
        "in_order": f"one after another, {department.step_s} s each",
        "evenly": f"longest idle first (only the switch knows who that is), {department.step_s} s each",
        "cascade": f"one more every {department.step_s} s",
    }[department.distribution]
    return f"rings department {department.name}, {order}: {members}; for {department.timeout_s} s"


def waiting_words(department: Distribute, passed: Passed) -> str:
    """How the caller waits, when everybody is busy."""
    if department.waits is None or passed.below[:1] != ("waiting",):
        return ""
    if not passed.place:
        return f"; everybody is busy, and {department.waits.most} wait already"
    return (
        f"; everybody is busy: waits as number {passed.place} of {department.waits.most} at most, "
        f"for {department.waits.longest_s} s"
    )


def queue_words(waiting: Waiting | None) -> str:
    """A department's queue in short; empty: nobody waits there.

    >>> queue_words(Waiting(5, 120, tells_place=True))
    '5 for 120 s'
    """
    return "" if waiting is None else f"{waiting.most} for {waiting.longest_s} s"


def queue_json(waiting: Waiting | None) -> dict[str, object] | None:
    """A department's queue as data; None: nobody waits there."""
    if waiting is None:
        return None
    return {
        "most": waiting.most,
        "longest_s": waiting.longest_s,
        "music": waiting.music.text or None,
        "position": waiting.tells_place,
        "time": waiting.tells_time,
        "repeat_s": waiting.repeat_s,
    }
