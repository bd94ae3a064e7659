"""Calls through a real switch whose clock is set, compared step by step with what `vpbx route` says."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from click.testing import CliRunner

from harness import farside, media
from harness.ami import AmiFailed
from harness.clock import Clock
from harness.farside import CARRIER, Call, FarSide
from harness.generated import CARRIERS_ADDRESS, OUTCOMES, Generated, Placed, moment, placed, tenants
from harness.recorded import events
from harness.site import EXAMPLES, Site
from orchestrator.asterisk.binary import Asterisk
from orchestrator.cli.main import root as vpbx
from orchestrator.model.call import SwitchEvent

_ENDS_S, _RECORDED_S, _POLL_S = 60.0, 15.0, 0.05
_BEGIN = datetime(2028, 1, 1, tzinfo=UTC)
_ZONE = ZoneInfo("Europe/Moscow")


@dataclass(frozen=True, slots=True)
class Compared:
    """A call. Args: said, done: ids of steps, by route and by the switch's record. kinds: of those said."""

    call: Placed
    at: datetime
    said: tuple[str, ...]
    done: tuple[str, ...]
    kinds: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.at} {' '.join(self.call.options())}: said {self.said}, done {self.done}"


class World:
    """Generated tenants on a running switch with a clock of its own, and their phones."""

    def __init__(self, root: Path, asterisk: Asterisk, chance: random.Random, count: int) -> None:
        """Args: root: does not exist yet."""
        self._chance = chance
        self.tenants: Sequence[Generated] = tenants(chance, count)
        # Later than any call's time, for else the phones' registrations would be over.
        self._clock = Clock(root.with_name("now"), _BEGIN)
        self.site = Site(root, asterisk, EXAMPLES, clock=self._clock)
        for file in (root / "tenants").glob("*.yaml"):
            file.unlink()
        (root / "prompts").mkdir(exist_ok=True)
        media.write_wav(root / "prompts/menu.wav", media.voice(7, 0.5))
        self.site.edit("platform.yaml", (r"ring_timeout_s: \d+", "ring_timeout_s: 5"))
        for tenant in self.tenants:
            text = tenant.yaml.replace(CARRIERS_ADDRESS, str(self.site.carrier))
            (root / "tenants" / f"{tenant.name}.yaml").write_text(text, "utf-8")
        self._far: FarSide | None = None
        self._rounds = 0

    def __enter__(self) -> World:
        try:
            self.site.start()
            phones = [
                replace(phone, expiration_s=3600)
                for tenant in self.tenants
                for phone in self.site.phones(tenant.name, tenant.registered)
            ]
            self._far = self.site.far_side(*phones)
            self._far.start()
            self._far.wait_registered(30)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._far is not None:
            self._far.stop()
        self.site.stop()

    @property
    def far(self) -> FarSide:
        assert self._far is not None
        return self._far

    def round(self) -> Iterator[Compared]:
        """A call of every tenant at one moment, all at once."""
        self._rounds += 1
        at = datetime.fromisoformat(moment(self._chance)).replace(tzinfo=_ZONE)
        self._clock.set(at)
        calls = [placed(self._chance, tenant, self._rounds) for tenant in self.tenants]
        for call in calls:
            self._prepare(call, at)
        said = {call.tenant.name: self._route(call, at) for call in calls}
        held = [self._hold(call) for call in calls]
        for lines in held:
            for line in lines:
                self.far.wait_answered(line)
        known = len(events(self.site))
        running = [(call, self._begin(call)) for call in calls]
        self._press([each for each in running if "menu" in {kind for _, kind in said[each[0].tenant.name]}])
        for call, made in running:
            if said[call.tenant.name][-1][1] == "voicemail":
                self._say_nothing(call, made, known)
        for _, made in running:
            self.far.wait_ended(made, _ENDS_S)
        for call in calls:
            steps, kinds = zip(*said[call.tenant.name], strict=True)
            yield Compared(call, at, steps, self._done(call, known), kinds)
        for lines in held:
            for line in lines:
                self.far.hang_up(line)

    def _prepare(self, call: Placed, at: datetime) -> None:
        """Phones' moods, the switch of the tenant, and who spoke with the caller an hour ago."""
        for who, outcome in call.told.items():
            if who.startswith("+"):
                self.far.behave(CARRIER, OUTCOMES[outcome], who)
            else:
                self.far.behave(f"{call.tenant.name}{who}desk", OUTCOMES[outcome])
        self.far.behave(CARRIER, OUTCOMES["answered"])
        self.far.behave(call.tenant.holds[1], farside.answer())
        turn = "put vpbx-switch {}/night on" if call.night else "del vpbx-switch {}/night"
        self.site.rx(f"database {turn.format(call.tenant.name)}")
        if call.manager:
            spoke = f"{call.tenant.name}/{call.caller} {call.manager}:{int(at.timestamp()) - 3600}"
            self.site.rx(f"database put vpbx-manager {spoke}")

    def _hold(self, call: Placed) -> list[Call]:
        number, _ = call.tenant.holds
        return [
            self.far.call(
                CARRIER, number, from_number=f"+7495{self._rounds:03}{call.tenant.index:02}{line:02}"
            )
            for line in range(call.held)
        ]

    def _begin(self, call: Placed) -> Call:
        shown = call.caller if call.phone == CARRIER else ""
        return self.far.call(call.phone, call.called, from_number=shown)

    def _press(self, calls: Sequence[tuple[Placed, Call]]) -> None:
        """Press what each caller wants, as soon as its menu has answered: one that is late is silent."""
        waiting = [(call, made) for call, made in calls if call.press]
        deadline = time.monotonic() + _ENDS_S
        while waiting and time.monotonic() < deadline:
            for call, made in list(waiting):
                if self.far.has_ended(made) or self.far.is_answered(made):
                    waiting.remove((call, made))
                    try:
                        self.far.press(made, "".join(call.press))
                    except AmiFailed:
                        # More keys than menus: the call is over.
                        self.far.wait_ended(made)
            time.sleep(_POLL_S)

    def _say_nothing(self, call: Placed, made: Call, known: int) -> None:
        """Hang up once a mailbox has answered; a call that goes elsewhere isn't touched."""

        def answered() -> bool:
            steps = self._steps(call, known)
            return bool(steps) and steps[-1].startswith("mailboxes.")

        deadline = time.monotonic() + _ENDS_S
        while not self.far.has_ended(made) and time.monotonic() < deadline:
            if answered():
                self.far.hang_up(made)
                return
            time.sleep(_POLL_S)

    def _route(self, call: Placed, at: datetime) -> list[tuple[str, str]]:
        """Ids and kinds of the steps."""
        options = [*call.options(), "--at", at.isoformat(), "--json"]
        result = CliRunner().invoke(vpbx, ["-C", str(self.site.root), "route", *options])
        assert result.exit_code == 0, (options, result.output, result.exception)
        return [(step["id"], step["kind"]) for step in json.loads(result.stdout)["steps"]]

    def _done(self, call: Placed, known: int) -> tuple[str, ...]:
        """Ids of the steps in the record. Args: known: events that were there before the call."""

        def ended() -> bool:
            return any(e.kind == "LINKEDID_END" for e in self._events(call, known))

        self.site.until(ended, f"{call.caller} to {call.called} is in the record and over", _RECORDED_S)
        return self._steps(call, known)

    def _steps(self, call: Placed, known: int) -> tuple[str, ...]:
        """Ids of those that are in the record so far."""
        return tuple(
            e.facts["step"] for e in self._events(call, known) if "step" in e.facts and e.kind != "vpbx.phone"
        )

    def _events(self, call: Placed, known: int) -> list[SwitchEvent]:
        new = events(self.site)[known:]
        begun = [
            e for e in new if e.facts.get("to") == call.called and self._is_of(call, e.facts.get("from"))
        ]
        return [e for e in new if e.linkedid == begun[0].linkedid] if begun else []

    @staticmethod
    def _is_of(call: Placed, caller: str | None) -> bool:
        """A call outside shows a number; it is known by whom it calls."""
        outward = call.phone != CARRIER and call.called.startswith("+")
        return outward or caller == call.caller
