"""`vpbx listen` whose calls hold nothing; a proof must notice: python unreserved_listener.py PROJECT."""

from __future__ import annotations

import sys

from orchestrator.billing import credit
from orchestrator.cli.main import main

if __name__ == "__main__":
    credit.held_kop = lambda *_: 0
    sys.argv = ["vpbx", "-C", sys.argv[1], "listen"]
    main()
