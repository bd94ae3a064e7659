"""The two sides of a contract as papers name them: the operator, and the customer that a tenant is."""

from __future__ import annotations

from dataclasses import dataclass, field

from orchestrator.model.problem import NOWHERE, Position


@dataclass(frozen=True, slots=True)
class Bank:
    """Where a party is paid. Args: bik: of the bank. account, correspondent: twenty digits each, or empty."""

    name: str = ""
    bik: str = ""
    account: str = ""
    correspondent: str = ""


@dataclass(frozen=True, slots=True)
class Party:
    """A company or an entrepreneur; what isn't known is empty.

    Args: inn: tax number, 10 digits of a company, 12 of an entrepreneur, who has no kpp. ogrn: number in the
    register. phone: E.164. contract: of a customer: number and date. director, accountant: who signs.
    """

    name: str = ""
    inn: str = ""
    kpp: str = ""
    ogrn: str = ""
    address: str = ""
    phone: str = ""
    email: str = ""
    bank: Bank = field(default_factory=Bank)
    contract: str = ""
    director: str = ""
    accountant: str = ""
    position: Position = field(default=NOWHERE, compare=False)
