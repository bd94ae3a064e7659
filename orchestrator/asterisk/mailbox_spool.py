"""Messages as app_voicemail keeps them: a sound and a text file each, in folders of a mailbox.

    <spool>/voicemail/<tenant>-mailboxes/<extension>/<folder>/msg0000.{txt,wav}

A message changes its number when one before it goes, and its folder when it is heard; its id stays.
"""

from __future__ import annotations

import configparser
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import structlog

from orchestrator.errors import StorageError
from orchestrator.model.call import Systemname
from orchestrator.model.mailbox import mailbox_context
from orchestrator.model.message import VoiceMessage

NEW = "INBOX"
"""Folder of messages that nobody has heard."""

_BEING_WRITTEN = "tmp"
_PIN = "secret.conf"
_SUFFIX = mailbox_context("")
_ID = re.compile(r"[0-9a-f-]{1,40}")
_CALLER = re.compile(r"\+?[0-9]{2,15}")
_TRIES = 3
_MEND = "mend the directory's rights; the purge goes on at the next run"

_log = structlog.get_logger("vpbx.voicemail")


class MessagesKept(StorageError):
    """A tenant's messages can't be removed."""

    code = "messages-kept"


@dataclass(frozen=True, slots=True)
class Kept:
    """A message in the spool. Args: folder: `INBOX` while nobody has heard it. text: its text file."""

    message: VoiceMessage
    folder: str
    text: Path

    @property
    def sound(self) -> Path:
        return self.text.with_suffix(".wav")


class MailboxSpool:
    """The mailboxes of one switch. Args: spool: its spool directory."""

    def __init__(self, spool: Path, systemname: Systemname) -> None:
        self._root = spool / "voicemail"
        self._systemname = systemname

    def messages(self, tenant: str | None = None) -> Iterator[Kept]:
        """Every whole message, of one tenant or of all, by mailbox; one that moves meanwhile comes or not."""
        pattern = "*" if tenant is None else ""
        for room in sorted(self._root.glob(f"{tenant or pattern}{_SUFFIX}")):
            for text in sorted(room.glob("*/*/msg*.txt")):
                if text.parent.name != _BEING_WRITTEN:
                    kept = self._read(text)
                    if kept is not None:
                        yield kept

    def sound_of(self, message: VoiceMessage) -> bytes | None:
        """The WAV file of a message, wherever it is by now; None: it was deleted. Raises: OSError."""
        for _ in range(_TRIES):
            found = next((k for k in self.messages(message.tenant) if k.message == message), None)
            if found is None:
                return None
            try:
                sound = found.sound.read_bytes()
            except FileNotFoundError:
                continue
            # Another may have taken its number while it was read.
            if self._read(found.text) == found:
                return sound
        return None

    def pin_set_by_phone(self, tenant: str, mailbox: str) -> bool:
        """Whether somebody has changed the PIN that the mailbox began with."""
        return self._pin(tenant, mailbox).exists()

    def forget_pin(self, tenant: str, mailbox: str) -> None:
        """Drop the PIN that was set by phone: from the next reload on that of voicemail.conf holds."""
        self._pin(tenant, mailbox).unlink(missing_ok=True)

    def remove(self, tenant: str, keep: Callable[[Kept], bool] = lambda _kept: False) -> int:
        """Remove all that callers and employees of a tenant have said. Returns: how many messages went.

        Args: keep: which messages stay where they are.
        Raises: MessagesKept.
        """
        room = self._root / mailbox_context(tenant)
        gone = list(room.glob("*/*/msg*.txt"))
        stay = {each.text.with_suffix("") for each in self.messages(tenant) if keep(each)}
        try:
            if stay:
                for path in sorted(room.rglob("*"), reverse=True):
                    if path.is_dir():
                        with suppress(OSError):
                            path.rmdir()
                    elif path.with_suffix("") not in stay:
                        path.unlink(missing_ok=True)
            elif room.exists():
                shutil.rmtree(room)
        except OSError as error:
            raise MessagesKept(f"{error.filename or room}: {error.strerror}", _MEND) from error
        return len(gone) - len(stay)

    def remove_messages(self, tenant: str, gone: Callable[[Kept], bool]) -> int:
        """Remove some messages of a tenant, and nothing else of its mailboxes. Returns: how many.

        Raises: MessagesKept.
        """
        number = 0
        for kept in list(self.messages(tenant)):
            if gone(kept):
                number += 1
                try:
                    for path in kept.text.parent.glob(f"{kept.text.stem}.*"):
                        path.unlink(missing_ok=True)
                except OSError as error:
                    raise MessagesKept(f"{kept.text}: {error.strerror}", _MEND) from error
        return number

    def _pin(self, tenant: str, mailbox: str) -> Path:
        return self._root / mailbox_context(tenant) / mailbox / _PIN

    def _read(self, text: Path) -> Kept | None:
        try:
            told = _facts(text)
            message = VoiceMessage(
                systemname=self._systemname,
                tenant=text.parents[2].name.removesuffix(_SUFFIX),
                mailbox=text.parents[1].name,
                message=_only(_ID, told["msg_id"]),
                uniqueid=told.get("category", ""),
                caller=_number(told.get("callerid", "")),
                received_at=datetime.fromtimestamp(int(told["origtime"]), UTC),
                length_s=int(told["duration"]),
            )
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, configparser.Error) as error:
            _log.error("message-unreadable", file=str(text), error=f"{type(error).__name__}: {error}")
            return None
        return Kept(message, text.parent.name, text)


def _facts(text: Path) -> dict[str, str]:
    parser = configparser.ConfigParser(interpolation=None, delimiters=("=",), strict=False)
    parser.read_string(text.read_text("utf-8", errors="replace"))
    return dict(parser["message"])


def _only(pattern: re.Pattern[str], text: str) -> str:
    if pattern.fullmatch(text) is None:
        raise ValueError(text)
    return text


def _number(callerid: str) -> str:
    """The number in a caller ID; empty when it has none.

    >>> _number('"Anna" <101>'), _number("+79035550001"), _number("Unknown")
    ('101', '+79035550001', '')
    """
    last = callerid.rpartition("<")[2].rstrip("> ")
    return last if _CALLER.fullmatch(last) else ""
