"""A number of a tenant that is registered at another provider."""

from __future__ import annotations

from dataclasses import dataclass, field

from orchestrator.model.problem import NOWHERE, Position


@dataclass(frozen=True, slots=True)
class ExternalNumber:
    """Args: number: E.164. host, port: where the provider takes SIP. username: of the account there.

    secret: where its password is read, `env:NAME` or `file:PATH`. transport: `udp`, `tcp` or `tls`.
    """

    number: str
    host: str
    port: int
    username: str
    secret: str
    transport: str = "udp"
    position: Position = field(default=NOWHERE, compare=False)
