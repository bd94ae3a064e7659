"""Terms that no tariff says: of what can't be told by tenant. Rule: docs/retention.md."""

from __future__ import annotations

from datetime import timedelta

RECORD_KEPT = timedelta(days=30)
"""Files of the switch's record, from the last row in them, once they are in the database.

Where no log rotation runs it is also the age at which the file that is written is turned over. Twice that is
less than the 90 days of decision 11: no file outlives the data of a tenant whose calls are in it.
"""

QUARANTINE_KEPT = timedelta(days=30)
"""Records that can't be read, from the pass that set them aside."""

DECISION_10, DECISION_11 = "decision 10", "decision 11"
RECORD_RULE = "docs/retention.md, the switch's record"
QUARANTINE_RULE = "docs/retention.md, unreadable records"
