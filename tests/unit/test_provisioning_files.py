"""What deploy/ names agrees with what the product is: its locks, its Pythons, the places of its record."""

from __future__ import annotations

import re
import tomllib
from fnmatch import fnmatch
from pathlib import Path

from orchestrator.asterisk.binary import OLDEST
from orchestrator.project import Project

ROOT = Path(__file__).parents[2]
SCRIPT = (ROOT / "deploy/provision.sh").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def pins(lock: str) -> dict[str, tuple[str, frozenset[str]]]:
    """Version and hashes by package of a lock."""
    text = (ROOT / "requirements" / lock).read_text()
    return {
        match[1]: (match[2], frozenset(re.findall(r"--hash=(sha256:[0-9a-f]{64})", match[3])))
        for match in re.finditer(r"^([a-z0-9-]+)==(\S+) (.*?)(?=^[a-z]|\Z)", text, re.MULTILINE | re.DOTALL)
    }


def test_what_is_installed_to_run_is_what_was_tested() -> None:
    runtime, tested = pins("runtime.lock"), pins("dev.lock")
    assert runtime
    assert {name: pin for name, pin in runtime.items() if tested.get(name) != pin} == {}


def test_the_runtime_lock_has_all_that_is_asked_for_and_what_builds_it() -> None:
    asked = [
        *PROJECT["dependencies"],
        *PROJECT["optional-dependencies"]["postgresql"],
        "setuptools",
    ]
    names = {re.split(r"[^A-Za-z0-9-]", each)[0].lower() for each in asked}
    assert names - set(pins("runtime.lock")) == set()
    assert not {"pytest", "mypy", "ruff"} & set(pins("runtime.lock"))


def test_the_script_takes_the_pythons_that_the_package_supports() -> None:
    named = re.search(r"PYTHONS=\(([0-9. ]+)\)", SCRIPT)
    assert named is not None
    least, below = re.findall(r"3\.(\d+)", PROJECT["requires-python"])
    assert named[1].split() == [f"3.{minor}" for minor in reversed(range(int(least), int(below)))]


def test_the_script_asks_for_the_oldest_asterisk_that_the_product_does() -> None:
    assert f"OLDEST_ASTERISK={OLDEST}\n" in SCRIPT


def test_the_record_is_rotated_where_the_switch_writes_it() -> None:
    rotated = re.findall(r"(/var/lib/vpbx/\S+)", (ROOT / "deploy/logrotate/vpbx").read_text())
    paths = Project(Path("/etc/vpbx")).switch("pbx1")
    for file in (paths.cel_file, paths.cdr_file, paths.log / "messages"):
        place = str(file).replace("/etc/vpbx/.vpbx", "/var/lib/vpbx")
        assert any(fnmatch(place, pattern) for pattern in rotated), place
