"""Payments in the ledger, each once under its reference; and what each tenant has left.

A payment is a debit of `payments` and a credit of `tenant:<name>`. Rule: docs/decisions.md, decision 12.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, case, func, or_, select

from orchestrator.errors import PaymentDiffers
from orchestrator.model.money import roubles_text
from orchestrator.model.payment import PAYMENT, Balance, Payment
from orchestrator.storage import ledger
from orchestrator.storage.schema import ledger_entry
from orchestrator.storage.values import moment

PATH = "payment"
"""By which payments are posted."""


def pay(connection: Connection, payment: Payment, at: datetime) -> bool:
    """Post a payment. Returns: whether it is new; False: it stands already, with this amount.

    Raises: PaymentDiffers: its reference stands with another amount, or was taken back.
    """
    stood = connection.execute(
        select(ledger_entry.c.amount_kop, ledger_entry.c.occurred_at).where(ledger_entry.c.key == payment.key)
    ).one_or_none()
    if stood is None:
        content = ledger.content_of(
            payment.key,
            payment.tenant,
            PAYMENT,
            payment.paid_at,
            -payment.amount_kop,
            {"ref": payment.ref, "by": payment.by, "working": f"ref {payment.ref}"},
        )
        ledger.append(connection, [(content, accounts(payment.tenant, -payment.amount_kop))], PATH, at)
        return True
    taken_back = select(ledger_entry.c.seq).where(ledger_entry.c.reverses == payment.key)
    if connection.execute(taken_back).first() is not None:
        raise PaymentDiffers(
            f"payment {payment.ref} of {payment.tenant} was taken back", "enter it with another reference"
        )
    if stood.amount_kop != -payment.amount_kop:
        was, on = roubles_text(-stood.amount_kop), moment(stood.occurred_at)
        raise PaymentDiffers(
            f"payment {payment.ref} of {payment.tenant} stands with {was} ({on:%Y-%m-%d %H:%M} UTC)",
            f"vpbx charge reverse {payment.key} takes a wrong one back",
        )
    return False


def accounts(tenant: str, amount_kop: int) -> Mapping[str, int]:
    """Postings of a payment's entry. Args: amount_kop: of the entry: below zero."""
    return {f"tenant:{tenant}": amount_kop, "payments": -amount_kop}


def balances(connection: Connection, tenant: str | None = None) -> list[Balance]:
    """How each tenant stands that the ledger knows, or one of them, by name."""
    entry = ledger_entry.c
    of_payment = or_(entry.kind == PAYMENT, entry.reverses.startswith(f"{PAYMENT}/", autoescape=True))
    query = select(
        entry.tenant,
        func.sum(case((of_payment, 0), else_=entry.amount_kop)).label("charged_kop"),
        func.sum(case((of_payment, -entry.amount_kop), else_=0)).label("paid_kop"),
        func.max(case((entry.kind == PAYMENT, entry.occurred_at))).label("paid_at"),
    )
    if tenant is not None:
        query = query.where(entry.tenant == tenant)
    rows = connection.execute(query.group_by(entry.tenant).order_by(entry.tenant))
    return [
        Balance(
            row.tenant,
            int(row.charged_kop),
            int(row.paid_kop),
            None if row.paid_at is None else moment(row.paid_at),
        )
        for row in rows
    ]
