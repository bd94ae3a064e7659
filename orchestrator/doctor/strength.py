"""Passwords: long and random enough, and each telephone its own. None of them is ever shown."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from orchestrator.doctor.finding import Check, Finding, some

LEAST_BITS = 64.0
"""What a secret that vpbx made up has at the very least; guessing 2000 in 21 s never gets there."""

WEAK_TRUNK_BITS, HOPELESS_TRUNK_BITS = 40.0, 24.0
"""A trunk's password is the operator's choice: below the first it is weak, below the second in any list."""

_GUESSED = "Asterisk itself has no lock-out: a guesser tries about a hundred passwords a second"

DEVICES = Check(
    "device-secrets",
    "length and randomness of each telephone's password",
    _GUESSED,
    problem_when="one could be guessed (below 64 bits)",
)
DUPLICATES = Check(
    "device-secrets-unique",
    "passwords that two telephones share",
    "who learns one telephone's password can be another telephone",
    problem_when="two telephones share one",
)
AMI = Check(
    "ami-secrets",
    "length and randomness of the AMI users' passwords",
    "every user of the machine can reach AMI on loopback",
    problem_when="one could be guessed (below 64 bits)",
)
TRUNKS = Check(
    "trunk-password-strength",
    "length and randomness of the trunks' passwords",
    "who guesses it places calls on the operator's bill",
    warning_when="one is weak (below 40 bits)",
    problem_when="one is hopeless (below 24 bits)",
)
CHECKS = (DEVICES, DUPLICATES, AMI, TRUNKS)


@dataclass(frozen=True, slots=True)
class Strength:
    """Args: owner: whose password it is. length: in characters. bits: as `bits` estimates."""

    owner: str
    length: int
    bits: float


@dataclass(frozen=True, slots=True)
class Strengths:
    """Args: shared: owners of one and the same password, each a group."""

    devices: Sequence[Strength]
    shared: Sequence[Sequence[str]]
    ami: Sequence[Strength]
    trunks: Sequence[Strength]


def bits(secret: str) -> float:
    """A low estimate of a secret's randomness: what its own characters say, and nothing for repetition.

    >>> bits("aaaaaaaaaaaaaaaaaaaaaaaa"), round(bits("k3Jd-92xQpLw_fTz")), bits("")
    (0.0, 64, 0.0)
    """
    counts = Counter(secret)
    size = len(secret)
    return abs(sum(-count * math.log2(count / size) for count in counts.values())) if size else 0.0


def check(seen: Strengths) -> Iterator[Finding]:
    """Findings on passwords."""
    yield _all_strong(
        DEVICES, seen.devices, "vpbx devices TENANT --secrets after a new apply; give it to the phone"
    )
    if seen.shared:
        groups = [" = ".join(group) for group in seen.shared]
        yield DUPLICATES.problem(
            some(groups), "delete the lines of all but one in secrets.json, then vpbx apply"
        )
    else:
        yield DUPLICATES.ok("none")
    yield _all_strong(AMI, seen.ami, "vpbx apply, vpbx switch stop, vpbx switch start")
    yield _trunks(seen.trunks)


def _all_strong(check: Check, secrets: Sequence[Strength], then: str) -> Finding:
    weak = [secret for secret in secrets if secret.bits < LEAST_BITS]
    if weak:
        return check.problem(
            _named(weak), f"delete its line in secrets.json, so that a new one is made; {then}"
        )
    return check.ok(f"{len(secrets)} looked at, all strong" if secrets else "there is none yet")


def _trunks(secrets: Sequence[Strength]) -> Finding:
    do = "ask the operator for a longer random password"
    hopeless = [secret for secret in secrets if secret.bits < HOPELESS_TRUNK_BITS]
    if hopeless:
        return TRUNKS.problem(_named(hopeless), do)
    weak = [secret for secret in secrets if secret.bits < WEAK_TRUNK_BITS]
    if weak:
        return TRUNKS.warning(_named(weak), do)
    return TRUNKS.ok(f"{len(secrets)} looked at, all strong" if secrets else "no trunk has one")


def _named(secrets: Sequence[Strength]) -> str:
    return some(
        [f"{secret.owner} ({secret.length} characters, {secret.bits:.0f} bits)" for secret in secrets]
    )
