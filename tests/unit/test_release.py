"""What is known against releases of Asterisk."""

from __future__ import annotations

import pytest

from orchestrator.asterisk.release import judge

REFUSED = [
    ("Asterisk 22.9.0", "22.10.1"),
    ("Asterisk 22.9.0+dfsg+~cs6.16.60671434-1", "22.10.1"),
    ("Asterisk 22.1.0", "22.10.1"),
    ("Asterisk 20.6.0~dfsg+~cs6.13.40431414-2build5", "20.20.1"),
    ("Asterisk 20.19.0", "20.20.1"),
    ("Asterisk 23.3.0", "23.4.1"),
    ("Asterisk 21.12.3", "22.10.1"),
    ("Asterisk 18.26.4", "22.10.1"),
    ("Asterisk certified-20.7-cert10", "certified-20.7-cert11"),
    ("Asterisk certified/22.8-cert2", "certified-22.8-cert3"),
    ("Asterisk certified-18.9-cert17", "certified-22.8-cert3"),
]
GOOD = [
    "Asterisk 22.10.1",
    "Asterisk 22.10.1+dfsg+~cs6.17.60671434-1",
    "Asterisk 22.11.0",
    "Asterisk 20.20.1",
    "Asterisk 23.4.1",
    "Asterisk certified-22.8-cert4",
    "Asterisk certified-20.7-cert11",
    "22.10.1+dfsg+~cs6.17.60671434-1",
]
UNKNOWN = [
    "Asterisk GIT-master-1a2b3c",
    "Asterisk",
    "",
    "Asterisk 24.0.0",
    "Asterisk 22.10.0-rc1",
    "nonsense",
]


@pytest.mark.parametrize(("text", "wanted"), REFUSED)
def test_a_release_with_the_published_crash_or_without_fixes_is_refused(text: str, wanted: str) -> None:
    judged = judge(text)
    assert (judged.verdict, judged.wanted) == ("refused", wanted)
    assert judged.reason


@pytest.mark.parametrize("text", GOOD)
def test_a_release_with_all_known_fixes_is_good(text: str) -> None:
    assert judge(text).verdict == "good"


@pytest.mark.parametrize("text", ["Asterisk 22.10.0", "Asterisk 20.20.0", "Asterisk 23.4.0"])
def test_a_release_without_the_crash_that_lacks_later_fixes_is_dated(text: str) -> None:
    assert judge(text).verdict == "dated"


@pytest.mark.parametrize("text", UNKNOWN)
def test_what_is_no_known_release_is_unknown_and_not_refused(text: str) -> None:
    assert judge(text).verdict == "unknown"
