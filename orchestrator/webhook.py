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
        with _connected(url, deadline_s) as (connection, cut):
            connection.request("POST", target, body, headers)
            status = connection.getresponse().status
            if cut.is_set():
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
    """A connection that is cut at the deadline, and whether it was: a time-out alone begins anew with each
    byte."""
    parts = urlsplit(url)
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        connection = http.client.HTTPSConnection(
            parts.hostname or "", parts.port, timeout=deadline_s, context=ssl.create_default_context()
        )
    else:
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=deadline_s)

    was_cut = threading.Event()

    def cut() -> None:
        was_cut.set()
        if connection.sock is not None:
            with suppress(OSError):
                connection.sock.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(deadline_s, cut)
    timer.daemon = True
    timer.start()
    try:
        yield connection, was_cut
    finally:
        timer.cancel()
        connection.close()
