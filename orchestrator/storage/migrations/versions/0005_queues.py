"""How long inbound calls waited in queues of departments, for statistics."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    queued = sa.Column("queued_us", sa.BigInteger, nullable=False, server_default="0")
    op.add_column("inbound_call", queued)
