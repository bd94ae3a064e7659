"""Every charge from the switch's own durable record: the sure path beside the daemon's fast one.

One pass brings in what the switch has written since the last one. A batch of the record, the legs and charges
that follow from it, and the place reached are one transaction: a pass cut off anywhere goes on from there,
and two passes at once charge once. Rule: docs/switch-record.md; docs/decisions.md, decisions 7 and 12.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TypeVar

from orchestrator.calls.leg import HANDLERS, close_estimated, gather, leg_of, usage_of
from orchestrator.errors import NoRate
from orchestrator.model.call import Charge, ChargeKey, Leg, LiveChannel, SwitchEvent, Systemname, Usage
from orchestrator.model.platform import Definitions
from orchestrator.model.record import RecordBatch, RecordPosition, SwitchCdr
from orchestrator.ports import RecordStore, RecordUnit, Standing, SwitchRecord
from orchestrator.pricing import Pricing, Taking

GRACE = timedelta(seconds=120)
"""How long a leg that isn't live may lack evidence before it is closed, on a switch that kept running."""

KEEP_HEARTBEATS = timedelta(days=7)
_PAGE = 500
_CORRECTED = "call.corrected"

Row = TypeVar("Row", SwitchEvent, SwitchCdr)


@dataclass(slots=True)
class Report:
    """What one pass did.

    Args:
        rows: records read. legs: marked legs touched. charged, known: charges posted now, and those that
            stood already. estimated: legs closed at their last known second. corrected: estimated charges
            replaced when the exact end turned up. quarantined: records that can't be read. foreign: records
            of another switch. unrated: ended legs that can't be charged yet. open: legs still without an end.
        gaps: files of the record that were gone before they were read to their end.
        problems: one line for each leg that could not be charged in this pass.
    """

    rows: int = 0
    legs: int = 0
    charged: int = 0
    known: int = 0
    estimated: int = 0
    corrected: int = 0
    quarantined: int = 0
    foreign: int = 0
    unrated: int = 0
    open: int = 0
    gaps: int = 0
    problems: list[str] = field(default_factory=list)


def reconcile(
    store: RecordStore,
    record: SwitchRecord,
    definitions: Definitions,
    *,
    now: datetime,
    live: Sequence[LiveChannel] | None = None,
    started_at: datetime | None = None,
    path: str = "reconciliation",
) -> Report:
    """Bring the record of one switch in, charge what is complete, and close what a crash cut off.

    Args:
        live: a snapshot of the switch's channels, taken before this call; None: it can't be reached, so that
            no open leg is closed.
        started_at: when the switch's present run began.
        path: `reconciliation`, or `listener` when the daemon's own events asked for the pass.
    Raises: StorageError. What was brought in before stands.
    """
    one_pass = _Pass(store, record, Pricing(definitions), now, path)
    one_pass.bring_in("cel", record.events, one_pass.take_events)
    one_pass.bring_in("cdr", record.claims, lambda unit, claims: unit.keep_claims(claims))
    one_pass.retry_unrated()
    one_pass.close_cut_off(live, started_at)
    return one_pass.report


def make_up_inbound(store: RecordStore, systemname: Systemname) -> int:
    """Store the inbound calls of a switch that ended before statistics were kept, out of its stored events.

    Returns: how many.
    """
    made, after = 0, ""
    while True:
        with store.reconciling() as unit:
            legs = unit.without_inbound(systemname, after, _PAGE)
            made += unit.keep_inbound(systemname, sorted({leg.linkedid for leg in legs}))
        if len(legs) < _PAGE:
            return made
        after = legs[-1].uniqueid


