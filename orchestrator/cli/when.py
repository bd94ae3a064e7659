"""`--at`: a moment, now by default."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import click

from orchestrator.model.moment import HINT
from orchestrator.model.moment import moment as moment_of


def moment(text: str | None, now: datetime, zone: ZoneInfo) -> datetime:
    """The moment meant, in a zone; None: now. Raises: click.BadParameter: it is no time."""
    if text is None:
        return now.astimezone(zone)
    found = moment_of(text, now, zone)
    if found is None:
        raise click.BadParameter(f"{text} is no time: {HINT}", param_hint="--at")
    return found
