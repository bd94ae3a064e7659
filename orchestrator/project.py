"""Where things lie in an operator's project directory. Only paths: nothing is read or made here.

platform.yaml, tariffs/, tenants/, decks/      what the operator writes and keeps in Git
.vpbx/                                         everything vpbx writes (keep it out of Git)
    cache/                                     what files were read as; may be deleted at any time
    secrets.json                               device and AMI secrets, mode 0600
    tls/<node>.pem, <node>.key                 a node's own certificate; its key, mode 0600
    vpbx.db                                    the default database
    portability.sqlite3                        who has ported numbers
    recordings/                                the default recordings directory
    switch/<node>/asterisk.conf                names the directories below
    switch/<node>/etc -> generations/<n>       what the switch reads: a link, swapped atomically
    switch/<node>/generations/<n>/             one rendered configuration each
    switch/<node>/{lib,log,spool,run,keys,tls}/    the switch's own state
"""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import dataclass
from pathlib import Path

_LONGEST_SOCKET_PATH = 90


@dataclass(frozen=True, slots=True)
class SwitchPaths:
    """Directories of one node's switch."""

    root: Path

    @property
    def config_file(self) -> Path:
        return self.root / "asterisk.conf"

    @property
    def etc(self) -> Path:
        return self.root / "etc"

    @property
    def generations(self) -> Path:
        return self.root / "generations"

    @property
    def lib(self) -> Path:
        return self.root / "lib"

    @property
    def phones(self) -> Path:
        """The database that the switch reads phones from."""
        return self.lib / "phones.sqlite3"

    @property
    def log(self) -> Path:
        return self.root / "log"

    @property
    def spool(self) -> Path:
        return self.root / "spool"

    @property
    def monitor(self) -> Path:
        """Where MixMonitor writes while a call is up; finished recordings move from here."""
        return self.spool / "monitor"

    @property
    def keys(self) -> Path:
        return self.root / "keys"

    @property
    def tls(self) -> Path:
        """Copies of the certificate and key that the switch reads, named after what is in them."""
        return self.root / "tls"

    @property
    def run(self) -> Path:
        """Directory of the control socket and pid file.

        A socket path of more than 107 bytes can't be bound, so a deep project gets a short directory
        of its own below the system's temporary one.
        """
        inside = self.root / "run"
        if len(str(inside).encode()) <= _LONGEST_SOCKET_PATH:
            return inside
        digest = hashlib.sha256(str(self.root).encode()).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"vpbx-{digest}"

    @property
    def cel_file(self) -> Path:
        """The durable record of channel events (CEL), one CSV row each."""
        return self.log / "cel-custom" / "vpbx-cel.csv"

    @property
    def cdr_file(self) -> Path:
        return self.log / "cdr-custom" / "vpbx-cdr.csv"


@dataclass(frozen=True, slots=True)
class Project:
    """An operator's project directory. Args: root: absolute."""

    root: Path

    @property
    def platform_file(self) -> Path:
        return self.root / "platform.yaml"

    @property
    def state(self) -> Path:
        return self.root / ".vpbx"

    @property
    def cache(self) -> Path:
        return self.state / "cache"

    @property
    def secrets_file(self) -> Path:
        return self.state / "secrets.json"

    @property
    def portability(self) -> Path:
        """The table of ported numbers, which every switch looks numbers up in."""
        return self.state / "portability.sqlite3"

    def switch(self, node: str) -> SwitchPaths:
        return SwitchPaths(self.state / "switch" / node)

    def database_url(self, configured: str) -> str:
        """The SQLAlchemy URL: the configured one, a relative SQLite path being inside the project."""
        prefix = "sqlite:///"
        if configured.startswith(prefix) and not configured.startswith(prefix + "/"):
            return f"{prefix}{self.root / configured.removeprefix(prefix)}"
        return configured

    def recordings(self, configured: str) -> Path:
        return self.root / configured
