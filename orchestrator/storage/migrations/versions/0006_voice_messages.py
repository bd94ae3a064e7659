"""Messages that callers have left, and how each stands with its e-mail."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "voice_message",
        sa.Column("systemname", sa.String, primary_key=True),
        sa.Column("tenant", sa.String, primary_key=True),
        sa.Column("mailbox", sa.String, primary_key=True),
        sa.Column("message", sa.String, primary_key=True),
        sa.Column("uniqueid", sa.String, nullable=False),
        sa.Column("caller", sa.String, nullable=False),
        sa.Column("received_at", sa.BigInteger, nullable=False),
        sa.Column("length_s", sa.Integer, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("next_at", sa.BigInteger),
        sa.Column("mailed_at", sa.BigInteger),
        sa.Column("note", sa.String, nullable=False),
    )
    op.create_index("voice_message_of_tenant", "voice_message", ["tenant", "received_at"])
    op.create_index("voice_message_due", "voice_message", ["state", "next_at"])
