"""SQL storage: SQLite by default, PostgreSQL by URL. Nothing of SQLAlchemy leaves this package."""
