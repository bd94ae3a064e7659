"""`vpbx listen`: follow a node's switch in the foreground and charge its calls."""

from __future__ import annotations

import asyncio
import os

import click
import structlog

from orchestrator.asterisk.connection import AmiLogin
from orchestrator.asterisk.file_lock import file_lock
from orchestrator.asterisk.mailbox_spool import MailboxSpool
from orchestrator.balance_watch import BalanceWatch
from orchestrator.books import DefinitionsSource, MailRoom, NodeBooks, PlatformSource, WarningRoom
from orchestrator.cli.session import Session, node_option, open_session
from orchestrator.courier import Courier
from orchestrator.credit_control import CreditControl
from orchestrator.daemon import Listener, UtcClock
from orchestrator.debt_keeper import DebtKeeper
from orchestrator.health import HealthServer
from orchestrator.postman import Postman
from orchestrator.recorders import Recorders
from orchestrator.recording_files import Stores
from orchestrator.recordings import finish_with
from orchestrator.registrations import RegistrationWatch
from orchestrator.secrets import AMI_LISTEN, Secrets
from orchestrator.storage.store import SqlStore
from orchestrator.systemd import service_manager
from orchestrator.writer import Books, Writer
from orchestrator.written_sound import Monitored


@click.command()
@node_option
def listen(node: str | None) -> None:
    """Follow the switch of a node: charge every call, note which calls are up, serve /health and /metrics.

    It runs until SIGTERM or Ctrl-C. When the switch isn't there it waits for it and says so in /health.
    Whatever happens while it doesn't run is charged when it runs again. Logs go to stderr. Started by systemd
    as a service of Type=notify it says when it is ready, and feeds the watchdog while it is well.

    \b
    Example:
        vpbx listen --node pbx1
    """
    session = open_session(node)
    with file_lock(session.paths.root / "listen.lock", 0.0, f"listening to {session.node.name}"):
        asyncio.run(_listen(session))


async def _listen(session: Session) -> None:
    project, node = session.project, session.node
    clock = UtcClock()
    systemname = Secrets.open(project.secrets_file).systemname(node.name)

    def login() -> AmiLogin:
        secret = Secrets.open(project.secrets_file).ami(node.name, AMI_LISTEN)
        return AmiLogin(node.ami.host, node.ami.port, AMI_LISTEN, secret)

    directory = project.recordings(session.definitions.platform.storage.recordings)
    recordings = finish_with(session.paths.monitor, directory, systemname)

    def open_books() -> Books:
        return NodeBooks(project, node.name, systemname, clock, [recordings])

    manager = service_manager(os.environ, os.getpid())
    recorders = Recorders(login, Monitored(session.paths.monitor))
    writer = Writer(open_books, clock)
    url = project.database_url(session.definitions.platform.storage.database)
    spool = MailboxSpool(session.paths.spool, systemname)
    postman = Postman(systemname, spool, lambda: SqlStore.open(url), MailRoom(project), clock)
    source = DefinitionsSource(project.root)
    credit = CreditControl(systemname, lambda: SqlStore.open(url), source.current, clock)
    warnings = WarningRoom(project, source.current)
    balances = BalanceWatch(node.name, lambda: SqlStore.open(url), warnings, clock)
    debts = DebtKeeper(node.name, lambda: SqlStore.open(url), source.current, clock)
    stores = Stores(project, PlatformSource(project).current)
    courier = Courier(systemname, directory, lambda: SqlStore.open(url), stores, clock)
    listener = Listener(
        *(node.name, systemname, login, writer),
        recorders=recorders,
        postman=postman,
        courier=courier,
        registrations=RegistrationWatch(),
        credit=credit,
        balances=balances,
        debts=debts,
        clock=clock,
        manager=manager,
    )
    with HealthServer(node.metrics, listener.figures, credit):
        structlog.get_logger("vpbx.listen").info(
            "listening", node=node.name, ami=str(node.ami), metrics=str(node.metrics)
        )
        listener.stop_on_signals()
        await listener.run()
