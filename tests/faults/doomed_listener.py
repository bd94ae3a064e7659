"""`vpbx listen`, killed by its own hand at one commit: python doomed_listener.py PROJECT KIND WHEN NUMBER.

KIND: `write` counts every commit that wrote something, `charge` only those that wrote to the ledger. WHEN:
`before` the commit, when all is written and nothing stands, or `after` it. NUMBER: which one, from 1.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.engine.default import DefaultDialect

from orchestrator.cli.main import main

_WRITES = ("INSERT", "UPDATE", "DELETE")
_LEDGER = "INSERT INTO ledger_entry"


def doom(kind: str, when: str, number: int) -> None:
    """Make the database driver's commit a deadly place."""
    written: set[str] = set()
    count = 0

    @event.listens_for(Engine, "before_cursor_execute")
    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith(_WRITES):
            written.add("write")
        if statement.startswith(_LEDGER):
            written.add("charge")

    commit = DefaultDialect.do_commit

    def deadly_commit(dialect: DefaultDialect, connection: Any) -> None:
        nonlocal count
        count += kind in written
        due = kind in written and count == number
        written.clear()
        if due and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        commit(dialect, connection)
        if due:
            os.kill(os.getpid(), signal.SIGKILL)

    DefaultDialect.do_commit = deadly_commit  # type: ignore[method-assign]


if __name__ == "__main__":
    project, kind, when, number = sys.argv[1:]
    doom(kind, when, int(number))
    sys.argv = ["vpbx", "-C", project, "listen"]
    main()
