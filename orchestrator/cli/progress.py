"""Long work, shown on a terminal while it lasts; in a pipe or a journal there is nothing to see."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Told = Callable[[int, int], None]
"""Called with how much is done, and of how much."""

_SHOWN_AFTER_S = 0.5
"""Work that is done sooner isn't worth a flicker, nor loading what draws."""


@contextmanager
def working(what: str) -> Iterator[Told]:
    """Show on stderr what is done, and for how long, until the block ends.

    Example: `with working("checking the definitions") as told: load(root, told)`
    """
    if not sys.stderr.isatty():
        yield _untold
        return
    shown = _Shown(what)
    timer = threading.Timer(_SHOWN_AFTER_S, shown.start)
    timer.daemon = True
    timer.start()
    try:
        yield shown.tell
    finally:
        timer.cancel()
        shown.stop()


def _untold(done: int, total: int) -> None:
    """Nobody looks."""


class _Shown:
    """A bar that appears late and leaves nothing behind."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._lock = threading.Lock()
        self._over = False
        self._stop: Callable[[], None] = lambda: None
        self._update: Told = _untold
        self._last = (0, 0)

    def start(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TimeElapsedColumn

        with self._lock:
            if self._over:
                return
            columns = (SpinnerColumn(), "{task.description}", BarColumn(), TimeElapsedColumn())
            counted = (*columns, MofNCompleteColumn()) if self._last[1] else columns
            bar = Progress(*counted, console=Console(stderr=True), transient=True)
            task = bar.add_task(self._what, total=None)
            self._stop = bar.stop
            self._update = lambda done, total: bar.update(task, completed=done, total=total)
            if self._last[1]:
                self._update(*self._last)
            bar.start()

    def tell(self, done: int, total: int) -> None:
        self._last = (done, total)
        self._update(done, total)

    def stop(self) -> None:
        with self._lock:
            self._over = True
            self._stop()
