"""The Vagrantfile, read by Vagrant itself."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.provision

ROOT = Path(__file__).parents[2]


def vagrant(home: Path, directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "VAGRANT_HOME": str(home), "VAGRANT_CHECKPOINT_DISABLE": "1"}
    return subprocess.run(
        ["vagrant", *arguments],
        cwd=directory,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_vagrantfile_is_valid(tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    (tmp_path / "project/Vagrantfile").write_text((ROOT / "Vagrantfile").read_text())
    done = vagrant(tmp_path / "home", tmp_path / "project", "validate", "--ignore-provider")
    assert done.returncode == 0, done.stdout + done.stderr


def test_it_provisions_with_the_script_that_is_tested_here(tmp_path: Path) -> None:
    text = (ROOT / "Vagrantfile").read_text()
    (line,) = [line for line in text.splitlines() if "config.vm.provision " in line]
    assert "/vagrant/deploy/provision.sh --seed example --sip" in line
    assert os.access(ROOT / "deploy/provision.sh", os.X_OK)
