"""Nodes and trunks of platform.yaml: where SIP comes in and goes out."""

from __future__ import annotations

from orchestrator.definitions import media, network, scalars
from orchestrator.definitions.call_list import TRUNK_CALL_LIST
from orchestrator.definitions.least_cost import TRUNK_DECK, TRUNK_ROUTES
from orchestrator.definitions.numbering import NUMBERING, rules
from orchestrator.definitions.records import Converted, Record
from orchestrator.definitions.shapes import Field, ListOf
from orchestrator.model.platform import Address, Node, TlsListener, Trunk

PRIVATE_NETWORKS = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")
"""Rule: RFC 1918."""

NODE_SIP = Field(
    "sip", network.address("IPv4 `host:port`", False), "Where the node takes SIP over UDP.", "0.0.0.0:5060"
)
NODE_RTP = Field(
    "rtp", network.port_range("a port range"), "UDP ports of speech, both inclusive.", "10000-20000"
)
NODE_AMI = Field(
    "ami",
    network.address("loopback `host:port`", False, loopback=True),
    "Where the switch is controlled; loopback alone, for it has no encryption.",
    "127.0.0.1:5038",
)
NODE_METRICS = Field(
    "metrics",
    network.address("IPv4 `host:port`", False),
    "Health and metrics of `vpbx listen`.",
    "127.0.0.1:9417",
)
NODE_TCP: Field[Address | None] = Field(
    "tcp",
    network.address("IPv4 `host:port`", False),
    "Where it takes SIP over TCP; the port may be that of `sip`.",
    "0.0.0.0:5060",
    None,
    "none",
)
TLS_ADDRESS = Field(
    "address",
    network.address("IPv4 `host:port`", False),
    "Where the node takes SIP over TLS.",
    "0.0.0.0:5061",
)
TLS_CERTIFICATE = Field(
    "certificate",
    media.pem_file("a PEM file's path"),
    "Its certificate, and those that lead from it to an authority; from the project's root or absolute.",
    "/etc/ssl/vpbx/pbx1.pem",
    default="",
    default_text="one made by `apply`",
)
TLS_KEY = Field(
    "key",
    media.pem_file("a PEM file's path"),
    "The certificate's private key, without a password; read by `apply`. Keep it out of Git.",
    "/etc/ssl/vpbx/pbx1.key",
    default="",
    default_text="one made by `apply`",
)
TLS_AUTHORITIES = Field(
    "authorities",
    media.pem_file("a PEM file's path"),
    "Certificates that an operator's is verified by; needed by a trunk with `transport: tls`.",
    "/etc/ssl/certs/ca-certificates.crt",
    default="",
    default_text="none",
)


def _tls(given: Converted) -> TlsListener:
    return TlsListener(
        address=given[TLS_ADDRESS],
        certificate=given[TLS_CERTIFICATE],
        key=given[TLS_KEY],
        authorities=given[TLS_AUTHORITIES],
    )


NODE_TLS: Field[TlsListener | None] = Field(
    "tls",
    Record("the TLS listener", (TLS_ADDRESS, TLS_CERTIFICATE, TLS_KEY, TLS_AUTHORITIES), _tls),
    "SIP over TLS.",
    "{address: 0.0.0.0:5061}",
    None,
    "none",
)
NODE_EXTERNAL = Field(
    "external_address",
    network.host("an IPv4 address or host name"),
    "What the world reaches the node by, when it sits behind NAT; ports stay the same.",
    "203.0.113.5",
    default="",
    default_text="none",
)
NODE_LOCAL: Field[tuple[str, ...] | None] = Field(
    "local_networks",
    ListOf(network.local_network()),
    "With `external_address`: networks that are told the node's own address instead.",
    "[192.168.0.0/16]",
    None,
    ", ".join(PRIVATE_NETWORKS),
)


def _node(given: Converted) -> Node:
    rtp = given[NODE_RTP]
    return Node(
        name=given.name,
        sip=given[NODE_SIP],
        rtp_from=rtp.first,
        rtp_to=rtp.last,
        ami=given[NODE_AMI],
        metrics=given[NODE_METRICS],
        tcp=given[NODE_TCP],
        tls=given[NODE_TLS],
        external_address=given[NODE_EXTERNAL],
        local_networks=_local(given[NODE_LOCAL]) if given[NODE_EXTERNAL] else (),
        position=given.position,
    )


