"""Tenants warned when their balance falls to a level, by e-mail and by webhook, once for each fall.

One thread looks at the balances, another one tells. That a level was crossed and what is to be told of it are
written in one transaction, so that a process that dies anywhere neither forgets a warning nor makes it twice.
One that dies between a server's word and the note of it tells it again, under the same id.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Protocol

import structlog

from orchestrator.errors import OrchestratorError
from orchestrator.mail import MailNotSent, send
from orchestrator.model.balance_warning import Delivery, LowBalance, Way
from orchestrator.model.platform import Definitions, Smtp
from orchestrator.model.tenant import Tenant
from orchestrator.ports import Clock
from orchestrator.postman import GIVEN_UP_AFTER, next_attempt
from orchestrator.rounds import Rounds
from orchestrator.storage.balance_warnings import WarningIndex
from orchestrator.storage.store import SqlStore
from orchestrator.warning_text import warning_json, warning_mail
from orchestrator.webhook import NotDelivered, post

LOOK_EVERY_S = 3.0
_TELL_EVERY_S = 30.0
_SHORTEST_REST_S = 0.5
_AT_ONCE = 8
"""Deliveries under way: one server that is silent until its deadline keeps few others waiting."""
_MOST = 64

_UNWANTED = "nobody wants it any more"
_log = structlog.get_logger("vpbx.balance")


class Bureau(Protocol):
    """What warnings are told with; asked at each round, and from several threads."""

    def definitions(self) -> Definitions: ...

    def password(self, smtp: Smtp) -> str:
        """To log in with; empty: none. Raises: OrchestratorError: it isn't where it should be."""
        ...

    def key(self, terms: LowBalance) -> str:
        """What posts are signed with. Raises: OrchestratorError: it isn't where it should be."""
        ...


@dataclass(frozen=True, slots=True)
class WatchStatus:
    """Args: sent: warnings that a server took. failed: attempts that failed. given_up: warnings that nobody
    will take. error: what keeps warnings from being noted, or all e-mail from being sent, until that ends."""

    sent: int = 0
    failed: int = 0
    given_up: int = 0
    error: str = ""


@dataclass(frozen=True, slots=True)
class _Refused:
    """Why an attempt failed. Args: final: the next ones would too."""

    why: str
    final: bool = False


