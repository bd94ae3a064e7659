"""A scenario with the tariff and deck that it is computed by, or every problem in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from orchestrator.definitions.checks.scenario import check_scenario
from orchestrator.definitions.checks.tariff import check_tariff
from orchestrator.definitions.deck import DECK_LIMIT, read_deck
from orchestrator.definitions.document import Document, converted
from orchestrator.definitions.platform_file import PLATFORM
from orchestrator.definitions.quoting import did_you_mean, quoted
from orchestrator.definitions.records import Record
from orchestrator.definitions.scenario_file import SCENARIO, ScenarioFile
from orchestrator.definitions.shapes import Surroundings
from orchestrator.definitions.source import decoded, read_bytes
from orchestrator.definitions.tariff_file import TARIFF, TariffFile
from orchestrator.model.problem import Position, Problem
from orchestrator.model.scenario import Scenario
from orchestrator.model.tariff import Tariff

T = TypeVar("T")

_TARIFFS = "tariffs"


@dataclass(frozen=True, slots=True)
class Imagined:
    """Args: tariff: with its deck."""

    scenario: Scenario
    tariff: Tariff


def read_imagined(
    scenario_file: Path, project: Path, tariff_file: Path | None
) -> tuple[Imagined | None, tuple[Problem, ...]]:
    """A scenario to compute.

    Args: project: its platform gives region and time zone, its tariffs are used. tariff_file: another tariff
    than the one that the scenario names; its deck's path begins beside it, or above a folder `tariffs`.
    Returns: None with every problem, their files as they were named.
    """
    reader = _Reader()
    surroundings = reader.surroundings(project)
    written = reader.document(scenario_file, SCENARIO, surroundings)
    if written is not None:
        reader.problems += check_scenario(written)
    if tariff_file is None:
        tariff = None if written is None else reader.named_tariff(project, written, surroundings)
    else:
        tariff = reader.tariff(_project_of(tariff_file), tariff_file, surroundings)
    if reader.problems or written is None or tariff is None:
        return None, tuple(sorted(set(reader.problems)))
    return Imagined(written.value.scenario(), tariff), ()


def read_other_tariff(file: Path, project: Path) -> tuple[Tariff | None, tuple[Problem, ...]]:
    """A tariff with its deck out of any file. Args, Returns: as of `read_imagined`."""
    reader = _Reader()
    tariff = reader.tariff(_project_of(file), file, reader.surroundings(project))
    if reader.problems or tariff is None:
        return None, tuple(sorted(set(reader.problems)))
    return tariff, ()


def _project_of(tariff_file: Path) -> Path:
    folder = tariff_file.parent
    return folder.parent if folder.name == _TARIFFS else folder


@dataclass(slots=True)
class _Reader:
    problems: list[Problem] = field(default_factory=list)

    def document(self, file: Path, record: Record[T], surroundings: Surroundings) -> Document[T] | None:
        data = read_bytes(file.parent, file.name)
        if isinstance(data, Problem):
            self.problems.append(replace(data, position=Position(str(file))))
            return None
        document, problems = converted(str(file), data, record, surroundings)
        self.problems += problems
        return document

    def surroundings(self, project: Path) -> Surroundings:
        """Of the project's platform; without a project, those that every platform begins with."""
        if not (project / "platform.yaml").is_file():
            return Surroundings()
        platform = self.document(project / "platform.yaml", PLATFORM, Surroundings())
        return Surroundings() if platform is None else platform.value.surroundings

    def named_tariff(
        self, project: Path, scenario: Document[ScenarioFile], surroundings: Surroundings
    ) -> Tariff | None:
        slug = scenario.value.tariff
        file = project / _TARIFFS / f"{slug}.yaml"
        if not slug or file.is_file():
            return self.tariff(project, file, surroundings) if slug else None
        known = _stems(project / _TARIFFS)
        message = f"there is no tariff {quoted(slug)} in {project / _TARIFFS}"
        hint = did_you_mean(slug, known) if known else "run it in a project's directory, or add --tariff FILE"
        self.problems.append(scenario.problem(("tenant", "tariff"), "unknown-tariff", message, hint))
        return None

    def tariff(self, project: Path, file: Path, surroundings: Surroundings) -> Tariff | None:
        written = self.document(file, TARIFF, surroundings)
        if written is None:
            return None
        self.problems += check_tariff(written)
        return self._with_deck(project, written)

    def _with_deck(self, project: Path, written: Document[TariffFile]) -> Tariff | None:
        if not written.value.deck_file:
            return None
        data = read_bytes(project, written.value.deck_file, DECK_LIMIT)
        file = str(project / written.value.deck_file)
        source = data if isinstance(data, Problem) else decoded(file, data)
        if isinstance(source, Problem):
            where = ("calls", "deck")
            self.problems.append(written.problem(where, source.code, source.message, source.hint))
            return None
        deck, problems = read_deck(source)
        self.problems += problems
        return written.value.with_deck(deck)


def _stems(folder: Path) -> Sequence[str]:
    return sorted(path.stem for path in folder.glob("*.yaml")) if folder.is_dir() else []
