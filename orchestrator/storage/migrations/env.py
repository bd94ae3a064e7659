"""Runs migrations on the connection that `storage.database` hands over, inside its transaction."""

from alembic import context

from orchestrator.storage.schema import metadata


def run() -> None:
    context.configure(
        connection=context.config.attributes["connection"],
        target_metadata=metadata,
        transactional_ddl=True,
    )
    with context.begin_transaction():
        context.run_migrations()


# Alembic loads this file under this name; as a module of the package it does nothing.
if __name__ == "env_py":
    run()
