"""Calls as the switch writes them into its durable record: docs/switch-record.md."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from orchestrator.asterisk.record import AsteriskRecord, cel_event
from orchestrator.model.call import SwitchEvent, Systemname
from orchestrator.model.platform import CallLimits, Definitions, Platform, Storage
from orchestrator.model.tariff import Deck, Prices, Rate, Tariff, VatRate
from orchestrator.model.tenant import Recording, Tenant

SYSTEMNAME = Systemname("s0a1b2c3")
BEGIN = datetime(2026, 9, 22, 9, 0, tzinfo=UTC)

Row = tuple[str, ...]


def csv_bytes(rows: Iterable[Sequence[str]]) -> bytes:
    """Records as Asterisk writes them: every field quoted, quotes doubled."""
    return b"".join(csv_line(row) for row in rows)


def csv_line(row: Sequence[str]) -> bytes:
    return (",".join('"' + field.replace('"', '""') + '"' for field in row) + "\n").encode()


def seconds(at: datetime) -> str:
    whole = int((at - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds())
    return f"{whole}.{at.microsecond:06d}"


@dataclass(frozen=True)
class Call:
    """One outbound call of a phone: the phone's channel and the trunk-side one.

    Args: number: makes its channels its own. talk_s: from answer to hangup; None: never answered.
    """

    number: int
    talk_s: float | None
    begin: datetime = BEGIN
    tenant: str = "acme"
    to: str = "+74957654321"
    decision: str = "admitted"
    direction: str = "out"
    systemname: str = SYSTEMNAME
    name: str = 'Ёлка "и"\nко'

    @property
    def linkedid(self) -> str:
        return f"{self.systemname}-{int(self.begin.timestamp())}.{2 * self.number}"

    @property
    def trunk_leg(self) -> str:
        return f"{self.systemname}-{int(self.begin.timestamp())}.{2 * self.number + 1}"

    @property
    def key(self) -> str:
        return f"{self.systemname}/{self.trunk_leg}/call"

    @property
    def answer(self) -> datetime:
        return self.begin + timedelta(seconds=3, microseconds=250_000)

    @property
    def mark(self) -> str:
        return (
            f"tenant={self.tenant}&direction={self.direction}&from=+74951110000&to={self.to}&employee=101"
            f"&trunk=main&decision={self.decision}&step=acme/outside"
        )

    def rows(self) -> list[Row]:
        phone, trunk = self.linkedid, self.trunk_leg
        talked = [] if self.talk_s is None else self._talk(phone, trunk)
        end = self.answer + timedelta(seconds=self.talk_s or 0)
        cause = 16 if talked else 17
        hangup = f'{{"hangupcause":{cause},"hangupsource":"{self._channel(trunk)}","dialstatus":""}}'
        return [
            self._row("CHAN_START", self.begin, phone),
            self._row("CHAN_START", self.begin + timedelta(microseconds=900), trunk),
            self._row(
                "vpbx.step",
                self.begin + timedelta(microseconds=1500),
                phone,
                "vpbx.step",
                '{"extra":"step=acme/outside"}',
            ),
            self._row(
                "vpbx.leg",
                self.begin + timedelta(microseconds=2000),
                trunk,
                "vpbx.leg",
                f'{{"extra":"{self.mark}"}}',
            ),
            *talked,
            self._row("HANGUP", end, trunk, extra=hangup),
            self._row("CHAN_END", end, trunk),
            self._row("HANGUP", end + timedelta(microseconds=700), phone, extra=hangup),
            self._row("CHAN_END", end + timedelta(microseconds=700), phone),
            self._row("LINKEDID_END", end + timedelta(microseconds=800), phone),
        ]

    def _talk(self, phone: str, trunk: str) -> list[Row]:
        bridged = (
            f'{{"bridge_id":"b-{self.number}","bridge_technology":"simple_bridge","name":"{self._escaped}"}}'
        )
        return [
            self._row("ANSWER", self.answer, trunk),
            self._row("ANSWER", self.answer + timedelta(microseconds=300), phone),
            self._row("BRIDGE_ENTER", self.answer + timedelta(microseconds=500), phone, extra=bridged),
            self._row("BRIDGE_ENTER", self.answer + timedelta(microseconds=600), trunk, extra=bridged),
        ]

    @property
    def _escaped(self) -> str:
        return self.name.replace('"', '\\"')

    def _channel(self, uniqueid: str) -> str:
        return f"PJSIP/{'main' if uniqueid == self.trunk_leg else 'e7f3'}-{self.number:08x}"

    def _row(self, kind: str, at: datetime, uniqueid: str, mark: str = "", extra: str = "") -> Row:
        return (
            kind,
            seconds(at),
            self.systemname,
            uniqueid,
            self.linkedid,
            self._channel(uniqueid),
            mark,
            extra,
        )


def record_of(calls: Iterable[Call]) -> bytes:
    """The CEL file of some calls, in the order of time."""
    return csv_bytes(sorted((row for call in calls for row in call.rows()), key=lambda row: row[1]))


def events_of(call: Call) -> list[SwitchEvent]:
    return [cel_event(row) for row in call.rows()]


def switch_record(directory: Path, systemname: str = SYSTEMNAME) -> AsteriskRecord:
    return AsteriskRecord(Systemname(systemname), directory / "vpbx-cel.csv", directory / "vpbx-cdr.csv")


def tariff(*rates: Rate, vat_mode: str = "inside", version: str = "1") -> Tariff:
    """A tariff with a deck of its own; Moscow at 2.30 a minute when no rate is given."""
    given = rates or (Rate("7495", "Moscow", Decimal("2.30"), date(2026, 1, 1)),)
    vat = (VatRate(date(2019, 1, 1), Decimal(20)), VatRate(date(2026, 1, 1), Decimal(22)))
    return Tariff(
        "master", (Prices(version),), {}, "RUB", 7, 2, {}, Deck("sample", "1", given), vat, vat_mode
    )


def definitions(*names: str, plan: Tariff | None = None) -> Definitions:
    """A platform with some tenants, all in Moscow."""
    chosen = plan or tariff()
    limits = CallLimits(60, 300, 1800, 14400)
    platform = Platform(
        "test",
        "RU",
        "Europe/Moscow",
        "ru",
        ("112",),
        ("alaw",),
        limits,
        (),
        {},
        {},
        Storage("sqlite:///vpbx.db", "recordings"),
    )
    tenants = {
        name: Tenant(
            name,
            name,
            chosen.slug,
            "active",
            "Europe/Moscow",
            "node",
            "main",
            "+74951110000",
            (),
            None,
            None,
            (),
            Recording(),
            (),
            (),
            (),
        )
        for name in names or ("acme",)
    }
    return Definitions(platform, {chosen.slug: chosen}, tenants)
