"""What has been kept long enough goes, and nothing else. Rule: docs/retention.md."""
