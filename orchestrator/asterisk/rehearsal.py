"""A candidate tried on a switch of its own before the running one sees anything of it.

Asterisk loads a broken dialplan with no more than a warning. So a scratch switch reads the shared blocks and
the tenants that change: a warning in its log refuses the candidate, and so does what only a call would run
into: an application or function that it doesn't have, a place to go to that isn't there, a sound that is
missing. It listens on a free port of loopback and registers nowhere.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestrator.asterisk.binary import Asterisk
from orchestrator.asterisk.dialplan import parse
from orchestrator.asterisk.dialplan_check import Fault, Known, faults
from orchestrator.asterisk.generations import PROMPTS, Generation
from orchestrator.asterisk.instance import Instance
from orchestrator.asterisk.layout import data_dir
from orchestrator.asterisk.listening import free_port
from orchestrator.asterisk.phones import PhoneRows
from orchestrator.errors import ApplyFailed
from orchestrator.model.call import Systemname
from orchestrator.project import SwitchPaths
from orchestrator.rendering.filters import PROMPT_PREFIX
from orchestrator.rendering.render import dialplan_file, phones_file

MOST_PHONES_TRIED = 50
"""Tenants whose phones are tried as a file; more would cost seconds, and they come out of one template.

As rows the running switch takes phones that have an option it doesn't know, and says nothing.
"""

_NAME = Systemname("trial")
_HOST = "127.0.0.1"
_BOOT_DEADLINE_S = 60.0
_TROUBLE = re.compile(r"^\[[^\]]*\] (?:WARNING|ERROR)\[\d+\](?:\[[^\]]*\])? (\S+): (.*)$")
_PLACE = re.compile(r"line (\d+) of (\S+?)[!.,]?(?:\s|$)")
_NOWHERE = re.compile(r" at line \d+ of\s*$")
_ALONE = (
    "res_pjsip_outbound_registration",
    "res_pjsip_outbound_publish",
    "res_pjsip_exten_state",
    "cel_",
    "cdr_",
)
"""Modules that would reach out, or write records: the scratch switch runs without them."""

_OF_THE_MACHINE = ("taskprocessor.c", "xmldoc.c")
"""Sources whose warnings tell nothing of the candidate: how busy it is, what its console can't explain."""

_DOCUMENTATION = "documentation/core-en_US.xml"
_OPTIONS = re.compile(rb"<configInfo .*?</configInfo>", re.DOTALL)

_NOT_EVERYWHERE = ("codec_opus_open_source",)
"""Modules that not every build has: a switch runs without them, and `vpbx doctor` tells what is missing."""


_LOGGER = "[general]\ndateformat=%F %T\n[logfiles]\nmessages => warning,error\n"
_MANAGER = "[general]\nenabled=no\n"
_OFF = "[general]\nenable=no\n"


class CandidateRefused(ApplyFailed):
    """The candidate isn't what a switch takes; the running one has seen nothing of it.

    Args: found: every fault.
    """

    code = "candidate-refused"

    def __init__(self, found: Sequence[Fault]) -> None:
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        super().__init__(
            f"{found[0]}{more}",
            "the running switch was not touched; vpbx render --explain says where it is from",
        )
        self.found = tuple(found)


@dataclass(frozen=True, slots=True)
class _Heard:
    trouble: tuple[Fault, ...]
    applications: frozenset[str]
    functions: frozenset[str]


def try_out(
    generation: Generation, tenants: Sequence[str], shared: bool, asterisk: Asterisk, data: Path
) -> None:
    """Try a staged generation. Args: tenants: those that change. shared: pjsip.conf and such change too.

    data: where the running switch finds its sounds, where the Asterisk has none of its own.
    Raises: CandidateRefused. SwitchError: the scratch switch can't be started.
    """
    heard = _hear(generation, tenants, shared, asterisk)
    root = generation.path
    files = [*_below(root, "dialplan"), *_below(root, "dialplan/blocks"), *map(dialplan_file, tenants)]
    plans = {file: parse((root / file).read_text("utf-8")) for file in files}
    known = Known(
        heard.applications, heard.functions, _Sounds(root, asterisk.sounds or data / "sounds" / "en")
    )
    found = [*heard.trouble, *faults(plans, known)]
    if found:
        raise CandidateRefused(sorted(found))


def _hear(generation: Generation, tenants: Sequence[str], shared: bool, asterisk: Asterisk) -> _Heard:
    with tempfile.TemporaryDirectory(prefix="vpbx-trial-") as directory:
        paths = SwitchPaths(Path(directory))
        _furnish(paths, generation.path, tenants, shared)
        _document(data_dir(paths) / _DOCUMENTATION, asterisk.data / _DOCUMENTATION)
        switch = Instance(paths, asterisk, tied=True)
        try:
            switch.start(_NAME, (), _BOOT_DEADLINE_S)
            applications = _names(switch.rx("core show applications"))
            functions = _names(switch.rx("core show functions"))
        finally:
            switch.kill()
        log = paths.log / "messages"
        lines = log.read_text("utf-8", errors="replace").splitlines() if log.exists() else []
        return _Heard(tuple(_trouble(lines, paths.etc)), applications, functions)


