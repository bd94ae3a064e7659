"""The table of ported numbers as it is."""

from __future__ import annotations

from orchestrator.asterisk.porting_table import PortingTable
from orchestrator.doctor.portability import Ported
from orchestrator.doctor.subject import Subject
from orchestrator.errors import PortabilityUnwritable


def observe(subject: Subject) -> Ported:
    """Who needs the table, and whether it can be read."""
    trunks = subject.definitions.platform.trunks.values()
    routed = sorted(trunk.name for trunk in trunks if trunk.routes)
    try:
        return Ported(routed, PortingTable(subject.project.portability).rows())
    except PortabilityUnwritable as error:
        return Ported(routed, fault=error.message)
