"""`vpbx voicemail`: messages in a tenant's mailboxes, and the PINs that they are listened to with."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

import click

from orchestrator.asterisk.mailbox_spool import NEW, Kept, MailboxSpool
from orchestrator.cli.books import open_books
from orchestrator.cli.session import Session, json_option, node_option, open_session
from orchestrator.cli.table import print_table
from orchestrator.definitions.quoting import did_you_mean
from orchestrator.errors import NotFound
from orchestrator.model.mailbox import Mailbox
from orchestrator.model.message import Mailing
from orchestrator.model.tenant import Tenant
from orchestrator.secrets import Secrets
from orchestrator.storage.messages import MessageIndex

_JSON_VERSION = 1
_MAIL = {"due": "to be sent", "none": "", "sent": "sent", "given_up": "not sent", "gone": ""}


@click.group()
def voicemail() -> None:
    """Mailboxes: what callers have left in them, and the PINs that they are listened to with.

    \b
    Example:
        vpbx voicemail list acme
    """


@voicemail.command("list")
@click.argument("tenant")
@node_option
@json_option
def list_messages(tenant: str, node: str | None, as_json: bool) -> None:
    """List the messages in a tenant's mailboxes, the oldest first.

    \b
    Example:
        vpbx voicemail list acme
    """
    session = open_session(node, tenant)
    model = session.tenant(tenant)
    kept = sorted(_spool(session).messages(tenant), key=lambda each: each.message.received_at)
    mailings = _mailings(tenant)
    rows = list(_rows(model, kept, mailings))
    if as_json:
        click.echo(json.dumps({"version": _JSON_VERSION, "tenant": tenant, "messages": rows}))
        return
    print_table(
        ("received", "mailbox", "from", "length", "heard", "e-mail", "file"),
        [
            (
                f"{datetime.fromisoformat(str(row['received_at'])):%Y-%m-%d %H:%M:%S}",
                str(row["mailbox"]),
                str(row["from"] or "withheld"),
                f"{row['length_s']} s",
                "yes" if row["heard"] else "no",
                " ".join(filter(None, (_MAIL[str(row["mail"])], str(row["note"] or "")))),
                str(row["file"]),
            )
            for row in rows
        ],
    )


@voicemail.command()
@click.argument("tenant")
@click.argument("mailbox")
@click.option("--new", is_flag=True, help="Make up another one, in place of one that a phone has set too.")
@node_option
@json_option
def pin(tenant: str, mailbox: str, new: bool, node: str | None, as_json: bool) -> None:
    """Print the PIN that a mailbox began with, or make up a new one.

    A PIN that was changed by phone isn't known here. `--new` makes it void with the next `vpbx apply`.

    \b
    Example:
        vpbx voicemail pin acme 101
    """
    session = open_session(node, tenant)
    box = _mailbox(session.tenant(tenant), mailbox)
    spool, kept = _spool(session), Secrets.open(session.project.secrets_file)
    if new:
        text = kept.new_pin(tenant, box.name)
        spool.forget_pin(tenant, box.extension)
    else:
        known = kept.known_pin(tenant, box.name)
        if known is None:
            raise NotFound(f"mailbox {mailbox} of {tenant} has no PIN yet", "vpbx apply makes one up")
        text = known
    changed = spool.pin_set_by_phone(tenant, box.extension)
    if as_json:
        data = {"tenant": tenant, "mailbox": box.name, "pin": text, "changed_by_phone": changed, "new": new}
        click.echo(json.dumps({"version": _JSON_VERSION, **data}))
        return
    click.echo(text)
    if new:
        click.echo("valid from the next `vpbx apply` on", err=True)
    elif changed:
        click.echo("a phone has set another one since; --new makes that void", err=True)


def _spool(session: Session) -> MailboxSpool:
    systemname = Secrets.open(session.project.secrets_file).systemname(session.node.name)
    return MailboxSpool(session.paths.spool, systemname)


def _mailings(tenant: str) -> dict[tuple[str, str], Mailing]:
    """By mailbox and id of the message."""
    with open_books(bring_in=False) as books:
        found = MessageIndex(books.store.database).of_tenant(tenant)
    return {(each.message.mailbox, each.message.message): each for each in found}


def _rows(
    tenant: Tenant, kept: list[Kept], mailings: dict[tuple[str, str], Mailing]
) -> Iterator[dict[str, object]]:
    names = {each.extension: each.name for each in tenant.mailboxes}
    for each in kept:
        message = each.message
        mailing = mailings.get((message.mailbox, message.message), Mailing(message))
        yield {
            "received_at": message.received_at.astimezone(ZoneInfo(tenant.time_zone)).isoformat(),
            "mailbox": names.get(message.mailbox, message.mailbox),
            "from": message.caller or None,
            "length_s": message.length_s,
            "heard": each.folder != NEW,
            "call": message.uniqueid or None,
            "mail": mailing.state,
            "note": mailing.note or None,
            "file": str(each.sound),
        }


def _mailbox(tenant: Tenant, name: str) -> Mailbox:
    for each in tenant.mailboxes:
        if each.name == name:
            return each
    known = [each.name for each in tenant.mailboxes]
    raise NotFound(f"{tenant.name} has no mailbox {name!r}", did_you_mean(name, known))
