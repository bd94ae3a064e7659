"""Prompts: any WAV becomes what the switch plays, a text is spoken once, faults are told with their place."""

from __future__ import annotations

import io
import shutil
import struct
import wave
from pathlib import Path

import numpy
import pytest
import soundfile

from orchestrator.definitions import check
from orchestrator.errors import ApplyFailed, SoundUnreadable
from orchestrator.model.prompt import Prompt
from orchestrator.sound import speech
from orchestrator.sound.convert import converted
from orchestrator.sound.playable import playable, sound_digest
from orchestrator.sound.wav import read_header

EXAMPLES = Path(__file__).parents[2] / "examples"
TONE_HZ, SECONDS = 440, 1.5
FORMS = [
    (rate, channels, subtype, container)
    for rate in (8000, 11025, 16000, 44100, 48000)
    for channels, subtype, container in (
        (1, "PCM_16", "WAV"),
        (2, "PCM_16", "WAV"),
        (1, "PCM_U8", "WAV"),
        (2, "PCM_24", "WAV"),
        (1, "PCM_32", "WAV"),
        (6, "FLOAT", "WAV"),
        (1, "DOUBLE", "WAV"),
        (1, "ALAW", "WAV"),
        (2, "ULAW", "WAV"),
        (1, "IMA_ADPCM", "WAV"),
        (2, "PCM_24", "WAVEX"),
        (2, "FLOAT", "WAVEX"),
    )
] + [(8000, 1, "GSM610", "WAV")]


def write_tone(place: Path, rate: int, channels: int, subtype: str, container: str = "WAV") -> None:
    tone = 0.5 * numpy.sin(2 * numpy.pi * TONE_HZ * numpy.arange(int(rate * SECONDS)) / rate)
    with soundfile.SoundFile(place, "w", rate, channels, subtype, format=container) as file:
        file.write(numpy.column_stack([tone] * channels))


@pytest.mark.parametrize(("rate", "channels", "subtype", "container"), FORMS)
def test_a_wav_of_any_form_becomes_the_same_sound_as_the_switch_plays_it(
    tmp_path: Path, rate: int, channels: int, subtype: str, container: str
) -> None:
    file = tmp_path / "tone.wav"
    write_tone(file, rate, channels, subtype, container)
    header = read_header(file)
    assert (header.rate_hz, header.channels) == (rate, channels)
    assert header.seconds == pytest.approx(SECONDS, abs=0.1)
    with wave.open(io.BytesIO(converted(file))) as made:
        assert (made.getnchannels(), made.getsampwidth(), made.getframerate()) == (1, 2, 8000)
        samples = numpy.frombuffer(made.readframes(made.getnframes()), "<i2").astype(float)
    assert len(samples) / 8000 == pytest.approx(SECONDS, abs=0.1)
    spectrum = numpy.abs(numpy.fft.rfft(samples))
    assert spectrum.argmax() * 8000 / len(samples) == pytest.approx(TONE_HZ, abs=2)
    assert samples[800:-1600].std() == pytest.approx(0.5 * 32768 / 2**0.5, rel=0.1)


def test_what_the_switch_plays_already_is_taken_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "tone.wav"
    write_tone(file, 8000, 1, "PCM_16")
    assert converted(file) == file.read_bytes()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "empty"),
        (b"ID3\x04" + bytes(100), "no WAV file"),
        (b"RIFF\x04\x00\x00\x00WAVE", "cut off"),
        (b"RIFF\x24\x00\x00\x00WAVEfmt \x04\x00\x00\x00\x01\x00\x01\x00data\x04\x00\x00\x00abcd", "cut off"),
        (
            b"RIFF\x24\x00\x00\x00WAVEfmt \x10\x00\x00\x00"
            + struct.pack("<HHIIHH", 0x55, 1, 8000, 8000, 1, 8)
            + b"data\x04\x00\x00\x00abcd",
            "kind 85",
        ),
        (
            b"RIFF\x24\x00\x00\x00WAVEfmt \x10\x00\x00\x00"
            + struct.pack("<HHIIHH", 1, 0, 0, 0, 0, 16)
            + b"data\x04\x00\x00\x00abcd",
            "damaged",
        ),
    ],
    ids=["nothing", "mp3", "no chunks", "half a header", "mp3 in wav", "no channels"],
)
def test_a_header_that_is_none_is_told(tmp_path: Path, content: bytes, told: str) -> None:
    file = tmp_path / "bad.wav"
    file.write_bytes(content)
    with pytest.raises(SoundUnreadable, match=told):
        read_header(file)
    with pytest.raises(ApplyFailed, match=told):
        playable(Prompt("bad.wav"), tmp_path)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    shutil.copytree(EXAMPLES, root)
    return root


