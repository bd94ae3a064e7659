"""What is configured for AMI, on disk and in the running switch."""

from __future__ import annotations

from pathlib import Path

from orchestrator.doctor.ami import Ami, sections
from orchestrator.doctor.observe.sockets import listens_on
from orchestrator.doctor.subject import Subject

_GENERAL = "general"


def observe(subject: Subject) -> Ami:
    """The live manager.conf and http.conf, and what the running switch said."""
    written = _read(subject.paths.etc / "manager.conf")
    live = subject.live
    return Ami(
        general=None if written is None else written.get(_GENERAL, {}),
        readers={user: kept.get("read", "") for user, kept in (written or {}).items() if user != _GENERAL},
        http_conf=(_read(subject.paths.etc / "http.conf") or {}).get(_GENERAL, {}),
        live_readers=live.readers,
        live_http=live.http,
        listens_on=listens_on(subject.node.ami.port, live.pid),
    )


def _read(path: Path) -> dict[str, dict[str, str]] | None:
    try:
        return sections(path.read_text("utf-8", "replace"))
    except FileNotFoundError:
        return None
