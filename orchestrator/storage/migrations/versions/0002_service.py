"""A tenant's service: what happened to it, where it stands and what is due, by which terms it was charged.

What happened and by which terms is append-only in the database itself, as the ledger is.
Rule: docs/decisions.md, decision 14.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

APPEND_ONLY = {"tariff_state": ("digest",), "service_event": ("tenant", "number"), "audit": ("id",)}
"""Tables, and the columns that name a row in them."""


def upgrade() -> None:
    op.create_table(
        "tariff_state",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("tariff", sa.String, nullable=False),
        sa.Column("terms", sa.Text, nullable=False),
    )
    op.create_table(
        "service_event",
        sa.Column("tenant", sa.String, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("facts", sa.Text, nullable=False),
        sa.Column("source", sa.String, nullable=False),
    )
    op.create_table(
        "service_state",
        sa.Column("tenant", sa.String, primary_key=True),
        sa.Column("tariff", sa.String, nullable=False),
        sa.Column("time_zone", sa.String, nullable=False),
        sa.Column("phase", sa.String, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("events", sa.Integer, nullable=False),
        sa.Column("changed_at", sa.BigInteger, nullable=False),
        sa.Column("due_kind", sa.String),
        sa.Column("due_at", sa.BigInteger),
    )
    op.create_index("service_state_due", "service_state", ["due_at", "tenant"])
    op.create_table(
        "audit",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("tenant", sa.String, nullable=False),
        sa.Column("what", sa.String, nullable=False),
        sa.Column("why", sa.String, nullable=False),
        sa.Column("who", sa.String, nullable=False),
    )
    op.create_index("audit_of_tenant", "audit", ["tenant", "at"])
    if op.get_bind().dialect.name == "postgresql":
        _guard_postgresql()
    else:
        _guard_sqlite()


def _guard_sqlite() -> None:
    for table, key in APPEND_ONLY.items():
        for change in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{change.lower()} BEFORE {change} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )
        # INSERT OR REPLACE deletes without firing the triggers above.
        same = " AND ".join(f"{column} = NEW.{column}" for column in key)
        op.execute(
            f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} "
            f"WHEN EXISTS (SELECT 1 FROM {table} WHERE {same}) "
            f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        )


def _guard_postgresql() -> None:
    op.execute(
        "CREATE FUNCTION is_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$"
    )
    for table in APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION is_append_only()"
        )
