"""Messages as a switch leaves them in its spool, for tests."""

from __future__ import annotations

from pathlib import Path

from orchestrator.model.call import Systemname

NAME = Systemname("s0123456789abcdef")
RECEIVED = 1_795_731_730


def leave(spool: Path, place: str, number: int = 0, said: bytes = b"RIFF", **more: str) -> Path:
    """A message, as the switch writes it. Returns: its text file.

    Args: place: room, mailbox and folder. more: facts of the text file.
    """
    folder = spool / "voicemail" / place
    folder.mkdir(parents=True, exist_ok=True)
    facts = {
        "origmailbox": "700",
        "callerid": "+79035550001",
        "origtime": str(RECEIVED + number),
        "category": f"{NAME}-1.0",
        "msg_id": f"{RECEIVED}-0000000{number}",
        "duration": "4",
        **more,
    }
    lines = [";", "; Message Information file", ";", "[message]", *(f"{k}={v}" for k, v in facts.items())]
    text = folder / f"msg{number:04}.txt"
    text.write_text("\n".join(lines) + "\n")
    text.with_suffix(".wav").write_bytes(said)
    return text
