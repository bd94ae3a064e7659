"""The rendered dialplan, walked: no tenant reaches another, but by calling one of its numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache

import pytest
from rendered_cases import CASES, rendered

FRONT_DOOR = "vpbx-number"
"""Calls to a number of the platform enter its tenant here, and are admitted as from outside."""

_CONTEXT = r"[A-Za-z0-9_-]+(?:\.[0-9a-f]+)?"
_JUMP = re.compile(
    rf"\b(?:Goto|Gosub)\(({_CONTEXT}),[^)]*?,|[?:]({_CONTEXT}),[^,]+,1\)|[bU]\(({_CONTEXT})\^|@({_CONTEXT})/n"
)


@dataclass
class Context:
    comments: list[str] = field(default_factory=list)
    patterns: list[str] = field(default_factory=list)
    leads_to: set[str] = field(default_factory=set)
    lines: list[str] = field(default_factory=list)


@cache
def contexts(case: str) -> dict[str, Context]:
    found: dict[str, Context] = {}
    current = Context()
    for path, file in rendered(CASES[case]).files.items():
        if not path.startswith("dialplan/"):
            continue
        for line in file.text.splitlines():
            if line.startswith("["):
                current = found.setdefault(line[1 : line.index("]")], Context())
            elif line.startswith(";"):
                current.comments.append(line)
            elif line.startswith("include =>"):
                current.leads_to.add(line.split("=>")[1].strip())
            elif line.startswith(("exten =>", " same =>")):
                if line.startswith("exten"):
                    current.patterns.append(line.split("=>")[1].split(",")[0].strip())
                current.lines.append(line)
                current.leads_to |= {name for groups in _JUMP.findall(line) for name in groups if name}
    del found["globals"]
    return found


def walk(graph: Mapping[str, Context], start: str) -> Iterator[str]:
    seen: set[str] = set()
    ahead = [start]
    while ahead:
        here = ahead.pop()
        if here in seen or here not in graph:
            continue
        seen.add(here)
        yield here
        if here != FRONT_DOOR:
            ahead.extend(graph[here].leads_to)


@cache
def tenants(case: str) -> list[str]:
    return list(rendered(CASES[case]).tenants)


@pytest.mark.parametrize("case", sorted(CASES))
def test_no_context_of_a_tenant_reaches_another_tenants(case: str) -> None:
    graph = contexts(case)
    for tenant in tenants(case):
        for other in set(tenants(case)) - {tenant}:
            for start in [name for name in graph if name.startswith(f"{tenant}-")]:
                assert not [name for name in walk(graph, start) if name.startswith(f"{other}-")]


@pytest.mark.parametrize("case", sorted(CASES))
def test_the_front_door_leads_only_to_admission(case: str) -> None:
    targets = [line for line in contexts(case)[FRONT_DOOR].lines if "Goto(" in line]
    assert targets
    assert all(
        re.search(
            r"Goto\([a-z0-9-]+-steps\.[0-9a-f]{16},(?:numbers\.\d+\.(?:block|admit)|mobiles\.\d+(?:\.admit)?),1\)",
            line,
        )
        for line in targets
    )


@pytest.mark.parametrize("case", sorted(CASES))
def test_a_trunk_reaches_nothing_but_the_front_door(case: str) -> None:
    assert set(walk(contexts(case), "vpbx-from-trunk")) == {"vpbx-from-trunk", FRONT_DOOR}


@pytest.mark.parametrize("case", sorted(CASES))
def test_every_place_that_is_jumped_to_exists(case: str) -> None:
    graph = contexts(case)
    missing = {
        (name, target)
        for name, context in graph.items()
        for target in context.leads_to
        if target not in graph
    }
    assert not missing


@pytest.mark.parametrize("case", sorted(CASES))
def test_phones_find_emergency_numbers_before_anything_else(case: str) -> None:
    for tenant in tenants(case):
        for entry in ("phones", "transfer"):
            text = rendered(CASES[case]).files[f"dialplan/tenants/{tenant}.conf"].text
            body = text.split(f"[{tenant}-{entry}]")[1].split("\n[")[0]
            assert next(line for line in body.splitlines() if line.startswith("include")).endswith(
                "-emergency"
            )


@pytest.mark.parametrize("case", sorted(CASES))
def test_no_pattern_matches_anything_but_digits(case: str) -> None:
    loose = [
        pattern
        for context in contexts(case).values()
        for pattern in context.patterns
        if pattern.startswith("_") and re.fullmatch(r"_\+?(?:[XZN0-9]|\[[0-9-]+\])+", pattern) is None
    ]
    assert not loose


@pytest.mark.parametrize("case", sorted(CASES))
def test_hours_names_and_days_off_hold_nothing_but_an_answer(case: str) -> None:
    """They are run by Gosub of a name that is put together in the dialplan."""
    answer = re.compile(r"exten => [^,]+,1,Return\((?:[^()]|\([^()]*\))*\)")
    lines = [
        line
        for name, context in contexts(case).items()
        for line in context.lines
        if re.match(r"exten => (?:hours|name)\.", line) or name.startswith("vpbx-days-off-")
    ]
    assert lines
    assert all(answer.fullmatch(line) for line in lines)


def test_every_block_says_who_arrives_or_what_its_arguments_are() -> None:
    bare = [
        name
        for name, context in contexts("examples").items()
        if name.startswith("vpbx-")
        and not any("Who arrives" in c or c.startswith((";; ARG", "; ${EXTEN}")) for c in context.comments)
    ]
    assert not bare


def test_no_family_of_the_switchs_database_is_called_as_a_context() -> None:
    """A name of a context changes with each version of the blocks, wherever it stands."""
    kept = set(
        re.findall(
            r"\bDB(?:_DELETE)?\(([a-z-]+)",
            "\n".join(line for context in contexts("examples").values() for line in context.lines),
        )
    )
    assert "vpbx-unasked" in kept
    assert not {
        family for family in kept if any(name.startswith(f"{family}.") for name in contexts("examples"))
    }
