"""A bare Debian as a machine of its own: unpacked into a directory, entered or booted in namespaces.

It has its own processes, mounts and host name, and its own systemd when it is booted; the network is this
machine's, so that a call reaches it on the loopback address. Packages come from where this machine's apt and
pip get theirs.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from orchestrator.asterisk import packages
from orchestrator.asterisk.install import cache_home

SUITE = "forky"
NAME = "vpbx-machine"
CHECKOUT = "/srv/checkout"
_SCRIPT = "sid"
_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_ENTER = Path(__file__).with_name("enter.sh")
_HOST_FILES = "/etc/host-files"
_APT_CACHE, _PIP_CACHE = "/var/cache/apt/archives", "/var/cache/pip"
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_UNPACK_DEADLINE_S, _BOOT_DEADLINE_S, _END_DEADLINE_S = 600, 120, 20
_POLL_S = 0.1
_UP = {"running", "degraded"}


class MachineFailed(Exception):
    """It could not be made, booted or ended, or something in it failed."""


class Machine:
    """One machine below a directory."""

    def __init__(self, place: Path, checkout: Path) -> None:
        """Args: place: does not exist yet. checkout: is at CHECKOUT in the machine."""
        self.root = place / "root"
        self._place = place
        self._cgroup = _unified_cgroups() / f"{NAME}-{os.getpid()}"
        self._init: subprocess.Popen[bytes] | None = None
        self._environment: dict[str, str] = {}
        self._binds = {checkout: CHECKOUT}

    def unpack(self) -> None:
        """Unpack the suite, nothing of vpbx in it. Raises: MachineFailed."""
        mirror = os.environ.get("VPBX_DEBIAN_MIRROR") or packages.debian_mirror(packages.configured_sources())
        if not mirror:
            raise MachineFailed("apt on this machine is configured with no Debian mirror")
        debs, pip = cache_home() / "provision/debs", cache_home() / "provision/pip"
        for directory in (self._place, debs / "partial", pip):
            directory.mkdir(parents=True, exist_ok=True)
        command = ["debootstrap", "--variant=minbase", "--include=systemd,ca-certificates"]
        command += [f"--cache-dir={debs}", f"--keyring={_KEYRING}", SUITE, str(self.root), mirror, _SCRIPT]
        _checked(command, _UNPACK_DEADLINE_S)
        self._binds |= {debs: _APT_CACHE, pip: _PIP_CACHE}
        etc = self.root / "etc"
        (etc / "apt/apt.conf.d/90host").write_text(_apt_settings() + 'APT::Sandbox::User "root";\n')
        (etc / "dpkg/dpkg.cfg.d/unsafe-io").write_text("force-unsafe-io\n")
        (etc / "hostname").write_text(f"{NAME}\n")
        (etc / "hosts").write_text(Path("/etc/hosts").read_text() + f"\n127.0.1.1 {NAME}\n")
        self._take_pip_settings()

    def remove(self) -> None:
        """Remove its files, unless something of this machine is still mounted among them."""
        mounted = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
        if any(Path(place).is_relative_to(self.root) for place in mounted):
            raise MachineFailed(f"something is mounted below {self.root}")
        shutil.rmtree(self.root, ignore_errors=True)

    def run(
        self, *command: str, deadline_s: float = 60.0, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in it as root, whatever it exits with; in the booted one, or by itself."""
        inside = {"PATH": _PATH, "HOME": "/root", "LC_ALL": "C.UTF-8", **self._environment, **environment}
        if self._init is None:
            argv = self._entering()
        else:
            argv = ["nsenter", f"--target={self._init_pid()}", *("-m", "-p", "-i", "-u", "-C"), "--wdns=/"]
        return subprocess.run(
            [*argv, "env", "-i", *(f"{key}={value}" for key, value in inside.items()), *command],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=deadline_s,
            check=False,
        )

    def ok(self, *command: str, deadline_s: float = 60.0) -> str:
        """What a command in it printed. Raises: MachineFailed: it exits with another code than 0."""
        done = self.run(*command, deadline_s=deadline_s)
        if done.returncode:
            raise MachineFailed(f"{command}: exit {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done.stdout

    @contextmanager
    def booted(self) -> Iterator[None]:
        """Its systemd runs as process 1 while this lasts. Raises: MachineFailed."""
        self._cgroup.mkdir(exist_ok=True)
        with (self._place / "boot.log").open("wb") as log:
            systemd = ["env", "-i", f"PATH={_PATH}", "container=vpbx-test", "/lib/systemd/systemd"]
            self._init = subprocess.Popen(
                ["setpriv", "--pdeathsig=KILL", *self._entering(), *systemd, "--unit=multi-user.target"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=self._into_cgroup,
            )
        try:
            self.until(self._is_up, "it has booted", _BOOT_DEADLINE_S)
            yield
        finally:
            self._halt()

    def until(self, true: Callable[[], object], what: str, deadline_s: float = 30.0) -> None:
        """Poll. Raises: MachineFailed: it did not come true in time."""
        deadline = time.monotonic() + deadline_s
        while not true():
            if time.monotonic() > deadline:
                raise MachineFailed(f"not within {deadline_s:g} s: {what}")
            time.sleep(_POLL_S)

    def property(self, unit: str, name: str) -> str:
        """What systemd says of a unit."""
        return self.ok("systemctl", "show", f"--property={name}", "--value", unit).strip()

    def path(self, inside: str) -> Path:
        """Where a file of it lies on this machine."""
        return self.root / inside.removeprefix("/")

    def _entering(self) -> list[str]:
        binds = self._place / "binds"
        binds.write_text("".join(f"{source} {target}\n" for source, target in self._binds.items()))
        spaces = ["--mount", "--pid", "--ipc", "--uts", "--cgroup", "--fork", "--kill-child=SIGKILL"]
        command = ["unshare", *spaces, "--propagation=private", "bash", str(_ENTER)]
        return [*command, str(self.root), NAME, str(binds)]

    def _into_cgroup(self) -> None:
        (self._cgroup / "cgroup.procs").write_text(str(os.getpid()))

    def _init_pid(self) -> int:
        """Id, on this machine, of its process 1. Raises: MachineFailed: it has ended, or isn't there yet."""
        assert self._init is not None
        task = Path(f"/proc/{self._init.pid}/task/{self._init.pid}/children")
        try:
            return int(task.read_text().split()[0])
        except (OSError, IndexError):
            raise MachineFailed(f"no process 1: {self._boot_log()}") from None

    def _is_up(self) -> bool:
        assert self._init is not None
        if self._init.poll() is not None:
            raise MachineFailed(f"it ended while booting: {self._boot_log()}")
        try:
            first = Path(f"/proc/{self._init_pid()}/comm").read_text().strip()
        except (OSError, MachineFailed):
            return False
        # Before that it is the script, whose root is still this machine's.
        return first == "systemd" and self.run("systemctl", "is-system-running").stdout.strip() in _UP

    def _boot_log(self) -> str:
        return (self._place / "boot.log").read_text(errors="replace")[-2000:]

    def _halt(self) -> None:
        """End it and all its processes: they go with its process 1."""
        assert self._init is not None
        with suppress(MachineFailed, ProcessLookupError):
            os.kill(self._init_pid(), signal.SIGKILL)
        self._init.kill()
        self._init.wait(_END_DEADLINE_S)
        self._init = None
        self.until(self._cgroup_is_gone, "its processes have ended", _END_DEADLINE_S)

    def _cgroup_is_gone(self) -> bool:
        for directory, _, _ in os.walk(self._cgroup, topdown=False):
            try:
                Path(directory).rmdir()
            except OSError:
                return False
        return not self._cgroup.exists()

    def _take_pip_settings(self) -> None:
        """What this machine's pip is told, by files and environment, as environment of the other one's."""
        settings = {f"PIP_{key.upper().replace('-', '_')}": value for key, value in _pip_settings().items()}
        settings["PIP_CACHE_DIR"] = _PIP_CACHE
        proxies = {key: value for key, value in os.environ.items() if key.lower().endswith("_proxy")}
        self._environment = {key: self._brought(value) for key, value in settings.items()} | proxies

    def _brought(self, value: str) -> str:
        """A setting whose files and directories are brought into the machine."""
        return " ".join(self._brought_word(word) for word in value.split())

    def _brought_word(self, word: str) -> str:
        path = Path(word.removeprefix("file://"))
        if word.startswith("file://") and len(path.parts) > 2:
            # An index of files names them relative to itself, so they lie beside it.
            path = path.parent
        if path.is_absolute() and path.is_dir():
            self._binds[path] = str(path)
        elif path.is_absolute() and path.is_file():
            inside = f"{_HOST_FILES}/{path.name}"
            self.path(_HOST_FILES).mkdir(exist_ok=True)
            shutil.copyfile(path, self.path(inside))
            return inside
        return word


def _pip_settings() -> Mapping[str, str]:
    """This machine's pip configuration, the environment's on top."""
    told = _checked(["pip", "config", "list"], 60)
    found = dict(re.findall(r"^global\.([a-z-]+)='(.*)'$", told.replace("\\n", " "), re.MULTILINE))
    for key, value in os.environ.items():
        if key.startswith("PIP_"):
            found[key.removeprefix("PIP_").lower().replace("_", "-")] = value
    return found


def _apt_settings() -> str:
    """How this machine's apt fetches: proxies, and whether an archive may be an old one."""
    lines = _checked(["apt-config", "dump"], 60).splitlines()
    return "".join(f"{line}\n" for line in lines if line.startswith("Acquire::") and not line.endswith('"";'))


def _unified_cgroups() -> Path:
    """Where this machine has its cgroups of version 2."""
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, place, kind, *_ = line.split()
        if kind == "cgroup2":
            return Path(place)
    raise MachineFailed("this machine has no cgroups of version 2, which systemd needs")


def _checked(command: list[str], deadline_s: float) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=deadline_s, check=False)
    if done.returncode:
        raise MachineFailed(
            f"{command[0]}: exit {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
        )
    return done.stdout
