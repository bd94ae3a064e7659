"""SIPp plays phones and operators: one process for each thing that one of them does."""

from __future__ import annotations

import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from orchestrator.errors import OrchestratorError
from orchestrator.model.platform import Address

_SCENARIOS = Path(__file__).with_name("scenarios")
_POLL_S = 0.05
_LISTENS_WITHIN_S = 10.0
_END_S = 3.0


class SippMissing(OrchestratorError):
    """SIPp, which plays the phones, isn't on this machine."""

    code = "sipp-missing"


@dataclass(frozen=True, slots=True)
class Party:
    """A phone or an operator. Args: user: endpoint id, or the number that calls. secret: of a phone."""

    address: Address
    user: str
    secret: str = ""


class Sipp:
    """A party doing one thing: `register`, `phone_calls`, `carrier_calls` or `answers`."""

    def __init__(self, work: Path, scenario: str, party: Party, switch: Address, number: str = "") -> None:
        """Args: work: directory of its logs. number: what it calls. Raises: SippMissing."""
        binary = shutil.which("sipp")
        if binary is None:
            raise SippMissing("sipp isn't on this machine", "apt-get install sip-tester")
        self._work = work / f"{scenario}-{party.user.lstrip('+')}-{number.lstrip('+')}"
        self._work.mkdir(parents=True)
        self._address = party.address
        self._command = [
            binary,
            str(switch),
            "-sf",
            str(_SCENARIOS / f"{scenario}.xml"),
            "-m",
            "1",
            "-nostdin",
        ]
        self._command += ["-i", party.address.host, "-p", str(party.address.port), "-mi", party.address.host]
        self._command += ["-s", number or party.user, "-key", "user", party.user]
        self._command += ["-au", party.user, "-ap", party.secret]
        self._command += [
            "-trace_msg",
            "-message_file",
            "messages.log",
            "-trace_err",
            "-error_file",
            "errors.log",
        ]
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Sipp:
        with (self._work / "output.log").open("wb") as output:
            self._process = subprocess.Popen(
                self._command, cwd=self._work, stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
        deadline = time.monotonic() + _LISTENS_WITHIN_S
        while not self._listens() and self._process.poll() is None and time.monotonic() < deadline:
            time.sleep(_POLL_S)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is None:
            return
        for end in (self._process.terminate, self._process.kill):
            if self._process.poll() is None:
                end()
                try:
                    self._process.wait(_END_S)
                except subprocess.TimeoutExpired:
                    continue

    def done(self, deadline_s: float) -> str:
        """Wait until it has done its thing. Returns: what went wrong, in a line; empty: nothing."""
        assert self._process is not None
        try:
            code = self._process.wait(deadline_s)
        except subprocess.TimeoutExpired:
            return f"not within {deadline_s:g} s{self._complaint()}"
        return "" if code == 0 else f"SIPp ended with {code}{self._complaint()}"

    def _complaint(self) -> str:
        try:
            lines = (self._work / "errors.log").read_text("utf-8", errors="replace").splitlines()
        except FileNotFoundError:
            return ""
        told = next((line for line in lines if "unexpected" in line or "SIP/2.0" in line), "")
        answer = next((line.strip() for line in lines if line.strip().startswith("SIP/2.0")), "")
        return f": {answer or told.strip()}" if answer or told else ""

    def _listens(self) -> bool:
        host = "".join(f"{int(part):02X}" for part in reversed(self._address.host.split(".")))
        return f" {host}:{self._address.port:04X} " in Path("/proc/net/udp").read_text("ascii")
