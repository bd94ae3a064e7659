"""`vpbx devices`: the SIP accounts of a tenant's phones."""

from __future__ import annotations

import json

import click

from orchestrator.cli.session import json_option, node_option, open_session
from orchestrator.cli.table import print_table
from orchestrator.secrets import Secrets

_JSON_VERSION = 1
_HIDDEN = "********"
_NOT_APPLIED = "(not applied yet)"


@click.command()
@click.argument("tenant")
@click.option("--secrets", "show_secrets", is_flag=True, help="Print the passwords too.")
@node_option
@json_option
def devices(tenant: str, show_secrets: bool, node: str | None, as_json: bool) -> None:
    """Show what a tenant's phones register with: server, account, password.

    Accounts are opaque ids that `vpbx apply` makes up; they never change while the device stays in the YAML.

    \b
    Example:
        vpbx devices acme --secrets
    """
    session = open_session(node)
    kept = Secrets.open(session.project.secrets_file)
    accounts = []
    for employee in session.tenant(tenant).employees:
        for device in employee.devices:
            known = kept.known_device(tenant, employee.extension, device.name)
            accounts.append(
                {
                    "extension": employee.extension,
                    "name": employee.name,
                    "device": device.name,
                    "server": str(session.node.sip),
                    "account": known.endpoint if known else None,
                    "password": known.secret if known and show_secrets else None,
                }
            )
    if as_json:
        data = {"version": _JSON_VERSION, "tenant": tenant, "devices": accounts}
        click.echo(json.dumps(data, ensure_ascii=False))
        return
    print_table(
        ("extension", "name", "device", "server", "account", "password"),
        [
            (
                a["extension"],
                a["name"],
                a["device"],
                a["server"],
                a["account"] or _NOT_APPLIED,
                a["password"] or _HIDDEN,
            )
            for a in accounts
        ],
    )
