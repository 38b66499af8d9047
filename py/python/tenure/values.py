"""The values operations take and return."""

from __future__ import annotations

import base64
import hashlib
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum, IntFlag
from typing import Literal, NamedTuple, NoReturn, Self, TypeAlias, final

Seconds: TypeAlias = float | timedelta
"""A length of time: seconds, or a `timedelta`."""

Hosts: TypeAlias = str | Sequence[str]
"""`"host:port,host:port/chroot"`, or a list of `"host:port"`."""

WhenDisconnected: TypeAlias = Literal["wait", "fail"]


class Stat(NamedTuple):
    """What a znode says about itself.

    `ctime` and `mtime` are seconds since 1970. `cversion` and `version` wrap at 2**31.
    """

    czxid: int
    mzxid: int
    ctime: float
    mtime: float
    version: int
    cversion: int
    aversion: int
    ephemeral_owner: int
    """The session that owns it, 0 if it is not ephemeral."""
    data_length: int
    num_children: int
    pzxid: int


class Value(NamedTuple):
    """Data of a znode, and the Stat that goes with exactly these data."""

    data: bytes
    stat: Stat


class Children(NamedTuple):
    """Names of the children, without the path, in no particular order; and the parent's Stat."""

    names: list[str]
    stat: Stat


class Created(NamedTuple):
    """A znode that was created: its path with the number a sequential one gets, and its Stat.

    The Stat is None only against servers that do not answer one.
    """

    path: str
    stat: Stat | None


class Identity(NamedTuple):
    """Who a connection has proven to be: a scheme, and a name within it."""

    scheme: str
    id: str


class Perm(IntFlag):
    """What an entry of an ACL grants. `CREATE` and `DELETE` are about children."""

    READ = 1
    WRITE = 2
    CREATE = 4
    DELETE = 8
    ADMIN = 16
    ALL = 31


class Acl(NamedTuple):
    """One entry of an access control list. Entries only add rights."""

    perms: Perm
    scheme: str
    id: str

    @classmethod
    def open_unsafe(cls) -> list[Acl]:
        """Everybody may do everything. The default of every create."""
        return [cls(Perm.ALL, "world", "anyone")]

    @classmethod
    def read_unsafe(cls) -> list[Acl]:
        """Everybody may read, nobody may change."""
        return [cls(Perm.READ, "world", "anyone")]

    @classmethod
    def creator_all(cls) -> list[Acl]:
        """All rights for every identity the creating connection has proven."""
        return [cls(Perm.ALL, "auth", "")]

    @classmethod
    def digest(cls, user: str, password: str, perms: Perm = Perm.ALL) -> Acl:
        """An entry for whoever proves this user and password by the digest scheme."""
        told = hashlib.sha1(f"{user}:{password}".encode()).digest()
        return cls(perms, "digest", f"{user}:{base64.b64encode(told).decode()}")


class Digest(NamedTuple):
    """User and password, for the digest scheme."""

    user: str
    password: str

    def __repr__(self) -> str:
        return f"Digest(user={self.user!r}, password=...)"


Auth: TypeAlias = Digest | tuple[str, bytes]
"""An identity to prove: a `Digest`, or the name of a scheme and its credential."""


class Outcome(Enum):
    """What is known about a write that raised."""

    NOT_APPLIED = "not_applied"
    """It is not in effect and never will be: it did not leave the process, or was refused."""
    UNKNOWN = "unknown"
    """It left the process and no answer came. It may be in effect, or still come into effect."""


class State(Enum):
    """How the session of an epoch is."""

    CONNECTING = "connecting"
    """No session yet in this epoch."""
    CONNECTED = "connected"
    """Connected, every identity proven, watches in place."""
    READ_ONLY = "read_only"
    """Connected to a server that only reads."""
    SUSPENDED = "suspended"
    """No connection; the session cannot have expired yet."""
    JEOPARDY = "jeopardy"
    """No connection; the session may have expired. May go back to `CONNECTED` in this epoch."""
    LOST = "lost"
    """This epoch is over."""


class LossReason(Enum):
    """Why an epoch is over."""

    EXPIRED_BY_SERVER = 1
    GAVE_UP = 2
    """No server could be reached for longer than the recovery allows."""
    ABANDONED = 3
    """Left alive on purpose, by `detach`."""
    AUTH_FAILED = 4
    STOLEN = 5
    """Another client keeps resuming the same session."""
    CLOSED = 6


