"""An operator's list of calls against ours: read, matched, compared; pure. Rule: docs/reconciliation.md."""
