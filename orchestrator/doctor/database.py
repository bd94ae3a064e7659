"""The database: it answers, loses nothing at a power cut, is whole, and what in it waits for somebody."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.doctor.finding import Check, Finding
from orchestrator.storage.inspection import LEDGER_LOOKED_AT, Inspection

REACHABLE = Check(
    "database-reachable",
    "whether the database answers",
    "no call is charged without it; the switch's own record keeps what happens meanwhile",
    problem_when="it doesn't answer in time, or is no database of vpbx",
)
SCHEMA = Check(
    "database-schema",
    "the newest migration in the database",
    "vpbx only works on the schema it was made for",
    warning_when="migrations are missing (the next verb that uses it runs them)",
    problem_when="it is of a newer vpbx",
)
DURABLE = Check(
    "database-durable",
    "what the database does before it says that something is written",
    "a charge that was posted must survive a power cut",
    problem_when="SQLite has no write-ahead log or full sync, or lies on a network file system;"
    " PostgreSQL has fsync, full_page_writes or synchronous_commit off",
)
WHOLE = Check(
    "database-whole",
    "SQLite's own quick check, for at most five seconds",
    "a damaged page is found on the day it is needed",
    problem_when="it finds damage",
)
LEDGER = Check(
    "ledger-chain",
    f"the hash chain of the last {LEDGER_LOOKED_AT} entries of the ledger",
    "an entry that was changed behind vpbx's back is no evidence",
    problem_when="the chain or a balance doesn't hold",
)
UNRATED = Check(
    "calls-unrated",
    "ended calls that could not be charged yet",
    "they earn nothing until somebody gives them a rate",
    warning_when="there are some",
)
QUARANTINED = Check(
    "record-quarantined",
    "rows of the switch's record that could not be read",
    "a call whose row can't be read may go uncharged",
    warning_when="there are some",
)
CHECKS = (REACHABLE, SCHEMA, DURABLE, WHOLE, LEDGER, UNRATED, QUARANTINED)


def check(seen: Inspection) -> Iterator[Finding]:
    """Findings on the database."""
    if seen.absent:
        yield REACHABLE.ok("there is none yet; the first verb that needs it makes it")
        return
    if seen.trouble:
        yield REACHABLE.problem(seen.trouble, "check storage.database, the disk and the server")
        return
    yield REACHABLE.ok(f"{seen.kind} answers")
    yield _schema(seen)
    if seen.weak:
        yield DURABLE.problem("; ".join(seen.weak), _durable(seen.kind))
    else:
        yield DURABLE.ok("it syncs before it says so")
    if seen.damage:
        yield WHOLE.problem(seen.damage, "stop vpbx listen and restore the database from a backup")
    elif seen.kind == "sqlite":
        yield WHOLE.ok("no damage found" if seen.looked_whole else "no damage found in the time it had")
    if seen.schema != seen.head:
        return
    if seen.ledger_fault:
        yield LEDGER.problem(seen.ledger_fault, "vpbx ledger verify; compare with a backup")
    else:
        yield LEDGER.ok(f"{seen.ledger_entries} entries hold")
    yield _none_waits(UNRATED, seen.unrated, "calls", "vpbx reconcile names them and says why")
    yield _none_waits(
        QUARANTINED,
        seen.quarantined,
        "rows",
        "look at the table quarantine; the switch's disk may be at fault",
    )


def _schema(seen: Inspection) -> Finding:
    text = f"{seen.schema or 'none'}, and {seen.head} is the newest"
    if seen.schema == seen.head:
        return SCHEMA.ok(f"{seen.schema}, the newest")
    if seen.schema is None or seen.schema < seen.head:
        return SCHEMA.warning(text, "vpbx reconcile runs the missing ones; make a backup first")
    return SCHEMA.problem(text, "install the newer vpbx")


def _durable(kind: str) -> str:
    if kind == "sqlite":
        return "put the file on a local disk; vpbx sets the write-ahead log when it opens it"
    return "set fsync, full_page_writes and synchronous_commit to on in postgresql.conf"


def _none_waits(check: Check, count: int, what: str, do: str) -> Finding:
    return check.warning(f"{count} {what}", do) if count else check.ok("none")
