"""Names and secrets that vpbx makes up once and keeps: one JSON file of mode 0600, never in Git or YAML."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from orchestrator.errors import OrchestratorError
from orchestrator.model.call import Systemname
from orchestrator.model.credential import DeviceCredential

AMI_LISTEN = "listen"
AMI_CONTROL = "control"
_SECRET_BYTES = 18
_PIN_DIGITS = 6
_TABLES = ("systemnames", "ami", "devices")
_LATER_TABLES = ("pins",)
"""Tables that files of older versions don't have."""


class SecretsUnreadable(OrchestratorError):
    code = "secrets-unreadable"


def device_key(tenant: str, extension: str, device: str) -> str:
    return f"{tenant}/{extension}/{device}"


class Secrets:
    """The secrets file. What is asked for and not there yet is made up and written before it is returned."""

    def __init__(self, path: Path, tables: dict[str, dict[str, str]]) -> None:
        self._path = path
        self._tables = tables

    @classmethod
    def open(cls, path: Path) -> Secrets:
        """Read the file; an absent one is empty.

        Raises: SecretsUnreadable: it isn't ours to read, or is damaged.
        """
        return cls(path, _read(path))

    def systemname(self, node: str) -> Systemname:
        """The random name of a node's switch: whoever doesn't know it can't forge its events."""
        return Systemname(self._kept("systemnames", node, lambda: "s" + secrets.token_hex(8)))

    def ami(self, node: str, user: str) -> str:
        """The secret of an AMI user (`AMI_LISTEN` or `AMI_CONTROL`) of a node."""
        return self._kept("ami", f"{node}/{user}", lambda: secrets.token_urlsafe(_SECRET_BYTES))

    def device(self, tenant: str, extension: str, device: str) -> DeviceCredential:
        """Endpoint id and secret of a device."""
        text = self._kept("devices", device_key(tenant, extension, device), _new_device)
        return _credential(text)

    def devices(self, wanted: list[tuple[str, str, str]]) -> dict[tuple[str, str, str], DeviceCredential]:
        """Credentials of many devices with one write. Args: wanted: (tenant, extension, device)."""
        missing = [key for key in wanted if device_key(*key) not in self._tables["devices"]]
        if missing:
            with self._locked():
                for key in missing:
                    self._tables["devices"].setdefault(device_key(*key), _new_device())
                _write(self._path, self._tables)
        return {key: _credential(self._tables["devices"][device_key(*key)]) for key in wanted}

    def known_device(self, tenant: str, extension: str, device: str) -> DeviceCredential | None:
        """Like `device`, but nothing is made up: None when it has never been applied."""
        text = self._tables["devices"].get(device_key(tenant, extension, device))
        return None if text is None else _credential(text)

    def known_systemname(self, node: str) -> Systemname | None:
        """Like `systemname`, but nothing is made up."""
        name = self._tables["systemnames"].get(node)
        return None if name is None else Systemname(name)

    def known_ami(self, node: str, user: str) -> str | None:
        """Like `ami`, but nothing is made up."""
        return self._tables["ami"].get(f"{node}/{user}")

    def known(self, table: str) -> Mapping[str, str]:
        """Every secret that was made up so far, nothing new. Args: table: `ami` or `devices`.

        Returns: by node and user, or by tenant, extension and device.
        """
        kept = self._tables[table]
        return {key: _credential(text).secret if table == "devices" else text for key, text in kept.items()}

    def pins(self, wanted: list[tuple[str, str]]) -> dict[tuple[str, str], str]:
        """PINs that mailboxes begin with, with one write. Args: wanted: (tenant, mailbox)."""
        missing = [key for key in wanted if "/".join(key) not in self._tables["pins"]]
        if missing:
            with self._locked():
                for key in missing:
                    self._tables["pins"].setdefault("/".join(key), _new_pin())
                _write(self._path, self._tables)
        return {key: self._tables["pins"]["/".join(key)] for key in wanted}

    def known_pin(self, tenant: str, mailbox: str) -> str | None:
        """The PIN that a mailbox begins with, nothing made up: None when it has never been applied."""
        return self._tables["pins"].get(f"{tenant}/{mailbox}")

    def new_pin(self, tenant: str, mailbox: str) -> str:
        """Make up another PIN for a mailbox, and keep it in place of the one before."""
        with self._locked():
            text = self._tables["pins"][f"{tenant}/{mailbox}"] = _new_pin()
            _write(self._path, self._tables)
        return text

    def forget(self, tenant: str) -> int:
        """Drop the secrets of a tenant's devices and mailboxes. Returns: how many there were."""
        number = 0
        with self._locked():
            for name in ("devices", "pins"):
                table = self._tables[name]
                kept = {key: text for key, text in table.items() if key.partition("/")[0] != tenant}
                number += len(table) - len(kept)
                self._tables[name] = kept
            if number:
                _write(self._path, self._tables)
        return number

    def count(self, tenant: str) -> int:
        """How many secrets of devices and mailboxes there are of a tenant."""
        return sum(
            key.partition("/")[0] == tenant for name in ("devices", "pins") for key in self._tables[name]
        )

    def _kept(self, table: str, key: str, make: Callable[[], str]) -> str:
        if key not in self._tables[table]:
            with self._locked():
                if key not in self._tables[table]:
                    self._tables[table][key] = make()
                    _write(self._path, self._tables)
        return self._tables[table][key]

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Alone with the file: what another process made up meanwhile is read first."""
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
        lock = os.open(self._path.with_suffix(".lock"), os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self._tables = _read(self._path)
            yield
        finally:
            os.close(lock)


def _new_device() -> str:
    return f"d{secrets.token_hex(6)}:{secrets.token_urlsafe(_SECRET_BYTES)}"


def _new_pin() -> str:
    return f"{secrets.randbelow(10**_PIN_DIGITS):0{_PIN_DIGITS}}"


def _credential(text: str) -> DeviceCredential:
    endpoint, _, secret = text.partition(":")
    return DeviceCredential(endpoint, secret)


def _read(path: Path) -> dict[str, dict[str, str]]:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {table: {} for table in (*_TABLES, *_LATER_TABLES)}
    except OSError as error:
        raise SecretsUnreadable(f"{path}: {error.strerror}", "run vpbx as the user who applied") from error
    try:
        tables = json.loads(text)
        told = {**{table: {} for table in _LATER_TABLES}, **tables}
        names = (*_TABLES, *_LATER_TABLES)
        return {table: {str(k): str(v) for k, v in told[table].items()} for table in names}
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise SecretsUnreadable(
            f"{path}: damaged ({type(error).__name__})", "restore it from a backup: phones register with it"
        ) from error


def _write(path: Path, tables: dict[str, dict[str, str]]) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".secrets-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(tables, file, indent=1, sort_keys=True)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except OSError as error:
        Path(name).unlink(missing_ok=True)
        raise SecretsUnreadable(
            f"{path}: {error.strerror}", "check the disk and the directory's rights"
        ) from error
