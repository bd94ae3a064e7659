"""An Asterisk that can be run: how it is called, its version, where its modules and sounds lie."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

OLDEST = 20
_DEADLINE_S = 10
_SYSTEM_BINARY = Path("/usr/sbin/asterisk")
_SOUNDS = ("en", "en_US_f_Allison")


@dataclass(frozen=True, slots=True)
class Asterisk:
    """One Asterisk on this machine.

    Args:
        command: what runs it, without any option; the dynamic loader and its library path come first
            for one that was unpacked from packages.
        version: e.g. (22, 10, 1).
        modules: directory of the loadable modules.
        data: directory of its documentation and sounds.
        sounds: directory of the English prompts; None when it has none.
        origin: `installed` (the machine's own) or `cache` (unpacked by `switch install`).
    """

    command: tuple[str, ...]
    version: tuple[int, ...]
    modules: Path
    data: Path
    sounds: Path | None
    origin: str

    @property
    def binary(self) -> Path:
        return Path(self.command[-1])

    @property
    def version_text(self) -> str:
        return ".".join(map(str, self.version))

    def argv(self, *options: str) -> list[str]:
        """The whole command with these options."""
        return [*self.command, *options]


def parse_version(text: str) -> tuple[int, ...] | None:
    """What `asterisk -V` printed, as numbers; None when it is no release of Asterisk.

    >>> parse_version("Asterisk 22.10.1+dfsg+~cs6.17.60671434-1")
    (22, 10, 1)
    >>> parse_version("Asterisk certified/20.7-cert3")
    (20, 7)
    >>> parse_version("Asterisk GIT-master-1a2b3c") is None
    True
    """
    match = re.match(r"Asterisk (?:certified/|certified-)?(\d+(?:\.\d+)*)", text)
    return tuple(int(part) for part in match[1].split(".")) if match else None


def installed() -> Asterisk | None:
    """The machine's own Asterisk, from PATH or its usual place; None when there is none of 20 or newer."""
    on_path = shutil.which("asterisk")
    for binary in dict.fromkeys([Path(on_path)] if on_path else []) | dict.fromkeys([_SYSTEM_BINARY]):
        if binary.is_file() and (found := from_prefix(binary)) is not None:
            return found
    return None


def from_prefix(binary: Path) -> Asterisk | None:
    """An Asterisk installed below a prefix such as `/usr` or `/usr/local`; None when it isn't usable."""
    prefix = binary.resolve().parent.parent
    version = _version((str(binary),))
    roots = [prefix, Path("/usr")]
    modules = _first_with(_module_places(roots), "pbx_config.so")
    data = _first_with(
        [*(root / "share/asterisk" for root in roots), Path("/var/lib/asterisk")], "documentation"
    )
    if version is None or version[0] < OLDEST or modules is None or data is None:
        return None
    return Asterisk((str(binary),), version, modules, data, _sounds(data), "installed")


def unpacked(root: Path) -> Asterisk | None:
    """An Asterisk in a tree of unpacked Debian packages; None when the tree has no usable one.

    It is run by the tree's own dynamic loader with the tree's own libraries, so the machine may be older
    or newer than the packages. Any Debian architecture: its directory is the one with the loader.
    """
    binary = root / "usr/sbin/asterisk"
    loaders = sorted((root / "usr/lib").glob("*-linux-gnu*/ld-linux*.so.*"))
    if not binary.is_file() or not loaders:
        return None
    libraries = loaders[0].parent
    command = (str(loaders[0]), "--library-path", str(libraries), str(binary))
    modules = libraries / "asterisk/modules"
    version = _version(command)
    if version is None or version[0] < OLDEST or not (modules / "pbx_config.so").is_file():
        return None
    data = root / "usr/share/asterisk"
    return Asterisk(command, version, modules, data, _sounds(data), "cache")


def told_version(asterisk: Asterisk) -> str:
    """What its `-V` prints, with what its numbers leave out, such as `certified`."""
    return _told(asterisk.command) or f"Asterisk {asterisk.version_text}"


def unusable() -> str:
    """What the machine's own Asterisk prints for `-V` when vpbx doesn't run it; empty when there is none."""
    on_path = shutil.which("asterisk")
    return _told((on_path,)) if on_path and from_prefix(Path(on_path)) is None else ""


def _version(command: tuple[str, ...]) -> tuple[int, ...] | None:
    return parse_version(_told(command))


def _told(command: tuple[str, ...]) -> str:
    """What `-V` prints; empty when it fails or doesn't end."""
    try:
        done = subprocess.run(
            [*command, "-V"], capture_output=True, text=True, timeout=_DEADLINE_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _module_places(roots: Iterable[Path]) -> Iterable[Path]:
    for root in roots:
        yield root / "lib/asterisk/modules"
        yield root / "lib64/asterisk/modules"
        yield from sorted(root.glob("lib/*-linux-*/asterisk/modules"))


def _first_with(places: Iterable[Path], name: str) -> Path | None:
    return next((place for place in places if (place / name).exists()), None)


def _sounds(data: Path) -> Path | None:
    return next((data / "sounds" / name for name in _SOUNDS if (data / "sounds" / name).is_dir()), None)
