"""What a phone registers with."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class DeviceCredential:
    """The SIP account of a device. Args: endpoint: opaque id, never an extension number."""

    endpoint: str
    secret: str = field(repr=False)
