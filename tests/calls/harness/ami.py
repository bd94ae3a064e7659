"""A small AMI client for the far side: actions with answers, and user events and hangups kept in order."""

from __future__ import annotations

import itertools
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence

Message = Mapping[str, str]
"""A user event carries its own name as `UserEvent`."""
_DEADLINE_S = 10.0


class AmiFailed(Exception):
    """An action was answered with an error, or not at all."""


class ChannelGone(AmiFailed):
    """The channel that was named has ended."""


class Ami:
    """One session. Events are collected by a thread of its own from the first moment."""

    def __init__(self, host: str, port: int, user: str, secret: str) -> None:
        self._socket = socket.create_connection((host, port), timeout=_DEADLINE_S)
        self._socket.settimeout(None)
        self._changed = threading.Condition()
        self._answers: dict[str, Message] = {}
        self._events: list[Message] = []
        self._closed = False
        self._ids = itertools.count(1)
        threading.Thread(target=self._read, daemon=True).start()
        self.action("Login", Username=user, Secret=secret)

    def action(self, name: str, variables: Sequence[str] = (), **headers: str) -> Message:
        """Send an action and wait for its answer. Args: variables: `NAME=value` each. Raises: AmiFailed."""
        number = str(next(self._ids))
        lines = [f"Action: {name}", f"ActionID: {number}"]
        lines += [f"{key}: {value}" for key, value in headers.items()]
        lines += [f"Variable: {variable}" for variable in variables]
        self._socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        with self._changed:
            if not self._changed.wait_for(lambda: number in self._answers or self._closed, _DEADLINE_S):
                raise AmiFailed(f"{name}: no answer within {_DEADLINE_S:g} s")
            answer = self._answers.pop(number, {"Message": "connection closed"})
        if answer.get("Response") != "Success":
            kind = ChannelGone if answer.get("Message") == "No such channel" else AmiFailed
            raise kind(f"{name}: {answer.get('Message', answer)}")
        return answer

    def events(self) -> list[Message]:
        """Events so far, in order."""
        with self._changed:
            return list(self._events)

    def wait(self, wanted: Callable[[Message], bool], deadline_s: float = _DEADLINE_S) -> Message:
        """The first event, past or coming, that is wanted.

        Raises: AmiFailed: none came before the deadline.
        """
        seen = 0
        deadline = time.monotonic() + deadline_s
        with self._changed:
            while True:
                for event in self._events[seen:]:
                    if wanted(event):
                        return event
                seen = len(self._events)
                if not self._changed.wait(max(0.0, deadline - time.monotonic())):
                    raise AmiFailed(f"no such event within {deadline_s:g} s; seen: {self._events}")

    def close(self) -> None:
        self._socket.close()

    def _read(self) -> None:
        lines: list[str] = []
        try:
            with self._socket.makefile("r", encoding="utf-8", errors="replace", newline="\r\n") as stream:
                for line in stream:
                    if line.strip():
                        lines.append(line.rstrip("\r\n"))
                    elif lines:
                        self._take(lines)
                        lines = []
        except (OSError, ValueError):
            lines = []
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _take(self, lines: Sequence[str]) -> None:
        message = {key: value for key, _, value in (line.partition(": ") for line in lines)}
        with self._changed:
            if message.get("Event") in {"UserEvent", "Hangup"}:
                self._events.append(message)
            elif "Response" in message and "ActionID" in message:
                self._answers[message["ActionID"]] = message
            self._changed.notify_all()
