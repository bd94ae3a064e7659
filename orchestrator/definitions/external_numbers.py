"""`external_numbers:` of a tenant file: accounts at other providers that calls come in by."""

from __future__ import annotations

from orchestrator.definitions import network, scalars
from orchestrator.definitions.connections import TRUNK_TRANSPORT, TRUNK_USERNAME
from orchestrator.definitions.records import Converted, Entry, MapOf, Record
from orchestrator.definitions.shapes import Field
from orchestrator.model.external_number import ExternalNumber

ADDRESS = Field(
    "address",
    network.address("`host:port`", True),
    "Where the provider takes SIP.",
    "sip.provider.example:5060",
)
USERNAME = Field("username", TRUNK_USERNAME.shape, "Name of the account there.", '"78123334455"')
SECRET = Field(
    "secret",
    network.secret_reference(),
    "Where its password is read, never the password: `env:NAME` or `file:PATH`.",
    "env:PROVIDER_SECRET",
)


def _external(given: Converted) -> ExternalNumber:
    address = given[ADDRESS]
    return ExternalNumber(
        number=given.name,
        host=address.host,
        port=address.port,
        username=given[USERNAME],
        secret=given[SECRET],
        transport=given[TRUNK_TRANSPORT],
        position=given.position,
    )


EXTERNAL_NUMBERS: Field[tuple[Entry[ExternalNumber], ...]] = Field(
    "external_numbers",
    MapOf(
        scalars.number("an external number"),
        Record("an account", (ADDRESS, USERNAME, SECRET, TRUNK_TRANSPORT), _external),
    ),
    "Numbers of `numbers` that another provider has: the switch registers there, and calls come in by it.",
    '{"+78123334455": {address: \'sip.provider.example:5060\', username: "78123334455", secret: env:S}}',
    default=(),
    default_text="none",
)
