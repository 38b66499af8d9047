"""Waiting for what must come, with a deadline; never for time to pass."""

from __future__ import annotations

import queue
import time
from typing import Any, Callable, List

# Longer than anything here may take on a busy machine; a passing test never waits for it.
PATIENCE = 20.0


def until(claim: Callable[[], Any], within: float = PATIENCE, what: str = "") -> Any:
    """The first true value of `claim()`; fails the test when none came in time."""
    deadline = time.monotonic() + within
    while True:
        value = claim()
        if value:
            return value
        if time.monotonic() >= deadline:
            raise AssertionError(f"not within {within} s: {what or claim}")
        time.sleep(0.01)


class Recorder:
    """A callback that keeps what it was called with, in order."""

    def __init__(self) -> None:
        self._calls: "queue.Queue[Any]" = queue.Queue()
        self.seen: List[Any] = []

    def __call__(self, *arguments: Any) -> None:
        self._calls.put(arguments[0] if len(arguments) == 1 else arguments)

    def next(self, within: float = PATIENCE) -> Any:
        """The next call's argument (a tuple when there were several)."""
        try:
            value = self._calls.get(timeout=within)
        except queue.Empty:
            raise AssertionError(f"no call within {within} s after {self.seen}") from None
        self.seen.append(value)
        return value

    def skip_to(self, wanted: Any, within: float = PATIENCE) -> None:
        """Drops calls until one equals `wanted`."""
        deadline = time.monotonic() + within
        while self.next(max(0.0, deadline - time.monotonic())) != wanted:
            pass

    @property
    def is_drained(self) -> bool:
        return self._calls.empty()
