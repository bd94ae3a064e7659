"""A project directory as Definitions, or every problem in it at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TypeVar

from orchestrator.definitions.checks import check_all
from orchestrator.definitions.deck import DECK_LIMIT, read_deck
from orchestrator.definitions.document import Document, Written
from orchestrator.definitions.marked import parse
from orchestrator.definitions.platform_file import PLATFORM, PlatformFile
from orchestrator.definitions.quoting import quoted
from orchestrator.definitions.records import Record
from orchestrator.definitions.shapes import PROBLEM_LIMIT, Reading, Surroundings
from orchestrator.definitions.source import read_source
from orchestrator.definitions.tariff_file import TARIFF, TariffFile
from orchestrator.definitions.tenant_file import TENANT
from orchestrator.definitions.tree import MarkedMapping
from orchestrator.errors import DefinitionsInvalid
from orchestrator.model.platform import Definitions
from orchestrator.model.problem import Position, Problem
from orchestrator.model.tariff import Deck
from orchestrator.model.tenant import Tenant

T = TypeVar("T")
_PEM = b"-----BEGIN CERTIFICATE-----"


def load(root: Path) -> Definitions:
    """What the operator wrote, checked.

    Args: root: the project directory.
    Raises: DefinitionsInvalid: with all problems, sorted by place.
    """
    definitions, problems = check(root)
    if definitions is None:
        raise DefinitionsInvalid(problems)
    return definitions


def check(root: Path) -> tuple[Definitions | None, tuple[Problem, ...]]:
    """What the operator wrote, and every problem in it; Definitions only without problems."""
    reader = _Reader(root)
    written = reader.read()
    problems = [*reader.problems, *check_all(written)]
    if problems:
        return None, _shown(problems)
    return _definitions(written), ()


@dataclass(slots=True)
class _Reader:
    root: Path
    problems: list[Problem] = field(default_factory=list)

    def read(self) -> Written:
        platform = self._document("platform.yaml", PLATFORM, Surroundings())
        if platform is not None:
            self._check_certificates(platform)
        surroundings = _surroundings(platform)
        tariffs = [self._document(file, TARIFF, surroundings) for file in self._files("tariffs")]
        tenants = [self._document(file, TENANT, surroundings) for file in self._files("tenants")]
        for tenant in tenants:
            if tenant is not None:
                self._check_sounds(tenant)
        read_tariffs = {each.stem: each for each in tariffs if each is not None}
        return Written(
            platform=platform,
            tariffs=read_tariffs,
            tenants={each.stem: each for each in tenants if each is not None},
            decks=self._decks(read_tariffs),
            known_tariffs=frozenset(PurePosixPath(file).stem for file in self._names("tariffs")),
        )

    def _document(self, file: str, record: Record[T], surroundings: Surroundings) -> Document[T] | None:
        source = read_source(self.root, file)
        if isinstance(source, Problem):
            self.problems.append(source)
            return None
        tree, problems = parse(source.text, file)
        self.problems += problems
        if tree is None:
            return None
        reading = Reading(file, surroundings)
        value = record.convert(tree, (), reading)
        self.problems += reading.problems
        if reading.full or not isinstance(tree, MarkedMapping):
            return None
        return Document(file, tree, value, not problems and not reading.problems)

    def _decks(self, tariffs: Mapping[str, Document[TariffFile]]) -> Mapping[str, Deck]:
        decks: dict[str, Deck] = {}
        for tariff in tariffs.values():
            file = tariff.value.deck_file
            if not file or file in decks:
                continue
            source = read_source(self.root, file, DECK_LIMIT)
            if isinstance(source, Problem):
                where = tariff.position("calls", "deck")
                self.problems.append(Problem(where, "calls.deck", source.code, source.message, source.hint))
                continue
            deck, problems = read_deck(source)
            self.problems += problems
            if not problems:
                decks[file] = deck
        return decks

    def _check_sounds(self, tenant: Document[Tenant]) -> None:
        recording = tenant.value.recording
        for key, file in (
            ("announce", recording.announce),
            ("announce_outbound", recording.announce_outbound),
        ):
            if file and not (self.root / file).is_file():
                message = f"there is no file {quoted(file)}"
                where = ("recording", key)
                self.problems.append(tenant.problem(where, "sound-missing", message, "put it there"))

    def _check_certificates(self, platform: Document[PlatformFile]) -> None:
        """Certificates in the project. Those elsewhere lie on the node's machine, and keys nowhere but there."""
        for node in platform.value.platform.nodes.values():
            if node.tls is None:
                continue
            for key, file in (("certificate", node.tls.certificate), ("authorities", node.tls.authorities)):
                if not file or file.startswith("/"):
                    continue
                where = ("nodes", node.name, "tls", key)
                if not (self.root / file).is_file():
                    message, hint = f"there is no file {quoted(file)}", "put it there"
                    self.problems.append(platform.problem(where, "certificate-missing", message, hint))
                elif _PEM not in (self.root / file).read_bytes():
                    message, hint = f"{quoted(file)} holds no certificate in PEM", f"it begins with {_PEM.decode()}"
                    self.problems.append(platform.problem(where, "certificate-form", message, hint))

    def _names(self, folder: str) -> list[str]:
        try:
            names = sorted(path.name for path in (self.root / folder).iterdir())
        except OSError:
            return []
        return [f"{folder}/{name}" for name in names if name.endswith(".yaml") and not name.startswith(".")]

    def _files(self, folder: str) -> list[str]:
        """The YAML files of a folder; a folder that isn't there has none, any other fault is a problem."""
        try:
            names = sorted(path.name for path in (self.root / folder).iterdir())
        except FileNotFoundError:
            return []
        except OSError as error:
            message = f"{folder} can't be read: {error.strerror or type(error).__name__}"
            self.problems.append(
                Problem(Position(folder), "", "file-unreadable", message, "it is a directory")
            )
            return []
        for name in names:
            if name.endswith(".yml") and not name.startswith("."):
                where = Position(f"{folder}/{name}")
                message = f"{quoted(name)} would be passed over: files end in .yaml"
                self.problems.append(Problem(where, "", "file-name", message, "rename it"))
        return self._names(folder)


def _surroundings(platform: Document[PlatformFile] | None) -> Surroundings:
    if platform is None:
        return Surroundings()
    given = platform.value.platform
    return Surroundings(given.region or "RU", given.time_zone, platform.value.defaults)


def _definitions(written: Written) -> Definitions | None:
    if written.platform is None:
        return None
    tariffs = {
        name: each.value.with_deck(written.decks[each.value.deck_file])
        for name, each in written.tariffs.items()
    }
    tenants: dict[str, Tenant] = {name: each.value for name, each in written.tenants.items()}
    return Definitions(written.platform.value.platform, tariffs, tenants)


def _shown(problems: list[Problem]) -> tuple[Problem, ...]:
    shown: list[Problem] = []
    count: dict[str, int] = {}
    for problem in sorted(set(problems)):
        file = problem.position.file
        count[file] = count.get(file, 0) + 1
        if count[file] <= PROBLEM_LIMIT:
            shown.append(problem)
        elif count[file] == PROBLEM_LIMIT + 1:
            message = f"more than {PROBLEM_LIMIT} problems in this file; the rest isn't shown"
            shown.append(Problem(problem.position, "", "too-many", message, "correct these first"))
    return tuple(shown)