def _furnish(paths: SwitchPaths, root: Path, tenants: Sequence[str], shared: bool) -> None:
    """The scratch switch's configuration: the candidate's own files, but for what would reach out."""
    etc = paths.etc
    for file in root.iterdir():
        if file.is_file() and file.suffix == ".conf":
            etc.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, etc / file.name)
    (etc / "dialplan" / "tenants").mkdir(parents=True)
    for name in _below(root, "dialplan"):
        shutil.copyfile(root / name, etc / name)
    shutil.copytree(root / "dialplan/blocks", etc / "dialplan/blocks")
    (etc / PROMPTS).symlink_to(root / PROMPTS)
    for tenant in tenants:
        shutil.copyfile(root / dialplan_file(tenant), etc / dialplan_file(tenant))
    modules = (root / "modules.conf").read_text("utf-8").splitlines()
    kept = [line for line in modules if not any(name in line for name in (*_ALONE, *_NOT_EVERYWHERE))]
    (etc / "modules.conf").write_text("\n".join(kept) + "\n", encoding="utf-8")
    (etc / "logger.conf").write_text(_LOGGER, encoding="utf-8")
    (etc / "manager.conf").write_text(_MANAGER, encoding="utf-8")
    for name in ("cdr.conf", "cel.conf"):
        (etc / name).write_text(_OFF, encoding="utf-8")
    texts = [_pjsip((root / "pjsip.conf").read_text("utf-8"), shared)]
    texts += [(root / phones_file(tenant)).read_text("utf-8") for tenant in tenants[:MOST_PHONES_TRIED]]
    (etc / "pjsip.conf").write_text("\n".join(texts), encoding="utf-8")
    database = f"[phones]\ndbfile={paths.phones}\nbatch=0\n"
    (etc / "res_config_sqlite3.conf").write_text(database, encoding="utf-8")
    PhoneRows(paths.phones).make()


def _document(place: Path, installed: Path) -> None:
    """Of Asterisk's documentation what names its options: without it modules don't load.

    The rest explains applications on a console; to read it takes longer than everything else at a start.
    """
    options = _OPTIONS.findall(installed.read_bytes()) if installed.is_file() else []
    if options:
        place.parent.mkdir(parents=True)
        place.write_bytes(
            b"<docs xmlns:xi='http://www.w3.org/2001/XInclude'>" + b"".join(options) + b"</docs>"
        )


def _pjsip(text: str, shared: bool) -> str:
    """The trunks' file on a free port and without registrations. Args: shared: it is tried too.

    pjsip would read port 0 as 5060.
    """
    kept = []
    for section in re.split(r"^(?=\[)", text, flags=re.MULTILINE):
        kind = re.search(r"^type=(\w+)", section, re.MULTILINE)
        if (
            kind is None
            or kind[1] == "registration"
            or (not shared and kind[1] not in ("transport", "global"))
        ):
            continue
        kept.append(
            re.sub(r"^bind=.*$", lambda _: f"bind={_HOST}:{free_port(_HOST)}", section, flags=re.MULTILINE)
        )
    return "".join(kept)


def _trouble(lines: Sequence[str], etc: Path) -> Iterator[Fault]:
    for line in lines:
        found = _TROUBLE.match(line)
        if found is None or found[1] in _OF_THE_MACHINE:
            continue
        place = _PLACE.search(found[2])
        file = place[2].removeprefix(f"{etc}/") if place else found[1]
        told = _NOWHERE.sub("", found[2].replace(f"{etc}/", ""))
        yield Fault(file, int(place[1]) if place else 0, told)


def _names(listing: str) -> frozenset[str]:
    """Names in a console listing: the first word of each line, lower case."""
    words = (line.split(maxsplit=1)[0] for line in listing.splitlines() if line.strip())
    return frozenset(word.rstrip(":").lower() for word in words)


def _below(root: Path, directory: str) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in (root / directory).glob("*.conf"))


class _Sounds:
    """Sounds that a switch can play: the candidate's prompts, and what is installed."""

    def __init__(self, root: Path, installed: Path) -> None:
        self._own = {f"{PROMPT_PREFIX}/{path.stem}" for path in (root / PROMPTS).glob("*")}
        self._installed = installed

    def __contains__(self, sound: object) -> bool:
        if sound in self._own:
            return True
        place = self._installed / str(sound)
        return place.name != "" and any(path.stem == place.name for path in place.parent.glob("*.*"))
