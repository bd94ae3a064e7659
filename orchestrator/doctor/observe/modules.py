"""The modules that are asked for, on disk and loaded."""

from __future__ import annotations

from orchestrator.doctor.modules import Modules, asked
from orchestrator.doctor.subject import Subject


def observe(subject: Subject) -> Modules:
    """What vpbx itself would ask for counts, not what somebody wrote into the live file."""
    directory = subject.asterisk.modules if subject.asterisk else None
    return Modules(
        asked=asked(subject.rendered.shared["modules.conf"].text),
        on_disk=frozenset(path.name for path in directory.glob("*.so")) if directory else None,
        loaded=subject.live.modules,
    )
