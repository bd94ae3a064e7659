"""Recordings in an S3-compatible store: put, compared, fetched, removed; each with a deadline.

A put is one request, however large the file is: cut off anywhere it leaves nothing in the store.
"""

from __future__ import annotations

import hashlib
import mmap
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import parse_qs, urlsplit

from orchestrator.errors import StorageError

if TYPE_CHECKING:
    from obstore.store import S3Store

_CONNECT_S, _ANSWER_S = 5.0, 30.0
_SLOWEST_BYTES_A_S = 256 * 1024
"""A transfer that is slower than this is given up, and tried again later."""

_BLOCK = 4 * 1024 * 1024
_REGION, _ENDPOINT = "us-east-1", "https://s3.{}.amazonaws.com"
_HINT = "check storage.recordings, its credentials, and the store"


class StoreUnavailable(StorageError):
    """A store of recordings doesn't answer, or refuses us."""

    code = "store-unavailable"


class CopyMissing(StorageError):
    """A recording isn't in the store where its copy should be."""

    code = "copy-missing"


@dataclass(frozen=True, slots=True)
class StoreKeys:
    """Credentials of a store."""

    key: str
    secret: str = field(repr=False)


class ObjectStore:
    """One bucket's prefix. Args: url: see `model.platform.RecordingStore`; it holds nothing secret."""

    def __init__(self, url: str, keys: StoreKeys) -> None:
        self.url = url
        self._keys = keys
        parts = urlsplit(url)
        query = parse_qs(parts.query)
        self._place = url.partition("?")[0]
        self._bucket, self._prefix = parts.netloc, parts.path.strip("/")
        self._endpoint = query.get("endpoint", [""])[0]
        self._region = query.get("region", [_REGION])[0]

    def put(self, name: str, file: Path) -> None:
        """Send a file whole, over what is there.

        Raises: StoreUnavailable. OSError: the file can't be read.
        """
        import obstore

        size = file.stat().st_size
        with file.open("rb") as opened, _mapped(opened, size) as content, self._session(size) as store:
            try:
                obstore.put(store, self._key(name), content, use_multipart=False)
            except FileNotFoundError as error:
                raise StoreUnavailable(f"{self._place}: the bucket isn't there", _HINT) from error

    def compare(self, name: str, size: int, sha256: str) -> str:
        """Read an object back. Returns: how it differs; empty: it is the same to the byte.

        Raises: StoreUnavailable.
        """
        try:
            digest, length = hashlib.sha256(), 0
            for block in self.blocks(name, size):
                digest.update(block)
                length += len(block)
        except CopyMissing:
            return "it isn't there"
        if length != size:
            return f"it has {length} bytes, not {size}"
        return "" if digest.hexdigest() == sha256 else "its content is another"

    def size(self, name: str) -> int | None:
        """How many bytes an object has; None: it isn't there. Raises: StoreUnavailable."""
        import obstore

        with self._session(0) as store:
            try:
                return int(obstore.head(store, self._key(name))["size"])
            except FileNotFoundError:
                return None

    def blocks(self, name: str, size: int) -> Iterator[bytes]:
        """An object's content. Args: size: about how much it is. Raises: CopyMissing, StoreUnavailable."""
        import obstore

        with self._session(size) as store:
            try:
                for block in obstore.get(store, self._key(name)).stream(min_chunk_size=_BLOCK):
                    yield bytes(block)
            except FileNotFoundError as error:
                raise CopyMissing(
                    f"{name} isn't in {self._place}", "restore it there, or in the recordings directory"
                ) from error

    def remove(self, name: str) -> None:
        """Remove an object, and see that it is gone. Raises: StoreUnavailable."""
        import obstore

        with self._session(0) as store:
            try:
                obstore.delete(store, self._key(name))
            except FileNotFoundError:
                return
            try:
                obstore.head(store, self._key(name))
            except FileNotFoundError:
                return
        raise StoreUnavailable(
            f"{self._place}: {name} is there after it was removed", "look whether the bucket forbids removal"
        )

    def _key(self, name: str) -> str:
        return f"{self._prefix}/{name}" if self._prefix else name

    @contextmanager
    def _session(self, size: int) -> Iterator[S3Store]:
        """Args: size: bytes that will be transferred. Raises: StoreUnavailable."""
        from obstore.exceptions import BaseError
        from obstore.store import S3Store

        deadline_s = _ANSWER_S + size / _SLOWEST_BYTES_A_S
        try:
            yield S3Store(
                self._bucket,
                endpoint=self._endpoint or _ENDPOINT.format(self._region),
                region=self._region,
                access_key_id=self._keys.key,
                secret_access_key=self._keys.secret,
                virtual_hosted_style_request=False,
                client_options={
                    "connect_timeout": timedelta(seconds=_CONNECT_S),
                    "timeout": timedelta(seconds=deadline_s),
                    "allow_http": self._endpoint.startswith("http://"),
                },
                # Whoever calls has a rhythm of its own for trying again.
                retry_config={"max_retries": 0, "retry_timeout": timedelta(seconds=deadline_s)},
            )
        except FileNotFoundError:
            raise
        except (BaseError, PermissionError) as error:
            raise StoreUnavailable(
                f"{self._place}: {_first_line(error)}",
                "check storage.recordings, its credentials, and the store",
            ) from error


@contextmanager
def _mapped(file: BinaryIO, size: int) -> Iterator[bytes | mmap.mmap]:
    """A file's content that takes no memory of its own."""
    if size == 0:
        yield b""
        return
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        yield content


def _first_line(error: Exception) -> str:
    """What went wrong, on one line and not endless."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__)[:300]
