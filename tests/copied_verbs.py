"""vpbx's verbs, each in a process of its own as ever, but none that starts a Python and loads vpbx first.

That is most of what a verb costs, and tests ask verbs again and again until something is true. So one process
loads what verbs load, runs none, and is copied (`fork`) for each; the copy does all that the program does.
The program itself is run where a verb is killed or goes on for long, and by tests that are about its start.
"""

from __future__ import annotations

import atexit
import functools
import gc
import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

_LOADED_LATE = ("alembic.command", "alembic.config", "orchestrator.storage.store")
"""What verbs load only when they need it."""
_READ_BY_LIBRARIES = (
    "LD_PRELOAD",
    "FAKETIME_DONT_FAKE_MONOTONIC",
    "FAKETIME_NO_CACHE",
    "FAKETIME_ONLY_CMDS",
    "NO_FAKE_STAT",
)
"""Variables that count when a process starts: whoever gives others gets copies of another one."""
_MOST_BYTES = 1 << 17


def run(
    arguments: Sequence[str], deadline_s: float, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run `vpbx` with arguments, whatever it exits with.

    Args: environment: None: this process's own. Raises: subprocess.TimeoutExpired: it is killed.
    """
    command = ["vpbx", *arguments]
    given = dict(os.environ if environment is None else environment)
    preloaded = {name: value for name, value in given.items() if name in _READ_BY_LIBRARIES}
    with tempfile.TemporaryDirectory() as place:
        out, err = Path(place, "out"), Path(place, "err")
        told, tell = os.pipe()
        with os.fdopen(told, encoding="ascii") as answer:
            asked = json.dumps([list(arguments), str(out), str(err), given, str(Path.cwd())])
            try:
                socket.send_fds(_copied(tuple(preloaded.items())), [asked.encode()], [tell])
            finally:
                os.close(tell)
            pid = int(answer.readline())
            if not select.select([told], [], [], deadline_s)[0]:
                os.kill(pid, signal.SIGKILL)
                answer.readline()
                raise subprocess.TimeoutExpired(command, deadline_s)
            code = int(answer.readline())
        return subprocess.CompletedProcess(command, code, out.read_text("utf-8"), err.read_text("utf-8"))


@functools.cache
def _copied(preloaded: tuple[tuple[str, str], ...]) -> socket.socket:
    """Where the process that is copied is asked; it ends when nobody can ask it any more."""
    asking, asked = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with asked:
        process = subprocess.Popen(
            [sys.executable, __file__, str(asked.fileno())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=[asked.fileno()],
            env={**os.environ, **dict(preloaded)},
        )
    atexit.register(process.wait)
    atexit.register(asking.close)
    return asking


def _serve(asked: socket.socket) -> None:
    """Copy this process for each verb that is asked for; tell its process id, and with what it exits.

    Returns: in a copy, to go on as that verb. Raises: SystemExit: nobody asks any more.
    """
    running: dict[int, tuple[int, int]] = {}
    poll = select.poll()
    poll.register(asked, select.POLLIN)
    while True:
        for ready, _ in poll.poll():
            if ready == asked.fileno():
                message, descriptors, _, _ = socket.recv_fds(asked, _MOST_BYTES, 1)
                if not message:
                    sys.exit()
                pid = os.fork()
                if pid == 0:
                    return _become(*json.loads(message))
                handle = os.pidfd_open(pid)
                running[handle] = pid, descriptors[0]
                poll.register(handle, select.POLLIN)
                os.write(descriptors[0], f"{pid}\n".encode())
            else:
                pid, tell = running.pop(ready)
                code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
                poll.unregister(ready)
                os.close(ready)
                os.write(tell, f"{code}\n".encode())
                os.close(tell)


def _become(arguments: list[str], out: str, err: str, environment: dict[str, str], place: str) -> None:
    """Have arguments, files, environment and working directory as the program has."""
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    for number, file in ((0, os.devnull), (1, out), (2, err)):
        opened = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
        os.dup2(opened, number)
        os.close(opened)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(place)
    sys.argv = ["vpbx", *arguments]


def _leave(code: object) -> NoReturn:
    """End as a program does, but take nothing apart that ends with it: that takes as long as most verbs."""
    assert isinstance(code, int), code
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    from compiled_once import compile_all, compile_once

    from orchestrator.cli.main import VERBS, main

    for name in (*_LOADED_LATE, *(place.partition(":")[0] for place in VERBS.values())):
        importlib.import_module(name)
    sys.path.remove(str(Path(__file__).parent))
    compile_once()
    compile_all()
    gc.freeze()
    _serve(socket.socket(fileno=int(sys.argv[1])))
    try:
        main()
    except SystemExit as end:
        _leave(end.code)
