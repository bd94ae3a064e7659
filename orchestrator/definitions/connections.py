"""Nodes and trunks of platform.yaml: where SIP comes in and goes out."""

from __future__ import annotations

from orchestrator.definitions import network, scalars
from orchestrator.definitions.records import Converted, Record
from orchestrator.definitions.shapes import Field, ListOf
from orchestrator.model.platform import Node, Trunk

NODE_SIP = Field(
    "sip", network.address("IPv4 `host:port`", False), "Where the node takes SIP.", "0.0.0.0:5060"
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


def _node(given: Converted) -> Node:
    rtp = given[NODE_RTP]
    return Node(
        name=given.name,
        sip=given[NODE_SIP],
        rtp_from=rtp.first,
        rtp_to=rtp.last,
        ami=given[NODE_AMI],
        metrics=given[NODE_METRICS],
        position=given.position,
    )


NODE = Record("a node", (NODE_SIP, NODE_RTP, NODE_AMI, NODE_METRICS), _node)

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


def _trunk(given: Converted) -> Trunk:
    return Trunk(
        name=given.name,
        auth=given[TRUNK_AUTH],
        address=given[TRUNK_ADDRESS],
        match=given[TRUNK_MATCH],
        username=given[TRUNK_USERNAME],
        secret=given[TRUNK_SECRET],
        position=given.position,
    )


TRUNK = Record("a trunk", (TRUNK_AUTH, TRUNK_ADDRESS, TRUNK_MATCH, TRUNK_USERNAME, TRUNK_SECRET), _trunk)
