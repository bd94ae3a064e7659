"""What is known against a release of Asterisk.

Releases before 22.10 carry a published crash in PJSIP that needs no account: one packet from anybody ends
every call. Its siblings of the other branches, with the same fixes, are 20.20 and 23.4, and the certified
22.8-cert3 and 20.7-cert11. Branch 21 and those before 20 get no fixes any more.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from orchestrator.asterisk.binary import OLDEST

FIRST_SAFE = {20: (20, 20, 0), 22: (22, 10, 0), 23: (23, 4, 0)}
"""By branch, the first release without the crash."""

NEWEST_FIX = {20: (20, 20, 1), 22: (22, 10, 1), 23: (23, 4, 1)}
"""By branch, the newest release of security fixes that this vpbx knows of."""

FIRST_SAFE_CERTIFIED = {(20, 7): 11, (22, 8): 3}
"""By certified branch, the first `-certN` without the crash."""

_FORM = re.compile(
    r"(?:Asterisk )?(?P<certified>certified[/-])?(?P<numbers>\d+(?:\.\d+)+)"
    r"(?:-cert(?P<cert>\d+))?(?P<early>[-~](?:rc|beta|alpha)\d*)?"
)


@dataclass(frozen=True, slots=True)
class Judgement:
    """Args: verdict: `good`; `dated`: safe, but with a newer release of fixes; `unknown`: nothing is known of
    it; `refused`. reason: why, when it isn't good. wanted: release to install instead.
    """

    verdict: Literal["good", "dated", "unknown", "refused"]
    reason: str = ""
    wanted: str = ""


def judge(text: str) -> Judgement:
    """What is known against the release that `asterisk -V` names.

    >>> judge("Asterisk 22.9.0").verdict, judge("Asterisk 22.10.1+dfsg+~cs6.17.60671434-1").verdict
    ('refused', 'good')
    >>> judge("Asterisk certified-20.7-cert10").wanted
    'certified-20.7-cert11'
    """
    match = _FORM.match(text)
    if match is None:
        return Judgement("unknown", "its version is no release of Asterisk")
    numbers = tuple(int(part) for part in match["numbers"].split("."))
    if match["early"]:
        return Judgement("unknown", "it is a release candidate")
    if match["certified"] or match["cert"]:
        return _certified(numbers[:2], int(match["cert"] or 0))
    return _plain(numbers)


def _plain(numbers: tuple[int, ...]) -> Judgement:
    branch = numbers[0]
    newest = ".".join(map(str, NEWEST_FIX[branch if branch in NEWEST_FIX else 22]))
    if branch in FIRST_SAFE:
        if _padded(numbers) < FIRST_SAFE[branch]:
            return Judgement("refused", _crash(FIRST_SAFE[branch]), newest)
        if _padded(numbers) < NEWEST_FIX[branch]:
            return Judgement("dated", f"{newest} fixes published security faults in it", newest)
        return Judgement("good")
    if branch > max(FIRST_SAFE):
        return Judgement("unknown", f"branch {branch} is newer than this vpbx")
    if branch < OLDEST:
        return Judgement("refused", f"vpbx needs Asterisk {OLDEST} or newer", newest)
    return Judgement("refused", f"branch {branch} gets no security fixes any more", newest)


def _certified(branch: tuple[int, ...], cert: int) -> Judgement:
    first = FIRST_SAFE_CERTIFIED.get((branch[0], branch[1]))
    if first is None:
        if branch > max(FIRST_SAFE_CERTIFIED):
            return Judgement("unknown", "this certified branch is newer than this vpbx")
        return Judgement(
            "refused", "this certified branch gets no security fixes any more", _cert_text((22, 8), 3)
        )
    if cert < first:
        return Judgement(
            "refused", "it carries a published PJSIP crash that needs no account", _cert_text(branch, first)
        )
    return Judgement("good")


def _crash(first: tuple[int, ...]) -> str:
    return (
        f"before {first[0]}.{first[1]} a published PJSIP crash needs no account: one packet ends every call"
    )


def _cert_text(branch: tuple[int, ...], cert: int) -> str:
    return f"certified-{branch[0]}.{branch[1]}-cert{cert}"


def _padded(numbers: tuple[int, ...]) -> tuple[int, ...]:
    return (*numbers, 0, 0)[:3]
