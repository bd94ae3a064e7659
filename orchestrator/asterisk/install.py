"""An Asterisk to run: the machine's own when it is new enough, otherwise one unpacked from Debian packages.

The unpacked one needs no root and touches nothing of the machine:

    <cache>/asterisk/tree/root/            the unpacked packages
    <cache>/asterisk/tree/manifest.json    what they are
    <cache>/asterisk/lock                  one install at a time

A tree is made aside and renamed into place whole, so there is never half of one.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from orchestrator.asterisk import packages
from orchestrator.asterisk.binary import OLDEST, Asterisk, installed, unpacked
from orchestrator.asterisk.file_lock import file_lock
from orchestrator.asterisk.packages import Package
from orchestrator.errors import InstallFailed, SwitchNotInstalled

SUITES = ("forky", "sid")
_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_LOCK_DEADLINE_S = 1800
_MANIFEST_VERSION = 1
_STAGING = "staging-"

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an unpacked Asterisk was made of. Args: mirror: its URI. suite: of Debian, e.g. `forky`."""

    mirror: str
    suite: str
    packages: tuple[Package, ...]

    @property
    def asterisk(self) -> str:
        """The Debian version of the package itself."""
        return next((package.version for package in self.packages if package.name == "asterisk"), "")


def cache_home() -> Path:
    """The cache folder: `VPBX_CACHE`, else `vpbx` in `XDG_CACHE_HOME`, else in `~/.cache`."""
    own = os.environ.get("VPBX_CACHE", "")
    if own:
        return Path(own).absolute()
    xdg = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(xdg).absolute() if xdg else Path.home() / ".cache") / "vpbx"


def find(cache: Path | None = None) -> Asterisk | None:
    """The Asterisk to use as things are; nothing is installed. None when there is none yet."""
    return installed() or unpacked(_tree(cache or cache_home()) / "root")


def require(cache: Path | None = None) -> Asterisk:
    """The Asterisk to use.

    Raises: SwitchNotInstalled: there is none yet.
    """
    found = find(cache)
    if found is None:
        raise SwitchNotInstalled(f"no Asterisk {OLDEST} or newer on this machine", "run vpbx switch install")
    return found


def ensure(cache: Path | None = None, say: Progress = lambda _: None) -> Asterisk:
    """The Asterisk to use, installed now if there is none yet. Instant when there is.

    Args: cache: instead of `cache_home()`. say: is told what goes on, one line at a time.
    Raises: InstallFailed; LockHeld: another install did not end in time.
    """
    folder = cache or cache_home()
    found = find(folder)
    if found is not None:
        return found
    with file_lock(folder / "asterisk/lock", _LOCK_DEADLINE_S, "installing Asterisk"):
        found = find(folder)
        return found if found is not None else _install(folder, say)


def manifest(cache: Path | None = None) -> Manifest | None:
    """What the unpacked Asterisk was made of; None when there is none."""
    try:
        told = json.loads((_tree(cache or cache_home()) / "manifest.json").read_text(encoding="utf-8"))
        return Manifest(told["mirror"], told["suite"], tuple(Package(**item) for item in told["packages"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _tree(cache: Path) -> Path:
    return cache / "asterisk/tree"


def _install(cache: Path, say: Progress) -> Asterisk:
    mirror = _mirror()
    keyring = _keyring()
    place = _tree(cache)
    for left in place.parent.glob(f"{_STAGING}*"):
        shutil.rmtree(left, ignore_errors=True)
    staging = Path(tempfile.mkdtemp(prefix=_STAGING, dir=place.parent))
    try:
        made = _fetch(mirror, keyring, staging, say)
        _write_manifest(staging / "tree/manifest.json", made)
        shutil.rmtree(place, ignore_errors=True)
        os.sync()
        (staging / "tree").rename(place)
    except OSError as error:
        raise InstallFailed(
            f"{error.filename or place}: {error.strerror}", "check space and rights there"
        ) from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    found = unpacked(place / "root")
    if found is None:
        raise InstallFailed(f"the Asterisk unpacked in {place} does not run", f"remove {place} and run again")
    return found


def _fetch(mirror: str, keyring: Path, staging: Path, say: Progress) -> Manifest:
    """Unpack Asterisk from the first suite that has a usable one into `staging/tree/root`."""
    failures = []
    for suite in SUITES:
        say(f"fetching Asterisk from Debian {suite}")
        try:
            debs = packages.download("asterisk", mirror, suite, keyring, staging / f"apt-{suite}")
        except InstallFailed as error:
            failures.append(f"{suite}: {error.message}")
            continue
        say(f"unpacking {len(debs)} packages")
        root = staging / "tree/root"
        made = Manifest(mirror, suite, packages.unpack(debs, root))
        if unpacked(root) is not None:
            return made
        failures.append(f"{suite}: Asterisk {made.asterisk} does not run or is older than {OLDEST}")
        shutil.rmtree(root)
    raise InstallFailed("; ".join(failures), "check apt's sources and the network, then run again")


def _mirror() -> str:
    own = os.environ.get("VPBX_DEBIAN_MIRROR", "")
    found = own or packages.debian_mirror(packages.configured_sources())
    if not found:
        raise InstallFailed(
            "apt on this machine is configured with no Debian mirror",
            f"name one in VPBX_DEBIAN_MIRROR, or install Asterisk {OLDEST} or newer by other means",
        )
    return found


def _keyring() -> Path:
    if not _KEYRING.is_file():
        raise InstallFailed(
            f"{_KEYRING} is missing: Debian's packages can't be verified without it",
            "apt-get install debian-archive-keyring",
        )
    return _KEYRING


def _write_manifest(path: Path, made: Manifest) -> None:
    told = {
        "version": _MANIFEST_VERSION,
        "mirror": made.mirror,
        "suite": made.suite,
        "packages": [
            {"name": package.name, "version": package.version, "architecture": package.architecture}
            for package in made.packages
        ],
    }
    path.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
