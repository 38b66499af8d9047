"""Sessions of a client, and the stream of its states."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from typing import Any

from . import _tenure
from .errors import ConnectionLossError, SessionLostError
from .operations import Operations
from .values import Acl, Credentials, LossReason, Seconds, SessionEvent, State, in_seconds
from .waiting import answered, block, raised


class Session:
    """The session of one epoch. Stays what it is when the next epoch begins: over for good."""

    def __init__(self, raw: _tenure.Session, default_acl: list[Acl] | None) -> None:
        self._raw = raw
        self._ops = PinnedOperations(raw.operations(), default_acl)
        self._data = SessionData(raw)

    @property
    def id(self) -> int:
        """Its id; 0 until it is connected for the first time."""
        return self._raw.id

    @property
    def epoch(self) -> int:
        """Which session of its client it is, counted from 1."""
        return self._raw.epoch

    @property
    def state(self) -> State:
        """How it is at this moment, by the clock and not by the last event."""
        return self._raw.state

    @property
    def timeout(self) -> float:
        """The timeout in seconds the server granted; the one asked for until it is connected."""
        return self._raw.timeout

    @property
    def credentials(self) -> Credentials:
        """What resumes it from elsewhere, as of now. Whoever uses it takes the session over.

        Raises `ConnectionLossError` before it is connected, `SessionLostError` once it is over.
        """
        parts = self._raw.credentials
        if parts is None:
            error = SessionLostError if self.state is State.LOST else ConnectionLossError
            raise error("there is no session to resume")
        return Credentials(*parts)

    def safe_for(self) -> float:
        """Seconds the session certainly lives, from now; 0 if it may have expired.

        The send time of the last answered request, plus the timeout, minus the safety margin, minus
        now, on a clock that counts machine sleep.
        """
        return self._raw.safe_for()

    @property
    def data(self) -> MutableMapping[str, Any]:
        """Local values of this session. Gone with it: then it is empty and takes nothing."""
        return self._data

    def wait_lost(self, timeout: Seconds | None = None) -> LossReason | None:
        """Waits until the epoch is over; None after `timeout`."""
        lost = self._raw.lost()
        return LossReason(answered(lost)) if block(lost, in_seconds(timeout)) else None

    @property
    def ops(self) -> Operations:
        """The operations in this session only: once it is over they raise `SessionExpiredError`."""
        return self._ops

    def __repr__(self) -> str:
        return f"<tenure.Session {self.id:#x} epoch {self.epoch} {self.state.value}>"


class PinnedOperations(Operations):
    """The operations of one session."""

    def __init__(self, raw: _tenure.Operations, default_acl: list[Acl] | None) -> None:
        self._raw = raw
        self._default_acl = default_acl


class SessionData(MutableMapping[str, Any]):
    """Values that live as long as a session."""

    def __init__(self, session: _tenure.Session) -> None:
        self._session = session
        self._values: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        return self._current()[name]

    def __setitem__(self, name: str, value: Any) -> None:
        self._current()[name] = value

    def __delitem__(self, name: str) -> None:
        del self._current()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._current())

    def __len__(self) -> int:
        return len(self._current())

    def clear(self) -> None:
        """Drops all values."""
        self._values.clear()

    def _current(self) -> dict[str, Any]:
        # A fresh dictionary once the session is over: what was there goes, what comes is dropped.
        if self._session.state is State.LOST:
            self._values.clear()
            return {}
        return self._values


class StateStream(Iterator[SessionEvent]):
    """The state of a client now, then every change in order; ends when the client is finished.

    For a slow reader events that only tell of a connection may be left out, never the end of an
    epoch nor its first connection.
    """

    def __init__(self, feed: _tenure.StateFeed) -> None:
        self._feed = feed

    def __next__(self) -> SessionEvent:
        event = self.next()
        if event is None:
            raise StopIteration
        return event

    def next(self, timeout: Seconds | None = None) -> SessionEvent | None:
        """Waits for the next event; None after `timeout`, or after the last."""
        if not block(self._feed, in_seconds(timeout)):
            return None
        taken = self._feed.take(1)
        return raised(taken[0]) if taken else None

    def close(self) -> None:
        """Ends it. Whoever waits for the next event gets the end."""
        self._feed.close()