def _local(given: tuple[str, ...] | None) -> tuple[str, ...]:
    return PRIVATE_NETWORKS if given is None else given


NODE = Record(
    "a node",
    (NODE_SIP, NODE_TCP, NODE_TLS, NODE_EXTERNAL, NODE_LOCAL, NODE_RTP, NODE_AMI, NODE_METRICS),
    _node,
)

TRUNK_AUTH = Field(
    "auth",
    scalars.choice("a way to authenticate", ("ip", "registration")),
    "`ip`: the operator knows our address and we know its; `registration`: we log in.",
    "ip",
)
TRUNK_ADDRESS = Field(
    "address", network.address("`host:port`", True), "Where the operator takes SIP.", "203.0.113.10:5060"
)
TRUNK_MATCH = Field(
    "match",
    ListOf(network.source_network()),
    "Addresses the operator's calls come from; needed by `auth: ip`.",
    "[203.0.113.10]",
    default=(),
    default_text="none",
)
TRUNK_USERNAME = Field(
    "username",
    scalars.matching(
        "a user name", r"[A-Za-z0-9+._@-]{1,80}", "username", "letters, digits and + . _ @ -", True
    ),
    "Name to log in with; needed by `auth: registration`.",
    "vpbx-acme",
    default="",
    default_text="none",
)
TRUNK_SECRET = Field(
    "secret",
    network.secret_reference(),
    "Where the password is read, never the password: `env:NAME` or `file:PATH`; for `auth: registration`.",
    "env:TRUNK_SECRET",
    default="",
    default_text="none",
)
TRUNK_TRANSPORT = Field(
    "transport",
    scalars.choice("a way to carry SIP", ("udp", "tcp", "tls")),
    "What SIP goes over; `tcp` and `tls` need that listener on every node.",
    "tls",
    default="udp",
)
TRUNK_SRTP = Field(
    "srtp",
    media.encryption("a way to encrypt speech"),
    "Encrypted speech: `offered` to the operator, or `required` of it; needs `transport: tls`.",
    "required",
    default="off",
)
TRUNK_CODECS = Field(
    "codecs",
    media.CODECS,
    "In order of preference.",
    "[alaw]",
    default=(),
    default_text="`codecs` of the platform",
)
TRUNK_QUALIFY = Field(
    "qualify_s",
    scalars.seconds(5, 3600),
    "How often the operator is asked whether it is there (OPTIONS); while it isn't, calls take the next "
    "trunk.",
    "30",
    default=0,
    default_text="never",
)
TRUNK_CAPACITY = Field(
    "capacity",
    scalars.integer(1, 100_000),
    "Calls at once, both ways, shared among the tenants that use it.",
    "30",
    default=0,
    default_text="as many as come",
)
TRUNK_MOBILES = Field(
    "mobiles",
    scalars.boolean(),
    "The operator brings the calls of corporate mobiles by it, and those to them.",
    "true",
    default=False,
    default_text="false",
)


def _trunk(given: Converted) -> Trunk:
    return Trunk(
        name=given.name,
        auth=given[TRUNK_AUTH],
        address=given[TRUNK_ADDRESS],
        match=given[TRUNK_MATCH],
        username=given[TRUNK_USERNAME],
        secret=given[TRUNK_SECRET],
        transport=given[TRUNK_TRANSPORT],
        srtp=given[TRUNK_SRTP],
        codecs=given[TRUNK_CODECS],
        qualify_s=given[TRUNK_QUALIFY],
        capacity=given[TRUNK_CAPACITY],
        numbering=rules(given[NUMBERING]),
        mobiles=given[TRUNK_MOBILES],
        deck_file=given[TRUNK_DECK],
        routes=tuple((entry.key, entry.value) for entry in given[TRUNK_ROUTES]),
        call_list=given[TRUNK_CALL_LIST],
        position=given.position,
    )


TRUNK = Record(
    "a trunk",
    (
        TRUNK_AUTH,
        TRUNK_ADDRESS,
        TRUNK_MATCH,
        TRUNK_USERNAME,
        TRUNK_SECRET,
        TRUNK_TRANSPORT,
        TRUNK_SRTP,
        TRUNK_CODECS,
        TRUNK_QUALIFY,
        TRUNK_CAPACITY,
        NUMBERING,
        TRUNK_MOBILES,
        TRUNK_DECK,
        TRUNK_ROUTES,
        TRUNK_CALL_LIST,
    ),
    _trunk,
)
