"""Checks within `company:` and `customer:`: what must hold between a party's numbers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

from orchestrator.definitions.check_digits import account_holds, correspondent_holds
from orchestrator.definitions.document import Document
from orchestrator.definitions.quoting import quoted
from orchestrator.model.party import Party
from orchestrator.model.problem import Problem

T = TypeVar("T")


def check_party(file: Document[T], key: str, party: Party) -> Iterator[Problem]:
    """Problems of one party. Args: key: under which it stands at the top of the file."""
    if not file.has(key):
        return
    if len(party.inn) == 12 and party.kpp:
        message = "an INN of 12 digits is an entrepreneur's, who has no KPP"
        yield file.problem((key, "kpp"), "kpp-of-person", message, "delete kpp, or correct inn")
    bank = party.bank
    for name, account, holds in (
        ("account", bank.account, account_holds),
        ("correspondent_account", bank.correspondent, correspondent_holds),
    ):
        where = (key, "bank", name)
        if account and not bank.bik and file.node(key, "bank", "bik") is None:
            yield file.problem(where, "bank-bik", "an account without the bank's BIK", "add bik")
        elif account and bank.bik and not holds(account, bank.bik):
            message = f"{quoted(account)} can't be an account of the bank {bank.bik}: its check digit differs"
            hint = "compare both with the papers, a digit is wrong"
            yield file.problem(where, "bank-account-check", message, hint)
