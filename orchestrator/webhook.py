"""JSON posted to a tenant's server, signed, with one deadline for all of it.

Rule: the Standard Webhooks specification, symmetric signatures: headers `webhook-id`, `webhook-timestamp` and
`webhook-signature`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import http.client
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from urllib.parse import urlsplit

from orchestrator.errors import OrchestratorError

DEADLINE_S = 10.0
_CUT_EVERY_S = 0.1
_PREFIX = "whsec_"
_AGAIN = (408, 429)


class NotDelivered(OrchestratorError):
    """A webhook's server didn't take a post. Args: final: it never will."""

    code = "not-delivered"

    def __init__(self, message: str, *, final: bool = False) -> None:
        super().__init__(message, "see what the server behind the webhook says of it")
        self.final = final


def post(
    url: str, secret: str, delivery: str, body: bytes, at: datetime, deadline_s: float = DEADLINE_S
) -> None:
    """Post once. Redirects aren't followed.

    Args: delivery: its id. at: now, aware.
    Raises: NotDelivered: the answer isn't 2xx, or there is none in time.
    """
    seconds = int(at.timestamp())
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "vpbx",
        "webhook-id": delivery,
        "webhook-timestamp": str(seconds),
        "webhook-signature": signature(secret, delivery, seconds, body),
    }
    parts = urlsplit(url)
    target = f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}"
    try:
        with _connected(url, deadline_s) as (connection, is_late):
            connection.request("POST", target, body, headers)
            status = connection.getresponse().status
            if is_late.is_set():
                raise TimeoutError(f"no whole answer within {deadline_s:g} s")
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise NotDelivered(f"{parts.netloc}: {str(error)[:200] or type(error).__name__}") from error
    if not 200 <= status < 300:
        final = 400 <= status < 500 and status not in _AGAIN
        moved = ", a redirect, which isn't followed" if 300 <= status < 400 else ""
        raise NotDelivered(f"{parts.netloc}: {status}{moved}", final=final)


def signature(secret: str, delivery: str, seconds: int, body: bytes) -> str:
    """What shows that a post is ours and whole.

    Args: secret: text; after `whsec_` it is base64. seconds: since 1970, of this attempt.

    >>> signature("a key", "4f1c", 1790000000, b"{}")
    'v1,XXCjQSHwbYTPTrtshJfjP0F4tzLw/6t76ctshH/mPjY='
    """
    signed = hmac.new(_key(secret), f"{delivery}.{seconds}.".encode() + body, hashlib.sha256)
    return f"v1,{base64.b64encode(signed.digest()).decode()}"


def _key(secret: str) -> bytes:
    if secret.startswith(_PREFIX):
        with suppress(binascii.Error):
            return base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    return secret.encode()


@contextmanager
def _connected(url: str, deadline_s: float) -> Iterator[tuple[http.client.HTTPConnection, threading.Event]]:
    """A connection, and whether its time was over: then it is cut.

    A time-out alone begins anew with each byte. What the look-up of the server's name takes is
    bounded by the system alone.
    """
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        trusted = ssl.create_default_context()
        connection = http.client.HTTPSConnection(host, port, timeout=deadline_s, context=trusted)
    else:
        connection = http.client.HTTPConnection(host, port, timeout=deadline_s)
    done, is_late = threading.Event(), threading.Event()

    def cut() -> None:
        if done.wait(deadline_s):
            return
        is_late.set()
        # Once isn't enough: while it connects there is nothing to cut yet.
        while True:
            if connection.sock is not None:
                with suppress(OSError):
                    connection.sock.shutdown(socket.SHUT_RDWR)
            if done.wait(_CUT_EVERY_S):
                return

    threading.Thread(target=cut, name="vpbx-webhook-deadline", daemon=True).start()
    try:
        yield connection, is_late
    finally:
        done.set()
        connection.close()
