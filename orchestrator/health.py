"""`/metrics` for Prometheus and `/health` as JSON, on a loopback address only."""

from __future__ import annotations

import ipaddress
import json
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler
from types import TracebackType

import structlog
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from orchestrator import credit_asked
from orchestrator.credit_control import CreditControl
from orchestrator.errors import OrchestratorError, PortTaken
from orchestrator.model.platform import Address

_log = structlog.get_logger("vpbx.health")
_JSON_VERSION = 1
_REQUEST_DEADLINE_S = 5.0
_LONGEST_LINE = 8192
_ANSWERED_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class Figures:
    """How a listener stands at one moment.

    Args: ami: `up`, `connecting`, `down` or `refused`; ami_since: when that began. problems: what is wrong
        now, one line each; none means all is well.
    """

    node: str
    ami: str
    ami_since: datetime
    last_event_at: datetime | None = None
    last_reconcile_at: datetime | None = None
    last_error: str = ""
    problems: tuple[str, ...] = ()
    lag_s: float = 0.0
    queue_depth: int = 0
    calls_up: int = 0
    events: int = 0
    forged: int = 0
    failed: int = 0
    held_back: int = 0
    sessions: int = 0
    oversized: int = 0
    posted: Mapping[str, int] = field(default_factory=dict)
    unrated: int = 0
    quarantined: int = 0
    recordings_lost: int = 0
    recorders_renewed: int = 0
    recorders_failed: int = 0
    writer_failures: int = 0
    messages_mailed: int = 0
    messages_given_up: int = 0
    credit_asked: int = 0
    credit_refused: int = 0
    credit_prolonged: int = 0
    warnings_sent: int = 0
    warnings_failed: int = 0
    warnings_given_up: int = 0
    tenants_barred: int = 0
    recordings_sent: int = 0
    recordings_waiting: int = 0
    recordings_not_sent: int = 0


class MetricsNotLocal(OrchestratorError):
    code = "metrics-not-local"


def health_document(figures: Figures) -> dict[str, object]:
    """What `/health` answers."""
    return {
        "version": _JSON_VERSION,
        "status": "degraded" if figures.problems else "ok",
        "node": figures.node,
        "ami": figures.ami,
        "since": _iso(figures.ami_since),
        "problems": list(figures.problems),
        "lag_s": round(figures.lag_s, 6),
        "queue_depth": figures.queue_depth,
        "calls_up": figures.calls_up,
        "last_event": _iso(figures.last_event_at),
        "last_reconcile": _iso(figures.last_reconcile_at),
        "last_error": figures.last_error,
    }


class HealthServer:
    """Serves the figures from a thread of its own while the `with` lasts.

    Args: figures: asked at each request, in another thread. where: port 0 takes a free one. credit: asked by
    the dialplan.
    Raises: PortTaken, MetricsNotLocal: on entering.
    """

    def __init__(
        self, where: Address, figures: Callable[[], Figures], credit: CreditControl | None = None
    ) -> None:
        self._where = where
        self._figures = figures
        self._credit = credit
        self._server: _Server | None = None

    def __enter__(self) -> HealthServer:
        host = self._where.host
        try:
            local = ipaddress.ip_address(host).is_loopback
        except ValueError:
            local = False
        if not local:
            raise MetricsNotLocal(
                f"metrics of the node would be open to others at {self._where}",
                "use 127.0.0.1 in platform.yaml",
            )
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_FiguresCollector(self._figures))
        try:
            self._server = _Server((host, self._where.port), self._figures, registry, self._credit)
        except OSError as error:
            raise PortTaken(
                f"the metrics address {self._where} can't be used: {error.strerror}",
                "another listener may run; or change metrics in platform.yaml",
            ) from error
        threading.Thread(target=self._server.serve_forever, name="vpbx-health", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1]) if self._server is not None else 0


class _Server(socketserver.ThreadingTCPServer):
    """Answers in threads that wait for requests: one that had to be started would keep a call waiting."""

    allow_reuse_address = True
    request_queue_size = 128

    def __init__(
        self,
        where: tuple[str, int],
        figures: Callable[[], Figures],
        registry: CollectorRegistry,
        credit: CreditControl | None,
    ) -> None:
        self._answering = ThreadPoolExecutor(_ANSWERED_AT_ONCE, "vpbx-health")
        super().__init__(where, _Request)
        self.credit = credit
        self.figures = figures
        self.registry = registry

    def process_request(
        self, request: socket.socket | tuple[bytes, socket.socket], client_address: object
    ) -> None:
        self._answering.submit(self.process_request_thread, request, client_address)

    def server_close(self) -> None:
        super().server_close()
        self._answering.shutdown(wait=False, cancel_futures=True)

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002 - its signature
        """A client that goes away in mid-answer is no news."""
        _log.debug("health-request-failed", exc_info=True)


