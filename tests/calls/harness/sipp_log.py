"""What a SIPp run sent and received, read back from its message log as calls with times."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

_BLOCK = re.compile(
    r"^-{20,} (\d{4}-\d\d-\d\d)[ \t](\d\d:\d\d:\d\d\.\d+)\n(?:UDP|TCP) message (sent|received) .*?:\n\n",
    re.MULTILINE,
)
_CHALLENGES = {401, 407}


@dataclass(frozen=True, slots=True)
class SippMessage:
    """One SIP message. Args: method: of a request; of a response that of its CSeq. code: 0 for a request."""

    at: datetime
    sent: bool
    call_id: str
    method: str
    code: int
    to_tag: str
    from_user: str
    to_user: str
    body: str


@dataclass(frozen=True, slots=True)
class SippCall:
    """One dialog that began with an INVITE, seen from SIPp. Times are aware UTC.

    Args: placed: by SIPp; False when it came in. code: the final answer to its INVITE; 0 while there is none.
    answered_at: the moment of the 200. ended_at: BYE, CANCEL or refusal. ended_by: `sipp` or `switch`.
    transfer_code: answer to a REFER in it. transfer_result: the last code that a NOTIFY told of it.
    """

    call_id: str
    placed: bool
    from_user: str
    to_user: str
    started_at: datetime
    code: int = 0
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    ended_by: str = ""
    transfer_code: int = 0
    transfer_result: int = 0
    messages: tuple[SippMessage, ...] = field(default=(), repr=False)

    @property
    def over(self) -> bool:
        return self.ended_at is not None

    @property
    def talk_s(self) -> float:
        """Seconds from answer to end; 0 when it wasn't answered."""
        if self.answered_at is None or self.ended_at is None:
            return 0.0
        return (self.ended_at - self.answered_at).total_seconds()


def calls(log: Path) -> tuple[SippCall, ...]:
    """Every call in a message log, in the order of their INVITEs; none when there is no log yet."""
    found: dict[str, SippCall] = {}
    for message in messages(log):
        call = found.get(message.call_id)
        if call is not None:
            found[message.call_id] = _step(call, message)
        elif message.method == "INVITE" and not message.code:
            found[message.call_id] = SippCall(
                *(message.call_id, message.sent, message.from_user, message.to_user, message.at),
                messages=(message,),
            )
    return tuple(found.values())


def messages(log: Path) -> Iterator[SippMessage]:
    """Every whole message of a log, in order."""
    text = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
    text = text.replace("\r\n", "\n")
    starts = list(_BLOCK.finditer(text))
    for number, start in enumerate(starts):
        end = starts[number + 1].start() if number + 1 < len(starts) else len(text)
        message = _message(start, text[start.end() : end])
        if message is not None:
            yield message


def _message(start: re.Match[str], text: str) -> SippMessage | None:
    head, _, body = text.partition("\n\n")
    first, *lines = head.split("\n")
    headers = {
        name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
    }
    response = re.match(r"SIP/2.0 (\d\d\d)", first)
    if "call-id" not in headers or "cseq" not in headers:
        return None
    return SippMessage(
        at=datetime.fromisoformat(f"{start[1]} {start[2][:15]}").astimezone(UTC),
        sent=start[3] == "sent",
        call_id=headers["call-id"],
        method=headers["cseq"].split()[-1],
        code=int(response[1]) if response else 0,
        to_tag=_group(r";tag=([^;\s]+)", headers.get("to", "")),
        from_user=_group(r"sips?:([^@>;]*)@", headers.get("from", "")),
        to_user=_group(r"sips?:([^@>;]*)@", headers.get("to", "")),
        body=body.strip(),
    )


def _step(call: SippCall, message: SippMessage) -> SippCall:
    call = replace(call, messages=(*call.messages, message))
    final = message.code >= 200
    if message.method == "INVITE" and final and not call.code and message.code not in _CHALLENGES:
        call = replace(call, code=message.code)
        if message.code < 300:
            return replace(call, answered_at=message.at)
        return replace(
            call, ended_at=call.ended_at or message.at, ended_by=call.ended_by or _who(message.sent)
        )
    if message.method in {"BYE", "CANCEL"} and not message.code and not call.over:
        return replace(call, ended_at=message.at, ended_by=_who(message.sent))
    if message.method == "REFER" and final:
        return replace(call, transfer_code=message.code)
    if (
        message.method == "NOTIFY"
        and not message.code
        and (told := _group(r"SIP/2.0 (\d\d\d)", message.body))
    ):
        return replace(call, transfer_result=int(told))
    return call


def _who(sent: bool) -> str:
    return "sipp" if sent else "switch"


def _group(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    return found[1] if found else ""
