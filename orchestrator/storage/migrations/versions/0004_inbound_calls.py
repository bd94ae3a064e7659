"""Inbound calls that are over and the phones they rang, for statistics: one row each.

Calls from before are made up for out of the switch's events by `vpbx reconcile --statistics`.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "inbound_call",
        sa.Column("systemname", sa.String, primary_key=True),
        sa.Column("uniqueid", sa.String, primary_key=True),
        sa.Column("linkedid", sa.String, nullable=False),
        sa.Column("tenant", sa.String, nullable=False),
        sa.Column("caller", sa.String, nullable=False),
        sa.Column("number", sa.String, nullable=False),
        sa.Column("began_at", sa.BigInteger, nullable=False),
        sa.Column("ended_at", sa.BigInteger, nullable=False),
        sa.Column("outcome", sa.String, nullable=False),
        sa.Column("wait_us", sa.BigInteger, nullable=False),
        sa.Column("talk_us", sa.BigInteger, nullable=False),
        sa.Column("employee", sa.String, nullable=False),
        sa.Column("department", sa.String, nullable=False),
    )
    op.create_index("inbound_call_of_tenant", "inbound_call", ["tenant", "began_at"])
    op.create_table(
        "rung_phone",
        sa.Column("systemname", sa.String, primary_key=True),
        sa.Column("call", sa.String, primary_key=True),
        sa.Column("uniqueid", sa.String, primary_key=True),
        sa.Column("tenant", sa.String, nullable=False),
        sa.Column("began_at", sa.BigInteger, nullable=False),
        sa.Column("employee", sa.String, nullable=False),
        sa.Column("department", sa.String, nullable=False),
        sa.Column("step", sa.String, nullable=False),
        sa.Column("rung_at", sa.BigInteger, nullable=False),
        sa.Column("answered_at", sa.BigInteger),
        sa.Column("talk_us", sa.BigInteger, nullable=False),
    )
    op.create_index("rung_phone_of_tenant", "rung_phone", ["tenant", "began_at"])
