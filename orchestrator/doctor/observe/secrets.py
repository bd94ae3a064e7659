"""The strength of passwords. The passwords themselves never leave this module but to be sought in YAML."""

from __future__ import annotations

from collections import defaultdict

from orchestrator.candidate import TrunkSecretMissing, trunk_secret
from orchestrator.doctor.strength import Strength, Strengths, bits
from orchestrator.doctor.subject import Subject
from orchestrator.secrets import Secrets

SHORTEST_SOUGHT = 6
"""A shorter password would be found in any text."""


def observe(subject: Subject) -> Strengths:
    """How strong each password is. Raises: SecretsUnreadable."""
    kept = Secrets.open(subject.project.secrets_file)
    devices = kept.known("devices")
    owners: dict[str, list[str]] = defaultdict(list)
    for owner, secret in devices.items():
        owners[secret].append(owner)
    ami = {
        owner: secret
        for owner, secret in kept.known("ami").items()
        if owner.startswith(f"{subject.node.name}/")
    }
    return Strengths(
        devices=[_strength(owner, secret) for owner, secret in devices.items()],
        shared=[same for same in owners.values() if len(same) > 1],
        ami=[_strength(owner, secret) for owner, secret in ami.items()],
        trunks=[_strength(owner, secret) for owner, secret in _trunks(subject).items()],
    )


def known_secrets(subject: Subject) -> set[str]:
    """Every password in use. Raises: SecretsUnreadable."""
    kept = Secrets.open(subject.project.secrets_file)
    return {*kept.known("devices").values(), *kept.known("ami").values(), *_trunks(subject).values()} - {""}


def _trunks(subject: Subject) -> dict[str, str]:
    """Passwords of the trunks whose place holds one; the others are a finding of their own."""
    found = {}
    for trunk in subject.definitions.trunks_of(subject.node):
        try:
            secret = trunk_secret(subject.project, trunk)
        except TrunkSecretMissing:
            continue
        if secret:
            found[trunk.name] = secret
    return found


def _strength(owner: str, secret: str) -> Strength:
    return Strength(owner, len(secret), bits(secret))
