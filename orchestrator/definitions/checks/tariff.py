"""Checks within a tariff file."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.definitions.document import Document
from orchestrator.definitions.quoting import quoted
from orchestrator.definitions.tariff_file import TariffFile
from orchestrator.model.problem import Problem


def check_tariff(file: Document[TariffFile]) -> Iterator[Problem]:
    """Problems of one tariff."""
    tariff = file.value.tariff
    if tariff.slug and tariff.slug != file.stem:
        message = f"tariff {quoted(tariff.slug)} stands in the file of {quoted(file.stem)}"
        yield file.problem(("slug",), "file-name", message, f"write slug: {file.stem}, or rename the file")
    for option in tariff.options.values():
        if "recording" in option.unlocks and option.retention_years == 0:
            message = "an option that unlocks `recording` needs `retention_years` of 1 or more (decision 10)"
            where = ("options", option.slug, "retention_years")
            yield file.problem(where, "option-retention", message, "retention_years: 1")
