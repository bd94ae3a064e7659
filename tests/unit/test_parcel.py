"""What becomes a generation: which replaced steps stay loaded, and until when."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from orchestrator.asterisk.generations import Generation, Parcel
from orchestrator.asterisk.manifest import LivePart, Manifest, Origin, Retired
from orchestrator.asterisk.parcel import Live, from_generation

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
OLD, NEWER, NEWEST = "0" * 16, "1" * 16, "2" * 16


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def manifest(number: int, steps: str, minutes: float, *retired: Retired) -> Manifest:
    """A generation of one tenant whose dialplan has these steps."""
    return Manifest(
        number=number,
        base=number - 1,
        origin=Origin(at(minutes), "anna", "apply"),
        source="",
        shared={"dialplan/blocks/lines.conf": ""},
        blocks="b1",
        trunks="",
        marks={},
        tenants={"acme": LivePart("", steps, "", "")},
        retired=retired,
    )


def on_disk(root: Path, held: Manifest) -> Generation:
    steps = held.tenants["acme"].steps
    texts = {
        "dialplan/tenants/acme.conf": f"[acme-phones]\n; doors\n[acme-steps.{steps}]\n; {steps}\n",
        "dialplan/blocks/lines.conf": f"[vpbx-line-take.{held.blocks}]\nexten => s,1,Return()\n",
        **{old.file: f"[acme-steps.{old.version}]\n; {old.version}\n" for old in held.retired},
    }
    for name, text in texts.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return Generation(held.number, root)


def next_parcel(
    root: Path, held: Manifest, minutes: float, running: bool, oldest_call: float | None
) -> Parcel:
    """The parcel that changes the tenant's steps to the newest, made at that minute."""
    target = manifest(1, NEWEST, 0)
    oldest_at = None if oldest_call is None else at(oldest_call)
    live = Live(on_disk(root, held), held, oldest_at, running=running)
    made = Origin(at(minutes), "anna", "rollback to 1")
    return from_generation(Generation(1, root / "1"), target, live, held.number + 1, made, {})


def versions(parcel: Parcel) -> list[str]:
    return [old.version for old in parcel.manifest.retired]


def test_replaced_steps_stay_for_a_call_that_comes_after_the_last_look(tmp_path: Path) -> None:
    parcel = next_parcel(tmp_path, manifest(2, NEWER, 10), 20, running=True, oldest_call=None)
    assert versions(parcel) == [NEWER]
    text, _ = parcel.files[f"dialplan/retired/acme.{NEWER}.conf"]
    assert text.decode() == f"[acme-steps.{NEWER}]\n; {NEWER}\n"


def test_replaced_blocks_stay_for_a_call_that_comes_after_the_last_look(tmp_path: Path) -> None:
    held = replace(manifest(2, NEWEST, 10), blocks="b0")
    parcel = next_parcel(tmp_path, held, 20, running=True, oldest_call=None)
    assert [(old.tenant, old.version) for old in parcel.manifest.retired] == [("", "b0")]
    assert b"[vpbx-line-take.b0]" in parcel.files["dialplan/retired/blocks.b0.conf"][0]


def test_a_switch_that_is_not_running_keeps_nothing(tmp_path: Path) -> None:
    held = manifest(2, NEWER, 10, Retired("acme", OLD, at(10)))
    parcel = next_parcel(tmp_path, held, 20, running=False, oldest_call=None)
    assert (versions(parcel), dict(parcel.files)) == ([], {})


def test_steps_retired_earlier_go_when_no_channel_is_older_than_their_end(tmp_path: Path) -> None:
    held = manifest(4, NEWER, 30, Retired("acme", OLD, at(10)))
    assert versions(next_parcel(tmp_path, held, 40, running=True, oldest_call=9)) == [OLD, NEWER]
    assert versions(next_parcel(tmp_path, held, 40, running=True, oldest_call=11)) == [NEWER]
    assert versions(next_parcel(tmp_path, held, 40, running=True, oldest_call=None)) == [NEWER]


def test_a_call_that_came_between_the_making_and_the_swing_keeps_the_steps_it_is_in(tmp_path: Path) -> None:
    """The live generation was made at minute 30, the call began at 31, the doors swung later."""
    held = manifest(4, NEWER, 30, Retired("acme", OLD, at(30)))
    parcel = next_parcel(tmp_path, held, 40, running=True, oldest_call=31)
    assert versions(parcel) == [OLD, NEWER]
    assert parcel.manifest.retired[0].since == at(40)


def test_steps_that_are_live_again_are_no_longer_retired(tmp_path: Path) -> None:
    held = manifest(4, NEWER, 30, Retired("acme", NEWEST, at(30)))
    assert versions(next_parcel(tmp_path, held, 40, running=True, oldest_call=1)) == [NEWER]
