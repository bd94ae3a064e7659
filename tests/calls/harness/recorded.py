"""What a switch under test has written into its durable record."""

from __future__ import annotations

from collections.abc import Sequence

from harness.site import Site
from orchestrator.asterisk.record import AsteriskRecord
from orchestrator.model.call import SwitchEvent
from orchestrator.project import Project
from orchestrator.secrets import Secrets


def events(site: Site) -> Sequence[SwitchEvent]:
    """All that the switch has written, in its order."""
    project = Project(site.root)
    paths = project.switch(site.node)
    systemname = Secrets.open(project.secrets_file).systemname(site.node)
    batches = AsteriskRecord(systemname, paths.cel_file, paths.cdr_file).events(None)
    return [event for batch in batches for event in batch.rows]


def steps_of(site: Site, caller: str, called: str) -> list[str]:
    """Ids of the steps in the record of the newest call from somebody to something."""

    def begun() -> list[SwitchEvent]:
        return [e for e in events(site) if (e.facts.get("from"), e.facts.get("to")) == (caller, called)]

    site.until(lambda: bool(begun()), f"the call from {caller} to {called} is in the record")
    linkedid = begun()[-1].linkedid
    site.until(
        lambda: any(e.linkedid == linkedid and e.kind == "LINKEDID_END" for e in events(site)), "it has ended"
    )
    return [
        e.facts["step"]
        for e in events(site)
        if e.linkedid == linkedid and "step" in e.facts and e.kind != "vpbx.phone"
    ]
