"""Who stands on a tenant's papers, and the same as JSON."""

from __future__ import annotations

from dataclasses import replace

from orchestrator.model.party import Party
from orchestrator.model.tenant import Tenant


def named(tenant: Tenant) -> Party:
    """The customer that a tenant is; it has a name in any case."""
    customer = tenant.customer
    return customer if customer.name else replace(customer, name=tenant.title)


def party_json(party: Party) -> dict[str, object]:
    """What is known of a party; null: it isn't."""
    bank = party.bank
    return {
        "name": party.name or None,
        "inn": party.inn or None,
        "kpp": party.kpp or None,
        "ogrn": party.ogrn or None,
        "address": party.address or None,
        "phone": party.phone or None,
        "email": party.email or None,
        "bank": {
            "name": bank.name or None,
            "bik": bank.bik or None,
            "account": bank.account or None,
            "correspondent_account": bank.correspondent or None,
        },
        "contract": party.contract or None,
    }
