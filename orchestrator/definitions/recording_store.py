"""`storage.recordings` of platform.yaml: a directory, or an object store that they are sent to."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode, urlsplit

from orchestrator.definitions import network, scalars
from orchestrator.definitions.quoting import quoted
from orchestrator.definitions.records import Converted, Record
from orchestrator.definitions.shapes import (
    Field,
    Json,
    Path,
    Reading,
    Refusal,
    Scalar,
    Shape,
    Surroundings,
)
from orchestrator.definitions.tree import Marked, MarkedMapping, MarkedText
from orchestrator.model.platform import RecordingStore
from orchestrator.model.problem import Position

DIRECTORY = ".vpbx/recordings"
_SCHEME = "s3://"
_PLACE = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9!_.*'()-]+)*/?")
_KNOWN = ("endpoint", "region")
_EXAMPLE = "s3://bucket/prefix?endpoint=https://s3.example.com&region=eu-1"


@dataclass(frozen=True, slots=True)
class RecordingsPlace:
    """Args: directory: in the project or absolute. store: None: they stay in the directory."""

    directory: str = DIRECTORY
    store: RecordingStore | None = None


def _read_url(given: str, _: Surroundings) -> str | Refusal:
    """A store's URL in one form, without anything secret."""
    try:
        parts = urlsplit(given)
        query = dict(parse_qsl(parts.query, strict_parsing=bool(parts.query)))
    except ValueError:
        return Refusal("store-url", f"{quoted(given)} can't be read as a URL", f"for example {_EXAMPLE}")
    if "@" in parts.netloc or not set(query) <= set(_KNOWN):
        hint = "`key` and `secret` say where credentials are read; in the URL only endpoint and region may be"
        return Refusal("secret-written-out", "a store's URL holds more than its place", hint)
    place = f"{parts.scheme}://{parts.netloc}{parts.path}"
    if not _PLACE.fullmatch(place) or parts.fragment:
        return Refusal("store-url", f"{quoted(place)} is no bucket of an S3 store", f"for example {_EXAMPLE}")
    endpoint = query.get("endpoint", "")
    if endpoint and not is_safe(endpoint):
        message = f"{quoted(endpoint)}: what people said would go there unencrypted, or it is no address"
        return Refusal("store-endpoint", message, "https://HOST[:PORT]; http:// on a loopback address alone")
    known = {name: query[name] for name in _KNOWN if name in query}
    return place.rstrip("/") + (f"?{urlencode(known)}" if known else "")


def is_safe(endpoint: str) -> bool:
    try:
        parts = urlsplit(endpoint)
        named = bool(parts.hostname) and "@" not in parts.netloc and not (parts.query or parts.fragment)
        if parts.scheme == "https":
            return named and (parts.port is None or parts.port > 0)
        return named and parts.scheme == "http" and ipaddress.ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return False


_URL = Scalar("an S3 store", _read_url, "", {"type": "string", "pattern": r"^s3://.+$"})
_S3 = Field("s3", _URL, "Bucket, prefix, and where it is; any S3-compatible store.", _EXAMPLE)
_DIRECTORY = Field(
    "directory",
    scalars.text(400, "a directory"),
    "Where they are finished and lie until they are sent.",
    DIRECTORY,
    default=DIRECTORY,
)
_KEY = Field(
    "key",
    network.secret_reference(),
    "Where the access key's id is read: `env:NAME` or `file:PATH`.",
    "env:VPBX_S3_KEY",
    default=RecordingStore("").key,
)
_SECRET = Field(
    "secret",
    network.secret_reference(),
    "Where the secret key is read, never the key itself.",
    "file:/etc/vpbx-s3-secret",
    default=RecordingStore("").secret,
)
_KEEP = Field(
    "keep_local_days",
    scalars.integer(0, 3650),
    "Days that the local file stays after its copy was verified; before that it stays in any case.",
    "7",
    default=RecordingStore("").keep_local_days,
)


def _place(given: Converted) -> RecordingsPlace:
    url = given[_S3]
    store = RecordingStore(url, given[_KEY], given[_SECRET], given[_KEEP], given.position)
    return RecordingsPlace(given[_DIRECTORY], store if url else None)


_STORE = Record("the store of recordings", (_S3, _DIRECTORY, _KEY, _SECRET, _KEEP), _place)


@dataclass(frozen=True)
class _RecordingsShape(Shape[RecordingsPlace]):
    label: str = "a directory, an S3 URL, or a store"

    def convert(self, node: Marked, path: Path, reading: Reading) -> RecordingsPlace:
        if isinstance(node, MarkedMapping):
            return _STORE.convert(node, path, reading)
        if isinstance(node, MarkedText) and node.text.startswith(_SCHEME):
            url = _URL.convert(node, path, reading)
            store = RecordingStore(url, position=node.position)
            return RecordingsPlace(DIRECTORY, store if url else None)
        return RecordingsPlace(_DIRECTORY.shape.convert(node, path, reading) or DIRECTORY)

    def stand_in(self, position: Position, reading: Reading) -> RecordingsPlace:  # noqa: ARG002
        return RecordingsPlace()

    def json_schema(self) -> Mapping[str, Json]:
        return {"anyOf": [_DIRECTORY.shape.json_schema(), _STORE.json_schema()]}

    def rows(self, prefix: str) -> tuple[tuple[str, Field[object]], ...]:
        return _STORE.rows(prefix)


STORE_RECORDINGS: Field[RecordingsPlace] = Field(
    "recordings",
    _RecordingsShape(),
    "Directory of finished recordings, in the project or absolute; or the store they are sent to.",
    DIRECTORY,
    RecordingsPlace(),
    f"`{DIRECTORY}`",
)
