"""Recording when things go wrong, and with announcements: the call always goes on."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy
import pytest
import soundfile
import soxr
from harness import farside, media
from harness.farside import CARRIER
from harness.site import Site

from orchestrator.asterisk.binary import Asterisk

pytestmark = pytest.mark.switch

DIRECT, MOBILE, CALLER = "+74951112234", "+79161112233", "+79035556677"
INSIDE, OUTSIDE, PROMPT = 21, 22, 23
SMALL_DISK = 64 * 1024


@pytest.fixture
def site(tmp_path: Path, asterisk: Asterisk) -> Iterator[Site]:
    with Site(tmp_path / "project", asterisk) as made:
        yield made


@pytest.fixture
def voices(tmp_path: Path) -> dict[int, Path]:
    return {seed: media.write_wav(tmp_path / f"{seed}.wav", media.voice(seed)) for seed in (INSIDE, OUTSIDE)}


def recordings(site: Site) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = site.json("recordings", "list", "acme")["recordings"]
    return [recording for recording in found if recording["state"] != "open"]


def studio_wav(place: Path, samples: media.Samples) -> None:
    """As it comes out of a studio: stereo, 44.1 kHz, float."""
    loud = soxr.resample(samples / 32768, media.RATE, 44100)
    soundfile.write(place, numpy.column_stack([loud, loud]), 44100, subtype="FLOAT")


def test_announcements_come_first_and_the_recording_starts_with_the_talk(
    site: Site, tmp_path: Path, voices: dict[int, Path]
) -> None:
    (site.root / "prompts").mkdir(exist_ok=True)
    studio_wav(site.root / "prompts/in.wav", media.voice(PROMPT, 2.0))
    spoken = "{say: 'Внимание, разговор записывается'}"
    tenant = site.root / "tenants/acme.yaml"
    tenant.write_text(
        tenant.read_text() + f"\nrecording: {{announce: prompts/in.wav, announce_outbound: {spoken}}}\n"
    )
    site.start()
    [said] = (site.root / ".vpbx/switch/pbx1/etc/prompts").glob("said.*.wav")
    [text] = media.read(said)
    assert len(text) > 1.5 * media.RATE
    with site.far_side(*site.phones("acme", ("101",))) as far:
        far.wait_registered()
        far.behave("acme101desk", farside.answer(voices[INSIDE]))
        far.behave(CARRIER, farside.answer(voices[OUTSIDE]))
        inbound = far.call(CARRIER, DIRECT, say=voices[OUTSIDE], stay_s=6, from_number=CALLER)
        heard = far.wait_answered(inbound)
        far.wait_ended(inbound)
        assert media.hear(media.read(heard)[0][4000:12000], media.voice(PROMPT, 2.0)).same
        assert media.hear(media.read(heard)[0][-8000:], media.voice(INSIDE)).same
        outbound = far.call("acme101desk", MOBILE, say=voices[INSIDE], stay_s=6)
        far.wait_answered(outbound)
        callee = far.incoming(CARRIER)
        heard = far.wait_answered(callee)
        far.wait_ended(outbound)
        far.wait_ended(callee)
        assert media.hear(media.read(heard)[0][4000:12000], text).same
    site.until(lambda: len(recordings(site)) == 2, "both are indexed")
    for recording in recordings(site):
        left, right = media.read(Path(recording["file"]))
        assert media.hear(left, media.voice(OUTSIDE)).same
        assert media.hear(right, media.voice(INSIDE)).same
        assert not media.hear(right, media.voice(PROMPT, 2.0)).same
        assert not media.hear(right, text).same


@pytest.mark.root
def test_a_full_disk_ends_the_recording_and_not_the_call(site: Site, voices: dict[int, Path]) -> None:
    site.start()
    monitor = site.root / ".vpbx/switch/pbx1/spool/monitor"
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK}", "tmpfs", str(monitor)], check=True, timeout=10
    )
    try:
        with site.far_side(*site.phones("acme", ("101",))) as far:
            far.wait_registered()
            far.behave("acme101desk", farside.answer(voices[INSIDE]))
            call = far.call(CARRIER, DIRECT, say=voices[OUTSIDE], stay_s=8, from_number=CALLER)
            heard = far.wait_answered(call)
            assert far.wait_ended(call).code is None
            assert media.hear(media.read(heard)[0][-8000:], media.voice(INSIDE)).same
        site.until(lambda: len(recordings(site)) == 1, "the loss is known")
        [recording] = recordings(site)
        assert recording["state"] == "short"
        assert "8 s" in recording["note"] or "7 s" in recording["note"]
        verified = site.run("recordings", "verify")
        assert verified.returncode == 1
        assert recording["note"] in verified.stdout
    finally:
        subprocess.run(["umount", "-l", str(monitor)], check=True, timeout=10)


def test_a_recording_that_was_changed_or_removed_is_found(site: Site, voices: dict[int, Path]) -> None:
    site.start()
    with site.far_side(*site.phones("acme", ("101",))) as far:
        far.wait_registered()
        far.behave("acme101desk", farside.answer(voices[INSIDE]))
        far.wait_ended(far.call(CARRIER, DIRECT, say=voices[OUTSIDE], stay_s=2, from_number=CALLER))
    site.until(lambda: len(recordings(site)) == 1, "it is indexed")
    [recording] = recordings(site)
    assert recording["retain_until"] == _a_year_after(recording["started_at"])
    file = Path(recording["file"])
    copy = site.root / "copy.wav"
    site.vpbx("recordings", "get", recording["id"], "--out", str(copy))
    assert copy.read_bytes() == file.read_bytes()
    assert site.run("recordings", "verify").returncode == 0
    file.write_bytes(file.read_bytes()[:-2] + b"\x01\x01")
    assert "the content has changed" in site.run("recordings", "verify").stdout
    file.unlink()
    assert "the file is gone" in site.run("recordings", "verify").stdout
    refused = site.run("recordings", "get", recording["id"], "--out", str(copy))
    assert (refused.returncode, "Traceback" in refused.stderr) == (1, False)


def test_nothing_is_recorded_without_the_option(site: Site, voices: dict[int, Path]) -> None:
    site.edit("tenants/acme.yaml", (r"options: \[recording\]\n", ""))
    site.start()
    with site.far_side(*site.phones("acme", ("101",))) as far:
        far.wait_registered()
        far.behave("acme101desk", farside.answer(voices[INSIDE]))
        far.wait_ended(far.call(CARRIER, DIRECT, say=voices[OUTSIDE], stay_s=1, from_number=CALLER))
    assert site.json("recordings", "list")["recordings"] == []
    assert list((site.root / ".vpbx/switch/pbx1/spool/monitor").iterdir()) == []


def _a_year_after(started_at: str) -> str:
    """The same local day a year later, in the tenant's zone."""
    from datetime import datetime
    from zoneinfo import ZoneInfo

    day = datetime.fromisoformat(started_at).astimezone(ZoneInfo("Europe/Moscow")).date()
    return day.replace(year=day.year + 1).isoformat()
