"""Checks within a tariff file."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from orchestrator.definitions.document import Document
from orchestrator.definitions.quoting import did_you_mean, quoted
from orchestrator.definitions.tariff_file import TariffFile
from orchestrator.model.problem import Problem


def check_name(file: Document[TariffFile]) -> Iterator[Problem]:
    """Whether a tariff of a project stands in the file of its name."""
    tariff = file.value.tariff
    if tariff.slug and tariff.slug != file.stem:
        message = f"tariff {quoted(tariff.slug)} stands in the file of {quoted(file.stem)}"
        yield file.problem(("slug",), "file-name", message, f"write slug: {file.stem}, or rename the file")


def check_tariff(file: Document[TariffFile]) -> Iterator[Problem]:
    """Problems of what one tariff says."""
    tariff = file.value.tariff
    for option in tariff.options.values():
        if "recording" in option.unlocks and option.retention_years == 0:
            message = "an option that unlocks `recording` needs `retention_years` of 1 or more (decision 10)"
            where = ("options", option.slug, "retention_years")
            yield file.problem(where, "option-retention", message, "retention_years: 1")
        if tariff.includes and not set(option.unlocks).isdisjoint(tariff.includes):
            both = ", ".join(sorted(set(option.unlocks) & set(tariff.includes)))
            message = f"option {quoted(option.slug)} sells what the tariff includes: {both}"
            where = ("options", option.slug, "unlocks")
            yield file.problem(where, "function-twice", message, "keep it in one of the two")
    yield from _check_cycle(file)
    yield from _check_changes(file)


def _check_cycle(file: Document[TariffFile]) -> Iterator[Problem]:
    cycle = file.value.tariff.cycle
    if cycle.months and cycle.days:
        message = "a period is so many months or so many days, not both"
        yield file.problem(("billing", "days"), "billing-cycle", message, "keep one of them")
    if cycle.days and cycle.anchor_day:
        message = "a period of so many days has no day of the month"
        yield file.problem(("billing", "anchor_day"), "billing-cycle", message, "delete it, or write months")


def _check_changes(file: Document[TariffFile]) -> Iterator[Problem]:
    """Prices that begin on the same day, out of order, under a name that is taken, or of no option."""
    tariff = file.value.tariff
    names = {tariff.prices[0].version: "the first prices"}
    before = date.min
    for index, change in enumerate(file.value.changes):
        where = ("changes", index)
        if date.min < change.starts_on <= before:
            message = f"prices from {change.starts_on} stand behind those from {before}"
            hint = "each begins later than the one above it; write those of one day together"
            yield file.problem((*where, "starts_on"), "prices-overlap", message, hint)
        before = max(before, change.starts_on)
        if change.version and change.version in names:
            message = f"version {quoted(change.version)} is {names[change.version]} already"
            yield file.problem((*where, "version"), "version-twice", message, "give it a name of its own")
        names.setdefault(change.version, f"the prices from {change.starts_on}")
        for slug, _ in change.options:
            if slug and slug not in tariff.options:
                message = f"tariff {quoted(tariff.slug)} has no option {quoted(slug)}"
                hint = did_you_mean(slug, tariff.options)
                yield file.problem((*where, "options", slug), "unknown-option", message, hint)
