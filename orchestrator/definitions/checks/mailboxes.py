"""Checks of a tenant's mailboxes: whose they are, and who learns of their messages."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.definitions.checks.targets import no_employee
from orchestrator.definitions.document import Document
from orchestrator.definitions.quoting import quoted
from orchestrator.model.mailbox import Mailbox
from orchestrator.model.platform import Platform
from orchestrator.model.problem import Problem
from orchestrator.model.tenant import Tenant


def check_mailboxes(file: Document[Tenant], platform: Platform | None) -> Iterator[Problem]:
    """Problems of one tenant's mailboxes. Args: platform: None: it can't be read."""
    employees = file.value.employees_by_extension()
    for mailbox in file.value.mailboxes:
        where = ("mailboxes", mailbox.name)
        if mailbox.is_personal:
            yield from _check_personal(file, mailbox)
        elif not mailbox.extension:
            message = f"mailbox {quoted(mailbox.name)} needs an `extension`: nobody could listen to it"
            yield file.problem(where, "missing-key", message, 'for example: extension: "700"')
        if not mailbox.email and not mailbox.lamps:
            message = f"nobody is told of messages in mailbox {quoted(mailbox.name)}"
            hint = "give it an address in `email`, or employees in `lamps` whose phones show them"
            yield file.problem(where, "mailbox-unheard", message, hint)
        for extension in mailbox.lamps:
            if extension and extension not in employees and file.node(*where, "lamps") is not None:
                lamp = file.item(*where, "lamps", text=extension)
                yield file.problem(lamp, "unknown-employee", *no_employee(file.value, extension))
        if mailbox.email and platform is not None and platform.smtp is None:
            message = "messages can't be sent: the platform has no `smtp`"
            hint = "add to platform.yaml: smtp: {server: mail.example.com:587, from: pbx@example.com}"
            yield file.problem((*where, "email"), "no-smtp", message, hint)


def _check_personal(file: Document[Tenant], mailbox: Mailbox) -> Iterator[Problem]:
    where = ("mailboxes", mailbox.name)
    if mailbox.name not in file.value.employees_by_extension():
        yield file.problem(where, "unknown-employee", *no_employee(file.value, mailbox.name))
    elif file.node(*where, "extension") is not None:
        message = f"mailbox {quoted(mailbox.name)} is an employee's, whose extension rings them"
        hint = "delete it; a mailbox with a name of its own may be called from inside"
        yield file.problem((*where, "extension"), "mailbox-extension", message, hint)
