"""Levels of balances as they were seen last, and warnings of those that were crossed."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.create_table(
        "balance_level",
        sa.Column("tenant", sa.String, primary_key=True),
        sa.Column("level_kop", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("low", sa.Boolean, nullable=False),
    )
    op.create_table(
        "balance_warning",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("way", sa.String, primary_key=True),
        sa.Column("tenant", sa.String, nullable=False),
        sa.Column("level_kop", sa.BigInteger, nullable=False),
        sa.Column("balance_kop", sa.BigInteger, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("next_at", sa.BigInteger),
        sa.Column("sent_at", sa.BigInteger),
        sa.Column("note", sa.String, nullable=False),
    )
    op.create_index("balance_warning_due", "balance_warning", ["state", "next_at"])
