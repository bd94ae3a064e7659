"""A department's distribution in words."""

from __future__ import annotations

from orchestrator.routing.graph import Distribute


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
