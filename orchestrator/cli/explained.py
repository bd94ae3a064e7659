"""`vpbx render --explain`: where one line of the rendered configuration came from."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.cli.session import Session
from orchestrator.definitions.quoting import visible
from orchestrator.definitions.written import Place, WrittenFiles
from orchestrator.origin_lines import Origin, Source
from orchestrator.origins import explain, parse_place

_JSON_VERSION = 1


def explained_json(session: Session, place: str) -> dict[str, object]:
    """The origin as `--json` prints it. Args: place: `FILE:LINE`."""
    origin = _origin(session, place)
    written = WrittenFiles(session.project.root)
    return {
        "version": _JSON_VERSION,
        "file": origin.file,
        "line": origin.line,
        "text": origin.text,
        "kind": origin.kind,
        "yaml": [
            {
                "file": each.position.file,
                "line": each.position.line,
                "column": each.position.column,
                "text": "" if each.default else written.excerpt(each.position)[0],
                "default_of": each.default or None,
            }
            for each in origin.places
        ],
        "template": _source_json(origin.template),
        "block": _source_json(origin.block),
        "calls": [_source_json(each) for each in origin.calls],
        "note": origin.note,
    }


def explained_lines(session: Session, place: str) -> Iterator[str]:
    """The origin for people."""
    origin = _origin(session, place)
    written = WrittenFiles(session.project.root)
    yield f"{origin.file}:{origin.line}: {visible(origin.text)}"
    for number, each in enumerate(origin.places):
        yield from _place_lines(each, "from" if number == 0 else "also", written)
    if origin.block is not None:
        yield from _source_lines(origin.block, "block")
    if origin.template is not None:
        yield from _source_lines(origin.template, "template")
    for source in origin.calls:
        yield from _source_lines(source, "calls")
    if origin.note:
        yield f"  note: {origin.note}"


def _origin(session: Session, place: str) -> Origin:
    file, line = parse_place(place)
    return explain(session.project, session.definitions, session.node, file, line)


def _place_lines(place: Place, word: str, written: WrittenFiles) -> Iterator[str]:
    if place.default:
        yield f"  {word} a default: `{place.default}` isn't written in {place.position.file}"
        return
    yield f"  {word} {place.position}"
    text, caret = written.excerpt(place.position)
    yield f"      {text}"
    yield f"      {caret}"


def _source_lines(source: Source, word: str) -> Iterator[str]:
    yield f"  {word} {source.file}:{source.line}{f' [{source.context}]' if source.context else ''}"
    if word != "calls":
        yield f"      {visible(source.text)}"
    yield from (f"      ; {visible(text)}" for text in source.about)


def _source_json(source: Source | None) -> dict[str, object] | None:
    if source is None:
        return None
    return {
        "file": source.file,
        "line": source.line,
        "text": source.text,
        "context": source.context or None,
        "about": list(source.about),
    }
