"""A real S3 server (moto's) in a process of its own, and a proxy in front of it that fails as it is told."""

from __future__ import annotations

import http.client
import random
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from orchestrator.asterisk.listening import free_port
from orchestrator.model.platform import RecordingStore
from orchestrator.object_store import ObjectStore, StoreKeys

BUCKET = "recordings"
KEYS = StoreKeys("test-key", "test-secret")
_START_S, _REQUEST_S = 60.0, 20.0
_RUN = "import sys; from moto.server import main; main(['-H', '127.0.0.1', '-p', sys.argv[1]])"


@dataclass
class S3:
    """A server. Args: port: its own; the proxy's is asked in tests."""

    port: int

    def url(self, port: int | None = None, prefix: str = "calls") -> str:
        return (
            f"s3://{BUCKET}/{prefix}?endpoint=http%3A%2F%2F127.0.0.1%3A{port or self.port}&region=us-east-1"
        )

    def store(self, port: int | None = None) -> ObjectStore:
        return ObjectStore(self.url(port), KEYS)

    def wanted(self, keep_local_days: int, port: int | None = None) -> RecordingStore:
        return RecordingStore(self.url(port), keep_local_days=keep_local_days)

    def objects(self) -> dict[str, bytes]:
        """Every object of the bucket, as the server itself gives it."""
        import obstore
        from obstore.store import S3Store

        store = S3Store(
            BUCKET,
            endpoint=f"http://127.0.0.1:{self.port}",
            region="us-east-1",
            access_key_id=KEYS.key,
            secret_access_key=KEYS.secret,
            client_options={"allow_http": True},
        )
        names = [meta["path"] for page in obstore.list(store) for meta in page]
        return {name: bytes(obstore.get(store, name).bytes()) for name in names}

    def empty(self) -> None:
        """Make the bucket anew."""
        _asked(self.port, "POST", "/moto-api/reset")
        _asked(self.port, "PUT", f"/{BUCKET}")


@contextmanager
def s3_server(log: Path) -> Iterator[S3]:
    """A server with an empty bucket, while the block lasts."""
    port = free_port("127.0.0.1")
    with log.open("wb") as output:
        process = subprocess.Popen([sys.executable, "-c", _RUN, str(port)], stdout=output, stderr=output)
    try:
        _wait(port, process)
        made = S3(port)
        made.empty()
        yield made
    finally:
        process.terminate()
        process.wait(10)


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("moto's server doesn't start")


def _asked(port: int, method: str, path: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_REQUEST_S)
    connection.request(method, path, headers={"Authorization": "AWS4-HMAC-SHA256 Credential=x/us-east-1/s3"})
    assert connection.getresponse().status < 300
    connection.close()


@dataclass
class Faults:
    """What the proxy does to requests.

    Args: rate: how many of them get 500. after: of those, half only after the server has done what was
    asked. down: it accepts nothing. hangs: it never answers.
    """

    chance: random.Random
    rate: float = 0.0
    down: bool = False
    hangs: bool = False
    seen: int = 0
    failed: int = 0
    released: threading.Event = field(default_factory=threading.Event)


@contextmanager
def proxy(s3: S3, faults: Faults) -> Iterator[int]:
    """A proxy in front of a server. Gives: its port."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _pass(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            faults.seen += 1
            if faults.hangs:
                faults.released.wait(_REQUEST_S)
                self.close_connection = True
                return
            fails = faults.down or faults.chance.random() < faults.rate
            # Half of the failures come after the server has done it: the client can't know.
            if not fails or (not faults.down and faults.chance.random() < 0.5):
                answer, headers, content = self._server(body)
            if fails:
                faults.failed += 1
                answer, headers, content = 500, [], b""
            self.send_response(answer)
            for name, value in headers:
                if name.lower() not in (
                    "content-length",
                    "connection",
                    "transfer-encoding",
                    "date",
                    "server",
                ):
                    self.send_header(name, value)
            head = self.command == "HEAD"
            length = (
                next((v for n, v in headers if n.lower() == "content-length"), "0") if head else len(content)
            )
            self.send_header("Content-Length", str(length))
            self.end_headers()
            if not head:
                self.wfile.write(content)

        def _server(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
            connection = http.client.HTTPConnection("127.0.0.1", s3.port, timeout=_REQUEST_S)
            try:
                connection.request(self.command, self.path, body, dict(self.headers.items()))
                answer = connection.getresponse()
                return answer.status, answer.getheaders(), answer.read()
            finally:
                connection.close()

        do_GET = do_PUT = do_HEAD = do_DELETE = do_POST = _pass

        def log_message(self, *_arguments: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            """A client that was killed is no news."""

    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield int(server.server_address[1])
    finally:
        faults.released.set()
        server.shutdown()
        server.server_close()
