"""`vpbx reconcile --carrier`: an operator's list of calls against ours."""

from __future__ import annotations

import gc
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from orchestrator.carrier.calls import ListedCall, OurCall
from orchestrator.carrier.columns import NoColumn
from orchestrator.carrier.comparison import Terms, compare, span_of
from orchestrator.carrier.reading import ListReading, titles_of
from orchestrator.cli.books import Books
from orchestrator.cli.carrier_printed import Told
from orchestrator.cli.progress import Told as Progress
from orchestrator.cli.progress import working
from orchestrator.definitions.quoting import did_you_mean
from orchestrator.errors import CallListUnreadable, NotFound
from orchestrator.model.call_list import USUAL, CallList
from orchestrator.model.statement import Month

_WITHIN = re.compile(r"(0|[1-9][0-9]{0,3})([sm])")
_AROUND = timedelta(days=1)
"""Our calls are looked at so far around the span: clocks and zones differ, and a call may begin before it."""
_LOOKED_AT = 1 << 16


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was asked for, as typed. Args: titles: `started=Дата + Время`."""

    file: Path
    trunk: str | None
    period: str | None
    within: str
    titles: Sequence[str]
    zone: str | None
    increment_s: int | None


def compared(books: Books, wanted: Wanted) -> Told:
    """Compare a list with the calls that are stored.

    Raises: CallListUnreadable, NotFound: no such trunk. click.BadParameter.
    """
    form = _form(books, wanted)
    zone = ZoneInfo(form.time_zone) if form.time_zone else books.zone
    month = None if wanted.period is None else _month(wanted.period)
    # A million of each are made and none goes: looking for what is no longer used takes longer than reading.
    gc.disable()
    try:
        reading = ListReading(dict(form.columns), zone, books.definitions.platform.region)
        listed = _listed(wanted.file, reading)
        span = span_of(listed) if month is None else _seconds(month.begins_at(zone), month.ends_at(zone))
        terms = Terms(
            within_s=_within_s(wanted.within),
            increment_s=form.increment_s,
            span=span,
            trunk=wanted.trunk or _only_trunk(books),
        )
        ours = _ours(books, wanted.trunk, span, of_answer=reading.columns.of_answer)
        own = frozenset(number for tenant in books.definitions.tenants.values() for number in tenant.may_show)
        with working("comparing calls"):
            found = compare(ours, listed, own, terms)
    finally:
        gc.enable()
    return Told(wanted.file.name, found, reading.unread, terms, zone, books.definitions.platform.language)


def _form(books: Books, wanted: Wanted) -> CallList:
    """How the list is written: as its trunk says, and above that as typed."""
    trunks = books.definitions.platform.trunks
    if wanted.trunk is not None and wanted.trunk not in trunks:
        raise NotFound(
            f"no trunk {wanted.trunk!r}", did_you_mean(wanted.trunk, trunks) or "see trunks: of platform.yaml"
        )
    trunk = trunks.get(wanted.trunk or _only_trunk(books))
    form = USUAL if trunk is None else trunk.call_list
    try:
        columns = dict(form.columns) | titles_of(wanted.titles)
    except ValueError as error:
        raise click.BadParameter(
            f"{error} isn't a column and its title: started=Начало", param_hint="--column"
        ) from error
    if wanted.zone is not None and _no_zone(wanted.zone):
        raise click.BadParameter(f"{wanted.zone} is no time zone: Europe/Moscow", param_hint="--time-zone")
    return replace(
        form,
        columns=tuple(sorted(columns.items())),
        time_zone=wanted.zone or form.time_zone,
        increment_s=wanted.increment_s or form.increment_s,
    )


def _only_trunk(books: Books) -> str:
    trunks = books.definitions.platform.trunks
    return next(iter(trunks)) if len(trunks) == 1 else ""


def _listed(file: Path, reading: ListReading) -> Sequence[ListedCall]:
    try:
        with working(f"reading {file.name}") as told:
            return list(reading.calls(_lines(file, told)))
    except NoColumn as error:
        raise CallListUnreadable(
            f"{file}: {error}", "name it: --column started=TITLE, or call_list: of the trunk in platform.yaml"
        ) from error
    except OSError as error:
        raise CallListUnreadable(
            f"{file} can't be read: {error.strerror or error}", "check its path"
        ) from error


def _lines(file: Path, told: Progress) -> Iterator[str]:
    """Line by line. UTF-8 unless its beginning is none; a character that isn't one spoils its field alone."""
    with file.open("rb") as raw:
        head = raw.read(_LOOKED_AT)
    whole = head if len(head) < _LOOKED_AT else head[: head.rfind(b"\n") + 1]
    try:
        whole.decode("utf-8")
        encoding = "utf-8-sig"
    except UnicodeDecodeError:
        encoding = "cp1251"
    size, done = file.stat().st_size, 0
    with file.open(encoding=encoding, errors="replace") as text:
        for number, line in enumerate(text):
            done += len(line)
            if number % 10_000 == 0:
                told(done, size)
            yield line


def _ours(books: Books, trunk: str | None, span: tuple[int, int], *, of_answer: bool) -> Sequence[OurCall]:
    begin, end = (datetime.fromtimestamp(each, UTC) for each in span)
    with working("looking up our calls"):
        trunks = () if trunk is None else (trunk,)
        return list(books.store.trunk_calls(trunks, begin - _AROUND, end + _AROUND, of_answer=of_answer))


def _month(text: str) -> Month:
    month = Month.of(text)
    if month is None:
        raise click.BadParameter("a calendar month is written like 2026-10", param_hint="--period")
    return month


def _within_s(text: str) -> int:
    found = _WITHIN.fullmatch(text)
    if found is None:
        raise click.BadParameter(f"{text} is no time: 60s, 5m", param_hint="--within")
    return int(found[1]) * (60 if found[2] == "m" else 1)


def _no_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        return True
    return False


def _seconds(begin: datetime, end: datetime) -> tuple[int, int]:
    return int(begin.timestamp()), int(end.timestamp())
