"""`vpbx listen`: follow a node's switch in the foreground and charge its calls."""

from __future__ import annotations

import asyncio
import logging
import sys

import click
import structlog

from orchestrator.asterisk.connection import AmiLogin
from orchestrator.asterisk.file_lock import file_lock
from orchestrator.books import NodeBooks
from orchestrator.cli.session import Session, node_option, open_session
from orchestrator.daemon import Listener, UtcClock
from orchestrator.health import HealthServer
from orchestrator.secrets import AMI_LISTEN, Secrets
from orchestrator.writer import Books, Writer


@click.command()
@node_option
def listen(node: str | None) -> None:
    """Follow the switch of a node: charge every call, note which calls are up, serve /health and /metrics.

    It runs until SIGTERM or Ctrl-C. When the switch isn't there it waits for it and says so in /health.
    Whatever happens while it doesn't run is charged when it runs again. Logs go to stderr.

    \b
    Example:
        vpbx listen --node pbx1
    """
    session = open_session(node)
    _log_to_stderr()
    with file_lock(session.paths.root / "listen.lock", 0.0, f"listening to {session.node.name}"):
        asyncio.run(_listen(session))


async def _listen(session: Session) -> None:
    project, node = session.project, session.node
    clock = UtcClock()
    systemname = Secrets.open(project.secrets_file).systemname(node.name)

    def login() -> AmiLogin:
        secret = Secrets.open(project.secrets_file).ami(node.name, AMI_LISTEN)
        return AmiLogin(node.ami.host, node.ami.port, AMI_LISTEN, secret)

    def open_books() -> Books:
        return NodeBooks(project, node.name, systemname, clock)

    listener = Listener(node.name, systemname, login, Writer(open_books, clock), clock=clock)
    with HealthServer(node.metrics, listener.figures):
        structlog.get_logger("vpbx.listen").info(
            "listening", node=node.name, ami=str(node.ami), metrics=str(node.metrics)
        )
        listener.stop_on_signals()
        await listener.run()


def _log_to_stderr() -> None:
    """One line an event: coloured for a terminal, `key=value` for a file or journal."""
    terminal = sys.stderr.isatty()
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.dev.ConsoleRenderer()
            if terminal
            else structlog.processors.LogfmtRenderer(
                key_order=["timestamp", "level", "event"], bool_as_flag=False
            ),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
