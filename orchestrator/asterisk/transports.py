"""Transports of a running switch: which changes it takes by a reload, and which certificate it shows.

Asterisk 22 takes new transports and other NAT settings by a reload, and for TLS, which has `allow_reload`,
another certificate and address as well; connections and calls that are up go on. It keeps listening where a
transport was taken away, and UDP and TCP stay on the address that they were started with.
"""

from __future__ import annotations

import asyncio
import hashlib
import ssl
from collections.abc import Mapping
from contextlib import suppress
from pathlib import PurePath

from orchestrator.model.platform import ANY_HOST

_RELOADABLE = ("external_", "local_net")
_HANDSHAKE_S = 5.0
FINGERPRINT_DIGITS = 16
"""Of the SHA-256 of a certificate, by which the file that the switch reads is named."""


def transports(text: str) -> dict[str, dict[str, str]]:
    """The transports of a pjsip configuration file: settings by name; the last of several values counts.

    >>> transports("[udp]\\ntype=transport\\nbind=0.0.0.0:5060\\n[d1]\\ntype=aor\\n")
    {'udp': {'type': 'transport', 'bind': '0.0.0.0:5060'}}
    """
    found: dict[str, dict[str, str]] = {}
    name, settings = "", dict[str, str]()
    for line in text.splitlines():
        if line.startswith("["):
            name, settings = line[1 : line.index("]")], {}
        elif "=" in line and not line.startswith((";", "#")):
            key, _, value = line.partition("=")
            settings[key] = value
        if line == "type=transport":
            found[name] = settings
    return found


def only_by_restart(before: str, after: str) -> tuple[str, ...]:
    """Names of transports whose change only a restart brings. Args: before, after: of pjsip.conf.

    >>> udp = "[udp]\\ntype=transport\\nbind=0.0.0.0:5060"
    >>> only_by_restart(udp, udp + "1"), only_by_restart(udp, udp + "\\nlocal_net=10.0.0.0/8")
    (('udp',), ())
    """
    wanted = transports(after)
    return tuple(
        name
        for name, settings in transports(before).items()
        if name not in wanted or ("allow_reload" not in settings and _fixed(settings) != _fixed(wanted[name]))
    )


def _fixed(settings: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in settings.items() if not key.startswith(_RELOADABLE)}


def wanted_certificate(text: str) -> tuple[str, str]:
    """Address of the TLS listener and the fingerprint it is to show; both empty when there is none."""
    settings = transports(text).get("tls")
    if settings is None:
        return "", ""
    return settings["bind"], PurePath(settings["cert_file"]).stem


async def shown_certificate(address: str) -> str:
    """The fingerprint of the certificate that is shown at an address of this machine; empty: none is.

    Nothing is verified: this only asks.
    """
    host, _, port = address.rpartition(":")
    anyone = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    anyone.check_hostname, anyone.verify_mode = False, ssl.CERT_NONE
    there = "127.0.0.1" if host == ANY_HOST else host
    try:
        _, writer = await asyncio.wait_for(
            asyncio.open_connection(there, int(port), ssl=anyone), timeout=_HANDSHAKE_S
        )
    except (OSError, TimeoutError):
        return ""
    shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    with suppress(OSError, TimeoutError):
        await asyncio.wait_for(writer.wait_closed(), timeout=_HANDSHAKE_S)
    return hashlib.sha256(shown).hexdigest()[:FINGERPRINT_DIGITS]
