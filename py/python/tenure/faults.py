"""Faults that a test plants in the embedded server."""

from __future__ import annotations

from typing import Literal, Protocol, TypeAlias

from . import _tenure
from .errors import BY_CODE, ForkedError, TenureError
from .session import Session
from .values import Credentials, Seconds, in_seconds


class HasSession(Protocol):
    """A client of either face."""

    @property
    def session(self) -> Session: ...


Who: TypeAlias = HasSession | Session | Credentials | int
"""Whose session is meant."""

Fault: TypeAlias = Literal["expire", "drop_connection", "refuse", "delay", "lose_reply",
                           "lose_request", "fail", "silence", "read_only"]
"""A kind of fault: the name of the method that plants it."""


class Faults:
    """What can be done to the clients of a server, at the server: any client sees it.

    `op` is an operation by ZooKeeper's name for it, such as "create", "setData" or "getChildren";
    None stands for every one but heartbeats, which are "ping". Operations that differ only in the
    form of their answer count as one: all creates, both kinds of getChildren. Planting a fault once
    more for the same operation replaces what was planted, and `count` 0 takes it back. Faults
    outlive a restart of the server. All methods may be called on any thread, and raise
    `RuntimeError` once the server is stopped, `ValueError` for a name that is none.
    """

    def __init__(self, raw: _tenure.Server) -> None:
        self._server = raw
        self._planted = _tenure.Faults(raw)

    @property
    def _raw(self) -> _tenure.Faults:
        refuse_inherited(self._server)
        return self._planted

    def expire(self, who: Who) -> None:
        """Ends a session now, as if its time were up. Its ephemerals are gone on return.

        Raises `LookupError` if there is no such session.
        """
        session_id = _session_id(who)
        if not self._raw.expire(session_id):
            raise LookupError(f"the server has no session {session_id:#x}")

    def drop_connection(self, who: Who | None = None) -> None:
        """Cuts the connection of a session, or all connections; sessions stay.

        Raises `LookupError` if the session has no connection.
        """
        if who is None:
            self._raw.drop_connections()
            return
        session_id = _session_id(who)
        if not self._raw.drop_connection(session_id):
            raise LookupError(f"no connection speaks for session {session_id:#x}")

    def refuse(self, yes: bool = True) -> None:
        """While it is on, new connections are closed without a byte. Those there are stay."""
        self._raw.refuse(yes)

    def refuse_next(self, count: int = 1) -> None:
        """The next `count` connections are closed without a byte."""
        self._raw.refuse_next(_counted(count))

    def delay(self, op: str | None, length: Seconds) -> None:
        """From now on answers are held back for `length`, by the server's clock; 0 takes it back.

        They stay in the order of their requests, so one that is held back holds back what comes
        behind it, events included. What is asked is carried out at once. None also stands for
        heartbeats here. On a real clock it may take 20 ms more.
        """
        self._raw.delay(op, in_seconds(length) or 0.0)

    def lose_reply(self, op: str | None = None, count: int = 1) -> None:
        """The next `count` such requests are carried out, and cut off in place of the answer."""
        self._raw.lose_reply(op, _counted(count))

    def lose_request(self, op: str | None = None, count: int = 1) -> None:
        """The next `count` such requests are cut off and not carried out.

        Neither is what the client sent behind them.
        """
        self._raw.lose_request(op, _counted(count))

    def fail(self, op: str | None, code: type[TenureError] | int, count: int = 1) -> None:
        """The next `count` such requests are answered with `code` and not carried out.

        `code` is a code of the protocol, or the class of error that stands for one.
        """
        self._raw.fail(op, code if isinstance(code, int) else _code_of(code), _counted(count))

    def silence(self, who: Who | None = None, yes: bool = True) -> None:
        """While it is on, the server neither reads nor answers a session, or anybody.

        Nothing of its connections shows, not even their end, and the server expires it in time.
        What had been answered before is sent afterwards, if the session still lives.
        """
        self._raw.silence(None if who is None else _session_id(who), yes)

    def read_only(self, yes: bool = True) -> None:
        """While it is on, the server only reads, as one of an ensemble without a quorum.

        Who did not accept that is not let in; writes raise `NotReadOnlyError`. Sessions from before
        do not expire meanwhile, and have their whole timeout afterwards. Turning it on or off cuts
        every connection.
        """
        self._raw.read_only(yes)

    def clear(self) -> None:
        """Takes back all that is planted. What has struck stays counted."""
        self._raw.clear()

    def hits(self, fault: Fault) -> int:
        """How often a fault has struck."""
        return self._raw.hits(fault)

    def pending(self, fault: Fault) -> int:
        """How often a fault is still to strike, of those that were given a number.

        For "delay" how many answers and events are held back at present.
        """
        return self._raw.pending(fault)

    def received(self, op: str) -> int:
        """How many requests of an operation the server has received, whatever became of them.

        Counted from the first use of the server's faults.
        """
        return self._raw.received(op)

    def carried_out(self, op: str) -> int:
        """How many of them it has carried out, those included that had an error for an answer."""
        return self._raw.carried_out(op)

    def advance(self, seconds: Seconds) -> None:
        """With `clock="manual"`: moves the server's time; what comes due has happened on return.

        Raises `ValueError` if the clock is real.
        """
        refuse_inherited(self._server)
        self._server.advance(in_seconds(seconds) or 0.0)


def refuse_inherited(raw: _tenure.Server) -> None:
    """`ForkedError` in a process that got the server by a fork."""
    if raw.is_inherited:
        raise ForkedError("the server runs in the parent of this process")


def _session_id(who: Who) -> int:
    match who:
        case int():
            return who
        case Session():
            return who.id
        case Credentials():
            return who.session_id
        case _:
            return who.session.id


def _counted(count: int) -> int:
    if not 0 <= count < 1 << 63:
        raise ValueError(f"count is at least 0 and below 2**63, not {count}")
    return count


def _code_of(kind: type[TenureError]) -> int:
    for code, known in BY_CODE.items():
        if known is kind:
            return code
    raise ValueError(f"{kind.__name__} stands for no code of the protocol")
