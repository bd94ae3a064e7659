"""A project directory as Definitions, or every problem in it at once."""

from __future__ import annotations

import gc
import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TypeVar

from orchestrator.definitions.checks import check_all
from orchestrator.definitions.checks.least_cost import cost_tables
from orchestrator.definitions.checks.sounds import LONGEST_PROMPT_S, check_sounds
from orchestrator.definitions.deck import DECK_LIMIT, read_deck
from orchestrator.definitions.document import Document, Written, converted
from orchestrator.definitions.kept import KeptFiles
from orchestrator.definitions.platform_file import PLATFORM, PlatformFile
from orchestrator.definitions.quoting import quoted
from orchestrator.definitions.records import Record
from orchestrator.definitions.shapes import PROBLEM_LIMIT, Surroundings
from orchestrator.definitions.source import decoded, read_bytes
from orchestrator.definitions.tariff_file import TARIFF, TariffFile
from orchestrator.definitions.tenant_file import TENANT
from orchestrator.errors import DefinitionsInvalid
from orchestrator.model.platform import Definitions
from orchestrator.model.problem import Position, Problem
from orchestrator.model.tariff import Deck
from orchestrator.model.tenant import Tenant

T = TypeVar("T")
_PEM = b"-----BEGIN CERTIFICATE-----"


def load(root: Path, told: Callable[[int, int], None] | None = None, *, cached: bool = True) -> Definitions:
    """What the operator wrote, checked.

    Args: root: the project directory. told: how many tenants are read, and of how many. cached: files of a
    large project may be taken as they were read before.
    Raises: DefinitionsInvalid: with all problems, sorted by place.
    """
    definitions, problems = check(root, told, cached=cached)
    if definitions is None:
        raise DefinitionsInvalid(problems)
    return definitions


def check(
    root: Path, told: Callable[[int, int], None] | None = None, *, cached: bool = True
) -> tuple[Definitions | None, tuple[Problem, ...]]:
    """What the operator wrote, and every problem in it; Definitions only without problems.

    Args: as of `load`.
    """
    with _collector_paused():
        reader = _Reader(root, cached, told)
        written = reader.read()
        problems = [*reader.problems, *check_all(written)]
        if problems:
            return None, _shown(problems)
        return _definitions(written), ()


def load_platform(root: Path) -> Definitions:
    """The platform alone, without tenants and tariffs: what a verb needs that only deals with its nodes.

    Raises: DefinitionsInvalid: platform.yaml itself has problems.
    """
    reader = _Reader(root, cached=False)
    platform = reader.platform()
    if platform is None or reader.problems:
        raise DefinitionsInvalid(_shown(reader.problems))
    return Definitions(platform.value.platform, {}, {})


def load_tariffs(root: Path) -> Definitions:
    """Platform, tariffs and decks, without tenants: what charges what is due, whatever a tenant's file says.

    Raises: DefinitionsInvalid: one of these files has problems.
    """
    with _collector_paused():
        reader = _Reader(root, cached=False)
        written = reader.read_tariffs()
        problems = [*reader.problems, *check_all(written)]
        definitions = None if problems else _definitions(written)
    if definitions is None:
        raise DefinitionsInvalid(_shown(problems))
    return definitions


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Without Python's search for circles, of which a hundred thousand new objects have none."""
    on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if on:
            gc.enable()