def silence(place: Path, seconds: float) -> None:
    with wave.open(str(place), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(int(seconds * 8000) * 2))


@pytest.mark.parametrize(
    ("seconds", "code", "told"),
    [
        (0, "sound-empty", "no sound"),
        (0.05, "sound-empty", "50 ms"),
        (601, "sound-long", "0:10:01, more than 600 s"),
        (3 * 3600, "sound-long", "3:00:00"),
    ],
)
def test_an_empty_and_an_overlong_prompt_are_refused_where_they_are_named(
    project: Path, seconds: float, code: str, told: str
) -> None:
    silence(project / "told.wav", seconds)
    acme = project / "tenants/acme.yaml"
    acme.write_text(acme.read_text() + "\nrecording: {announce: told.wav}\n")
    definitions, [problem] = check(project)
    assert definitions is None
    line = acme.read_text().splitlines().index("recording: {announce: told.wav}") + 1
    assert (problem.code, problem.position.line, problem.path) == (code, line, "recording.announce")
    assert told in problem.message


def test_the_platform_says_how_long_a_prompt_may_last(project: Path) -> None:
    silence(project / "told.wav", 20)
    acme = project / "tenants/acme.yaml"
    acme.write_text(acme.read_text() + "\nrecording: {announce: told.wav}\n")
    assert check(project)[1] == ()
    platform = project / "platform.yaml"
    platform.write_text(platform.read_text().replace("limits:", "limits:\n  longest_prompt_s: 10", 1))
    [problem] = check(project)[1]
    assert problem.code == "sound-long"


def test_music_may_last_longer_than_a_prompt(project: Path) -> None:
    silence(project / "hold.wav", 700)
    acme = project / "tenants/acme.yaml"
    acme.write_text(acme.read_text() + "\nmusic_on_hold: hold.wav\n")
    assert check(project)[1] == ()


@pytest.mark.parametrize(("say", "language"), [("Здравствуйте", "ru"), ("Good morning; -v de", "en")])
def test_a_text_is_spoken_and_kept(
    tmp_path: Path, say: str, language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    prompt = Prompt(say=say, language=language)
    first = playable(prompt, tmp_path)
    with wave.open(io.BytesIO(first)) as made:
        assert (made.getnchannels(), made.getsampwidth(), made.getframerate()) == (1, 2, 8000)
        assert made.getnframes() > 4000
    monkeypatch.setattr(speech, "_SPEAKER", "no-such-program")
    assert playable(prompt, tmp_path) == first, "it was spoken again"
    with pytest.raises(ApplyFailed, match="no-such-program") as failed:
        playable(Prompt(say="другое", language="ru"), tmp_path)
    assert "apt install espeak-ng" in failed.value.hint


def test_texts_and_languages_are_told_apart(tmp_path: Path) -> None:
    prompts = [
        Prompt(say="sport", language="en"),
        Prompt(say="sport", language="ru"),
        Prompt(say="sports", language="en"),
    ]
    assert len({sound_digest(each, tmp_path) for each in prompts}) == 3
    assert len({playable(each, tmp_path) for each in prompts}) == 3
