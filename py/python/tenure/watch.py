"""Watch streams of the blocking face."""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType

from . import _tenure
from .values import Seconds, WatchItem, in_seconds
from .waiting import all_raised, block


class WatchStream(Iterator[WatchItem]):
    """What a persistent watch says, in the order of the changes.

    It goes on over lost connections and, unless the recovery says otherwise, over sessions;
    wherever changes may be missing stands a `Resync`. It ends when it is closed, and raises what
    finished the client. Leaving its `with` block closes it, which removes the watch.
    """

    def __init__(self, feed: _tenure.WatchFeed) -> None:
        self._feed = feed

    def __next__(self) -> WatchItem:
        item = self.next()
        if item is None:
            raise StopIteration
        return item

    def next(self, timeout: Seconds | None = None) -> WatchItem | None:
        """Waits for the next item; None after `timeout`, or after the end."""
        batch = self.next_batch(1, timeout)
        return batch[0] if batch else None

    def next_batch(self, limit: int = 256, timeout: Seconds | None = None) -> list[WatchItem]:
        """Waits for an item and takes all that are there, at most `limit`.

        The list is empty after `timeout`, or after the end.
        """
        if not block(self._feed, in_seconds(timeout)):
            return []
        return all_raised(self._feed.take(limit))

    @property
    def closed(self) -> bool:
        """Whether nothing more will come."""
        return self._feed.has_ended

    def close(self) -> None:
        """Ends it and removes the watch. Whoever waits for the next item gets the end."""
        self._feed.close()

    def __enter__(self) -> WatchStream:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()

