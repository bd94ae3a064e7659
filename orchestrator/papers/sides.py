"""What a statement is made of beside its sums: the two parties, and what their charges are called."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.model.party import Party
from orchestrator.model.platform import Definitions
from orchestrator.papers.parties import named
from orchestrator.papers.titles import Titles


@dataclass(frozen=True, slots=True)
class Sides:
    """Args: operator, customer: as papers name them. titles: in the paper's language."""

    operator: Party
    customer: Party
    titles: Titles
    language: str

    @classmethod
    def of(cls, definitions: Definitions, tenant: str, language: str) -> Sides:
        """The parties of a tenant's papers. A tenant that has left the definitions is called by its name."""
        known = definitions.tenants.get(tenant)
        customer = Party(name=tenant) if known is None else named(known)
        return cls(definitions.platform.company, customer, Titles(definitions.tariffs, language), language)
