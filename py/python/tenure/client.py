"""The blocking client."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Literal, Self, TypedDict, Unpack

from . import _tenure
from .callbacks import Callbacks
from .errors import (AuthFailedError, ClosedError, ConnectionLossError, ForkedError,
                     InvalidArgumentError, OperationTimeoutError, ServerError, SessionLostError,
                     chosen)
from .operations import Operations
from .proof import Sasl, Tls, as_files, as_user
from .recovery import Recovery
from .session import Session, StateStream
from .values import (Acl, Auth, Credentials, Hosts, Seconds, SessionEvent, State,
                     WhenDisconnected, as_auth, in_seconds, joined, listed)
from .waiting import answered, block, raised, value
from .watch import WatchStream

_OP_TIMEOUT = 30.0


class ClientOptions(TypedDict, total=False):
    """The options of a client, which are the keyword arguments of `Client`."""

    chroot: str | None
    session_timeout: Seconds
    connect_timeout: Seconds | None
    op_timeout: Seconds | None
    when_disconnected: WhenDisconnected
    host_order: Literal["shuffle", "given"]
    backoff: tuple[Seconds, Seconds]
    read_only: bool
    auth: Iterable[Auth]
    sasl: Sasl | None
    tls: Tls | bool | None
    default_acl: Iterable[Acl] | None
    resume: Credentials | bytes | None
    recovery: Recovery
    safety_margin: Seconds | None
    crash_grace: Seconds | None
    when_regressed: Literal["stop", "forget"]


class Client(Operations):
    """A client of an ensemble: long-lived, thread-safe, cheap to share.

    It connects in the background from the moment it is made; `connect` and `with` wait for it.
    Its session is kept alive, resumed and renewed on threads that never need the interpreter lock.
    Leaving the `with` block closes the session; a client that is dropped without closes it in the
    background, and one whose process ends leaves it to the server's timeout.

    After a fork the child cannot use it (`ForkedError`), but can make a client of its own.
    """

    def __init__(self, hosts: Hosts = "127.0.0.1:2181", *, chroot: str | None = None,
                 session_timeout: Seconds = 10.0, connect_timeout: Seconds | None = None,
                 op_timeout: Seconds | None = _OP_TIMEOUT,
                 when_disconnected: WhenDisconnected = "wait",
                 host_order: Literal["shuffle", "given"] = "shuffle",
                 backoff: tuple[Seconds, Seconds] = (0.1, 5.0), read_only: bool = False,
                 auth: Iterable[Auth] = (), sasl: Sasl | None = None,
                 tls: Tls | bool | None = None, default_acl: Iterable[Acl] | None = None,
                 resume: Credentials | bytes | None = None,
                 recovery: Recovery = Recovery.renew(),
                 safety_margin: Seconds | None = None, crash_grace: Seconds | None = None,
                 when_regressed: Literal["stop", "forget"] = "stop") -> None:
        """Starts a client for `hosts`. Times are seconds or a `timedelta`.

        `chroot`: every path is below it. `session_timeout`: to ask for; the server may grant
        another. `connect_timeout`: for one attempt, unless given the session timeout divided by
        the number of hosts. `op_timeout`: for one operation, None waits for ever.
        `when_disconnected`: whether operations "wait" for a connection or "fail". `backoff`: the
        wait before an attempt to reconnect grows from the first to the second. `read_only`: accepts
        servers that only read. `auth`: identities to prove, in this order. `sasl`: a user to prove
        to be, before them. `tls`: how to speak TLS; True trusts what this machine trusts, and there
        is no TLS unless given. `default_acl`: for creates that name none; everybody may do
        everything unless set. `resume`: the session to go on with. `recovery`: what happens when
        the session is over. `safety_margin`: what is taken off the granted timeout before the
        session counts as possibly expired; unless given nothing with tenure's servers, which never
        expire a session early, and a quarter of the timeout as soon as one connection was to
        another server; with the whole timeout or more no connection is kept, and nothing is sent.
        `crash_grace`: how soon the session is to end when the kernel of this machine closes the
        connection without a close of the session, as it does when the process crashes; from 0.001
        to the timeout. Tenure's servers grant it, others ignore it. Every lost connection has to be
        replaced within it as well, and `safe_for` is never more. `when_regressed`: what happens
        when the whole ensemble has lost data that the client has seen: it is finished with
        `EnsembleRegressedError` ("stop"), or forgets what it has seen and goes on ("forget").

        Raises `InvalidArgumentError` for the host list, an option, and a file of `tls`.
        """
        token = Credentials.from_bytes(resume) if isinstance(resume, bytes) else resume
        text = joined(hosts)
        if chroot is not None:
            if "/" in text:
                raise InvalidArgumentError(
                    "a chroot stands at the end of hosts or in chroot, not in both")
            text += "/" + chroot.strip("/")
        self._raw_client = raised(_tenure.Client.start({
            "hosts": text.rstrip("/"),
            "session_timeout": _number(session_timeout),
            "connect_timeout": in_seconds(connect_timeout),
            "op_timeout": in_seconds(op_timeout),
            "safety_margin": in_seconds(safety_margin),
            "crash_grace": in_seconds(crash_grace),
            "forgets_when_regressed": chosen(
                "when_regressed", when_regressed, "stop", "forget") == "forget",
            "backoff": (_number(backoff[0]), _number(backoff[1])),
            "fails_when_disconnected": chosen(
                "when_disconnected", when_disconnected, "wait", "fail") == "fail",
            "shuffles_hosts": chosen(
                "host_order", host_order, "shuffle", "given") == "shuffle",
            "read_only": read_only,
            "auth": [as_auth(identity) for identity in auth],
            "tls": as_files(tls),
            "sasl": as_user(sasl),
            "resume": token and (token.session_id, token.password, token.last_zxid, token.welcomed),
            "recovery": recovery.mode,
            "restores_watches": recovery.watches,
            "give_up_after": in_seconds(recovery.give_up_after),
            "closes_old": recovery.close_old,
            "min_interval": _number(recovery.min_interval),
        }))
        self._hosts = text
        self._op_timeout = in_seconds(op_timeout)
        self._default_acl = listed(default_acl)
        self._raw = self._raw_client.operations()
        self._current: Session | None = None
        self._callbacks = Callbacks()

    def connect(self, timeout: Seconds | None = None) -> Self:
        """Waits until it is connected, at most `timeout` or else `op_timeout`.

        Raises `OperationTimeoutError`, after which it goes on trying, with why the last attempt
        failed; `TlsError` if no server could be trusted, after which it goes on trying as well;
        `AuthFailedError`; `SessionLostError` if the session to resume is over and may not be
        renewed.
        """
        limit = self._op_timeout if timeout is None else in_seconds(timeout)
        connected = self._raw_client.connected()
        if not block(connected, limit):
            raise OperationTimeoutError(self._not_connected(limit))
        value(connected)
        return self

    def _not_connected(self, limit: float | None) -> str:
        why = self._raw_client.connect_failure
        reason = f" ({why})" if why else ""
        return f"no answer from {self._hosts} within {limit:g} s{reason}"

    def close(self, *, timeout: Seconds | None = 5.0) -> None:
        """Closes the session: its ephemerals are gone when this returns.

        What was submitted before is carried out first. If no server confirms within `timeout`, the
        session ends when its own timeout has passed. Once more does nothing, and so does a forked
        child or a client that is finished.
        """
        closed = self._raw_client.close()
        if block(closed, in_seconds(timeout)):
            try:
                value(closed)
            except (AuthFailedError, ClosedError, ConnectionLossError, ForkedError,
                    ServerError, SessionLostError):
                pass

    def detach(self) -> Credentials:
        """Leaves the session alive, to be resumed within its timeout with what this returns.

        Operations that wait for an answer fail, those that were sent with an unknown outcome. The
        client is closed. Raises `ConnectionLossError` if there is no session yet.
        """
        return Credentials(*answered(self._raw_client.detach()))

    def __enter__(self) -> Self:
        try:
            return self.connect()
        except BaseException:
            # The way out of a block that was not entered.
            self._raw_client.close()
            raise

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()

    @property
    def session(self) -> Session:
        """The session of the current epoch."""
        raw = self._raw_client.session()
        if self._current is None or self._current.epoch != raw.epoch:
            self._current = Session(raw, self._default_acl)
        return self._current

    @property
    def state(self) -> State:
        """How the session is at this moment."""
        return self.session.state

    def states(self) -> StateStream:
        """The state now, then every change."""
        return StateStream(self._raw_client.states())

    def on_state(self, fn: Callable[[SessionEvent], None]) -> Callable[[], None]:
        """Calls `fn` with the state now, then with every change. Returns what ends that.

        All functions of a client run on one thread, one at a time; blocking calls of this package
        raise `WouldDeadlockError` there. An exception goes to `threading.excepthook`.
        """
        return self._callbacks.add(self._raw_client.states(), fn)

    def add_auth(self, auth: Auth, *, timeout: Seconds | None = None) -> None:
        """Proves one more identity, now and on every later connection.

        Raises `AuthFailedError`, which finishes the client, and `OperationTimeoutError`.
        """
        answer = self._raw_client.add_auth(*as_auth(auth))
        limit = self._op_timeout if timeout is None else in_seconds(timeout)
        if not block(answer, limit):
            raise OperationTimeoutError(f"no answer from {self._hosts} within {limit:g} s")
        value(answer)

    def chroot(self, path: str, *, create: bool = False) -> Client:
        """The same session seen from `path`, which need not exist; `create` makes sure it does.

        Closing one closes both.
        """
        if create:
            self.ensure_path(path)
        view = Client.__new__(type(self))
        view._raw_client = raised(self._raw_client.chroot(path))
        view._hosts = self._hosts
        view._op_timeout = self._op_timeout
        view._default_acl = self._default_acl
        view._raw = view._raw_client.operations()
        view._current = None
        view._callbacks = Callbacks()
        return view

    def watch(self, path: str, *, recursive: bool = False, buffer: int = 1024) -> WatchStream:
        """A persistent watch on a znode, or on it and everything below; it is in place on return.

        `buffer` items may wait for a slow reader; one more and a `Resync` stands for all of them.
        """
        return WatchStream(answered(self._raw_client.watch(path, recursive, buffer)))

    def __repr__(self) -> str:
        session = self.session
        return f"<tenure.Client {session.id:#x} epoch {session.epoch} {session.state.value}>"


def connect(hosts: Hosts = "127.0.0.1:2181", **options: Unpack[ClientOptions]) -> Client:
    """A connected client; see `Client` and `Client.connect`."""
    client = Client(hosts, **options)
    return client.__enter__()


def _number(length: Seconds) -> float:
    return float(in_seconds(length) or 0.0)