class RestoreReport(NamedTuple):
    """What a new epoch brought back of the one before."""

    watches: int
    """Watch streams that go on."""
    dropped_oneshot: int
    """One-shot watches that ended."""
    lost_ephemerals: list[str]
    """Ephemerals of the epoch before, as paths on the server; they are gone."""
    registrations: list[str]
    """Registrations that are there again."""
    conflicts: list[str]
    """Registrations that are not: somebody else has the name, or the server refuses them."""
    lost_locks: list[str]
    """What locks of the epoch before stood on."""


class SessionEvent(NamedTuple):
    """A change of `State`."""

    state: State
    epoch: int
    """1, 2, 3 ... within one client, never reused."""
    session_id: int
    """0 while there is none in this epoch."""
    reason: LossReason | None
    """Why the epoch is over, with `State.LOST`."""
    server: str | None
    """The server the client is connected to, as `address:port`."""
    restored: RestoreReport | None
    """With the first `State.CONNECTED` of an epoch after the first."""


class Change(Enum):
    """What happened to a znode."""

    CREATED = 1
    DELETED = 2
    DATA = 3
    CHILDREN = 4


class ResyncReason(Enum):
    """Why events may be missing."""

    RECONNECTED = 1
    """The session was resumed; servers do not replay what a watch missed."""
    NEW_SESSION = 2
    OVERFLOW = 3
    """The reader was slower than its buffer is long."""


class NodeChanged(NamedTuple):
    """A znode changed. `zxid` is the transaction, where the server says so."""

    change: Change
    path: str
    zxid: int | None


class Resync(NamedTuple):
    """Events may be missing before this point: read again what you keep.

    A read submitted after this item was received misses nothing.
    """

    reason: ResyncReason
    epoch: int


WatchItem: TypeAlias = NodeChanged | Resync

_TOKEN = struct.Struct(">Bqq16s")
_TOKEN_VERSIONS = (1, 2)
"""Of a session of any server, and of one that a tenure server granted."""


@final
@dataclass(frozen=True, slots=True)
class Credentials:
    """The right to resume a session. A secret: who has it can take the session over.

    It does not print its password and refuses to be pickled, so that it does not leak by accident;
    `to_bytes` is how it leaves the process on purpose. Two clients that use one at the same time
    evict each other.
    """

    session_id: int
    password: bytes = field(repr=False)
    last_zxid: int
    welcomed: bool = False
    """Whether a tenure server granted the session."""

    def to_bytes(self) -> bytes:
        """33 bytes to keep outside the process; as secret as the credentials themselves."""
        version = _TOKEN_VERSIONS[self.welcomed]
        return _TOKEN.pack(version, self.session_id, self.last_zxid, self.password)

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """The reverse of `to_bytes`.

        Raises `ValueError` if the bytes are not from there.
        """
        if len(raw) != _TOKEN.size or raw[0] not in _TOKEN_VERSIONS:
            raise ValueError(f"not a resume token: {_TOKEN.size} bytes of version "
                             f"{_TOKEN_VERSIONS[0]} or {_TOKEN_VERSIONS[1]} are expected")
        version, session_id, last_zxid, password = _TOKEN.unpack(raw)
        return cls(session_id, password, last_zxid, version == _TOKEN_VERSIONS[True])

    def __reduce__(self) -> NoReturn:
        raise TypeError("credentials are a secret and are not pickled; use to_bytes()")


def in_seconds(length: Seconds | None) -> float | None:
    """A length of time as a number."""
    return length.total_seconds() if isinstance(length, timedelta) else length


def joined(hosts: Hosts) -> str:
    """A host list as one string."""
    if isinstance(hosts, str):
        return hosts
    if not isinstance(hosts, Sequence) or not all(isinstance(host, str) for host in hosts):
        raise TypeError(f"hosts is \"host:port,host:port\" or a list of such, not {hosts!r}")
    return ",".join(hosts)


def as_auth(auth: Auth) -> tuple[str, bytes]:
    """An identity as a scheme and its credential."""
    if isinstance(auth, Digest):
        return "digest", f"{auth.user}:{auth.password}".encode()
    match auth:
        case (str(), bytes()):
            return auth
    # What was given may be a password, so it is not shown.
    raise TypeError("an identity is a Digest, or a tuple of a scheme and its credential in bytes")


def listed(acl: Iterable[Acl] | None) -> list[Acl] | None:
    """An ACL that can be read more than once."""
    return None if acl is None else list(acl)
