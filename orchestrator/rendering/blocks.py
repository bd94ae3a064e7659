"""The shared blocks of `dialplans/asterisk`, their contexts named after what all of them say.

A running call resumes at its old priority in whatever text its context has by then. So a context that a call
may stay in never changes its text: when a block changes, all blocks get another version, and calls that are
in the old ones go on in those.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

DOORS = (
    "vpbx-from-trunk",
    "vpbx-from-external",
    "vpbx-from-mobiles",
    "vpbx-from-numbering",
    "vpbx-on-platform",
)
"""Contexts that trunks and Local channels name; a call only passes them, so they keep their names."""

_HEADING = re.compile(r"^\[([a-zA-Z0-9-]+)\]", re.MULTILINE)
_NAME = r"(?<![\w.-])({})(?![\w.-])"


@dataclass(frozen=True, slots=True)
class Blocks:
    """Args: version: of all texts together. texts: by file name, as written by hand."""

    version: str
    texts: Mapping[str, str]
    names: frozenset[str]

    @classmethod
    def read(cls, share: Path) -> Blocks:
        """The blocks below a share directory (`rendering.sources`)."""
        files = sorted((share / "dialplans" / "asterisk").glob("*.conf"))
        texts = {path.name: path.read_text("utf-8") for path in files}
        digest = hashlib.sha256("\0".join(f"{name}\0{text}" for name, text in texts.items()).encode())
        names = frozenset(name for text in texts.values() for name in _HEADING.findall(text))
        return cls(digest.hexdigest()[:8], texts, names - set(DOORS))

    def versioned(self, text: str) -> str:
        """A dialplan text that names this version of the blocks wherever it named a block.

        >>> blocks = Blocks("1a2b3c4d", {}, frozenset({"vpbx-ring"}))
        >>> blocks.versioned("Gosub(vpbx-ring,s,1(a)) ; vpbx-ringing")
        'Gosub(vpbx-ring.1a2b3c4d,s,1(a)) ; vpbx-ringing'
        """
        if not self.names:
            return text
        known = re.compile(_NAME.format("|".join(sorted(map(re.escape, self.names), reverse=True))))
        return known.sub(rf"\1.{self.version}", text)
