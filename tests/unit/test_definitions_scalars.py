"""Scalars by schema: what each accepts and as what, and what it refuses with which code."""

from __future__ import annotations

from decimal import Decimal

import pytest

from orchestrator.definitions import network, scalars
from orchestrator.definitions.network import PortRange
from orchestrator.definitions.shapes import Reading, Scalar, Surroundings
from orchestrator.definitions.tree import MarkedList, MarkedText
from orchestrator.model.platform import Address
from orchestrator.model.problem import Position

HERE = Position("f.yaml", 1, 1)
SIP = network.address("host:port", True)
BIND = network.address("host:port", False)
AMI = network.address("host:port", False, loopback=True)
COUNT = scalars.integer(1, 99)

ACCEPTED: list[tuple[Scalar[object], str, object]] = [
    (scalars.text(), "Щербакова-О'Нил, Анна", "Щербакова-О'Нил, Анна"),
    (scalars.text(), "no", "no"),
    (scalars.text(), "x" * 100, "x" * 100),
    (scalars.slug("a name"), "acme-2", "acme-2"),
    (scalars.extension(), "0101", "0101"),
    (scalars.extension(), "12", "12"),
    (scalars.number(), "+74951112233", "+74951112233"),
    (scalars.number(), "84951112233", "+74951112233"),
    (scalars.number(), "4951112233", "+74951112233"),
    (scalars.number(), "8 (495) 111-22-33", "+74951112233"),
    (COUNT, "7", 7),
    (scalars.decimal(100, "percent"), "2.50", Decimal("2.50")),
    (scalars.decimal(100, "percent"), "0", Decimal(0)),
    (scalars.boolean(), "true", True),
    (scalars.boolean(), "false", False),
    (scalars.time_zone(), "Asia/Yekaterinburg", "Asia/Yekaterinburg"),
    (scalars.day_key("a date"), "2026-02-28", "2026-02-28"),
    (SIP, "sip.example.com:5060", Address("sip.example.com", 5060)),
    (SIP, "203.0.113.10:65535", Address("203.0.113.10", 65535)),
    (BIND, "0.0.0.0:5060", Address("0.0.0.0", 5060)),
    (AMI, "127.0.0.2:5038", Address("127.0.0.2", 5038)),
    (network.port_range("ports"), "10000-20000", PortRange(10000, 20000)),
    (network.source_network(), "203.0.113.0/28", "203.0.113.0/28"),
    (network.secret_reference(), "env:TRUNK_SECRET", "env:TRUNK_SECRET"),
    (network.secret_reference(), "file:secrets/trunk", "file:secrets/trunk"),
    (
        network.database_url(),
        "postgresql+psycopg://user@host:5432/name",
        "postgresql+psycopg://user@host:5432/name",
    ),
]

