"""What the listener does for recordings by itself, while nobody runs a verb."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import farside, media
from harness.farside import CARRIER
from harness.site import Site

from orchestrator.asterisk.binary import Asterisk

pytestmark = pytest.mark.switch


@pytest.fixture
def site(tmp_path: Path, asterisk: Asterisk) -> Iterator[Site]:
    with Site(tmp_path / "site", asterisk) as made:
        made.start()
        yield made


def test_a_recording_is_finished_seconds_after_its_call_without_another_call(
    site: Site, tmp_path: Path
) -> None:
    voice = media.write_wav(tmp_path / "voice.wav", media.voice(1))
    with site.far_side(*site.phones("acme", ("101",))) as far:
        far.wait_registered()
        far.behave(CARRIER, farside.answer(voice))
        site.listen()
        call = far.call("acme101desk", "+79161112233", say=voice, stay_s=3)
        far.wait_answered(call)
        far.wait_ended(call)
        site.until(lambda: any(site.root.glob(".vpbx/recordings/acme/**/*.wav")), "the recording", 10)
    [recording] = site.json("recordings", "list", "acme")["recordings"]
    assert recording["state"] == "complete"
