"""Legal holds, and copies of recordings in an object store."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "legal_hold",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("tenant", sa.String, nullable=False),
        sa.Column("from_day", sa.String(10)),
        sa.Column("to_day", sa.String(10)),
        sa.Column("call", sa.String, nullable=False),
        sa.Column("reason", sa.String, nullable=False),
        sa.Column("placed_at", sa.BigInteger, nullable=False),
        sa.Column("placed_by", sa.String, nullable=False),
        sa.Column("lifted_at", sa.BigInteger),
        sa.Column("lifted_why", sa.String, nullable=False),
        sa.Column("lifted_by", sa.String, nullable=False),
    )
    op.create_index("legal_hold_of_tenant", "legal_hold", ["tenant"])
    op.create_table(
        "recording_copy",
        sa.Column("systemname", sa.String, primary_key=True),
        sa.Column("uniqueid", sa.String, primary_key=True),
        sa.Column("tenant", sa.String, nullable=False),
        sa.Column("store", sa.String, nullable=False),
        sa.Column("object", sa.String, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("next_at", sa.BigInteger),
        sa.Column("stored_at", sa.BigInteger),
        sa.Column("note", sa.String, nullable=False),
    )
    op.create_index("recording_copy_of_tenant", "recording_copy", ["tenant"])
    op.create_index("recording_copy_due", "recording_copy", ["systemname", "state", "next_at"])
    # Recordings are looked for by the day on which they may go, of all tenants at once.
    op.create_index("recording_ending", "recording", ["retain_until", "tenant"])
