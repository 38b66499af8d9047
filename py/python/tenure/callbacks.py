"""The callback thread of a client: where functions are told of its states."""

from __future__ import annotations

import itertools
import select
import sys
import threading
from collections.abc import Callable

from . import _tenure
from .values import SessionEvent
from .waiting import raised

_Hear = Callable[[SessionEvent], None]

# Wakes the thread without meaning any function.
_POKE = 0


class Callbacks:
    """Functions that hear the states of a client, all on one thread, one at a time.

    The thread starts with the first of them and ends after the last event. It belongs to the
    interpreter and waits outside the core, so that the interpreter can end while it waits.
    """

    def __init__(self) -> None:
        self._bridge: _tenure.Bridge | None = None
        self._hearing: dict[int, tuple[_tenure.StateFeed, _Hear]] = {}
        self._numbers = itertools.count(_POKE + 1)
        self._lock = threading.Lock()

    def add(self, feed: _tenure.StateFeed, hear: _Hear) -> Callable[[], None]:
        """Lets `hear` hear what `feed` says, until the returned function is called."""
        with self._lock:
            number = next(self._numbers)
            self._hearing[number] = feed, hear
            if self._bridge is None:
                self._bridge = _tenure.Bridge()
                threading.Thread(target=self._run, args=(self._bridge,), daemon=True,
                                 name="tenure-callbacks").start()
            self._bridge.wake(number)

        def remove() -> None:
            with self._lock:
                if self._hearing.pop(number, None) and self._bridge is not None:
                    self._bridge.wake(_POKE)
        return remove

    def _run(self, bridge: _tenure.Bridge) -> None:
        _tenure.enter_callback_thread()
        # poll, because select cannot take a descriptor above 1023.
        poll = select.poll()
        poll.register(bridge.fileno(), select.POLLIN)
        while True:
            poll.poll()
            for number in bridge.drain():
                self._tell(bridge, number)
            with self._lock:
                if not self._hearing:
                    self._bridge = None
                    return

    def _tell(self, bridge: _tenure.Bridge, number: int) -> None:
        """Tells one function all there is, and asks to be woken for more."""
        while (hearing := self._hearing.get(number)) and hearing[0].poll(bridge, number):
            feed, hear = hearing
            taken = feed.take(1)
            if not taken:
                self._hearing.pop(number, None)
                return
            event = raised(taken[0])
            try:
                hear(event)
            except Exception:  # one function that fails must not silence the others
                _report()


def _report() -> None:
    kind, error, trace = sys.exc_info()
    if kind is not None:
        own = threading.current_thread()
        threading.excepthook(threading.ExceptHookArgs((kind, error, trace, own)))
