"""A call as the switch reports it: events, legs, what is rated, and the charge that comes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import NewType

from orchestrator.model.account import TariffState
from orchestrator.model.tariff import Portion, Rate

Systemname = NewType("Systemname", str)
"""The random name of a switch, kept for its life; every genuine event carries it."""


MUSIC_STOPPED = "MUSIC_STOPPED"
"""A channel has heard the end of music: on hold, or in place of ringing tones. It is in no durable record."""


@dataclass(frozen=True, slots=True)
class SwitchEvent:
    """One normalised event of the switch, the same whether it came over AMI or from the durable record.

    Args:
        kind: a CEL event as Asterisk spells it (`CHAN_START`, `ANSWER`, `HANGUP`, `LINKEDID_END`, ...),
            or the name of a mark that the dialplan wrote (`vpbx.leg`, `vpbx.step`, `vpbx.recording`).
        at: aware UTC with microseconds, the switch's own clock.
        facts: what a mark says (`tenant`, `direction`, ...), or for HANGUP `hangupcause`.
    """

    systemname: Systemname
    uniqueid: str
    linkedid: str
    kind: str
    at: datetime
    channel: str
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Leg:
    """One marked channel of a call: the trunk-side one of an external call, the caller's of an internal one.

    Args:
        linkedid: the call's, as it was when the leg was marked.
        direction: `in`, `out`, `internal`, `emergency` or `sip` (to a SIP address outside).
        from_number, to_number: E.164 outside, an extension inside; empty when withheld.
        employee: the extension that placed it, or empty.
        decision: `admitted`, `full` (no free line), `class` (dial class not allowed),
        `insecure` (not over TLS, which the tenant requires), `caller-id` (what it would show isn't the
        tenant's), `trunk-full` (its trunk carries no more calls), `credit` (its account doesn't pay for
        it), `barred` (the tenant owes for too long), `round` (passed on too often before it came), ...
        answered_at: None when never answered. ended_at: None while up.
        estimated: the end is the last known second of a call that a crash cut off.
    """

    systemname: Systemname
    uniqueid: str
    linkedid: str
    tenant: str
    direction: str
    from_number: str
    to_number: str
    employee: str
    trunk: str
    decision: str
    started_at: datetime
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    cause: int | None = None
    estimated: bool = False


@dataclass(frozen=True, slots=True, order=True)
class ChargeKey:
    """Names a charge once and for all, however often its call is seen.

    >>> str(ChargeKey(Systemname("ab12"), "ab12-1790000000.5", "call"))
    'ab12/ab12-1790000000.5/call'
    """

    systemname: Systemname
    uniqueid: str
    kind: str

    def __str__(self) -> str:
        return f"{self.systemname}/{self.uniqueid}/{self.kind}"


@dataclass(frozen=True, slots=True)
class Usage:
    """An answered and ended outbound leg: what billing rates. Only `calls` makes it, only `billing` reads it.

    Args: to_number: E.164. estimated: see `Leg`.
    """

    key: ChargeKey
    tenant: str
    linkedid: str
    direction: str
    from_number: str
    to_number: str
    answered_at: datetime
    ended_at: datetime
    estimated: bool = False

    @property
    def duration_s(self) -> int:
        """Whole seconds from answer to hangup, rounded down, at least 1. Rule: decision 7."""
        return max(1, int((self.ended_at - self.answered_at).total_seconds()))


@dataclass(frozen=True, slots=True)
class Charge:
    """What an answered outbound call costs, with its working.

    Args:
        amount_kop: whole kopecks, VAT included. vat_kop: the VAT in it. vat_percent: by date of hangup.
        billable_s: length after minimum and increments; 0 for a call below `free_below_s`.
        deck_prefix: the prefix that priced it, digits without plus. tariff_version, deck_version: the
            states of tariff and deck it was computed with.
        day: local date of hangup in the tenant's time zone.
        answered_at, occurred_at: answer and hangup, aware UTC.
        working: the computation in one line, e.g. `2 x 60 s x 2.30/min = 4.60`.
        rate: as it priced the call. vat_mode: `inside` or `on_top`. time_zone: the tenant's, an IANA name.
        state: the tariff's terms. With these it can be computed again when deck and tariff are gone.
        taken: what of `billable_s` was included in the tenant's subscription; None: nothing.
    """

    key: ChargeKey
    tenant: str
    kind: str
    linkedid: str
    amount_kop: int
    vat_kop: int
    vat_percent: Decimal
    duration_s: int
    billable_s: int
    tariff: str
    tariff_version: str
    deck: str
    deck_version: str
    deck_prefix: str
    destination: str
    day: date
    answered_at: datetime
    occurred_at: datetime
    estimated: bool
    working: str
    rate: Rate
    vat_mode: str
    time_zone: str
    state: TariffState
    taken: Portion | None = None


@dataclass(frozen=True, slots=True)
class LiveChannel:
    """A channel that is up now, from a snapshot. Args: line_of: tenant whose line it holds, or empty."""

    uniqueid: str
    linkedid: str
    channel: str
    state: str
    created_at: datetime | None
    line_of: str = ""
