"""`vpbx explain-call`: everything that is known of one call, each thing with its source."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

import click

from orchestrator.cli.books import Books, no_reconcile_option, open_books
from orchestrator.cli.calls import leg_json
from orchestrator.cli.charges import charge_json, taken_back
from orchestrator.cli.recordings import recording_json, recordings_directory
from orchestrator.cli.session import json_option
from orchestrator.definitions.quoting import visible
from orchestrator.model.call import Leg
from orchestrator.model.money import roubles_text
from orchestrator.model.recording import Recording
from orchestrator.storage.views import CallStory, PostedCharge

_JSON_VERSION = 1
_SOURCES = {
    "events": "switch's record, CEL (table switch_event)",
    "legs": "computed from the events (table call_leg)",
    "recordings": "recordings directory (table recording)",
    "charges": "ledger (table ledger_entry)",
    "claims": "switch's record, CDR (table switch_cdr); never billed from",
}


@click.command("explain-call")
@click.argument("linkedid")
@json_option
@no_reconcile_option
def explain_call(linkedid: str, as_json: bool, no_reconcile: bool) -> None:
    """Say what happened in a call, what it was charged and why, and where each of that stands.

    Example: vpbx explain-call s1f2e3d4-1790000000.12
    """
    with open_books(bring_in=not no_reconcile) as books:
        story = books.store.call(linkedid)
        if as_json:
            click.echo(json.dumps(_json(story, recordings_directory(books)), ensure_ascii=False))
        else:
            for line in _lines(story, books):
                click.echo(visible(line))


def _json(story: CallStory, directory: Path) -> dict[str, object]:
    return {
        "version": _JSON_VERSION,
        "linkedid": story.linkedid,
        "sources": _SOURCES,
        "events": [{**asdict(event), "at": event.at.isoformat()} for event in story.events],
        "legs": [leg_json(leg) for leg in story.legs],
        "recordings": [recording_json(recording, directory) for recording in story.recordings],
        "charges": [charge_json(charge) for charge in story.charges],
        "unrated": dict(story.unrated),
        "claims": [asdict(claim) for claim in story.claims],
    }


def _recording_line(recording: Recording) -> str:
    if recording.state in ("complete", "short"):
        kept = f"{recording.file}, {recording.length_s} s, until {recording.retain_until}"
        return f"{recording.state}: {kept}" + (f"; {recording.note}" if recording.note else "")
    return f"{recording.state}: {recording.note or 'nothing to keep yet'}"


def _lines(story: CallStory, books: Books) -> Iterator[str]:
    yield f"call {story.linkedid}"
    yield from _titled("events", [_event_line(story, index) for index in range(len(story.events))])
    yield from _titled("legs", [line for leg in story.legs for line in _leg_lines(leg, story, books)])
    yield from _titled(
        "recordings",
        [_recording_line(recording) for recording in story.recordings],
    )
    yield from _titled(
        "charges",
        [_charge_line(charge) for charge in story.charges],
    )
    yield from _titled(
        "claims",
        [
            f"{claim.uniqueid} #{claim.sequence}: {claim.src} -> {claim.dst}, {claim.disposition},"
            f" {claim.billsec_s} of {claim.duration_s} s"
            for claim in story.claims
        ],
    )


def _charge_line(charge: PostedCharge) -> str:
    amount = f"{charge.key}: {roubles_text(charge.amount_kop)}"
    if charge.reverses is not None:
        return f"{amount} {taken_back(charge)}, posted by {charge.path}"
    return (
        f"{amount} = {charge.facts['working']}; prefix"
        f" {charge.facts['deck_prefix']} of {charge.facts['deck']} {charge.facts['deck_version']},"
        f" VAT {charge.facts['vat_percent']}% {roubles_text(int(str(charge.facts['vat_kop'])))},"
        f" posted by {charge.path}"
    )


def _titled(part: str, lines: list[str]) -> Iterator[str]:
    yield ""
    yield f"{part}: {_SOURCES[part]}"
    yield from (f"  {line}" for line in lines or ["none"])


def _event_line(story: CallStory, index: int) -> str:
    event = story.events[index]
    said = " ".join(f"{name}={value}" for name, value in event.facts.items() if value)
    return f"{_since(story.events[0].at, event.at)}  {event.kind}  {event.channel}  {said}".rstrip()


def _since(begin: datetime, at: datetime) -> str:
    return f"+{(at - begin).total_seconds():.3f} s"


def _leg_lines(leg: Leg, story: CallStory, books: Books) -> Iterator[str]:
    yield f"{leg.uniqueid}: {leg.tenant} {leg.direction} {leg.from_number} -> {leg.to_number}"
    holds = leg.decision == "admitted" and leg.direction in ("in", "out", "sip")
    line = "held a line" if holds else "held no line"
    yield f"  decision {leg.decision}, {line}, trunk {leg.trunk or 'none'}, employee {leg.employee or 'none'}"
    ended = books.shown(leg.ended_at) or "up"
    if leg.estimated:
        ended += " (last known second: a crash cut it off)"
    yield (
        f"  started {books.shown(leg.started_at)}, answered {books.shown(leg.answered_at) or 'never'},"
        f" ended {ended}, cause {leg.cause if leg.cause is not None else 'unknown'}"
    )
    if leg.uniqueid in story.unrated:
        yield f"  not charged: {story.unrated[leg.uniqueid]}"
