"""What becomes a generation: which replaced steps stay loaded, and until when."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from orchestrator.asterisk.generations import Generation, Parcel
from orchestrator.asterisk.manifest import LivePart, Manifest, Origin, Retired, read_manifest, write_manifest
from orchestrator.asterisk.parcel import Live, Sources, from_generation, from_rendering
from orchestrator.planning.services import WantedService
from orchestrator.rendering.render import Rendered

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


BLOCKS_THEN, BLOCKS_NOW = "aaaaaaaa", "bbbbbbbb"


def live_with_beta(root: Path, *retired: Retired, blocks: str = BLOCKS_THEN) -> Live:
    """What is live, its switch not running: beta, whose dialplan goes to the blocks of then."""
    part = LivePart("d", NEWER, "", "")
    served = WantedService("master", "Europe/Moscow", 2, {})
    held = replace(
        manifest(2, NEWER, 10, *retired), blocks=blocks, tenants={"beta": part}, services={"beta": served}
    )
    texts = {
        "dialplan/tenants/beta.conf": f"[beta-steps.{NEWER}]\nsame => n,Goto(vpbx-ring.{BLOCKS_THEN},s,1)\n",
        "dialplan/blocks/lines.conf": f"[vpbx-ring.{blocks}]\nexten => s,1,Return()\n",
        **{old.file: f"[vpbx-ring.{old.version}]\nexten => s,1,Return()\n" for old in held.retired},
    }
    for name, text in texts.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return Live(Generation(2, root), held)


def parcel_with_blocks_of_now(live: Live, *kept: str) -> Parcel:
    rendered = Rendered("s0", {}, {}, BLOCKS_NOW, {}, "")
    made = Origin(at(20), "anna", "apply")
    return from_rendering(rendered, Sources("", {}, {}), {}, live, 3, made, {}, {"gone": None}, kept)


def test_a_tenant_whose_file_is_gone_keeps_its_part_its_service_and_the_blocks_it_goes_to(
    tmp_path: Path,
) -> None:
    live = live_with_beta(tmp_path)
    parcel = parcel_with_blocks_of_now(live, "beta")
    assert live.manifest is not None
    assert parcel.manifest.tenants == live.manifest.tenants
    assert parcel.manifest.services == {**live.manifest.services, "gone": None}
    assert parcel.manifest.wanted == {"gone": None}, "its account is left alone"
    assert "facts/beta.json" in parcel.linked
    assert versions(parcel) == [BLOCKS_THEN]
    assert b"[vpbx-ring.aaaaaaaa]" in parcel.files["dialplan/retired/blocks.aaaaaaaa.conf"][0]


def test_blocks_that_a_kept_tenant_goes_to_stay_through_every_generation_and_go_with_it(
    tmp_path: Path,
) -> None:
    live = live_with_beta(tmp_path, Retired("", BLOCKS_THEN, at(5)), blocks=BLOCKS_NOW)
    assert versions(parcel_with_blocks_of_now(live, "beta")) == [BLOCKS_THEN]
    assert versions(parcel_with_blocks_of_now(live)) == []


def test_a_generation_that_is_gone_back_to_brings_the_blocks_that_its_kept_tenants_go_to(
    tmp_path: Path,
) -> None:
    live = live_with_beta(tmp_path, Retired("", BLOCKS_THEN, at(5)), blocks=BLOCKS_NOW)
    assert live.generation is not None and live.manifest is not None
    made = Origin(at(30), "anna", "rollback to 2")
    parcel = from_generation(live.generation, live.manifest, Live(None, None), 4, made, {})
    assert versions(parcel) == [BLOCKS_THEN]
    assert "dialplan/retired/blocks.aaaaaaaa.conf" in parcel.linked
    assert (parcel.manifest.kept, set(parcel.manifest.wanted)) == ((), {"beta"})


def test_a_tenant_that_came_after_the_generation_that_is_gone_back_to_is_disconnected(tmp_path: Path) -> None:
    live = live_with_beta(tmp_path)
    target = replace(manifest(1, NEWEST, 0), services={"acme": None})
    made = Origin(at(30), "anna", "rollback to 1")
    parcel = from_generation(Generation(1, tmp_path), target, live, 3, made, {})
    assert parcel.manifest.wanted == {"acme": None, "beta": None}


def test_an_older_generation_says_nothing_of_accounts(tmp_path: Path) -> None:
    live = live_with_beta(tmp_path)
    assert live.manifest is not None
    target = replace(live.manifest, number=1, services={})
    made = Origin(at(30), "anna", "rollback to 1")
    assert from_generation(Generation(1, tmp_path), target, live, 3, made, {}).manifest.wanted == {}


def test_what_a_manifest_says_of_services_is_read_again(tmp_path: Path) -> None:
    services = {"acme": WantedService("master", "Asia/Tokyo", 9, {"crm": 1}), "beta": None}
    written = replace(manifest(1, NEWEST, 0), services=services, kept=("acme",))
    (tmp_path / "generation.json").write_text(write_manifest(written))
    assert read_manifest(tmp_path) == written