class _Pass:
    """One pass over one switch's record."""

    def __init__(
        self, store: RecordStore, record: SwitchRecord, pricing: Pricing, now: datetime, path: str
    ) -> None:
        self._store = store
        self._record = record
        self._systemname = record.systemname
        self._pricing = pricing
        self._now = now
        self._path = path
        self.report = Report()

    def bring_in(
        self,
        kind: str,
        read: Callable[[RecordPosition | None], Iterator[RecordBatch[Row]]],
        take: Callable[[RecordUnit, Sequence[Row]], None],
    ) -> None:
        """Read a file of the record to its end. Another pass that gets ahead of this one is followed."""
        position = self._stored_position(kind)
        while True:
            overtaken = False
            for batch in read(position):
                with self._store.reconciling() as unit:
                    overtaken = unit.position(self._systemname, kind) != position
                    if overtaken:
                        break
                    take(unit, batch.rows)
                    unit.quarantine(self._systemname, batch.bad, self._now)
                    unit.reached(self._systemname, kind, batch.position)
                position = batch.position
                self._count(batch)
            if not overtaken:
                return
            position = self._stored_position(kind)

    def take_events(self, unit: RecordUnit, events: Sequence[SwitchEvent]) -> None:
        """Store events and everything that follows for the channels they touch."""
        unit.keep_events(events)
        touched = sorted({event.uniqueid for event in events if event.kind in HANDLERS})
        known = gather(unit.events_of(self._systemname, touched, tuple(HANDLERS)))
        legs = [leg for facts in known.values() if (leg := leg_of(facts)) is not None]
        places = completed_at(events)
        self._settle(unit, sorted(legs, key=lambda leg: places.get(leg.uniqueid, 0)))
        # A channel's hangup is the last that the switch writes of it, so no call stays as it was half known.
        unit.keep_inbound(self._systemname, sorted({e.linkedid for e in events if e.kind == "HANGUP"}))

    def retry_unrated(self) -> None:
        """Charge what could not be charged before: the deck or the tenant may be there by now."""
        after = ""
        while True:
            with self._store.reconciling() as unit:
                legs = unit.unrated(self._systemname, after, _PAGE)
                failed = self._charge(unit, legs)
                unit.drop_unrated([leg for leg in legs if leg.uniqueid not in failed])
            self._tell(failed)
            if len(legs) < _PAGE:
                return
            after = legs[-1].uniqueid

    def close_cut_off(self, live: Sequence[LiveChannel] | None, started_at: datetime | None) -> None:
        """End open legs that can't be up any more; count the others."""
        if live is None:
            with self._store.reconciling() as unit:
                self.report.open = unit.count_open(self._systemname)
            return
        up = frozenset(channel.uniqueid for channel in live)
        after = ""
        while True:
            with self._store.reconciling() as unit:
                found = unit.open_legs(self._systemname, after, _PAGE)
                gone = [
                    (leg, unit.last_known(leg))
                    for leg in found
                    if leg.uniqueid not in up and not is_recent(leg, started_at, self._now)
                ]
                closed = [
                    close_estimated(leg, last_known)
                    for leg, last_known in gone
                    if is_cut_off(last_known, started_at, self._now)
                ]
                failed = self._settle(unit, closed)
                unit.keep_inbound(self._systemname, sorted({leg.linkedid for leg in closed}))
                if len(found) < _PAGE:
                    unit.drop_heartbeats(self._systemname, self._now - KEEP_HEARTBEATS)
            self._tell(failed)
            self.report.estimated += len(closed)
            self.report.open += len(found) - len(closed)
            if len(found) < _PAGE:
                return
            after = found[-1].uniqueid

    def _stored_position(self, kind: str) -> RecordPosition | None:
        with self._store.reconciling() as unit:
            return unit.position(self._systemname, kind)

    def _settle(self, unit: RecordUnit, legs: Sequence[Leg]) -> Mapping[str, str]:
        """Store legs and charge those that are complete. Returns: see `_charge`."""
        merged = unit.keep_legs(legs)
        self.report.legs += len(merged)
        return self._charge(unit, merged)

    def _charge(self, unit: RecordUnit, legs: Sequence[Leg]) -> Mapping[str, str]:
        """Post the charges of legs. Returns: the reason by uniqueid of those that could not be charged."""
        usages = [(leg, usage) for leg in legs if (usage := usage_of(leg)) is not None]
        keys = [str(key) for _, usage in usages for key in (usage.key, _corrected_key(usage))]
        standing = unit.standing(keys)
        charges: list[Charge] = []
        failed: dict[str, str] = {}
        taking = self._pricing.taking(unit)
        for leg, usage in usages:
            stands = standing.get(str(_corrected_key(usage))) or standing.get(str(usage.key))
            try:
                reason = self._charge_or_correct(unit, usage, stands, charges, taking)
            except NoRate as error:
                reason = error.message
            if reason:
                unit.keep_unrated(leg, reason)
                failed[leg.uniqueid] = reason
        self._post(unit, charges)
        return failed

    def _charge_or_correct(
        self,
        unit: RecordUnit,
        usage: Usage,
        stands: Standing | None,
        charges: list[Charge],
        taking: Taking,
    ) -> str:
        """Put a charge among those to post. Returns: why it can't be, or nothing. Raises: NoRate."""
        if stands is None:
            charges.append(self._pricing.charge(usage, taking))
        elif stands.same_evidence(usage):
            self.report.known += 1
        elif stands.estimated and not usage.estimated:
            # What can't be priced raises here, before the charge that stands is taken back.
            self._pricing.charge(usage, self._pricing.taking(unit))
            self._post(unit, charges)
            unit.reverse(str(usage.key), self._path, self._now)
            taking.allowances.forget()
            charge = self._pricing.charge(usage, taking)
            charges.append(replace(charge, key=_corrected_key(usage)))
            self.report.corrected += 1
        else:
            return f"the ledger holds {stands.amount_kop} kop for another length of this call"
        return ""

    def _post(self, unit: RecordUnit, charges: list[Charge]) -> None:
        self.report.charged += unit.post(charges, self._path, self._now).new
        charges.clear()

    def _tell(self, failed: Mapping[str, str]) -> None:
        self.report.unrated += len(failed)
        self.report.problems += [f"{uniqueid}: {reason}" for uniqueid, reason in failed.items()]

    def _count(self, batch: RecordBatch[Row]) -> None:
        self.report.rows += len(batch.rows) + len(batch.bad) + batch.foreign
        self.report.quarantined += len(batch.bad)
        self.report.foreign += batch.foreign
        self.report.gaps += batch.gap


def completed_at(events: Sequence[SwitchEvent]) -> Mapping[str, int]:
    """Where in some events each channel's leg is complete.

    Legs are charged in that order, however many come at once: a run that catches up takes the same included
    minutes as one that is always up to date.
    """
    first: dict[tuple[str, str], int] = {}
    for place, event in enumerate(events):
        if event.kind in HANDLERS:
            first.setdefault((event.uniqueid, event.kind), place)
    places: dict[str, int] = {}
    for (uniqueid, _), place in first.items():
        places[uniqueid] = max(place, places.get(uniqueid, 0))
    return places


def is_recent(leg: Leg, started_at: datetime | None, now: datetime) -> bool:
    """Whether a leg began too short a time ago to be cut off, whatever its evidence: it isn't looked up."""
    return (started_at is None or leg.started_at >= started_at) and now - leg.started_at < GRACE


def is_cut_off(last_known: datetime, started_at: datetime | None, now: datetime) -> bool:
    """Whether an open leg that isn't live has ended without its hangup in the record.

    Args: last_known: its last evidence. started_at: when the switch's present run began.
    """
    return (started_at is not None and last_known < started_at) or now - last_known >= GRACE


def _corrected_key(usage: Usage) -> ChargeKey:
    return replace(usage.key, kind=_CORRECTED)
