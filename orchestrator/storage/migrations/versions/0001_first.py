"""The ledger, the calls and the record they come from.

The ledger is append-only in the database itself: triggers refuse to change, delete or replace an entry.
Rule: docs/decisions.md, decision 12.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

LEDGER = ("ledger_entry", "ledger_posting")


def upgrade() -> None:
    op.create_table(
        "ledger_entry",
        sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("key", sa.String, nullable=False, unique=True),
        sa.Column("tenant", sa.String, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("occurred_at", sa.BigInteger, nullable=False),
        sa.Column("posted_at", sa.BigInteger, nullable=False),
        sa.Column("path", sa.String, nullable=False),
        sa.Column("amount_kop", sa.BigInteger, nullable=False),
        sa.Column("facts", sa.Text, nullable=False),
        sa.Column("reverses", sa.String, sa.ForeignKey("ledger_entry.key"), unique=True),
        sa.Column("prev_hash", sa.String(64), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
    )
    op.create_index("ledger_entry_of_tenant", "ledger_entry", ["tenant", "occurred_at"])
    op.create_table(
        "ledger_posting",
        sa.Column(
            "entry_seq",
            sa.BigInteger,
            sa.ForeignKey("ledger_entry.seq"),
            primary_key=True,
            autoincrement=False,
        ),
        sa.Column("account", sa.String, primary_key=True),
        sa.Column("amount_kop", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "call_leg",
        sa.Column("systemname", sa.String, primary_key=True),
        sa.Column("uniqueid", sa.String, primary_key=True),
        sa.Column("linkedid", sa.String, nullable=False),
        sa.Column("tenant", sa.String, nullable=False),
        sa.Column("direction", sa.String, nullable=False),
        sa.Column("from_number", sa.String, nullable=False),
        sa.Column("to_number", sa.String, nullable=False),
        sa.Column("employee", sa.String, nullable=False),
        sa.Column("trunk", sa.String, nullable=False),
        sa.Column("decision", sa.String, nullable=False),
        sa.Column("started_at", sa.BigInteger, nullable=False),
        sa.Column("answered_at", sa.BigInteger),
        sa.Column("ended_at", sa.BigInteger),
        sa.Column("cause", sa.Integer),
        sa.Column("estimated", sa.Boolean, nullable=False),
    )
    op.create_index("ix_call_leg_linkedid", "call_leg", ["linkedid"])
    op.create_index("call_leg_of_tenant", "call_leg", ["tenant", "started_at"])
    op.create_index(
        "call_leg_open",
        "call_leg",
        ["systemname", "uniqueid"],
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_table(
        "switch_event",
        sa.Column("systemname", sa.String, primary_key=True),
        sa.Column("uniqueid", sa.String, primary_key=True),
        sa.Column("kind", sa.String, primary_key=True),
        sa.Column("at", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("facts_hash", sa.String(64), primary_key=True),
        sa.Column("linkedid", sa.String, nullable=False),
        sa.Column("channel", sa.String, nullable=False),
        sa.Column("facts", sa.Text, nullable=False),
    )
    op.create_index("ix_switch_event_linkedid", "switch_event", ["linkedid"])
    op.create_table(
        "switch_cdr",
        sa.Column("systemname", sa.String, primary_key=True),
        sa.Column("uniqueid", sa.String, primary_key=True),
        sa.Column("sequence", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("linkedid", sa.String, nullable=False),
        sa.Column("channel", sa.String, nullable=False),
        sa.Column("dstchannel", sa.String, nullable=False),
        sa.Column("src", sa.String, nullable=False),
        sa.Column("dst", sa.String, nullable=False),
        sa.Column("start", sa.String, nullable=False),
        sa.Column("answer", sa.String, nullable=False),
        sa.Column("end", sa.String, nullable=False),
        sa.Column("duration_s", sa.BigInteger, nullable=False),
        sa.Column("billsec_s", sa.BigInteger, nullable=False),
        sa.Column("disposition", sa.String, nullable=False),
    )
    op.create_index("ix_switch_cdr_linkedid", "switch_cdr", ["linkedid"])
    op.create_table(
        "record_position",
        sa.Column("systemname", sa.String, primary_key=True),
        sa.Column("kind", sa.String, primary_key=True),
        sa.Column("device", sa.String, nullable=False),
        sa.Column("inode", sa.String, nullable=False),
        sa.Column("head_bytes", sa.Integer, nullable=False),
        sa.Column("head_sha256", sa.String(64), nullable=False),
        sa.Column("offset", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "quarantine",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("systemname", sa.String, nullable=False),
        sa.Column("file", sa.String, nullable=False),
        sa.Column("offset", sa.BigInteger, nullable=False),
        sa.Column("raw", sa.LargeBinary, nullable=False),
        sa.Column("length", sa.BigInteger, nullable=False),
        sa.Column("reason", sa.String, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "recording",
        sa.Column("systemname", sa.String, primary_key=True),
        sa.Column("uniqueid", sa.String, primary_key=True),
        sa.Column("linkedid", sa.String, nullable=False),
        sa.Column("tenant", sa.String, nullable=False),
        sa.Column("file", sa.String, nullable=False),
        sa.Column("started_at", sa.BigInteger, nullable=False),
        sa.Column("length_s", sa.Integer),
        sa.Column("bytes", sa.BigInteger),
        sa.Column("sha256", sa.String(64)),
        sa.Column("retain_until", sa.String(10)),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("note", sa.String, nullable=False),
    )
    op.create_index("ix_recording_linkedid", "recording", ["linkedid"])
    op.create_index("recording_of_tenant", "recording", ["tenant", "started_at"])
    op.create_index("recording_in_state", "recording", ["systemname", "state"])
    op.create_table(
        "heartbeat",
        sa.Column("systemname", sa.String, primary_key=True),
        sa.Column("uniqueid", sa.String, primary_key=True),
        sa.Column("linkedid", sa.String, nullable=False),
        sa.Column("last_seen_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "unrated",
        sa.Column("systemname", sa.String, primary_key=True),
        sa.Column("uniqueid", sa.String, primary_key=True),
        sa.Column("reason", sa.String, nullable=False),
    )
    if op.get_bind().dialect.name == "postgresql":
        _guard_postgresql()
    else:
        _guard_sqlite()


def _guard_sqlite() -> None:
    for table in LEDGER:
        for change in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{change.lower()} BEFORE {change} ON {table} "
                "BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END"
            )
    # INSERT OR REPLACE deletes without firing the triggers above.
    op.execute(
        "CREATE TRIGGER ledger_entry_no_replace BEFORE INSERT ON ledger_entry WHEN EXISTS ("
        "SELECT 1 FROM ledger_entry WHERE seq = NEW.seq OR key = NEW.key OR reverses = NEW.reverses) "
        "BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END"
    )
    op.execute(
        "CREATE TRIGGER ledger_posting_no_replace BEFORE INSERT ON ledger_posting WHEN EXISTS ("
        "SELECT 1 FROM ledger_posting WHERE entry_seq = NEW.entry_seq AND account = NEW.account) "
        "BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END"
    )


def _guard_postgresql() -> None:
    op.execute(
        "CREATE FUNCTION ledger_is_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'the ledger is append-only'; END $$"
    )
    for table in LEDGER:
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION ledger_is_append_only()"
        )
