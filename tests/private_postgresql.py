"""A PostgreSQL server for tests: Debian's binaries, an unprivileged user, a free port, own directory."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest

_NUMBERS = count(1)


@dataclass(frozen=True)
class PrivatePostgresql:
    """A running server. Args: directory: its data and socket."""

    directory: Path
    binaries: Path
    port: int

    @classmethod
    def start(cls) -> PrivatePostgresql:
        """Start a server, or skip: without PostgreSQL where it may be missing, never in CI."""
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
        if not found:
            if os.environ.get("CI"):
                pytest.fail("PostgreSQL is not installed")
            pytest.skip("PostgreSQL is not installed")
        directory = Path(tempfile.mkdtemp(prefix="vpbx-pg-"))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        server = cls(directory, found[-1].parent, port)
        if os.getuid() == 0:
            shutil.chown(directory, "postgres")
        data = directory / "data"
        server._run(
            "initdb", "-D", data, "-A", "trust", "-U", "vpbx", "-E", "UTF8", "--locale=C", "--no-sync"
        )
        options = f"-p {port} -c listen_addresses=127.0.0.1 -k {directory} -c max_connections=50"
        server._run("pg_ctl", "-D", data, "-l", directory / "log", "-o", options, "-w", "start")
        return server

    def stop(self) -> None:
        self._run("pg_ctl", "-D", self.directory / "data", "-m", "immediate", "-w", "stop")
        shutil.rmtree(self.directory, ignore_errors=True)

    def new_database(self) -> str:
        """URL of a new empty database."""
        name = f"vpbx{next(_NUMBERS)}"
        place = ["-h", "127.0.0.1", "-p", str(self.port), "-U", "vpbx"]
        self._run("createdb", *place, name)
        return f"postgresql://vpbx@127.0.0.1:{self.port}/{name}"

    def _run(self, program: str, *arguments: object) -> None:
        command = [str(self.binaries / program), *map(str, arguments)]
        if os.getuid() == 0:
            command = ["runuser", "-u", "postgres", "--", *command]
        # pg_ctl leaves a server behind that would hold a pipe open.
        with (self.directory / "said").open("wb") as said:
            done = subprocess.run(
                command, cwd="/", stdin=subprocess.DEVNULL, stdout=said, stderr=said, timeout=60
            )
        assert done.returncode == 0, f"{program}: {(self.directory / 'said').read_text()}"
