"""The platform: its nodes, trunks, defaults and stores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from orchestrator.model.call_list import USUAL, CallList
from orchestrator.model.external_number import ExternalNumber
from orchestrator.model.least_cost import CostTable, Order
from orchestrator.model.party import Party
from orchestrator.model.problem import NOWHERE, Position
from orchestrator.model.tariff import Tariff
from orchestrator.model.tenant import Tenant

ANY_HOST = "0.0.0.0"
"""As the host of a listener: every address of the machine."""


@dataclass(frozen=True, slots=True)
class Address:
    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class TlsListener:
    """SIP over TLS. Args: certificate, key: PEM files, in the project or absolute; empty: one is made.

    authorities: PEM file of those that an operator's certificate is verified by; empty: none is.
    """

    address: Address
    certificate: str = ""
    key: str = ""
    authorities: str = ""


@dataclass(frozen=True, slots=True)
class Node:
    """One switch. Args: rtp_from, rtp_to: UDP ports, both inclusive. metrics: of `vpbx listen`.

    sip: for UDP. tcp, tls: None: not spoken. external_address: what others reach it by when it sits behind
    NAT; empty: it doesn't. local_networks: where its own address is told instead.
    """

    name: str
    sip: Address
    rtp_from: int
    rtp_to: int
    ami: Address
    metrics: Address
    tcp: Address | None = None
    tls: TlsListener | None = None
    external_address: str = ""
    local_networks: tuple[str, ...] = ()
    position: Position = field(default=NOWHERE, compare=False)

    @property
    def transports(self) -> frozenset[str]:
        """What it speaks SIP over: `udp`, and `tcp` and `tls` where it listens for them."""
        spoken = {"udp": self.sip, "tcp": self.tcp, "tls": self.tls}
        return frozenset(name for name, listener in spoken.items() if listener is not None)


@dataclass(frozen=True, slots=True)
class Trunk:
    """A connection to an operator. Args: auth: `ip` or `registration`.

    match: source addresses its calls come from. secret: where the password is read: `env:NAME`,
    `file:PATH` or `` (none); never the password itself. transport: `udp`, `tcp` or `tls`.
    srtp: `off`, `offered` or `required`. codecs: in order of preference; empty: the platform's.
    qualify_s: how often it is asked whether it is there; 0: never. capacity: calls at once; 0: any number.
    number: E.164, that a tenant has registered there; empty: an operator's trunk, with numbers of many.
    numbering: what numbers of its calls begin with, and what stands for that in E.164; empty: usual forms.
    mobiles: employees' mobiles call by it, and are called. deck_file: what the operator asks; empty: unknown.
    routes: by code of an operator that has ported numbers, whose prefix's price is asked for them, sorted.
    call_list: how the operator writes the list of its calls.
    """

    name: str
    auth: str
    address: Address
    match: tuple[str, ...]
    username: str
    secret: str
    transport: str = "udp"
    srtp: str = "off"
    codecs: tuple[str, ...] = ()
    qualify_s: int = 0
    capacity: int = 0
    number: str = ""
    numbering: tuple[tuple[str, str], ...] = ()
    mobiles: bool = False
    deck_file: str = ""
    routes: tuple[tuple[str, str], ...] = ()
    call_list: CallList = USUAL
    position: Position = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class CallLimits:
    """No call hangs for ever: RTP silence, session timers, longest call; all in seconds.

    Args: longest_prompt_s: a longer prompt is taken for a mistake.
    """

    rtp_timeout_s: int
    rtp_hold_timeout_s: int
    session_expires_s: int
    longest_call_s: int
    longest_prompt_s: int = 600


@dataclass(frozen=True, slots=True)
class DialClass:
    """A class of external destinations by E.164 prefix (`+79`); the longest prefix of all classes wins."""

    name: str
    prefixes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RecordingStore:
    """An S3-compatible store that recordings are sent to.

    Args: url: `s3://bucket/prefix?endpoint=...&region=...`. key, secret: where credentials are read,
    `env:NAME` or `file:PATH`. keep_local_days: that a local file stays once its copy was verified.
    """

    url: str
    key: str = "env:AWS_ACCESS_KEY_ID"
    secret: str = "env:AWS_SECRET_ACCESS_KEY"
    keep_local_days: int = 7
    position: Position = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Storage:
    """Args: database: SQLAlchemy URL. recordings: directory, relative to the project or absolute.

    store: of recordings; None: they stay in the directory.
    """

    database: str
    recordings: str
    store: RecordingStore | None = None


@dataclass(frozen=True, slots=True)
class Smtp:
    """By whom e-mail is sent.

    Args: security: `starttls`, `tls` or `none`. username: empty: no log-in. secret: where the password is
    read, `env:NAME` or `file:PATH`; empty: none.
    """

    server: Address
    sender: str
    security: str = "starttls"
    username: str = ""
    secret: str = ""
    position: Position = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Platform:
    """What an operator runs. Args: company: the operator itself, as papers name it."""

    name: str
    region: str
    time_zone: str
    language: str
    emergency: tuple[str, ...]
    codecs: tuple[str, ...]
    limits: CallLimits
    dial_classes: tuple[DialClass, ...]
    nodes: Mapping[str, Node]
    trunks: Mapping[str, Trunk]
    storage: Storage
    smtp: Smtp | None = None
    company: Party = field(default_factory=Party)
    position: Position = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Definitions:
    """Everything an operator wrote, checked. Mappings are by name, in sorted order.

    Args: costs: by the trunks that are tried by cost.
    """

    platform: Platform
    tariffs: Mapping[str, Tariff]
    tenants: Mapping[str, Tenant]
    costs: Mapping[Order, CostTable] = field(default_factory=dict, compare=False)

    def trunks_of(self, node: Node) -> list[Trunk]:
        """Every trunk of a node: the platform's, and the external numbers of its active tenants, by name."""
        own = [each for each in self.tenants.values() if each.node == node.name and each.service == "active"]
        external = [_registered(number) for each in own for number in each.external_numbers]
        return [*self.platform.trunks.values(), *sorted(external, key=lambda each: each.name)]

    def line_limit(self, tenant: Tenant) -> int:
        """How many lines the tenant has. Rule: decision 2, seats x lines a seat; an own lower limit wins."""
        tariff = self.tariffs[tenant.tariff]
        given = lines_given(tariff, tenant)
        return given if tenant.lines is None else min(given, tenant.lines)

    def unlocked(self, tenant: Tenant) -> frozenset[str]:
        """Names of the functions that the tenant may use: included, or unlocked by an option of its."""
        tariff = self.tariffs[tenant.tariff]
        return frozenset(
            (*tariff.includes, *(name for slug in tenant.options for name in tariff.options[slug].unlocks))
        )


def _registered(external: ExternalNumber) -> Trunk:
    """An external number as a trunk. Its name can't be one of the platform's: those begin with a letter."""
    return Trunk(
        name=external.number.removeprefix("+"),
        auth="registration",
        address=Address(external.host, external.port),
        match=(),
        username=external.username,
        secret=external.secret,
        transport=external.transport,
        number=external.number,
        position=external.position,
    )


def lines_given(tariff: Tariff, tenant: Tenant) -> int:
    """Lines the tariff gives: the larger of included and own seats, times `lines_per_seat`."""
    own = max(len(tenant.employees), tenant.seats or 0)
    return max(tariff.included_employees, own) * tariff.lines_per_seat
