"""What follows on a debt, and when.

Pure: who asks brings the time, and since when the tenant has owed. Rule: docs/prepaid.md, debt.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from orchestrator.model.credit import CreditTerms, Debt, DebtStage
from orchestrator.model.state import IN, OUT

BARRED_WAYS: Mapping[DebtStage, frozenset[str]] = {
    "none": frozenset(),
    "grace": frozenset(),
    "outgoing-barred": frozenset({OUT}),
    "suspended": frozenset({OUT, IN}),
}
"""Ways in which calls are refused at each stage, see `model.state.BARRED`."""


def debt(terms: CreditTerms, since: datetime | None, now: datetime) -> Debt:
    """Where a tenant stands. Args: since: when it came to owe what it may not; None: it doesn't.

    >>> from datetime import UTC
    >>> from orchestrator.model.credit import OnDebt
    >>> terms = CreditTerms(on_debt=OnDebt(grace_days=3, suspend_after_days=10))
    >>> [debt(terms, datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, day, tzinfo=UTC)).stage
    ...  for day in (1, 3, 4, 10, 11)]
    ['grace', 'grace', 'outgoing-barred', 'outgoing-barred', 'suspended']
    """
    if since is None or terms.on_debt is None:
        return Debt()
    grace, after = terms.on_debt.grace_days, terms.on_debt.suspend_after_days
    begins: list[tuple[DebtStage, datetime]] = [("grace", since), ("outgoing-barred", _after(since, grace))]
    if after is not None:
        begins.append(("suspended", _after(since, after)))
    stage = max((index for index, (_, at) in enumerate(begins) if at <= now), default=0)
    ahead = [at for _, at in begins[stage + 1 :]]
    return Debt(begins[stage][0], since, ahead[0] if ahead else None)


def _after(since: datetime, days: int) -> datetime:
    return since + timedelta(days=days)
