"""What must hold between fields and between files.

Every check passes over stand-ins: empty texts and zero ports.
"""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.definitions.document import Written
from orchestrator.model.problem import Problem


def check_all(written: Written) -> Iterator[Problem]:
    """Every problem between fields and files, in no order."""
    yield from ()
