"""How much of what is included in a subscription was taken in each period.

The ledger's entries say what each of them took; this is their sum, kept in the transactions that post them.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "allowance_used",
        sa.Column("tenant", sa.String, primary_key=True),
        sa.Column("allowance", sa.String, primary_key=True),
        sa.Column("period_from", sa.String(10), primary_key=True),
        sa.Column("quantity", sa.BigInteger, nullable=False),
    )
