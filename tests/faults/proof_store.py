"""`make proof-store`: 200 recordings to an S3 server that fails half the time, by a sender that is killed.

Each sender is a process of its own; SIGKILL comes at a random moment. In the end every object is compared
with what was recorded, byte by byte, and no local file went before its object was there.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[1] / "calls"))

from active_tenants import EXAMPLES
from recorded_calls import SYSTEMNAME
from recording_sender import SENDER, platform_with
from s3_server import KEYS, S3, Faults, proxy, s3_server
from world import Proof

from orchestrator.model.recording import Recording
from orchestrator.project import Project
from orchestrator.storage.recordings import RecordingIndex
from orchestrator.storage.store import SqlStore

_DEADLINE_S = 900.0
_LONGEST_LIFE_S = 6.0


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--seed", type=int, default=20261127)
    asked.add_argument("--recordings", type=int, default=200)
    options = asked.parse_args()
    proof = Proof("store", options.seed)
    os.environ |= {"S3_KEY": KEYS.key, "S3_SECRET": KEYS.secret}
    with tempfile.TemporaryDirectory() as directory, s3_server(Path(directory) / "s3.log") as s3:
        project = Project(Path(directory) / "project")
        shutil.copytree(EXAMPLES, project.root, ignore=shutil.ignore_patterns(".vpbx"))
        contents = _record(project, proof.chance, options.recordings)
        faults = Faults(proof.chance, rate=0.5)
        began = time.monotonic()
        with proxy(s3, faults) as port:
            project.platform_file.write_text(platform_with(s3.url(port), keep_local_days=0))
            kills, lost = _send(project, s3, contents, proof.chance)
        objects = s3.objects()
        proof.check(objects == contents, f"{len(objects)} objects of {len(contents)}, or they differ")
        proof.check(not lost, f"files that went before their objects were there: {lost[:3]}")
        left = list(_files(project))
        proof.check(not left, f"{len(left)} local files are left")
        proof.check(kills > 5, f"only {kills} senders were killed")
        proof.tell(
            "store",
            recordings=len(contents),
            bytes=sum(map(len, contents.values())),
            requests=faults.seen,
            answered_500=faults.failed,
            killed=kills,
            seconds=round(time.monotonic() - began),
        )
    return proof.end()


def _record(project: Project, chance: random.Random, number: int) -> dict[str, bytes]:
    store = SqlStore.open(f"sqlite:///{project.state}/vpbx.db")
    contents, items = {}, []
    for each in range(number):
        content = chance.randbytes(chance.randrange(1000, 300_000))
        file = f"acme/2026/11/{SYSTEMNAME}-{each}.1.wav"
        path = project.recordings(".vpbx/recordings") / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        began = datetime.now(UTC) - timedelta(hours=1, seconds=each)
        items.append(
            Recording(
                *(SYSTEMNAME, f"{SYSTEMNAME}-{each}.1", f"{SYSTEMNAME}-{each}.0", "acme", file, began),
                state="complete",
                bytes=len(content),
                sha256=hashlib.sha256(content).hexdigest(),
                retain_until=date(2100, 1, 1),
            )
        )
        contents[f"calls/{file}"] = content
    RecordingIndex(store.database).keep(items)
    store.close()
    return contents


def _send(
    project: Project, s3: S3, contents: dict[str, bytes], chance: random.Random
) -> tuple[int, list[str]]:
    """Let senders run and die until no local file is left. Returns: how many died, and what was lost."""
    kills, lost = 0, list[str]()
    deadline = time.monotonic() + _DEADLINE_S
    while (left := set(_files(project))) and time.monotonic() < deadline:
        sender = subprocess.Popen([sys.executable, "-c", SENDER, str(project.root), SYSTEMNAME])
        try:
            sender.wait(chance.uniform(1.0, _LONGEST_LIFE_S))
        except subprocess.TimeoutExpired:
            sender.send_signal(signal.SIGKILL)
            sender.wait(10)
            kills += 1
        gone = left - set(_files(project))
        there = s3.objects() if gone else {}
        lost += [name for name in gone if there.get(name) != contents[name]]
    return kills, lost


def _files(project: Project) -> list[str]:
    top = project.recordings(".vpbx/recordings")
    return [f"calls/{path.relative_to(top)}" for path in top.rglob("*.wav")]


if __name__ == "__main__":
    sys.exit(main())
