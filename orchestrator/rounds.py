"""A thread of its own beside the writer that does rounds over a store, until it is stopped."""

from __future__ import annotations

import threading
from collections.abc import Callable

import structlog

from orchestrator.errors import OrchestratorError
from orchestrator.storage.store import SqlStore

_log = structlog.get_logger("vpbx.rounds")


class Rounds:
    """Args: open_store: called in the thread, again after a failure to open. do: one round; gives the
    seconds until the next one. failed: told why a round could not be done. every_s: until the next one then.
    """

    def __init__(
        self,
        name: str,
        open_store: Callable[[], SqlStore],
        do: Callable[[SqlStore], float],
        failed: Callable[[str], None],
        every_s: float,
    ) -> None:
        self._open_store = open_store
        self._do = do
        self._failed = failed
        self._every_s = every_s
        self._asked = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"vpbx-{name}", daemon=True)
        self.stopping = False

    def start(self) -> None:
        self._thread.start()

    def ask(self) -> None:
        """Do a round now, or after the one that is being done. Returns at once."""
        self._asked.set()

    def stop(self, deadline_s: float) -> bool:
        """End after what is being done. Returns: whether it has ended in time."""
        self.stopping = True
        self._asked.set()
        if self._thread.is_alive():
            self._thread.join(deadline_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        store: SqlStore | None = None
        while not self.stopping:
            self._asked.clear()
            wait_s = self._every_s
            try:
                store = store or self._open_store()
                wait_s = self._do(store)
            except OrchestratorError as error:
                self._failed(error.message)
            except Exception as error:  # noqa: BLE001 - a fault in one round must not end the thread
                _log.exception("round-fault", thread=self._thread.name)
                self._failed(f"{type(error).__name__}: {error}")
            self._asked.wait(wait_s)
        if store is not None:
            store.close()
