"""What a log line looks like, where it goes, and what it never holds."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from orchestrator.cli.log import LogFormat, LogLevel, log_to

VPBX = Path(sys.executable).with_name("vpbx")


@pytest.fixture(autouse=True)
def configuration() -> Iterator[None]:
    before = structlog.get_config()
    yield
    structlog.configure(**before)


def logged(form: LogFormat, level: LogLevel = LogLevel.INFO) -> list[str]:
    """The lines of one event of each level."""
    stream = io.StringIO()
    log_to(stream, {}, form, level)
    log = structlog.get_logger("vpbx.test")
    log.debug("looking")
    log.info("charged", tenant="Акме", amount_kop=230)
    log.error("not charged", note="two\nlines")
    return stream.getvalue().splitlines()


def test_away_from_a_terminal_each_event_is_one_json_object() -> None:
    charged, failed = (json.loads(line) for line in logged(LogFormat.AUTO))
    assert (charged["event"], charged["level"], charged["tenant"]) == ("charged", "info", "Акме")
    assert charged["amount_kop"] == 230
    assert charged["timestamp"].endswith("Z")
    assert failed["note"] == "two\nlines"


def test_text_can_be_asked_for() -> None:
    first = logged(LogFormat.TEXT)[0]
    assert "charged" in first and "tenant=Акме" in first and not first.startswith("{")


@pytest.mark.parametrize(("level", "lines"), [(LogLevel.DEBUG, 3), (LogLevel.INFO, 2), (LogLevel.ERROR, 1)])
def test_the_level_says_what_is_written(level: LogLevel, lines: int) -> None:
    assert len(logged(LogFormat.JSON, level)) == lines


def test_in_the_journal_a_line_begins_with_its_priority(tmp_path: Path) -> None:
    with (tmp_path / "journal").open("w+") as stream:
        status = os.fstat(stream.fileno())
        log_to(stream, {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"}, LogFormat.AUTO, LogLevel.DEBUG)
        log = structlog.get_logger("vpbx.test")
        for say in (log.debug, log.info, log.warning, log.error):
            say("x")
        stream.seek(0)
        lines = stream.read().splitlines()
    assert [line[:4] for line in lines] == ["<7>{", "<6>{", "<4>{", "<3>{"]


def test_a_secret_is_never_logged() -> None:
    stream = io.StringIO()
    log_to(stream, {}, LogFormat.JSON, LogLevel.INFO)
    try:
        _fail("can't reach postgresql://vpbx:hunter2@db/vpbx")
    except OSError:
        structlog.get_logger("vpbx.test").exception(
            "x", secret="hunter2", AMI_Password="hunter2", url="redis://:hunter2@cache/0"
        )
    assert "hunter2" not in stream.getvalue()
    assert "postgresql://vpbx:***@db/vpbx" in stream.getvalue()


def test_an_error_of_a_verb_has_its_priority_in_the_journal(tmp_path: Path) -> None:
    with (tmp_path / "journal").open("w+b") as stream:
        status = os.fstat(stream.fileno())
        environment = {**os.environ, "JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"}
        done = subprocess.run(
            [VPBX, "-C", tmp_path, "lines", "acme"], stderr=stream, env=environment, timeout=60, check=False
        )
        assert done.returncode == 1
        stream.seek(0)
        lines = stream.read().decode().splitlines()
    assert [line for line in lines if line.startswith("<3>vpbx: error: ")]


def _fail(message: str) -> None:
    raise OSError(message)
