"""The tables. Times are microseconds since 1970 UTC, money is whole kopecks, names are text.

Personal data (numbers of callers) lives in `call_leg`, `inbound_call`, `switch_event`, `switch_cdr`,
`voice_message` and `quarantine`; the ledger, `service_event`, `audit`, `legal_hold` and
`balance_warning` have none, so that they can stay when those are purged.
Rule: docs/decisions.md, decision 11.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    text,
)

metadata = MetaData()

ledger_entry = Table(
    "ledger_entry",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("key", String, nullable=False, unique=True),
    Column("tenant", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("occurred_at", BigInteger, nullable=False),
    Column("posted_at", BigInteger, nullable=False),
    Column("path", String, nullable=False),
    Column("amount_kop", BigInteger, nullable=False),
    Column("facts", Text, nullable=False),
    Column("reverses", String, ForeignKey("ledger_entry.key"), unique=True),
    Column("prev_hash", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
    Index("ledger_entry_of_tenant", "tenant", "occurred_at"),
)

ledger_posting = Table(
    "ledger_posting",
    metadata,
    Column("entry_seq", BigInteger, ForeignKey("ledger_entry.seq"), primary_key=True, autoincrement=False),
    Column("account", String, primary_key=True),
    Column("amount_kop", BigInteger, nullable=False),
)

tenant_balance = Table(
    "tenant_balance",
    metadata,
    Column("tenant", String, primary_key=True),
    Column("balance_kop", BigInteger, nullable=False),
)

balance_level = Table(
    "balance_level",
    metadata,
    Column("tenant", String, primary_key=True),
    Column("level_kop", BigInteger, primary_key=True, autoincrement=False),
    Column("low", Boolean, nullable=False),
)

balance_warning = Table(
    "balance_warning",
    metadata,
    Column("id", String, primary_key=True),
    Column("way", String, primary_key=True),
    Column("tenant", String, nullable=False),
    Column("level_kop", BigInteger, nullable=False),
    Column("balance_kop", BigInteger, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("state", String, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_at", BigInteger),
    Column("sent_at", BigInteger),
    Column("note", String, nullable=False),
    Index("balance_warning_due", "state", "next_at"),
)

tariff_state = Table(
    "tariff_state",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("tariff", String, nullable=False),
    Column("terms", Text, nullable=False),
)

service_event = Table(
    "service_event",
    metadata,
    Column("tenant", String, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("kind", String, nullable=False),
    Column("facts", Text, nullable=False),
    Column("source", String, nullable=False),
)

service_state = Table(
    "service_state",
    metadata,
    Column("tenant", String, primary_key=True),
    Column("tariff", String, nullable=False),
    Column("time_zone", String, nullable=False),
    Column("phase", String, nullable=False),
    Column("state", Text, nullable=False),
    Column("events", Integer, nullable=False),
    Column("changed_at", BigInteger, nullable=False),
    Column("due_kind", String),
    Column("due_at", BigInteger),
    Index("service_state_due", "due_at", "tenant"),
)

audit = Table(
    "audit",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("tenant", String, nullable=False),
    Column("what", String, nullable=False),
    Column("why", String, nullable=False),
    Column("who", String, nullable=False),
    Index("audit_of_tenant", "tenant", "at"),
)

call_leg = Table(
    "call_leg",
    metadata,
    Column("systemname", String, primary_key=True),
    Column("uniqueid", String, primary_key=True),
    Column("linkedid", String, nullable=False, index=True),
    Column("tenant", String, nullable=False),
    Column("direction", String, nullable=False),
    Column("from_number", String, nullable=False),
    Column("to_number", String, nullable=False),
    Column("employee", String, nullable=False),
    Column("trunk", String, nullable=False),
    Column("decision", String, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("answered_at", BigInteger),
    Column("ended_at", BigInteger),
    Column("cause", Integer),
    Column("estimated", Boolean, nullable=False),
    Index("call_leg_of_tenant", "tenant", "started_at"),
    Index(
        "call_leg_open",
        "systemname",
        "uniqueid",
        sqlite_where=text("ended_at IS NULL"),
        postgresql_where=text("ended_at IS NULL"),
    ),
)

inbound_call = Table(
    "inbound_call",
    metadata,
    Column("systemname", String, primary_key=True),
    Column("uniqueid", String, primary_key=True),
    Column("linkedid", String, nullable=False),
    Column("tenant", String, nullable=False),
    Column("caller", String, nullable=False),
    Column("number", String, nullable=False),
    Column("began_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger, nullable=False),
    Column("outcome", String, nullable=False),
    Column("wait_us", BigInteger, nullable=False),
    Column("talk_us", BigInteger, nullable=False),
    Column("employee", String, nullable=False),
    Column("department", String, nullable=False),
    Column("queued_us", BigInteger, nullable=False, server_default="0"),
    Index("inbound_call_of_tenant", "tenant", "began_at"),
)

rung_phone = Table(
    "rung_phone",
    metadata,
    Column("systemname", String, primary_key=True),
    Column("call", String, primary_key=True),
    Column("uniqueid", String, primary_key=True),
    Column("tenant", String, nullable=False),
    Column("began_at", BigInteger, nullable=False),
    Column("employee", String, nullable=False),
    Column("department", String, nullable=False),
    Column("step", String, nullable=False),
    Column("rung_at", BigInteger, nullable=False),
    Column("answered_at", BigInteger),
    Column("talk_us", BigInteger, nullable=False),
    Index("rung_phone_of_tenant", "tenant", "began_at"),
)

voice_message = Table(
    "voice_message",
    metadata,
    Column("systemname", String, primary_key=True),
    Column("tenant", String, primary_key=True),
    Column("mailbox", String, primary_key=True),
    Column("message", String, primary_key=True),
    Column("uniqueid", String, nullable=False),
    Column("caller", String, nullable=False),
    Column("received_at", BigInteger, nullable=False),
    Column("length_s", Integer, nullable=False),
    Column("state", String, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_at", BigInteger),
    Column("mailed_at", BigInteger),
    Column("note", String, nullable=False),
    Index("voice_message_of_tenant", "tenant", "received_at"),
    Index("voice_message_due", "state", "next_at"),
)

switch_event = Table(
    "switch_event",
    metadata,
    Column("systemname", String, primary_key=True),
    Column("uniqueid", String, primary_key=True),
    Column("kind", String, primary_key=True),
    Column("at", BigInteger, primary_key=True, autoincrement=False),
    Column("facts_hash", String(64), primary_key=True),
    Column("linkedid", String, nullable=False, index=True),
    Column("channel", String, nullable=False),
    Column("facts", Text, nullable=False),
)

switch_cdr = Table(
    "switch_cdr",
    metadata,
    Column("systemname", String, primary_key=True),
    Column("uniqueid", String, primary_key=True),
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("linkedid", String, nullable=False, index=True),
    Column("channel", String, nullable=False),
    Column("dstchannel", String, nullable=False),
    Column("src", String, nullable=False),
    Column("dst", String, nullable=False),
    Column("start", String, nullable=False),
    Column("answer", String, nullable=False),
    Column("end", String, nullable=False),
    Column("duration_s", BigInteger, nullable=False),
    Column("billsec_s", BigInteger, nullable=False),
    Column("disposition", String, nullable=False),
)

record_position = Table(
    "record_position",
    metadata,
    Column("systemname", String, primary_key=True),
    Column("kind", String, primary_key=True),
    Column("device", String, nullable=False),
    Column("inode", String, nullable=False),
    Column("head_bytes", Integer, nullable=False),
    Column("head_sha256", String(64), nullable=False),
    Column("offset", BigInteger, nullable=False),
)

quarantine = Table(
    "quarantine",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("systemname", String, nullable=False),
    Column("file", String, nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("raw", LargeBinary, nullable=False),
    Column("length", BigInteger, nullable=False),
    Column("reason", String, nullable=False),
    Column("at", BigInteger, nullable=False),
)

recording = Table(
    "recording",
    metadata,
    Column("systemname", String, primary_key=True),
    Column("uniqueid", String, primary_key=True),
    Column("linkedid", String, nullable=False, index=True),
    Column("tenant", String, nullable=False),
    Column("file", String, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("length_s", Integer),
    Column("bytes", BigInteger),
    Column("sha256", String(64)),
    Column("retain_until", String(10)),
    Column("state", String, nullable=False),
    Column("note", String, nullable=False),
    Index("recording_of_tenant", "tenant", "started_at"),
    Index("recording_in_state", "systemname", "state"),
    Index("recording_ending", "retain_until", "tenant"),
)

heartbeat = Table(
    "heartbeat",
    metadata,
    Column("systemname", String, primary_key=True),
    Column("uniqueid", String, primary_key=True),
    Column("linkedid", String, nullable=False),
    Column("last_seen_at", BigInteger, nullable=False),
)

unrated = Table(
    "unrated",
    metadata,
    Column("systemname", String, primary_key=True),
    Column("uniqueid", String, primary_key=True),
    Column("reason", String, nullable=False),
)

allowance_used = Table(
    "allowance_used",
    metadata,
    Column("tenant", String, primary_key=True),
    Column("allowance", String, primary_key=True),
    Column("period_from", String(10), primary_key=True),
    Column("quantity", BigInteger, nullable=False),
)

legal_hold = Table(
    "legal_hold",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("tenant", String, nullable=False),
    Column("from_day", String(10)),
    Column("to_day", String(10)),
    Column("call", String, nullable=False),
    Column("reason", String, nullable=False),
    Column("placed_at", BigInteger, nullable=False),
    Column("placed_by", String, nullable=False),
    Column("lifted_at", BigInteger),
    Column("lifted_why", String, nullable=False),
    Column("lifted_by", String, nullable=False),
    Index("legal_hold_of_tenant", "tenant"),
)

recording_copy = Table(
    "recording_copy",
    metadata,
    Column("systemname", String, primary_key=True),
    Column("uniqueid", String, primary_key=True),
    Column("tenant", String, nullable=False),
    Column("store", String, nullable=False),
    Column("object", String, nullable=False),
    Column("state", String, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_at", BigInteger),
    Column("stored_at", BigInteger),
    Column("note", String, nullable=False),
    Index("recording_copy_of_tenant", "tenant"),
    Index("recording_copy_due", "systemname", "state", "next_at"),
)
