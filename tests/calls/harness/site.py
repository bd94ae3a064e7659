"""A whole vpbx under test: a copied project on free ports, its real switch, its verbs, its listener."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import copied_verbs
from click.testing import CliRunner

from harness.farside import Carrier, FarSide, Phone
from harness.farside_config import Secure
from harness.ports import PortBlock
from harness.priority import put_first
from orchestrator.asterisk.binary import Asterisk
from orchestrator.cli.main import root
from orchestrator.model.platform import Address

if TYPE_CHECKING:
    from harness.clock import Clock

EXAMPLES = Path(__file__).parents[3] / "examples"
SWITCH_HOST, PHONES_HOST, CARRIER_HOST = "127.0.0.1", "127.0.0.2", "127.0.0.3"
_VPBX = Path(sys.executable).with_name("vpbx")
_VERB_DEADLINE_S = 90.0
_POLL_S = 0.05
_RTP_PORTS = 200


class VerbFailed(AssertionError):
    """A vpbx verb exited with another code than 0. Args: result: with its output."""

    def __init__(self, result: subprocess.CompletedProcess[str]) -> None:
        super().__init__(f"{result.args}: exit {result.returncode}\n{result.stdout}\n{result.stderr}")
        self.result = result


class Site:
    """A project directory, made from another one, with addresses of its own."""

    def __init__(
        self,
        root: Path,
        asterisk: Asterisk,
        source: Path = EXAMPLES,
        node: str = "pbx1",
        clock: Clock | None = None,
    ) -> None:
        """Args: root: does not exist yet. source: project to copy; the addresses in it are replaced.

        clock: what the switch goes by; None: the machine's.
        """
        self.root, self.node, self._asterisk = root, node, asterisk
        self._clock = clock
        self._ports = PortBlock()
        self.sip = Address(SWITCH_HOST, self._ports.port())
        self.ami = Address(SWITCH_HOST, self._ports.port())
        self.metrics = Address(SWITCH_HOST, self._ports.port())
        self.carrier = Address(CARRIER_HOST, self._ports.port())
        self._rtp = self._ports.span(_RTP_PORTS)
        self._listener: subprocess.Popen[bytes] | None = None
        self.environment: Mapping[str, str] | None = None
        """Of the verbs; None: this process's own."""
        shutil.copytree(source, root, ignore=shutil.ignore_patterns(".vpbx"))
        self.edit(
            "platform.yaml",
            (r"sip: \S+", f"sip: {self.sip}"),
            (r"rtp: \S+", f"rtp: {self._rtp[0]}-{self._rtp[1]}"),
            (r"ami: \S+", f"ami: {self.ami}"),
            (r"metrics: \S+", f"metrics: {self.metrics}"),
            (r" address: \S+", f" address: {self.carrier}"),
            (r"match: \[.*\]", f"match: [{CARRIER_HOST}]"),
        )

    def __enter__(self) -> Site:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def edit(self, file: str, *replacements: tuple[str, str]) -> None:
        """Change a file of the project. Args: replacements: pattern and text; each pattern must be found."""
        path = self.root / file
        text = path.read_text()
        for pattern, replacement in replacements:
            text, count = re.subn(pattern, replacement.replace("\\", r"\\"), text)
            assert count, f"{pattern!r} isn't in {file}"
        path.write_text(text)

    def run(self, *arguments: str, deadline_s: float = _VERB_DEADLINE_S) -> subprocess.CompletedProcess[str]:
        """Run a verb, whatever it exits with."""
        return copied_verbs.run(("-C", str(self.root), *arguments), deadline_s, self.environment)

    def vpbx(self, *arguments: str) -> str:
        """Run a verb. Returns: what it printed. Raises: VerbFailed."""
        result = self.run(*arguments)
        if result.returncode:
            raise VerbFailed(result)
        return result.stdout

    def json(self, *arguments: str) -> Any:
        """Run a verb with `--json`."""
        return json.loads(self.vpbx(*arguments, "--json"))

    def start(self) -> None:
        """Apply, start the switch, and see it confirmed."""
        self.vpbx("apply")
        self._start_switch()
        put_first(self.pid)
        assert self.json("apply")["confirmed"] is not None

    def _start_switch(self) -> None:
        if self._clock is None:
            self.vpbx("switch", "start")
            return
        # By this process, which goes by the machine's time already: Python can't wait under another.
        with self._clock.given():
            done = CliRunner().invoke(root, ["-C", str(self.root), "switch", "start"])
        assert done.exit_code == 0, (done.output, done.exception)

    def stop(self) -> None:
        """Stop the listener and the switch; the directory stays."""
        self.stop_listener()
        self.vpbx("switch", "stop")
        self._ports.release()

    def listen(self) -> subprocess.Popen[bytes]:
        """Start `vpbx listen` and wait until it follows the switch."""
        log = (self.root / "listen.log").open("ab")
        self._listener = subprocess.Popen(
            [str(_VPBX), "-C", str(self.root), "listen"], stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
        self.until(lambda: self.health().get("status") == "ok", "the listener is up", 20)
        return self._listener

    def stop_listener(self, kind: signal.Signals = signal.SIGTERM) -> None:
        if self._listener is not None:
            self._listener.send_signal(kind)
            self._listener.wait(20)
            self._listener = None

    def health(self) -> dict[str, Any]:
        """What the listener's health endpoint says; empty while it doesn't answer."""
        return json.loads(self._fetch("/health") or "{}")

    def logged(self) -> list[str]:
        """Names of the events in the listener's log, in order."""
        lines = (self.root / "listen.log").read_text().splitlines()
        return [json.loads(line)["event"] for line in lines]

    def metrics_text(self) -> str:
        return self._fetch("/metrics")

    def phones(self, tenant: str, extensions: Iterable[str] | None = None) -> list[Phone]:
        """Accounts of a tenant's phones, named `<tenant><extension><device>`."""
        return [
            Phone(f"{tenant}{device['extension']}{device['device']}", device["account"], device["password"])
            for device in self.json("devices", tenant, "--secrets")["devices"]
            if extensions is None or device["extension"] in extensions
        ]

    def far_side(self, *phones: Phone, name: str = "far", secure: Secure | None = None) -> FarSide:
        """The phones around this site, not started yet. Args: name: `far` brings the carrier."""
        carrier = Carrier(self.carrier, sources=(SWITCH_HOST,)) if name == "far" else None
        return FarSide(
            self._asterisk,
            self.root.with_name(f"{self.root.name}-{name}"),
            self.sip,
            phones,
            carrier,
            PHONES_HOST,
            secure,
        )

    def lines(self, tenant: str) -> dict[str, int]:
        """`limit`, `in_use` and `refused` of a tenant."""
        found = self.json("lines", tenant)
        return {key: found[key] for key in ("limit", "in_use", "refused")}

    def rx(self, line: str) -> str:
        """A console command of the switch under test."""
        return self._asterisk_command("-rx", line)

    @property
    def pid(self) -> int:
        """Process id of the switch."""
        return int(self.json("switch", "status")["pid"])

    def kill_switch(self) -> None:
        """SIGKILL: the switch is gone without a word."""
        pid = self.pid
        os.kill(pid, signal.SIGKILL)
        self.until(lambda: not Path(f"/proc/{pid}").exists(), "the switch is dead", 10)

    def until(self, true: Callable[[], bool], what: str, deadline_s: float = 10.0) -> None:
        """Poll. Raises: TimeoutError: it did not come true in time."""
        deadline = time.monotonic() + deadline_s
        while not true():
            if time.monotonic() > deadline:
                raise TimeoutError(f"not within {deadline_s:g} s: {what}")
            time.sleep(_POLL_S)

    def _asterisk_command(self, *arguments: str) -> str:
        command = self._asterisk.argv(
            "-C", str(self.root / ".vpbx/switch" / self.node / "asterisk.conf"), *arguments
        )
        return subprocess.run(command, capture_output=True, text=True, timeout=20, check=True).stdout

    def _fetch(self, path: str) -> str:

        connection = http.client.HTTPConnection(self.metrics.host, self.metrics.port, timeout=2)
        try:
            connection.request("GET", path)
            return connection.getresponse().read().decode()
        except OSError:
            return ""
        finally:
            connection.close()
