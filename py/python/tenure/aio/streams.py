"""Streams of the asynchronous face: states and watches."""

from __future__ import annotations

from collections.abc import AsyncIterator
from types import TracebackType

from .. import _tenure
from ..values import SessionEvent, WatchItem
from ..waiting import all_raised, raised, value
from .bridge import Bridges


class StateStream(AsyncIterator[SessionEvent]):
    """The state of a client now, then every change in order; ends when the client is finished."""

    def __init__(self, feed: _tenure.StateFeed, bridges: Bridges) -> None:
        self._feed = feed
        self._bridges = bridges

    async def __anext__(self) -> SessionEvent:
        await self._bridges.ready(self._feed)
        taken = self._feed.take(1)
        if not taken:
            raise StopAsyncIteration
        return raised(taken[0])

    async def aclose(self) -> None:
        """Ends it."""
        self._feed.close()


class WatchStream(AsyncIterator[WatchItem]):
    """What a persistent watch says; see `tenure.WatchStream`.

    The watch is asked for when it is made, and is in place once `async with` or the first step has
    come through. A step that is cancelled swallows no item.
    """

    def __init__(self, answer: _tenure.Answer[_tenure.WatchFeed], bridges: Bridges) -> None:
        self._answer = answer
        self._bridges = bridges
        self._feed: _tenure.WatchFeed | None = None
        self._is_closed = False

    async def __anext__(self) -> WatchItem:
        batch = await self.next_batch(1)
        if not batch:
            raise StopAsyncIteration
        return batch[0]

    async def next_batch(self, limit: int = 256) -> list[WatchItem]:
        """Waits for an item and takes all that are there, at most `limit`; empty after the end."""
        feed = await self._opened()
        if feed is None:
            return []
        await self._bridges.ready(feed)
        return all_raised(feed.take(limit))

    async def aclose(self) -> None:
        """Ends it and removes the watch."""
        self._is_closed = True
        if self._feed is not None:
            self._feed.close()

    async def __aenter__(self) -> WatchStream:
        await self._opened()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None,
                        trace: TracebackType | None) -> None:
        await self.aclose()

    async def _opened(self) -> _tenure.WatchFeed | None:
        if self._is_closed:
            return self._feed
        if self._feed is None:
            await self._bridges.ready(self._answer)
            # Another coroutine may have come through first.
            if self._feed is None:
                self._feed = value(self._answer)
        return self._feed
