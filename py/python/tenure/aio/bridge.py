"""How the core wakes coroutines: one descriptor per client and event loop.

The core's threads queue numbers and make the descriptor readable once for a whole burst; the loop
reads it and sets the futures of those numbers. What is handed over is only "look again": values
stay in the core until the coroutine takes them, so a cancelled wait loses nothing.
"""

from __future__ import annotations

import asyncio
import itertools
import select
import threading
from contextlib import suppress
from weakref import WeakKeyDictionary

from .. import _tenure
from ..errors import ClosedError
from ..waiting import Waitable

_Futures = dict[int, "asyncio.Future[None]"]


class Bridges:
    """The bridges of one client: one for each loop that awaits something of it."""

    def __init__(self) -> None:
        self._by_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, Bridge] = WeakKeyDictionary()

    async def ready(self, waitable: Waitable) -> None:
        """Waits on the running loop until there is something to take."""
        loop = asyncio.get_running_loop()
        bridge = self._by_loop.get(loop)
        if bridge is None:
            bridge = self._by_loop[loop] = Bridge(loop)
        await bridge.ready(waitable)

    def close(self) -> None:
        """Ends what waits on the running loop with `ClosedError`, and lets go of the loop."""
        bridge = self._by_loop.pop(asyncio.get_running_loop(), None)
        if bridge is not None:
            bridge.close()


class Bridge:
    """Wakes the coroutines of one loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._raw = _tenure.Bridge()
        self._futures: _Futures = {}
        self._numbers = itertools.count(1)
        self._is_closed = False
        # The loop gets no reference to this object, so that dropping the client lets go of it.
        self._stop = _watch(loop, self._raw, self._futures)

    async def ready(self, waitable: Waitable) -> None:
        number = 0
        while not waitable.poll(self._raw, number or (number := next(self._numbers))):
            if self._is_closed:
                raise ClosedError("the client is closed")
            future = self._futures[number] = self._loop.create_future()
            try:
                await future
            finally:
                self._futures.pop(number, None)

    def close(self) -> None:
        self._is_closed = True
        self._stop()
        for future in list(self._futures.values()):
            _release(future)

    def __del__(self) -> None:
        if not self._is_closed:
            self._is_closed = True
            self._stop()


def _watch(loop: asyncio.AbstractEventLoop, raw: _tenure.Bridge, futures: _Futures) -> "_Stop":
    try:
        loop.add_reader(raw.fileno(), _drain, raw, futures)
    except NotImplementedError:
        relay = threading.Thread(target=_relay, args=(loop, raw, futures), daemon=True,
                                 name="tenure-relay")
        relay.start()
        return _Stop(loop, raw, is_relayed=True)
    return _Stop(loop, raw, is_relayed=False)


class _Stop:
    """Ends the watching of a descriptor, from any thread, and keeps it open until then."""

    def __init__(self, loop: asyncio.AbstractEventLoop, raw: _tenure.Bridge, *,
                 is_relayed: bool) -> None:
        self._loop = loop
        self._raw = raw
        self._is_relayed = is_relayed

    def __call__(self) -> None:
        if self._is_relayed:
            self._raw.wake(_END)
            return
        # A closed loop watches nothing any more.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(_unwatch, self._loop, self._raw)


def _unwatch(loop: asyncio.AbstractEventLoop, raw: _tenure.Bridge) -> None:
    loop.remove_reader(raw.fileno())


def _drain(raw: _tenure.Bridge, futures: _Futures) -> None:
    for number in raw.drain():
        future = futures.get(number)
        if future is not None:
            _release(future)


def _release(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


# Tells a relay to end.
_END = 0


def _relay(loop: asyncio.AbstractEventLoop, raw: _tenure.Bridge, futures: _Futures) -> None:
    """For loops that cannot watch descriptors: a thread that watches this one for them."""
    poll = select.poll()
    poll.register(raw.fileno(), select.POLLIN)
    with suppress(RuntimeError):  # the loop is closed
        while True:
            poll.poll()
            numbers = raw.drain()
            loop.call_soon_threadsafe(_release_all, numbers, futures)
            if _END in numbers:
                return


def _release_all(numbers: list[int], futures: _Futures) -> None:
    for number in numbers:
        future = futures.get(number)
        if future is not None:
            _release(future)
