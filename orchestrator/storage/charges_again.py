"""Posted charges computed again from their facts, and from the terms that stand beside the ledger.

Rule: docs/decisions.md, decisions 11 (what an entry keeps) and 12.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, select

from orchestrator.billing.call_prices import OwnPrices
from orchestrator.billing.recomputing import recomputed
from orchestrator.billing.recomputing_calls import CallTerms, call_again, call_as_posted, can_compute_call
from orchestrator.billing.terms_text import tariff_from_terms, tariff_state
from orchestrator.errors import LedgerBroken
from orchestrator.model.account import ServiceEntry, TariffState
from orchestrator.model.payment import PAYMENT
from orchestrator.model.service import AUTOINFORM, EXTRA_EMPLOYEES, OPTION, SMS, SUBSCRIPTION
from orchestrator.model.tariff import Tariff
from orchestrator.model.whatif import PostedCharge
from orchestrator.storage import ledger, payments, schema
from orchestrator.storage.entries import Accounts, Entry

_CALLS = frozenset({"call", "call.corrected"})
_SERVICE = frozenset({SUBSCRIPTION, EXTRA_EMPLOYEES, OPTION, SMS, AUTOINFORM})
_JSON = json.JSONDecoder()
_NO_DIFFERENCE = ()
_COMPUTED = ("facts", "amount_kop", "kind", "occurred_at")


class ChargesAgain:
    """Computes charges of one ledger again; the terms of each tariff state are read once."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._own_prices = OwnPrices()
        self._terms: dict[str, tuple[TariffState, Tariff, CallTerms]] = {}

    def check_states(self) -> None:
        """Every state of a tariff is as it was written. Raises: LedgerBroken."""
        for row in self._connection.execute(
            select(schema.tariff_state).order_by(schema.tariff_state.c.digest)
        ):
            _tariff_of(TariffState(row.digest, row.tariff, row.terms))

    def differences(self, entry: Entry, accounts: Accounts) -> Sequence[str] | None:
        """What an entry says otherwise than its charge computes; None where that can't be computed.

        Raises: KeyError, TypeError, ValueError, ArithmeticError, AttributeError: its facts are no charge's.
        LedgerBroken: its terms are gone, or not those that were written.
        """
        if entry.kind in _CALLS:
            facts, _ = _JSON.raw_decode(entry.facts)
            return self._of_call(entry, accounts, facts) if can_compute_call(facts) else None
        if entry.kind in _SERVICE:
            return self._of_service(entry, accounts)
        if entry.kind == PAYMENT:
            return _of_payment(entry, accounts)
        return None

    def amount_kop(self, charge: PostedCharge) -> int | None:
        """What a charge, or what a reversal takes back, computes to; None where that can't be computed.

        Raises: as of `differences`.
        """
        call, facts = charge.call, charge.facts
        if call is not None:
            _, tariff, _ = self._state(call.tariff_digest, charge.key)
            return self._own_prices.amount_kop(call, tariff)
        if "tariff_digest" not in facts or "at" not in facts:
            return None
        _, tariff, _ = self._state(facts["tariff_digest"], charge.key)
        made = recomputed(facts, tariff)
        return 0 if made is None else made.amount_kop

    def _of_call(self, entry: Entry, accounts: Accounts, facts: Mapping[str, Any]) -> Sequence[str]:
        _, _, terms = self._state(facts["tariff_digest"], entry.key)
        stands, again = call_as_posted(entry.amount_kop, facts), call_again(entry.occurred_at, facts, terms)
        postings = ledger.usage_accounts(entry.tenant, again.amount_kop, again.vat_kop)
        if stands == again and accounts == postings:
            return _NO_DIFFERENCE
        return _by_name(stands._asdict(), again._asdict(), accounts, postings)

    def _of_service(self, entry: Entry, accounts: Accounts) -> Sequence[str]:
        facts, _ = _JSON.raw_decode(entry.facts)
        state, tariff, _ = self._state(facts["tariff_digest"], entry.key)
        charge = recomputed(facts, tariff)
        if charge is None:
            return ["computed again it costs nothing"]
        content, postings = ledger.service_entry(ServiceEntry(entry.key, entry.tenant, charge, state))
        stands = (entry.facts, entry.amount_kop, entry.kind, entry.occurred_at)
        if stands == tuple(content[name] for name in _COMPUTED) and accounts == postings:
            return _NO_DIFFERENCE
        again = {**json.loads(str(content["facts"])), **{name: content[name] for name in _COMPUTED[1:]}}
        return _by_name(
            {**facts, **dict(zip(_COMPUTED[1:], stands[1:], strict=True))}, again, accounts, postings
        )

    def _state(self, digest: str, key: str) -> tuple[TariffState, Tariff, CallTerms]:
        if digest not in self._terms:
            query = select(schema.tariff_state).where(schema.tariff_state.c.digest == digest)
            row = self._connection.execute(query).one_or_none()
            if row is None:
                raise LedgerBroken(
                    f"ledger entry {key}: tariff state {digest}, which it names, is gone",
                    "compare with a backup",
                )
            state = TariffState(row.digest, row.tariff, row.terms)
            tariff = _tariff_of(state)
            self._terms[digest] = state, tariff, CallTerms(tariff)
        return self._terms[digest]


def _of_payment(entry: Entry, accounts: Accounts) -> Sequence[str]:
    ref = _JSON.raw_decode(entry.facts)[0]["ref"]
    postings = dict(payments.accounts(entry.tenant, entry.amount_kop))
    if accounts == postings and entry.amount_kop < 0 and entry.key == f"{PAYMENT}/{entry.tenant}/{ref}":
        return _NO_DIFFERENCE
    return _by_name({"key": entry.key}, {"key": f"{PAYMENT}/{entry.tenant}/{ref}"}, accounts, postings)


def _by_name(
    stands: Mapping[str, object], again: Mapping[str, object], accounts: Accounts, postings: Accounts
) -> list[str]:
    """What differs, one text each; at least one."""
    found = [
        f"{name} is {stands.get(name)}, computed again {again.get(name)}"
        for name in sorted({*stands, *again})
        if stands.get(name) != again.get(name)
    ]
    found += [
        f"{account} has {accounts.get(account, 0)} kop, computed again {postings.get(account, 0)}"
        for account in sorted({*accounts, *postings})
        if accounts.get(account) != postings.get(account)
    ]
    return found or ["its facts are written otherwise"]


def _tariff_of(state: TariffState) -> Tariff:
    """The tariff whose terms a state is. Raises: LedgerBroken: they aren't those that it is named after."""
    try:
        tariff = tariff_from_terms(state.terms)
        whole = tariff_state(tariff) == state
    except (KeyError, TypeError, ValueError, ArithmeticError, AttributeError) as error:
        raise _changed(state) from error
    if not whole:
        raise _changed(state)
    return tariff


def _changed(state: TariffState) -> LedgerBroken:
    return LedgerBroken(
        f"tariff state {state.digest} ({state.tariff}) was changed",
        "compare with a backup: charges were made by it",
    )