class _Request(BaseHTTPRequestHandler):
    timeout = _REQUEST_DEADLINE_S
    server: _Server
    raw_requestline: bytes

    def parse_request(self) -> bool:
        """Credit control is answered at once, before headers are parsed that nobody reads: a call waits."""
        asked, line = f"GET {credit_asked.PATH}?".encode(), self.raw_requestline
        if self.server.credit is None or not line.startswith(asked):
            return super().parse_request()
        while self.rfile.readline(_LONGEST_LINE).strip():
            pass
        query = line.removeprefix(asked).partition(b" ")[0].decode("ascii", "replace")
        body = credit_asked.answer(self.server.credit, query).encode()
        self.wfile.write(b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        self.close_connection = True
        return False

    def do_GET(self) -> None:
        page = PAGES.get(self.path.partition("?")[0])
        if page is None:
            self.send_error(404)
            return
        content_type, body = page(self.server)
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        """Requests aren't logged."""


def _metrics_page(server: _Server) -> tuple[str, bytes]:
    return CONTENT_TYPE_LATEST, generate_latest(server.registry)


def _health_page(server: _Server) -> tuple[str, bytes]:
    return "application/json", json.dumps(health_document(server.figures())).encode() + b"\n"


PAGES: Mapping[str, Callable[[_Server], tuple[str, bytes]]] = {
    "/metrics": _metrics_page,
    "/health": _health_page,
}


class _FiguresCollector(Collector):
    def __init__(self, figures: Callable[[], Figures]) -> None:
        self._figures = figures

    def collect(self) -> Iterator[Metric]:
        now = self._figures()
        reconciled = now.last_reconcile_at.timestamp() if now.last_reconcile_at else 0.0
        gauges = {
            "vpbx_ami_connected": ("1 while an AMI session is up.", float(now.ami == "up")),
            "vpbx_event_lag_seconds": ("From the last event's time to its handling.", now.lag_s),
            "vpbx_queue_depth": ("Events that wait to be handled.", now.queue_depth),
            "vpbx_calls_up": ("Calls that are up, from the last snapshot.", now.calls_up),
            "vpbx_tenants_barred": ("Tenants with calls barred for what they owe.", now.tenants_barred),
            "vpbx_calls_unrated": ("Ended calls that could not be charged yet.", now.unrated),
            "vpbx_recordings_waiting": ("Recordings not in their store yet.", now.recordings_waiting),
            "vpbx_last_reconcile_timestamp": ("When the switch's record was last read whole.", reconciled),
        }
        counters = {
            "vpbx_events": ("Genuine events handled.", now.events),
            "vpbx_events_forged": ("Messages dropped as forged, cut or damaged.", now.forged),
            "vpbx_events_failed": ("Events whose handling failed.", now.failed),
            "vpbx_events_held_back": ("Times a full queue stopped the reading.", now.held_back),
            "vpbx_messages_oversized": ("Connections dropped for a message above the limit.", now.oversized),
            "vpbx_reconnects": ("AMI sessions after the first.", max(0, now.sessions - 1)),
            "vpbx_quarantined": ("Records set aside as unreadable.", now.quarantined),
            "vpbx_recordings_lost": ("Recordings that a call should have and hasn't.", now.recordings_lost),
            "vpbx_recorders_renewed": ("Recorders attached anew after a transfer.", now.recorders_renewed),
            "vpbx_recorders_failed": ("Recorders that could not be attached anew.", now.recorders_failed),
            "vpbx_messages_mailed": ("Messages in mailboxes that a mail server took.", now.messages_mailed),
            "vpbx_messages_given_up": ("Messages that no mail server will take.", now.messages_given_up),
            "vpbx_credit_asked": (
                "Calls of bounded accounts that asked how long they may last.",
                now.credit_asked,
            ),
            "vpbx_credit_refused": ("Those of them that there was no money for.", now.credit_refused),
            "vpbx_credit_prolonged": ("Slices that calls were prolonged by.", now.credit_prolonged),
            "vpbx_balance_warnings_sent": ("Warnings of low balances that a server took.", now.warnings_sent),
            "vpbx_balance_warnings_failed": ("Failed attempts to send them.", now.warnings_failed),
            "vpbx_balance_warnings_given_up": ("Those that nobody will take.", now.warnings_given_up),
            "vpbx_recordings_sent": ("Recordings that a store has, read back.", now.recordings_sent),
            "vpbx_recordings_not_sent": ("Failed attempts at the store.", now.recordings_not_sent),
            "vpbx_writer_failures": ("Failed attempts to write to the database.", now.writer_failures),
        }
        for name, (text, value) in gauges.items():
            yield GaugeMetricFamily(name, text, value=value)
        for name, (text, number) in counters.items():
            yield CounterMetricFamily(name, text, value=number)
        posted = CounterMetricFamily("vpbx_charges_posted", "Charges posted to the ledger.", labels=["path"])
        for path in sorted({"listener", "reconciliation", *now.posted}):
            posted.add_metric([path], now.posted.get(path, 0))
        yield posted


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
