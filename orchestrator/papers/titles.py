"""How charges are called on papers: by what tariffs call what they sell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

from orchestrator.model.service import OPTION, SUBSCRIPTION
from orchestrator.model.tariff import Tariff
from orchestrator.papers.words import RUSSIAN, kind_name


class Titles:
    """Args: tariffs: by slug. What one no longer sells is called by its slug."""

    def __init__(self, tariffs: Mapping[str, Tariff], language: str) -> None:
        self._tariffs = tariffs
        self._language = language

    def of(self, kind: str, item: str, tariff: str) -> str:
        """A charge by its kind, what of, and the slug of the tariff that charged it."""
        named = kind_name(kind, self._language)
        if kind == OPTION:
            return f"{named} {self._quoted(self._option(item, tariff))}"
        if kind == SUBSCRIPTION:
            known = self._tariffs.get(item)
            return f"{named}, {self._quoted(self._in(known.title, item) if known else item)}"
        return named

    def support_percent(self, tariffs: Iterable[str]) -> Decimal | None:
        """What part of a recurring charge is support by some tariffs; None where that can't be told."""
        known = [self._tariffs.get(slug) for slug in set(tariffs)]
        percents = {None if tariff is None else tariff.support_percent for tariff in known}
        return percents.pop() if len(percents) == 1 else None

    def _option(self, slug: str, tariff: str) -> str:
        known = self._tariffs.get(tariff)
        if known is None or slug not in known.options:
            return slug
        return self._in(known.options[slug].title, slug)

    def _in(self, title: Mapping[str, str], otherwise: str) -> str:
        return title.get(self._language) or next(iter(title.values()), otherwise)

    def _quoted(self, name: str) -> str:
        return f"«{name}»" if self._language == RUSSIAN else f"“{name}”"