REFUSED: list[tuple[Scalar[object], str, str]] = [
    (scalars.text(), " Анна", "text"),
    (scalars.text(), "Анна\nПетрова", "text-character"),
    (scalars.text(), "Анна\u202e", "text-character"),
    (scalars.text(), "Анна\u200bПетрова", "text-character"),
    (scalars.text(), "x" * 101, "text-too-long"),
    (scalars.slug("a name"), "Acme", "slug"),
    (scalars.slug("a name"), "2acme", "slug"),
    (scalars.slug("a name"), "a" * 32, "slug"),
    (scalars.slug("a name"), "../etc", "slug"),
    (scalars.slug("a name"), "acme\n", "slug"),
    (scalars.extension(), "1", "extension"),
    (scalars.extension(), "1234567", "extension"),
    (scalars.extension(), "1o1", "extension"),
    (scalars.extension(), "١٢٣", "extension"),
    (scalars.extension(), "84951112233", "extension-like-number"),
    (scalars.extension(), "4951112233", "extension-like-number"),
    (scalars.number(), "112", "number"),
    (scalars.number(), "sip:1@example.com", "number"),
    (scalars.number(), "+0123456789", "number"),
    (COUNT, "0", "out-of-range"),
    (COUNT, "100", "out-of-range"),
    (COUNT, "-1", "integer"),
    (COUNT, "07", "integer"),
    (COUNT, "7.0", "integer"),
    (COUNT, "1_0", "integer"),
    (COUNT, "0x1", "integer"),
    (COUNT, "٧", "integer"),
    (COUNT, "9" * 4000, "integer"),
    (scalars.decimal(100, "percent"), "1e3", "decimal"),
    (scalars.decimal(100, "percent"), "-1", "decimal"),
    (scalars.decimal(100, "percent"), "NaN", "decimal"),
    (scalars.decimal(100, "percent"), "Infinity", "decimal"),
    (scalars.decimal(100, "percent"), "2,50", "decimal"),
    (scalars.decimal(100, "percent"), ".5", "decimal"),
    (scalars.decimal(100, "percent"), "101", "out-of-range"),
    (scalars.boolean(), "yes", "boolean"),
    (scalars.boolean(), "no", "boolean"),
    (scalars.boolean(), "True", "boolean"),
    (scalars.boolean(), "1", "boolean"),
    (scalars.time_zone(), "Europe/Moskow", "time-zone"),
    (scalars.time_zone(), "../../etc/passwd", "time-zone"),
    (scalars.day_key("a date"), "2026-02-30", "date"),
    (scalars.day_key("a date"), "20260228", "date"),
    (scalars.choice("a service", ("active",)), "Active", "choice"),
    (SIP, "sip.example.com", "address"),
    (SIP, "[::1]:5060", "address"),
    (SIP, "203.0.113.256:5060", "address"),
    (SIP, "a b:5060", "address"),
    (SIP, "sip.example.com:0", "port"),
    (SIP, "sip.example.com:65536", "port"),
    (BIND, "localhost:5060", "address"),
    (AMI, "0.0.0.0:5038", "ami-not-loopback"),
    (AMI, "192.0.2.1:5038", "ami-not-loopback"),
    (network.port_range("ports"), "20000-10000", "port-range"),
    (network.port_range("ports"), "80-20000", "port-range"),
    (network.port_range("ports"), "10000", "port-range"),
    (network.port_range("ports"), "10000-70000", "port-range"),
    (network.source_network(), "0.0.0.0/0", "match"),
    (network.source_network(), "example.com", "match"),
    (network.source_network(), "203.0.113.1/28", "match"),
    (network.secret_reference(), "hunter2", "secret-written-out"),
    (network.secret_reference(), "env:", "secret-written-out"),
    (network.database_url(), "postgresql://user:hunter2@host/name", "secret-written-out"),
    (network.database_url(), "mysql://host/name", "database"),
]


def read(shape: Scalar[object], text: str) -> tuple[object, list[str]]:
    reading = Reading("f.yaml", Surroundings())
    value = shape.convert(MarkedText(text, False, HERE.file), (), reading)
    return value, [problem.code for problem in reading.problems]


@pytest.mark.parametrize(("shape", "text", "value"), ACCEPTED)
def test_text_is_read_exactly(shape: Scalar[object], text: str, value: object) -> None:
    assert read(shape, text) == (value, [])


@pytest.mark.parametrize(("shape", "text", "code"), REFUSED)
def test_text_is_refused_with_its_code(shape: Scalar[object], text: str, code: str) -> None:
    assert read(shape, text) == (shape.empty, [code])


@pytest.mark.parametrize("shape", [network.secret_reference(), network.database_url()])
def test_a_refused_secret_is_not_repeated(shape: Scalar[str]) -> None:
    reading = Reading("f.yaml", Surroundings())
    shape.convert(MarkedText("postgresql://user:hunter2@host/name", False, HERE.file), (), reading)
    assert "hunter2" not in reading.problems[0].message + reading.problems[0].hint


@pytest.mark.parametrize(
    ("text", "hint"), [("yes", "write true"), ("No", "write false"), ("TRUE", "write true")]
)
def test_other_spellings_of_a_boolean_get_a_hint(text: str, hint: str) -> None:
    reading = Reading("f.yaml", Surroundings())
    scalars.boolean().convert(MarkedText(text, True, HERE.file), (), reading)
    assert reading.problems[0].hint == hint


def test_a_list_where_a_scalar_belongs_is_refused() -> None:
    reading = Reading("f.yaml", Surroundings())
    assert COUNT.convert(MarkedList((), HERE.file), ("seats",), reading) == 1
    assert [(problem.code, problem.path) for problem in reading.problems] == [("wrong-type", "seats")]


def test_no_value_is_refused() -> None:
    reading = Reading("f.yaml", Surroundings())
    scalars.text().convert(MarkedText("", True, HERE.file), ("name",), reading)
    assert [problem.code for problem in reading.problems] == ["missing-value"]
