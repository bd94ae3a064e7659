"""What credit control grants, on the switch: calls prolonged in time, reservations made from channels.

Over an AMI session of its own. While there is none calls end at the second that they were granted last.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from orchestrator.asterisk.connection import AmiLogin, Deadlines
from orchestrator.asterisk.control import AmiSwitch
from orchestrator.credit_control import CreditControl
from orchestrator.debt_keeper import DebtKeeper
from orchestrator.errors import ActionFailed, OrchestratorError
from orchestrator.model.credit import Held, Prolonged
from orchestrator.ports import Clock

CREDIT_VARIABLE, GRANTED_VARIABLE, PAID_VARIABLE = "VPBX_CREDIT", "VPBX_GRANTED_S", "VPBX_PAID"
"""Of a channel, see `vpbx-credit` of the dialplan: tenant and number, seconds granted, 1 once answered."""

RECORD_LATE = timedelta(seconds=2)
"""How long after a call's end its last line may stand in the switch's record."""

_TURN_S, _LOOK_EVERY_S, _RETRY_S = 1.0, 5.0, 1.0

_log = structlog.get_logger("vpbx.credit")


class QuotaKeeper:
    """Args: login: asked before each session. reconciled_at: when the switch's record was last read whole.

    debts: bars the calls of who owes, over the same session; None: nobody does.
    """

    def __init__(
        self,
        credit: CreditControl,
        login: Callable[[], AmiLogin],
        clock: Clock,
        reconciled_at: Callable[[], datetime | None],
        deadlines: Deadlines | None = None,
        debts: DebtKeeper | None = None,
    ) -> None:
        self._credit = credit
        self._login = login
        self._clock = clock
        self._reconciled_at = reconciled_at
        self._deadlines = deadlines or Deadlines()
        self._debts = debts
        self._looked_at: datetime | None = None
        self._untold: dict[str, Prolonged] = {}
        self._error = ""

    async def run(self) -> None:
        """Keep calls going until cancelled."""
        while True:
            try:
                async with AmiSwitch(self._login(), self._deadlines) as switch:
                    await self._keep(switch)
            except OrchestratorError as error:
                if error.message != self._error:
                    _log.warning("quotas-not-kept", error=error.message)
                self._error = error.message
            await asyncio.sleep(_RETRY_S)

    async def _keep(self, switch: AmiSwitch) -> None:
        await self._tell(switch)
        look_at, looks = time.monotonic(), 0
        while True:
            await asyncio.to_thread(self._credit.refresh)
            if time.monotonic() >= look_at:
                await self._look(switch)
                look_at, looks, self._error = time.monotonic() + _LOOK_EVERY_S, looks + 1, ""
                if looks > 1 and self._credit.is_ready:
                    # Calls that were admitted without being asked for are charged by now, or reserved for.
                    await switch.forget_unasked()
            self._untold |= {each.uniqueid: each for each in await asyncio.to_thread(self._credit.due)}
            await self._tell(switch)
            if self._debts is not None:
                await self._debts.keep(switch)
            if not self._credit.is_ready and self._all_is_known():
                self._credit.ready()
            await asyncio.sleep(_TURN_S)

    async def _look(self, switch: AmiSwitch) -> None:
        """Compare with what is up, and take over calls that nothing is reserved for, and missed answers."""
        taken_at = self._clock.now()
        channels = await switch.channels()
        lines = [each.uniqueid for each in channels if each.line_of]
        held = [await self._held(switch, each) for each in self._credit.unknown(lines)]
        live = {each.uniqueid for each in channels}
        found = [each for each in held if each is not None]
        await asyncio.to_thread(self._credit.rebuild, found, live, taken_at)
        self._looked_at = self._looked_at or taken_at

    async def _held(self, switch: AmiSwitch, uniqueid: str) -> Held | None:
        """What a channel says that it was granted; None: nothing, or it is gone."""
        try:
            tenant, _, number = (await switch.channel_variable(uniqueid, CREDIT_VARIABLE)).partition("&")
            if not number:
                return None
            granted = await switch.channel_variable(uniqueid, GRANTED_VARIABLE)
            paid = await switch.channel_variable(uniqueid, PAID_VARIABLE)
            left = await switch.channel_variable(uniqueid, "TIMEOUT(absolute)")
        except ActionFailed:
            return None
        return Held(uniqueid, tenant, number, int(granted), float(left) if paid else None)

    async def _tell(self, switch: AmiSwitch) -> None:
        """Tell the switch what was prolonged; what a broken session leaves untold, the next one tells."""
        for uniqueid, each in list(self._untold.items()):
            await self._prolong(switch, each)
            del self._untold[uniqueid]

    async def _prolong(self, switch: AmiSwitch, each: Prolonged) -> None:
        left_s = round((each.ends_at - self._clock.now()).total_seconds(), 3)
        if left_s <= 0:
            # The switch has ended it by now, and refuses a time that is over.
            _log.debug("call-prolonged-too-late", uniqueid=each.uniqueid)
            return
        try:
            await switch.prolong(each.uniqueid, GRANTED_VARIABLE, each.granted_s, left_s)
        except ActionFailed as error:
            # It has hung up meanwhile; its end comes as an event, or with the next look.
            _log.debug("call-not-prolonged", uniqueid=each.uniqueid, error=error.message)

    def _all_is_known(self) -> bool:
        """Whether what ended before the first look has been charged since."""
        reconciled_at = self._reconciled_at()
        if self._looked_at is None or reconciled_at is None:
            return False
        return reconciled_at >= self._looked_at + RECORD_LATE
