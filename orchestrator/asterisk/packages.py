"""Debian packages fetched and unpacked without root, beside the machine's own package state.

apt does the work: it resolves dependencies, fetches through whatever the machine's apt.conf says (proxies,
validity dates) and verifies the archive's signature. Only its state, sources and cache are ours.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestrator.errors import InstallFailed

_DEBIAN_SUITES = frozenset(
    {"oldoldstable", "oldstable", "stable", "testing", "unstable", "sid", "experimental"}
    | {"buster", "bullseye", "bookworm", "trixie", "forky", "duke"}
)
_QUERY_DEADLINE_S = 30
_UPDATE_DEADLINE_S = 300
_DOWNLOAD_DEADLINE_S = 900
_UNPACK_DEADLINE_S = 120
_TAIL_LINES = 4


@dataclass(frozen=True, slots=True)
class Source:
    """One entry of apt's sources: packages of some suites at one URI."""

    uri: str
    suites: tuple[str, ...]
    components: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Package:
    """A Debian package as installed. Args: version: Debian's, with epoch and revision."""

    name: str
    version: str
    architecture: str


def parse_list(text: str) -> Iterator[Source]:
    """Entries of a one-line `*.list` file that serve binary packages.

    >>> [s.suites for s in parse_list("deb [arch=amd64] http://mirror.test/debian trixie main # ours")]
    [('trixie',)]
    """
    for line in text.splitlines():
        match = re.match(r"\s*deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)([^#]*)", line)
        if match:
            yield Source(match[1], (match[2],), tuple(match[3].split()))


def parse_deb822(text: str) -> Iterator[Source]:
    """Entries of a deb822 `*.sources` file that are enabled and serve binary packages, one for each URI."""
    lines = (line for line in text.splitlines() if not line.startswith("#"))
    for stanza in re.split(r"\n\s*\n", "\n".join(lines)):
        fields = {
            name.lower(): value.split()
            for name, value in re.findall(r"^([A-Za-z0-9-]+):((?:.*)(?:\n[ \t]+.*)*)", stanza, re.MULTILINE)
        }
        enabled = " ".join(fields.get("enabled", ["yes"])).lower() not in {"no", "false", "off", "0"}
        if enabled and "deb" in fields.get("types", []):
            for uri in fields.get("uris", []):
                yield Source(uri, tuple(fields.get("suites", [])), tuple(fields.get("components", [])))


def debian_mirror(sources: Iterable[Source]) -> str | None:
    """The URI that serves Debian's main archive; None when no source does. Security archives don't count."""
    for source in sources:
        suites = {re.sub(r"-(updates|backports|proposed-updates)$", "", suite) for suite in source.suites}
        if "main" in source.components and suites & _DEBIAN_SUITES and not source.uri.startswith("cdrom:"):
            return source.uri
    return None


def configured_sources() -> tuple[Source, ...]:
    """Everything apt is configured to fetch from on this machine, in apt's own order.

    Raises: InstallFailed: there is no apt here.
    """
    query = ["apt-config", "shell", "LIST", "Dir::Etc::sourcelist/f", "PARTS", "Dir::Etc::sourceparts/d"]
    said = dict(re.findall(r"^(\w+)='(.*)'$", run(query, _QUERY_DEADLINE_S), re.MULTILINE))
    files = [Path(said["LIST"])] if "LIST" in said else []
    if "PARTS" in said and Path(said["PARTS"]).is_dir():
        files += sorted(Path(said["PARTS"]).iterdir())
    found: list[Source] = []
    for file in files:
        parse = {".list": parse_list, ".sources": parse_deb822}.get(file.suffix)
        if parse is not None and file.is_file():
            found += parse(file.read_text(encoding="utf-8", errors="replace"))
    return tuple(found)


