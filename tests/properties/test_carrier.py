"""A list made of our own calls, with some taken out, moved and written twice: exactly those are told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.carrier.calls import IN, OUT, ListedCall, OurCall
from orchestrator.carrier.comparison import Terms, compare
from orchestrator.carrier.nearest import nearest

WITHIN_S = 60
SPAN = (0, 10_000_000)
FAR = [f"+7916000{number:04}" for number in range(12)]
OWN = ["+74951112233", "+74951112234"]


@dataclass(frozen=True)
class Made:
    """A list, and what is to be told of it: the uniqueids and lines by kind."""

    ours: Sequence[OurCall]
    listed: Sequence[ListedCall]
    told: set[tuple[str, str | int]]


@st.composite
def lists(draw: st.DrawFn) -> Made:
    """Calls of one number begin further apart than two tolerances, so that each has one place in the list."""
    dice = Random(draw(st.integers(0, 2**32)))
    clock_s = draw(st.sampled_from([0, -200, 7]))
    fates = draw(
        st.lists(
            st.sampled_from(["kept"] * 6 + ["dropped", "moved", "twice", "longer", "unanswered"]),
            min_size=40,
            max_size=80,
        )
    )
    clock_s = 0 if fates.count("kept") + fates.count("longer") < 3 * len(fates) // 5 else clock_s
    ours, rows, told = [], [], set[tuple[str, str | int]]()
    for number, fate in enumerate(fates):
        direction, far, own = dice.choice([IN, OUT]), dice.choice(FAR), dice.choice(OWN)
        at = 100_000 + number * 1000 + dice.randrange(100)
        seconds = 0 if fate == "unanswered" else dice.randrange(1, 300)
        name = f"s-{number}"
        ours.append(OurCall(name, name, "acme", "main", direction, far, own, at, seconds, False))
        if fate in ("dropped", "unanswered"):
            if fate == "dropped":
                told.add(("missing", name))
            continue
        listed = seconds + dice.choice([0, 1]) + (dice.randrange(20, 50) if fate == "longer" else 0)
        there = at + clock_s + dice.randrange(-1, 2) + (300 if fate == "moved" else 0)
        said = "" if dice.random() < 0.3 else direction
        one, two = (far, own) if direction == IN else (own, far)
        entry = ListedCall(0, said, one, two, there, listed, None)
        rows += [(entry, fate, name, repeat) for repeat in range(2 if fate == "twice" else 1)]
    dice.shuffle(rows)
    numbered = [(row._replace(line=line), *rest) for line, (row, *rest) in enumerate(rows, start=2)]
    for row, fate, name, _ in numbered:
        if fate == "moved":
            told |= {("missing", name), ("foreign", row.line)}
        elif fate == "longer":
            told.add(("length", name))
    for _, fate, name, _ in numbered:
        if fate == "twice":
            told.add(("repeated", max(row.line for row, _, one, _ in numbered if one == name)))
    return Made(ours, [row for row, *_ in numbered], told)


@given(lists())
def test_exactly_what_was_changed_is_told(made: Made) -> None:
    found = compare(made.ours, made.listed, frozenset(OWN), Terms(span=SPAN))
    told = {
        (
            "length" if each.kind == "increment" else each.kind,
            each.ours.uniqueid if each.ours is not None else each.theirs.line if each.theirs else 0,
        )
        for each in found.differences
    }
    assert told == made.told
    assert len(told) == len(found.differences)


@given(lists(), st.randoms(use_true_random=False))
def test_the_order_of_lines_changes_nothing(made: Made, dice: Random) -> None:
    shuffled = list(made.listed)
    dice.shuffle(shuffled)
    shuffled = [row._replace(line=line) for line, row in enumerate(shuffled, start=2)]
    terms = Terms(span=SPAN)
    one = compare(made.ours, made.listed, frozenset(OWN), terms)
    two = compare(made.ours, shuffled, frozenset(OWN), terms)
    assert (one.totals, one.paired, one.clock_s) == (two.totals, two.paired, two.clock_s)
    assert [each.kind for each in one.differences] == [each.kind for each in two.differences]


@given(
    st.lists(st.integers(0, 60), max_size=12), st.lists(st.integers(0, 60), max_size=12), st.integers(0, 20)
)
def test_the_nearest_pair_always_comes_first(ours: list[int], theirs: list[int], within: int) -> None:
    """Against all pairs, looked through one by one."""
    mine = [(at, position) for position, at in enumerate(sorted(ours))]
    other = [(at, position) for position, at in enumerate(sorted(theirs))]
    found = [abs(mine[one][0] - other[two][0]) for one, two in nearest(mine, other, within)]
    left, right, expected = sorted(ours), sorted(theirs), []
    while left and right:
        apart, one, two = min((abs(one - two), one, two) for one in left for two in right)
        if apart > within:
            break
        expected.append(apart)
        left.remove(one)
        right.remove(two)
    assert found[:1] == expected[:1] and found == sorted(found)
    assert all(abs(one - two) > within for one, two in _left(mine, other, within))


def _left(mine: list[tuple[int, int]], other: list[tuple[int, int]], within: int) -> list[tuple[int, int]]:
    pairs = list(nearest(mine, other, within))
    here, there = {one for one, _ in pairs}, {two for _, two in pairs}
    assert len(here) == len(there) == len(pairs)
    return [
        (one, two)
        for one, position in mine
        if position not in here
        for two, place in other
        if place not in there
    ]