class BalanceWatch:
    """Of the tenants of one node. Args: open_store: called in each thread. look_every_s: between looks."""

    def __init__(
        self,
        node: str,
        open_store: Callable[[], SqlStore],
        bureau: Bureau,
        clock: Clock,
        look_every_s: float = LOOK_EVERY_S,
    ) -> None:
        self._node = node
        self._bureau = bureau
        self._clock = clock
        self._look_every_s = look_every_s
        self._looking = Rounds(
            "balances",
            open_store,
            lambda store: self.look(WarningIndex(store.database)),
            lambda why: self._wrong("look", why),
            look_every_s,
        )
        self._telling = Rounds(
            "warnings",
            open_store,
            lambda store: self.tell(WarningIndex(store.database)),
            lambda why: self._wrong("tell", why),
            _TELL_EVERY_S,
        )
        self._troubles: dict[str, str] = {}
        self._counted = WatchStatus()

    @property
    def status(self) -> WatchStatus:
        return replace(self._counted, error="; ".join(sorted({*self._troubles.values()})))

    def start(self) -> None:
        self._looking.start()
        self._telling.start()

    def stop(self, deadline_s: float) -> bool:
        """End after what is being sent. Returns: whether it has ended in time."""
        self._telling.stopping = True
        looked = self._looking.stop(deadline_s)
        return self._telling.stop(deadline_s) and looked

    def look(self, index: WarningIndex) -> float:
        """Note what has fallen to a level, or risen above one. Returns: seconds until the next look."""
        wanted = {
            name: each.account.low_balance
            for name, each in self._tenants().items()
            if each.account.low_balance is not None
        }
        if wanted:
            for each in index.look(wanted, self._clock.now(), lambda: uuid.uuid4().hex):
                _log.info(
                    "balance-low",
                    tenant=each.tenant,
                    level_kop=each.level_kop,
                    balance_kop=each.balance_kop,
                    warning=each.id,
                )
                self._telling.ask()
        self._wrong("look", "")
        return self._look_every_s

    def tell(self, index: WarningIndex) -> float:
        """Tell what is due. Returns: seconds until the next round."""
        smtp, tenants = self._bureau.definitions().platform.smtp, self._tenants()
        with ThreadPoolExecutor(_AT_ONCE, "vpbx-warning") as pool:
            due = index.due(tenants, self._clock.now(), _MOST)
            tried = pool.map(lambda each: self._tried(each, smtp, tenants), due)
            for each, outcome in zip(due, tried, strict=True):
                if outcome is not None:
                    index.keep(self._judged(each, outcome))
        self._wrong("tell", "")
        next_at = index.next_at(tenants)
        if next_at is None:
            return _TELL_EVERY_S
        left_s = (next_at - self._clock.now()).total_seconds()
        return min(_TELL_EVERY_S, max(_SHORTEST_REST_S, left_s))

    def _tenants(self) -> Mapping[str, Tenant]:
        found = self._bureau.definitions().tenants
        return {name: each for name, each in found.items() if each.node == self._node}

    def _tried(
        self, delivery: Delivery, smtp: Smtp | None, tenants: Mapping[str, Tenant]
    ) -> str | _Refused | None:
        """One attempt, in a thread of the pool. Returns: what was said of it; None: it wasn't made."""
        if self._telling.stopping:
            return None
        crossing = delivery.crossing
        tenant = tenants[crossing.tenant]
        terms = tenant.account.low_balance
        try:
            if terms is None or delivery.way not in terms.ways:
                return _Refused(_UNWANTED, final=True)
            if delivery.way == "webhook":
                body, now = warning_json(crossing), self._clock.now()
                post(terms.webhook, self._bureau.key(terms), crossing.id, body, now)
                return ""
            if smtp is None:
                return _Refused(_UNWANTED, final=True)
            mail = warning_mail(crossing, tenant, smtp.sender, terms.email)
            return send(smtp, self._bureau.password(smtp), mail, terms.email)
        except (MailNotSent, NotDelivered) as error:
            return _Refused(error.message, final=error.final)
        except OrchestratorError as error:
            return _Refused(error.message)
        except Exception as error:  # noqa: BLE001 - a fault in one must not keep the others from being told
            _log.exception("warning-fault", tenant=crossing.tenant, way=delivery.way)
            return _Refused(f"{type(error).__name__}: {error}")

    def _judged(self, delivery: Delivery, outcome: str | _Refused) -> Delivery:
        """How a delivery stands after an attempt."""
        now, attempts = self._clock.now(), delivery.attempts + 1
        told = {"tenant": delivery.crossing.tenant, "way": delivery.way, "warning": delivery.crossing.id}
        if isinstance(outcome, str):
            self._counted = replace(self._counted, sent=self._counted.sent + 1)
            self._heard(delivery.way, "")
            _log.info("warning-sent", **told, refused=outcome)
            return replace(delivery, state="sent", attempts=attempts, next_at=None, sent_at=now, note=outcome)
        if outcome.why == _UNWANTED:
            return replace(delivery, state="none", next_at=None, note=outcome.why)
        self._counted = replace(self._counted, failed=self._counted.failed + 1)
        self._heard(delivery.way, "" if outcome.final else outcome.why)
        if outcome.final or now - delivery.crossing.at > GIVEN_UP_AFTER:
            self._counted = replace(self._counted, given_up=self._counted.given_up + 1)
            _log.error("warning-given-up", **told, error=outcome.why)
            return replace(delivery, state="given_up", attempts=attempts, next_at=None, note=outcome.why)
        _log.warning("warning-put-off", **told, error=outcome.why, attempts=attempts)
        return replace(delivery, attempts=attempts, next_at=next_attempt(now, attempts), note=outcome.why)

    def _heard(self, way: Way, why: str) -> None:
        """Trouble with e-mail is the platform's; with a webhook it is its tenant's, and not told as ours."""
        if way == "email":
            self._wrong("email", why)

    def _wrong(self, what: str, why: str) -> None:
        """Args: why: empty: it is well again."""
        if why:
            self._troubles[what] = why
        else:
            self._troubles.pop(what, None)
