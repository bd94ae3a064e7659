"""The directories of one node's switch, and the `asterisk.conf` that names them."""

from __future__ import annotations

import os
from pathlib import Path

from orchestrator.asterisk.binary import Asterisk
from orchestrator.asterisk.generations import PROMPTS
from orchestrator.durable import replace_file
from orchestrator.errors import SwitchStartFailed
from orchestrator.model.call import Systemname
from orchestrator.project import SwitchPaths
from orchestrator.rendering.filters import PROMPT_PREFIX

DIRECTORY_MODE = 0o750
FILE_MODE = 0o640
_LEAST_FREE_MEMORY_MB = 32
_LINKED_DATA = ("documentation", "rest-api")
_RUSSIAN = "ru_RU_f_IvrvoiceRU"
_MACHINE_SOUNDS = Path("/usr/share/asterisk/sounds")
"""Where Debian's packages of sounds put them, with or without its Asterisk."""


def data_dir(paths: SwitchPaths) -> Path:
    """Where the switch finds prompts and documentation: links to the installed ones, and room for ours."""
    return paths.root / "data"


def control_socket(paths: SwitchPaths) -> Path:
    return paths.run / "asterisk.ctl"


def console_log(paths: SwitchPaths) -> Path:
    """What the switch printed before and beside its own logs; the last start is at the end."""
    return paths.log / "console.log"


def asterisk_conf(paths: SwitchPaths, asterisk: Asterisk, systemname: Systemname) -> str:
    """The text of `asterisk.conf`.

    Options are those of a switch that nobody sits at: no colours, no announcing of consoles, dialplan
    functions that reach the machine only from the dialplan itself (`live_dangerously`), no `#exec` in any
    configuration file, no core files, and no new call when memory is nearly gone. `astkeydir` is the
    directory above: Asterisk looks for `keys` in it.
    """
    return f"""\
; Written by vpbx at each start of the switch. Edits are lost.
[directories]
astetcdir => {paths.etc}
astmoddir => {asterisk.modules}
astvarlibdir => {paths.lib}
astdbdir => {paths.lib}
astkeydir => {paths.keys.parent}
astdatadir => {data_dir(paths)}
astagidir => {data_dir(paths) / "agi-bin"}
astspooldir => {paths.spool}
astrundir => {paths.run}
astlogdir => {paths.log}
astsbindir => {asterisk.binary.parent}

[options]
systemname = {systemname}
documentation_language = en_US
defaultlanguage = en
nocolor = yes
hideconnect = yes
live_dangerously = no
execincludes = no
dumpcore = no
verbose = 0
debug = 0
minmemfree = {_LEAST_FREE_MEMORY_MB}

[files]
astctlpermissions = 0660
astctl = {control_socket(paths).name}
"""


def prepare(paths: SwitchPaths, asterisk: Asterisk, systemname: Systemname) -> None:
    """Make the directories and write `asterisk.conf`. What is there already is kept.

    cel_custom and cdr_custom write nothing until their directories exist, so they are made here.

    Raises: SwitchStartFailed: a path can't be made, or can't stand in a configuration file.
    """
    _check(paths, asterisk)
    data = data_dir(paths)
    directories = [
        *(
            paths.root,
            paths.generations,
            paths.lib,
            paths.log,
            paths.spool,
            paths.run,
            paths.keys,
            paths.monitor,
        ),
        *(paths.cel_file.parent, paths.cdr_file.parent, data, data / "sounds", data / "agi-bin"),
    ]
    try:
        for directory in directories:
            directory.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
        _own(paths.run)
        if asterisk.sounds is not None:
            _link(data / "sounds/en", asterisk.sounds)
        russian = russian_sounds(asterisk)
        if russian is not None:
            _link(data / "sounds/ru", russian)
        _link(data / "sounds" / PROMPT_PREFIX, paths.etc / PROMPTS)
        for name in _LINKED_DATA:
            _link(data / name, asterisk.data / name)
        replace_file(paths.config_file, asterisk_conf(paths, asterisk, systemname).encode(), FILE_MODE)
    except OSError as error:
        raise SwitchStartFailed(
            f"{error.filename or paths.root}: {error.strerror}", "check space and rights there"
        ) from error


def russian_sounds(asterisk: Asterisk) -> Path | None:
    """Directory of the switch's own prompts in Russian; None where they aren't installed."""
    places = (asterisk.data / "sounds", _MACHINE_SOUNDS)
    return next((place / _RUSSIAN for place in places if (place / _RUSSIAN).is_dir()), None)


def _check(paths: SwitchPaths, asterisk: Asterisk) -> None:
    """Asterisk's configuration has no quoting: `;` starts a comment there, a line break a new line."""
    for path in (paths.root, paths.run, asterisk.modules, asterisk.data):
        if not path.is_absolute() or any(sign in str(path) for sign in ";\n\r[]"):
            raise SwitchStartFailed(
                f"{str(path)!r} can't stand in asterisk.conf",
                "use an absolute path without semicolons, brackets and line breaks",
            )


def _own(run: Path) -> None:
    """The run directory may be below the system's temporary one: nobody else may have made it."""
    status = run.lstat()
    if not run.is_dir() or run.is_symlink() or status.st_uid != os.geteuid():
        raise SwitchStartFailed(f"{run} belongs to somebody else", "remove it, then start again")
    run.chmod(DIRECTORY_MODE)


def _link(place: Path, target: Path) -> None:
    """Point a link at its target, replacing an older link only; a directory of the operator's stays."""
    if place.is_symlink() and place.readlink() != target:
        place.unlink()
    if not place.exists() and not place.is_symlink():
        place.symlink_to(target)
