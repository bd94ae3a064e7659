"""The way of a call through the whole product: dialled, admitted, talked, recorded, charged."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import farside, media
from harness.farside import CARRIER, FarSide
from harness.site import Site

pytestmark = pytest.mark.switch

MOBILE = "+79161112233"
CALLER = "+79035556677"


@pytest.fixture(scope="module")
def world(site: Site) -> Iterator[FarSide]:
    phones = site.phones("acme", ("101", "102", "103")) + site.phones("beta", ("101",))
    with site.far_side(*phones) as far:
        far.wait_registered()
        yield far


@pytest.fixture
def voices(tmp_path: Path) -> tuple[Path, Path]:
    """A voice for inside and one for outside, as files."""
    return (
        media.write_wav(tmp_path / "inside.wav", media.voice(1)),
        media.write_wav(tmp_path / "outside.wav", media.voice(2)),
    )


def test_outbound_call_shows_the_tenants_number_is_recorded_and_charged(
    site: Site, world: FarSide, voices: tuple[Path, Path]
) -> None:
    inside, outside = voices
    world.behave(CARRIER, farside.answer(outside))
    call = world.call("acme101desk", "89161112233", say=inside, stay_s=8)
    arrived = world.incoming(CARRIER)
    assert (arrived.number, arrived.from_number) == (MOBILE, "+74951112233")
    world.wait_answered(call)
    assert site.lines("acme")["in_use"] == 1
    world.wait_ended(call)
    site.until(lambda: site.lines("acme")["in_use"] == 0, "the line is free")
    [charge] = site.json("charges", "list", "acme")["charges"]
    assert (charge["to"], charge["deck_prefix"], charge["billable_s"]) == (MOBILE, "79", 60)
    assert charge["amount_kop"] == 230
    site.until(
        lambda: [r["state"] for r in site.json("recordings", "list", "acme")["recordings"]] == ["complete"],
        "the recording is indexed",
    )
    [recording] = site.json("recordings", "list", "acme")["recordings"]
    assert recording["length_s"] in (7, 8)
    file = Path(recording["file"])
    assert media.hear_file(file, media.voice(2), 0).same
    assert media.hear_file(file, media.voice(1), 1).same
    assert not media.hear_file(file, media.voice(1), 0).same
