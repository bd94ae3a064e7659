"""Opening the database: SQLite in a file by default, PostgreSQL by URL; one writer at a time in both."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, NoSuchModuleError
from sqlalchemy.pool import NullPool

from orchestrator.errors import DatabaseUnavailable, StorageError

HEAD = "0009"
"""The newest migration; a test holds it against the migrations' folder."""

_BUSY_S = 30
_CONNECT_S = 5
_WRITER_LOCK = 0x76706278
"""Key of PostgreSQL's advisory lock: one writer per database."""

_MIGRATIONS = Path(__file__).parent / "migrations"


class Database:
    """A database at the newest schema. Every block is one transaction: all of it stands, or nothing."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A consistent view. Raises: DatabaseUnavailable."""
        with failures_named(self._engine.url), self._engine.connect() as connection:
            if connection.dialect.name == "postgresql":
                connection = connection.execution_options(isolation_level="REPEATABLE READ")
            with connection.begin():
                yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """The only writer of the moment; others wait. Raises: DatabaseUnavailable."""
        with failures_named(self._engine.url), _write(self._engine) as connection:
            yield connection

    @property
    def file(self) -> Path | None:
        """Where it lies; None for a server's database."""
        url = self._engine.url
        return Path(url.database) if url.get_backend_name() == "sqlite" and url.database else None

    def close(self) -> None:
        self._engine.dispose()


def open_database(url: str) -> Database:
    """The database behind a URL, made when absent and upgraded to the newest schema under a lock.

    Args: url: `sqlite:////absolute/path` or `postgresql://...`.
    Raises: DatabaseUnavailable: it can't be reached, isn't a database, or is newer than this vpbx.
    """
    parsed = parsed_url(url)
    with failures_named(parsed):
        engine = open_engine(parsed)
        try:
            _upgrade(engine)
        except BaseException:
            engine.dispose()
            raise
    return Database(engine)


def parsed_url(url: str) -> URL:
    """Raises: DatabaseUnavailable: it is no URL of a database."""
    try:
        return make_url(url)
    except ArgumentError as error:
        raise DatabaseUnavailable(
            "storage.database is not a database URL", "see docs/decisions.md"
        ) from error


def open_to_read(url: URL) -> Engine:
    """Connections that make and change nothing; a file that isn't there is no database.

    Raises: as of `open_engine`.
    """
    if url.get_backend_name() != "sqlite":
        return open_engine(url.update_query_dict({"connect_timeout": str(_CONNECT_S)}))
    where = f"file:{quote(str(Path(url.database or '').absolute()))}?mode=ro"
    return create_engine(
        "sqlite://", creator=lambda: sqlite3.connect(where, uri=True, timeout=_CONNECT_S), poolclass=NullPool
    )


def open_engine(url: URL) -> Engine:
    """Connections as vpbx makes them. Raises: DatabaseUnavailable: another kind of database, or no driver."""
    return _sqlite(url) if url.get_backend_name() == "sqlite" else _postgresql(url)


@contextmanager
def _write(engine: Engine) -> Iterator[Connection]:
    with engine.connect() as connection:
        writer = connection.execution_options(vpbx_writes=True)
        with writer.begin():
            if writer.dialect.name == "postgresql":
                writer.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _WRITER_LOCK})
            yield writer


def _sqlite(url: URL) -> Engine:
    """SQLite that survives power loss: write-ahead log, full sync, writers take the lock when they begin."""
    if url.database and url.database != ":memory:":
        path = Path(url.database)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.touch(mode=0o600, exist_ok=True)
    engine = create_engine(url, connect_args={"timeout": _BUSY_S})

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute("PRAGMA synchronous=FULL")
        # What is removed for good must not stay readable in the file.
        connection.execute("PRAGMA secure_delete=ON")
        _write_ahead(connection)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("vpbx_writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Switch the file to write-ahead logging; SQLite doesn't wait for a busy file here by itself."""
    deadline = time.monotonic() + _BUSY_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return


def _postgresql(url: URL) -> Engine:
    if url.get_backend_name() != "postgresql":
        raise DatabaseUnavailable(
            f"storage.database names {url.get_backend_name()}, which is not supported",
            "use sqlite or postgresql",
        )
    try:
        return create_engine(url.set(drivername="postgresql+psycopg"), pool_pre_ping=True)
    except ModuleNotFoundError as error:
        raise DatabaseUnavailable(
            "the PostgreSQL driver is not installed", "pip install 'vpbx[postgresql]'"
        ) from error


def _upgrade(engine: Engine) -> None:
    """Run the missing migrations in one transaction; whoever comes second finds nothing to do."""
    with engine.connect() as connection:
        if schema_version(connection) == HEAD:
            return
    # Alembic is slow to import and most runs don't need it.
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    with _write(engine) as connection:
        if schema_version(connection) == HEAD:
            return
        config = Config()
        config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            raise DatabaseUnavailable(
                f"the database's schema {schema_version(connection)} is not known to this vpbx",
                "install the newer vpbx",
            ) from error


def schema_version(connection: Connection) -> str | None:
    """The newest migration that a database has; None for a database without any."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


@contextmanager
def failures_named(url: URL) -> Iterator[None]:
    """Failures of the database as errors of ours, without the URL's password."""
    where = url.render_as_string(hide_password=True)
    try:
        yield
    except IntegrityError as error:
        raise StorageError(f"the database {where} refused a change: {error.orig}") from error
    except DBAPIError as error:
        raise DatabaseUnavailable(
            f"the database {where} does not answer: {error.orig}",
            "check storage.database, the disk and its space",
        ) from error
    except (NoSuchModuleError, OSError) as error:
        raise DatabaseUnavailable(
            f"the database {where} can't be opened: {error}", "check storage.database"
        ) from error
