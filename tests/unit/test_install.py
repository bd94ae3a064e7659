"""Finding and installing Asterisk: apt's sources, versions, the cache, the lock."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator.asterisk import binary, install, packages
from orchestrator.asterisk.file_lock import LockHeld, file_lock
from orchestrator.errors import InstallFailed, SwitchNotInstalled

DEB822 = """\
# the archive
Types: deb deb-src
URIs: http://one.test/debian
 http://two.test/debian
Suites: trixie trixie-updates
# a comment inside
Components: main
 contrib
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 mQINBF
 -----END PGP PUBLIC KEY BLOCK-----

Types: deb
Enabled: no
URIs: http://off.test/debian
Suites: sid
Components: main

Types: deb-src
URIs: http://src.test/debian
Suites: sid
Components: main
"""


def test_deb822_sources_are_read_with_continued_and_disabled_entries() -> None:
    suites, components = ("trixie", "trixie-updates"), ("main", "contrib")
    assert list(packages.parse_deb822(DEB822)) == [
        packages.Source("http://one.test/debian", suites, components),
        packages.Source("http://two.test/debian", suites, components),
    ]


def test_one_line_sources_are_read_without_comments_and_source_packages() -> None:
    text = (
        "# deb http://off.test/debian sid main\n"
        "deb-src http://src.test/debian sid main\n"
        "deb [arch=amd64 signed-by=/k.gpg] https://one.test/debian bookworm main non-free # note\n"
        "deb\thttp://two.test/flat\t./\n"
    )
    assert list(packages.parse_list(text)) == [
        packages.Source("https://one.test/debian", ("bookworm",), ("main", "non-free")),
        packages.Source("http://two.test/flat", ("./",), ()),
    ]


@pytest.mark.parametrize(
    ("source", "mirror"),
    [
        (
            packages.Source("http://m.test/debian", ("trixie", "trixie-updates"), ("main",)),
            "http://m.test/debian",
        ),
        (packages.Source("http://m.test/debian", ("bookworm-updates",), ("main",)), "http://m.test/debian"),
        (packages.Source("http://s.test/debian-security", ("trixie-security",), ("main",)), None),
        (packages.Source("http://s.test/", ("buster/updates",), ("main",)), None),
        (packages.Source("http://vendor.test/apt", ("tool-bookworm",), ("main",)), None),
        (packages.Source("http://m.test/debian", ("sid",), ("contrib",)), None),
        (packages.Source("cdrom:[Debian]/", ("trixie",), ("main",)), None),
    ],
)
def test_only_the_main_archive_of_debian_is_the_mirror(source: packages.Source, mirror: str | None) -> None:
    assert packages.debian_mirror([source]) == mirror


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("Asterisk 22.10.1+dfsg+~cs6.17.60671434-1\n", (22, 10, 1)),
        ("Asterisk 20.9.0", (20, 9, 0)),
        ("Asterisk 16.28.0~dfsg-0+deb11u4", (16, 28, 0)),
        ("Asterisk certified-20.7-cert3", (20, 7)),
        ("Asterisk GIT-master-1a2b3c", None),
        ("", None),
    ],
)
def test_version_of_asterisk_is_read(text: str, version: tuple[int, ...] | None) -> None:
    assert binary.parse_version(text) == version


def _fake_asterisk(prefix: Path, version: str) -> Path:
    path = prefix / "sbin/asterisk"
    for place in (path.parent, prefix / "lib/asterisk/modules", prefix / "share/asterisk/documentation"):
        place.mkdir(parents=True)
    (prefix / "lib/asterisk/modules/pbx_config.so").touch()
    path.write_text(f"#!/bin/sh\necho Asterisk {version}\n", encoding="ascii")
    path.chmod(0o755)
    return path


def test_asterisk_on_the_path_is_used_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = _fake_asterisk(tmp_path, "20.9.0")
    monkeypatch.setenv("PATH", str(path.parent), prepend=":")
    found = binary.installed()
    assert found is not None
    assert (found.argv("-V"), found.version, found.origin) == ([str(path), "-V"], (20, 9, 0), "installed")
    assert found.modules == tmp_path / "lib/asterisk/modules"


def test_asterisk_older_than_20_is_not_used(tmp_path: Path) -> None:
    assert binary.from_prefix(_fake_asterisk(tmp_path, "18.26.4")) is None


def test_asterisk_that_fails_is_not_used(tmp_path: Path) -> None:
    path = _fake_asterisk(tmp_path, "22.0.0")
    path.write_text("#!/bin/sh\nexit 1\n", encoding="ascii")
    assert binary.from_prefix(path) is None


def test_cache_folder_follows_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("VPBX_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert install.cache_home() == tmp_path / ".cache/vpbx"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert install.cache_home() == tmp_path / "xdg/vpbx"
    monkeypatch.setenv("VPBX_CACHE", str(tmp_path / "own"))
    assert install.cache_home() == tmp_path / "own"


@pytest.fixture
def bare_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with apt and a mirror, and no Asterisk."""
    monkeypatch.setattr(install, "installed", lambda: None)
    monkeypatch.setattr(install, "_keyring", lambda: Path("/keyring.gpg"))
    monkeypatch.setenv("VPBX_DEBIAN_MIRROR", "http://mirror.test/debian")


