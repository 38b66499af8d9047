"""The embedded server."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Literal, NamedTuple, Self, Unpack

from . import _tenure
from .client import Client, ClientOptions
from .errors import chosen
from .faults import Faults, refuse_inherited
from .proof import ServerTls, as_server_files
from .values import Seconds, in_seconds


_LONGEST_SESSION = 60.0


class Lateness(NamedTuple):
    """How long after their deadlines sessions were expired, in seconds."""

    minimum: float
    mean: float
    maximum: float


class Server:
    """A server inside this process, for tests and for programs that bring their own.

    It runs on threads of its own that never need the interpreter lock. The port is bound when the
    constructor returns, so `port` is final. What it holds is in memory and gone when it stops,
    unless it has a `data_dir`. After a fork the child has no server.

        with tenure.Server(data_dir="/var/lib/tenure") as server: ...
    """

    def __init__(self, *, listen: str = "127.0.0.1:0", tick: Seconds = 0.05,
                 min_session_timeout: Seconds | None = None,
                 max_session_timeout: Seconds | None = _LONGEST_SESSION,
                 clock: Literal["real", "manual"] = "real",
                 data_dir: str | os.PathLike[str] | None = None,
                 snapshot_after_txns: int = 100_000, snapshot_after_bytes: int = 256 << 20,
                 snapshot_after: Seconds = 3_600.0, snapshots_kept: int = 3,
                 sasl_users: Mapping[str, str] | None = None, super_digest: str | None = None,
                 require_auth: Iterable[str] = (), enforce_quota: bool = False,
                 words: str | None = None, session_directory: bool = True,
                 session_readers: Iterable[str] = ("world:anyone",),
                 crash_detection: bool = True,
                 tls: ServerTls | None = None, plain_too: bool = False) -> None:
        """Starts a server on `listen`, an address and a port; port 0 takes a free one.

        `min_session_timeout` is two ticks unless given, `max_session_timeout` twenty if it is None.
        With `clock="manual"` its time stands still until `faults.advance`: sessions, TTLs and the
        times of Stats follow it.

        With `data_dir` everything is kept in that directory, which is made if it does not exist:
        whatever a client was answered is there after a crash of the process or of the machine, and
        the next server on the directory goes on with it, sessions too. A snapshot is taken after so
        many transactions, so many bytes of log, or so many seconds if anything has changed, and
        `snapshots_kept` of them are kept with the log behind the oldest; these four mean nothing
        in memory.

        `sasl_users`: who can log in by SASL, and the password, by either mechanism. `super_digest`:
        the digest id whose holder may do everything, `super:HASH`. `require_auth`: schemes one of
        which a connection has to have proven itself by before it asks for anything.
        `enforce_quota`: whether what would exceed the hard limit of a quota is refused. `words`: the
        four-letter words that are answered, with commas between, or `*` for all of them; unless
        given, those that cost little: ruok, srvr, stat, mntr, conf, isro. `session_directory`:
        whether sessions are listed below `/zookeeper/sessions`. `session_readers`: who may read and
        watch that, each as `SCHEME:ID` in the way of an access control list. `crash_detection`:
        whether a session whose client asked for a `crash_grace` ends that soon after its connection
        was closed. `tls`: the port speaks TLS, and with nobody who does not, unless `plain_too`.

        Raises `OSError` if the address cannot be bound, `ValueError` for an option, `DataDirError`
        if the directory is in use (it says by which process), damaged or out of reach.
        """
        for name, number in (("snapshot_after_txns", snapshot_after_txns),
                             ("snapshot_after_bytes", snapshot_after_bytes),
                             ("snapshots_kept", snapshots_kept)):
            if not 1 <= number < 1 << 63:
                raise ValueError(f"{name} is at least 1 and below 2**63, not {number}")
        self._raw = _tenure.Server({
            "listen": listen,
            "tick": in_seconds(tick) or 0.0,
            "min_session_timeout": in_seconds(min_session_timeout),
            "max_session_timeout": in_seconds(max_session_timeout),
            "is_manual": chosen("clock", clock, "real", "manual") == "manual",
            "data_dir": None if data_dir is None else os.fspath(data_dir),
            "snapshot_after_txns": snapshot_after_txns,
            "snapshot_after_bytes": snapshot_after_bytes,
            "snapshot_after": in_seconds(snapshot_after) or 0.0,
            "snapshots_kept": snapshots_kept,
            "sasl_users": list((sasl_users or {}).items()),
            "super_digest": super_digest,
            "require_auth": list(require_auth),
            "enforce_quota": enforce_quota,
            "words": words,
            "session_directory": session_directory,
            "session_readers": list(session_readers),
            "crash_detection": crash_detection,
            "tls": as_server_files(tls),
            "plain_too": plain_too,
        })
        self._faults = Faults(self._raw)

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self._raw.port

    @property
    def hosts(self) -> str:
        """The address as clients take it, `127.0.0.1:PORT`."""
        return self._raw.hosts

    def client(self, **options: Unpack[ClientOptions]) -> Client:
        """A client of this server; see `Client`."""
        return Client(self.hosts, **options)

    def sessions(self) -> list[int]:
        """The ids of the sessions that exist, in order."""
        refuse_inherited(self._raw)
        return self._raw.sessions()

    def expiry_lateness(self) -> Lateness:
        """How late sessions were expired since the server started."""
        refuse_inherited(self._raw)
        return Lateness(*self._raw.expiry_lateness())

    @property
    def faults(self) -> Faults:
        """What can be done to its clients."""
        return self._faults

    def restart(self) -> None:
        """Stops it and starts it again, on the same port with the same data, also in memory.

        Clients see a server that was restarted: their sessions go on with a full timeout and their
        ephemerals stay; connections, watches and what was not answered are gone. Returns when the
        port is open again; calls on other threads wait for that.

        Raises what the constructor can raise. The server is stopped then; what it kept in memory is
        lost, what it kept in a directory is there.
        """
        refuse_inherited(self._raw)
        self._raw.restart()

    def snapshot(self) -> Path:
        """Takes a snapshot now and returns its file, when that is durable and was read back.

        The server serves meanwhile. It takes snapshots by itself; this is for backups: the file can
        be copied anywhere, and `tenure restore` makes a directory out of it.

        Raises `ValueError` if the server keeps everything in memory, `OSError` if the file cannot be
        written; the server goes on.
        """
        refuse_inherited(self._raw)
        return self._raw.snapshot()

    @property
    def failure(self) -> str | None:
        """Why the server acknowledges nothing any more: which file, and what the system said.

        None while it works. When its disk has failed, it has cut all connections and accepts none;
        what it acknowledged before is there when it is started again.
        """
        refuse_inherited(self._raw)
        return self._raw.failure

    def stop(self) -> None:
        """Stops it and waits for its threads; connections are closed. Once more does nothing."""
        self._raw.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.stop()

    def __repr__(self) -> str:
        state = "" if self._raw.is_running else " stopped"
        return f"<tenure.Server {self.hosts}{state}>"
