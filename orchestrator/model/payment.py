"""What a tenant has paid, and what it owes or has left."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

PAYMENT = "payment"
"""Kind of an entry of the ledger."""


@dataclass(frozen=True, slots=True)
class Payment:
    """Money that has come in.

    Args: ref: names it among the tenant's own, such as the number of a payment order. amount_kop: above zero.
    paid_at: aware UTC. by: who entered it.
    """

    tenant: str
    ref: str
    amount_kop: int
    paid_at: datetime
    by: str

    @property
    def key(self) -> str:
        """Its entry's in the ledger."""
        return f"{PAYMENT}/{self.tenant}/{self.ref}"


@dataclass(frozen=True, slots=True)
class Balance:
    """How a tenant stands.

    Args: balance_kop: what is left of its payments; below zero: what it owes. charged_kop, paid_kop: in all,
    less what was taken back. paid_at: of the last payment; None: there is none.
    """

    tenant: str
    charged_kop: int
    paid_kop: int
    paid_at: datetime | None

    @property
    def balance_kop(self) -> int:
        return self.paid_kop - self.charged_kop