@dataclass(slots=True)
class _Reader:
    root: Path
    cached: bool
    told: Callable[[int, int], None] | None = None
    problems: list[Problem] = field(default_factory=list)
    kept: KeptFiles | None = None

    def platform(self) -> Document[PlatformFile] | None:
        return self._document("platform.yaml", PLATFORM, Surroundings())

    def read_tariffs(self) -> Written:
        """All but the tenants."""
        platform = self.platform()
        surroundings = Surroundings() if platform is None else platform.value.surroundings
        tariffs = self._tariffs(surroundings)
        return Written(platform, tariffs, {}, self._decks(tariffs), self._known_tariffs())

    def read(self) -> Written:
        platform = self.platform()
        if platform is not None:
            self._check_certificates(platform)
        surroundings = Surroundings() if platform is None else platform.value.surroundings
        tariffs = self._tariffs(surroundings)
        files = self._files("tenants")
        if self.cached:
            self.kept = KeptFiles.open(self.root, surroundings, len(files))
        tenants = [self._tenant(file, surroundings) for file in self._counted(files)]
        limit_s = LONGEST_PROMPT_S if platform is None else platform.value.platform.limits.longest_prompt_s
        for tenant in tenants:
            if tenant is not None:
                self.problems += check_sounds(tenant, self.root, limit_s)
        written = Written(
            platform=platform,
            tariffs=tariffs,
            tenants={each.stem: each for each in tenants if each is not None},
            decks={**self._decks(tariffs), **self._purchase_decks(platform)},
            known_tariffs=self._known_tariffs(),
        )
        if self.kept is not None:
            self.kept.save()
        return written

    def _tariffs(self, surroundings: Surroundings) -> dict[str, Document[TariffFile]]:
        read = (self._document(file, TARIFF, surroundings) for file in self._files("tariffs"))
        return {each.stem: each for each in read if each is not None}

    def _known_tariffs(self) -> frozenset[str]:
        return frozenset(PurePosixPath(file).stem for file in self._names("tariffs"))

    def _counted(self, files: list[str]) -> Iterator[str]:
        for number, file in enumerate(files):
            if self.told is not None:
                self.told(number, len(files))
            yield file

    def _document(self, file: str, record: Record[T], surroundings: Surroundings) -> Document[T] | None:
        data = read_bytes(self.root, file)
        if isinstance(data, Problem):
            self.problems.append(data)
            return None
        return self._converted(file, data, record, surroundings)

    def _tenant(self, file: str, surroundings: Surroundings) -> Document[Tenant] | None:
        """A tenant's file, taken as it was read before when its bytes are the same."""
        if self.kept is None:
            return self._document(file, TENANT, surroundings)
        data = read_bytes(self.root, file)
        if isinstance(data, Problem):
            self.problems.append(data)
            return None
        digest = hashlib.sha256(data).hexdigest()
        match self.kept.find(file, digest):
            case (tuple() as keys, Tenant() as tenant):
                return Document(file, data, tenant, True, frozenset(keys))
        document = self._converted(file, data, TENANT, surroundings)
        if document is not None and document.whole:
            self.kept.keep(file, digest, (tuple(sorted(document.keys)), document.value))
        return document

    def _converted(
        self, file: str, data: bytes, record: Record[T], surroundings: Surroundings
    ) -> Document[T] | None:
        document, problems = converted(file, data, record, surroundings)
        self.problems += problems
        return document

    def _decks(self, tariffs: Mapping[str, Document[TariffFile]]) -> Mapping[str, Deck]:
        decks: dict[str, Deck] = {}
        for tariff in tariffs.values():
            file = tariff.value.deck_file
            if not file or file in decks:
                continue
            data = read_bytes(self.root, file, DECK_LIMIT)
            source = data if isinstance(data, Problem) else self._deck(file, data)
            if isinstance(source, Problem):
                where = tariff.position("calls", "deck")
                self.problems.append(Problem(where, "calls.deck", source.code, source.message, source.hint))
            elif source is not None:
                decks[file] = source
        return decks

    def _purchase_decks(self, platform: Document[PlatformFile] | None) -> Mapping[str, Deck]:
        """What operators ask, by file."""
        decks: dict[str, Deck] = {}
        for trunk in () if platform is None else platform.value.platform.trunks.values():
            if not trunk.deck_file or trunk.deck_file in decks:
                continue
            data = read_bytes(self.root, trunk.deck_file, DECK_LIMIT)
            source = data if isinstance(data, Problem) else self._deck(trunk.deck_file, data)
            if isinstance(source, Problem):
                where = ("trunks", trunk.name, "deck")
                assert platform is not None
                self.problems.append(platform.problem(where, source.code, source.message, source.hint))
            elif source is not None:
                decks[trunk.deck_file] = source
        return decks

    def _deck(self, file: str, data: bytes) -> Deck | Problem | None:
        """A deck, taken as it was read before when its bytes are the same; None when a line is wrong."""
        digest = hashlib.sha256(data).hexdigest()
        known = self.kept.find(file, digest) if self.kept is not None else None
        if isinstance(known, Deck):
            return known
        source = decoded(file, data)
        if isinstance(source, Problem):
            return source
        deck, problems = read_deck(source)
        self.problems += problems
        if problems:
            return None
        if self.kept is not None:
            self.kept.keep(file, digest, deck)
        return deck

    def _check_certificates(self, platform: Document[PlatformFile]) -> None:
        """Certificates in the project; those elsewhere, and every key, lie on the node's machine."""
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
                    message, hint = (
                        f"{quoted(file)} holds no certificate in PEM",
                        f"it begins with {_PEM.decode()}",
                    )
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


def _definitions(written: Written) -> Definitions | None:
    if written.platform is None:
        return None
    tariffs = {
        name: each.value.with_deck(written.decks[each.value.deck_file])
        for name, each in written.tariffs.items()
    }
    tenants: dict[str, Tenant] = {name: each.value for name, each in written.tenants.items()}
    return Definitions(written.platform.value.platform, tariffs, tenants, cost_tables(written))


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
