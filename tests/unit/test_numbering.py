"""Numbers as operators write them: what the walk and the dialplan make of them is the same."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator import definitions
from orchestrator.model.numbering import by_numbering
from orchestrator.rendering.numbering import NumberPattern, numbering_patterns

PROJECT = Path(__file__).parents[1] / "golden" / "rendering" / "outgoing" / "project"
TRUNK = definitions.load(PROJECT).platform.trunks["second-way"]
RULES = dict(TRUNK.numbering)


@pytest.mark.parametrize(
    ("sent", "number"),
    [
        ("84951112233", "+74951112233"),
        ("1112233", "+74951112233"),
        ("81049301234567", "+49301234567"),
        ("+4930123456", "+4930123456"),
        ("8100123456", None),
        ("+0930123456", None),
        ("123456789012345678901", None),
        ("1112233x", None),
        ("1", None),
        ("", None),
    ],
)
def test_the_longest_beginning_decides(sent: str, number: str | None) -> None:
    assert by_numbering(RULES, sent) == number


BEGINNINGS = st.from_regex(r"(?:\+[1-9][0-9]{0,3}|[0-9]{1,4})?", fullmatch=True)
STANDS_FOR = st.from_regex(r"\+(?:[1-9][0-9]{0,5})?", fullmatch=True)


@given(
    st.dictionaries(BEGINNINGS, STANDS_FOR, min_size=1, max_size=4),
    st.from_regex(r"\+?[0-9]{1,21}", fullmatch=True),
)
def test_the_dialplans_patterns_say_the_same(rules: dict[str, str], sent: str) -> None:
    trunk = replace(TRUNK, numbering=tuple(sorted(rules.items())))
    matching = [each for each in numbering_patterns(trunk) if matches(each, sent)]
    best = min(matching, key=lambda each: specificity(each.pattern), default=None)
    made = best.put + sent[best.cut :] if best is not None and best.known else None
    assert made == by_numbering(rules, sent)


def matches(pattern: NumberPattern, sent: str) -> bool:
    text = re.escape(pattern.pattern).replace("X", "[0-9]").replace("Z", "[1-9]")
    return re.fullmatch(text, sent) is not None


def specificity(pattern: str) -> list[int]:
    """As Asterisk orders patterns: character by character, the narrower class first."""
    return [{"X": 10, "Z": 9}.get(character, 1) for character in pattern]
