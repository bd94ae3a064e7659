"""Recorded calls told again with faults: a slice of `make proof-events`, played by the same code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from event_faults import (
    AMI_FAULTS,
    CEL_FAULTS,
    Bench,
    ami_cut_at_every_byte,
    cases,
    cel_cut_at_every_byte,
    recordings,
    without_deduplication,
)

SEED, CASES = 4, 45

MOBILE, MOSCOW = 230, 165


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(tmp_path_factory.mktemp("bench"))


@pytest.mark.parametrize(
    ("name", "amounts"),
    [
        ("outbound", [MOBILE]),
        ("inbound", []),
        ("internal", []),
        ("forward", [MOBILE]),
        ("blind-transfer", [MOBILE]),
        ("attended-transfer", [MOSCOW, MOBILE]),
        ("refused", [MOBILE, MOBILE]),
        ("cyrillic-caller", [MOBILE]),
        ("forged-caller", [MOBILE]),
    ],
)
def test_a_recorded_call_is_charged_for_each_outbound_leg(
    bench: Bench, name: str, amounts: list[int]
) -> None:
    entries = [json.loads(line) for line in bench.reference((name,)).splitlines()]
    assert sorted(entry["amount_kop"] for entry in entries) == amounts


def test_faults_leave_the_ledger_the_same_to_the_byte(bench: Bench) -> None:
    seen: set[str] = set()
    for case in cases(SEED, CASES):
        assert bench.play(case) == bench.reference(case.names), case.told
        seen.update(case.told)
    assert seen == {*AMI_FAULTS, *CEL_FAULTS}


def test_without_deduplication_by_key_the_same_faults_change_the_ledger(bench: Bench) -> None:
    noticed = 0
    for case in cases(SEED, 10):
        reference = bench.reference(case.names)
        with without_deduplication():
            noticed += bench.play(case) != reference
    assert noticed > 0


def test_without_deduplication_an_unbroken_record_is_charged_the_same(bench: Bench) -> None:
    names = tuple(sorted(recordings()))
    whole = bench.reference(names)
    with without_deduplication():
        assert bench.once(names) == whole


def test_a_stream_cut_at_every_byte_tells_the_same_events(tmp_path: Path) -> None:
    for name in ("outbound", "cyrillic-caller"):
        assert ami_cut_at_every_byte(recordings()[name])[1] == []
        assert cel_cut_at_every_byte(recordings()[name], tmp_path)[1] == []