def download(package: str, mirror: str, suite: str, keyring: Path, work: Path) -> list[Path]:
    """Fetch a package and everything it depends on, verified against the archive's keys.

    Args: work: an empty directory for apt's state; the files stay in it.
    Returns: the .deb files, sorted.
    Raises: InstallFailed: with the end of what apt said.
    """
    for name in ("state/lists/partial", "cache/archives/partial", "sources", "preferences"):
        (work / name).mkdir(parents=True)
    (work / "status").touch()
    architecture = run(["dpkg", "--print-architecture"], _QUERY_DEADLINE_S).strip()
    (work / "sources/debian.sources").write_text(
        f"Types: deb\nURIs: {mirror}\nSuites: {suite}\nComponents: main\n"
        f"Architectures: {architecture}\nTargets: Packages\nLanguages: none\nSigned-By: {keyring}\n",
        encoding="utf-8",
    )
    config = work / "apt.conf"
    config.write_text(_apt_conf(work), encoding="utf-8")
    run(["apt-get", "-q", "-c", str(config), "update"], _UPDATE_DEADLINE_S)
    run(
        ["apt-get", "-q", "-c", str(config), "install", "-y", "--download-only", package],
        _DOWNLOAD_DEADLINE_S,
    )
    return sorted((work / "cache/archives").glob("*.deb"))


def unpack(debs: Sequence[Path], root: Path) -> tuple[Package, ...]:
    """Unpack packages into a tree without running anything of theirs. Returns: what they are, by name."""
    root.mkdir(parents=True, exist_ok=True)
    packages = []
    for deb in debs:
        run(["dpkg-deb", "-x", str(deb), str(root)], _UNPACK_DEADLINE_S)
        shown = run(["dpkg-deb", "-W", "--showformat", "${Package} ${Version} ${Architecture}", str(deb)], 30)
        name, version, architecture = shown.split()
        packages.append(Package(name, version, architecture))
    return tuple(sorted(packages, key=lambda package: package.name))


def run(command: Sequence[str], deadline_s: float) -> str:
    """What a command of apt or dpkg printed.

    Raises: InstallFailed: it isn't there, failed (with the end of its error output), or took too long.
    """
    environment = {**os.environ, "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=deadline_s, check=False, env=environment
        )
    except FileNotFoundError:
        raise InstallFailed(
            f"{command[0]} is not on this machine", "install Asterisk 20 or newer by other means"
        ) from None
    except subprocess.TimeoutExpired:
        raise InstallFailed(
            f"{command[0]} did not end within {deadline_s:g} s", "check the network, then run again"
        ) from None
    if done.returncode != 0:
        said = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        tail = "; ".join(said[-_TAIL_LINES:]) or f"exit code {done.returncode}"
        raise InstallFailed(
            f"{command[0]} failed: {tail}", "check apt's sources and the network, then run again"
        )
    return done.stdout


def _apt_conf(work: Path) -> str:
    """Read by apt after the machine's own configuration: only what must differ for us.

    Hooks of the machine are cleared, as they are about the machine's own packages. Anything the machine
    allows unsigned is refused again.
    """
    sandbox = 'APT::Sandbox::User "root";\n' if os.geteuid() == 0 else ""
    return f"""\
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear DPkg::Pre-Invoke;
#clear DPkg::Post-Invoke;
#clear DPkg::Pre-Install-Pkgs;
Dir::State "{work}/state";
Dir::State::lists "{work}/state/lists";
Dir::State::status "{work}/status";
Dir::State::extended_states "{work}/state/extended_states";
Dir::Cache "{work}/cache";
Dir::Cache::archives "{work}/cache/archives";
Dir::Etc::sourcelist "/dev/null";
Dir::Etc::sourceparts "{work}/sources";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "{work}/preferences";
Dir::Log "{work}";
APT::Install-Recommends "false";
APT::Install-Suggests "false";
APT::Update::Error-Mode "any";
APT::Get::AllowUnauthenticated "false";
Acquire::AllowInsecureRepositories "false";
Acquire::AllowWeakRepositories "false";
Acquire::AllowDowngradeToInsecureRepositories "false";
Acquire::Retries "2";
{sandbox}"""
