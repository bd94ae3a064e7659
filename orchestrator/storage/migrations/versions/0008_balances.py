"""What each tenant has left of its payments, or owes: the sum of its ledger entries, kept beside them."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_table(
        "tenant_balance",
        sa.Column("tenant", sa.String, primary_key=True),
        sa.Column("balance_kop", sa.BigInteger, nullable=False),
    )
    op.execute(
        "INSERT INTO tenant_balance (tenant, balance_kop) "
        "SELECT tenant, -SUM(amount_kop) FROM ledger_entry GROUP BY tenant"
    )
