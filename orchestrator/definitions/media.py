"""What speech is carried in: codecs, encryption, and the files of certificates."""

from __future__ import annotations

import re

from orchestrator.definitions import scalars
from orchestrator.definitions.quoting import quoted
from orchestrator.definitions.shapes import ListOf, Refusal, Scalar

CODECS = ListOf(
    scalars.choice("a codec", ("alaw", "ulaw", "g722", "g729", "gsm", "opus", "slin")), at_least=1
)
PASSED_ON = frozenset({"g729"})
"""Codecs that the switch carries between two who both speak them, but can't translate."""

_FILE = r"/?([A-Za-z0-9_.][A-Za-z0-9._@+-]{0,120}/){0,16}[A-Za-z0-9_.][A-Za-z0-9._@+-]{0,120}"


def encryption(label: str) -> Scalar[str]:
    """Whether speech is encrypted (SRTP): `off`, `offered` to who can, or `required` of all."""
    return scalars.choice(label, ("off", "offered", "required"))


def pem_file(label: str) -> Scalar[str]:
    """Path of a PEM file, from the project's root or absolute: it may be what another program renews."""

    def read(given: str) -> str | Refusal:
        if re.fullmatch(_FILE, given) and ".." not in given.split("/"):
            return given
        hint = "a path from the project's root, or an absolute one, of Latin letters, digits and . _ @ + -"
        return Refusal("file-path", f"{quoted(given)} is no path of a file", hint)

    return scalars.parsed(label, read, f"^{_FILE}$")