def test_missing_asterisk_names_the_command_that_installs_it(tmp_path: Path, bare_machine: None) -> None:
    with pytest.raises(SwitchNotInstalled) as refused:
        install.require(tmp_path)
    assert refused.value.hint == "run vpbx switch install"


def test_missing_keyring_is_refused_with_the_package_that_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(install, "installed", lambda: None)
    monkeypatch.setattr(install, "_KEYRING", tmp_path / "none.gpg")
    monkeypatch.setenv("VPBX_DEBIAN_MIRROR", "http://mirror.test/debian")
    with pytest.raises(InstallFailed) as failed:
        install.ensure(tmp_path / "cache")
    assert failed.value.hint == "apt-get install debian-archive-keyring"


def test_machine_without_debian_sources_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(install, "installed", lambda: None)
    monkeypatch.setattr(packages, "configured_sources", lambda: ())
    monkeypatch.delenv("VPBX_DEBIAN_MIRROR", raising=False)
    with pytest.raises(InstallFailed, match="no Debian mirror"):
        install.ensure(tmp_path)


def test_failed_install_reports_every_suite_and_leaves_nothing(
    tmp_path: Path, bare_machine: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(package: str, mirror: str, suite: str, keyring: Path, work: Path) -> list[Path]:
        work.mkdir()
        (work / "half.deb").touch()
        raise InstallFailed(f"no {package} in {suite}")

    monkeypatch.setattr(packages, "download", refuse)
    with pytest.raises(InstallFailed, match="forky: no asterisk in forky; sid: no asterisk in sid"):
        install.ensure(tmp_path)
    assert [place.name for place in (tmp_path / "asterisk").iterdir()] == ["lock"]


def test_what_a_killed_install_left_is_removed(
    tmp_path: Path, bare_machine: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "asterisk/staging-dead/tree").mkdir(parents=True)
    (tmp_path / "asterisk/tree/root/usr/sbin").mkdir(parents=True)
    made = _installs(monkeypatch)
    found = install.ensure(tmp_path)
    assert (made, found.origin) == (["forky"], "cache")
    assert sorted(place.name for place in (tmp_path / "asterisk").iterdir()) == ["lock", "tree"]
    assert json.loads((tmp_path / "asterisk/tree/manifest.json").read_text())["suite"] == "forky"
    manifest = install.manifest(tmp_path)
    assert manifest is not None and manifest.asterisk == "1:22.10.1-1"
    install.ensure(tmp_path)
    assert made == ["forky"], "the second run found the first one's"


def _installs(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A download and an unpacking that make a small Asterisk. Returns: the suites asked for, as it goes."""
    asked: list[str] = []

    def download(package: str, mirror: str, suite: str, keyring: Path, work: Path) -> list[Path]:
        asked.append(suite)
        return []

    def unpack(debs: list[Path], root: Path) -> tuple[packages.Package, ...]:
        libraries = root / "usr/lib/aarch64-linux-gnu"
        for place in (libraries / "asterisk/modules", root / "usr/sbin"):
            place.mkdir(parents=True)
        (root / "usr/sbin/asterisk").touch()
        (libraries / "asterisk/modules/pbx_config.so").touch()
        loader = libraries / "ld-linux-aarch64.so.1"
        loader.write_text("#!/bin/sh\necho Asterisk 22.10.1\n", encoding="ascii")
        loader.chmod(0o755)
        return (packages.Package("asterisk", "1:22.10.1-1", "arm64"),)

    monkeypatch.setattr(packages, "download", download)
    monkeypatch.setattr(packages, "unpack", unpack)
    return asked


def test_unsigned_and_foreign_sources_are_refused_by_our_apt_configuration(tmp_path: Path) -> None:
    text = packages._apt_conf(tmp_path)
    for name in ("APT::Get::AllowUnauthenticated", "Acquire::AllowInsecureRepositories"):
        assert f'{name} "false";' in text
    assert f'Dir::State::status "{tmp_path}/status";' in text


def test_failed_command_tells_the_end_of_its_error_output() -> None:
    with pytest.raises(InstallFailed, match=r"sh failed: two; three; four; five$"):
        packages.run(["sh", "-c", "for w in one two three four five; do echo $w >&2; done; exit 9"], 10)


def test_command_that_hangs_ends_at_its_deadline() -> None:
    with pytest.raises(InstallFailed, match=r"did not end within 0\.2 s"):
        packages.run(["sleep", "30"], 0.2)


HOLDER = """
import sys
from pathlib import Path
from orchestrator.asterisk.file_lock import file_lock
with file_lock(Path(sys.argv[1]), 30, "testing"):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_lock_is_held_between_processes_until_its_deadline(tmp_path: Path) -> None:
    path = tmp_path / "a/lock"
    other = subprocess.Popen(
        [sys.executable, "-c", HOLDER, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with other:
        assert other.stdout is not None and other.stdin is not None
        assert other.stdout.readline() == "held\n"
        with (
            pytest.raises(LockHeld, match=f"process {other.pid} is still testing"),
            file_lock(path, 0.2, "testing"),
        ):
            pass
        other.stdin.close()
        with file_lock(path, 30, "testing"):
            pass
    assert other.returncode == 0


def test_lock_of_a_killed_process_is_free(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    other = subprocess.Popen(
        [sys.executable, "-c", HOLDER, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        other.kill()
        with file_lock(path, 30, "testing"):
            pass
