"""The operations of the blocking face."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from types import TracebackType
from typing import Any, TypeVar

from . import _tenure, errors, requests
from .errors import TenureError
from .values import (Acl, Children, Created, Identity, NodeChanged, Perm, Seconds, Stat, Value,
                     in_seconds, listed)
from .waiting import answered, block, value

_T = TypeVar("_T")


class Operations:
    """The operations of a `Client`, or pinned to one session as `Session.ops`.

    Requests reach the server in the order of the calls, from all threads of a client. Every method
    waits for its answer with the interpreter lock released; Ctrl-C ends the wait, not the request.
    `timeout` bounds the whole call, instead of the client's `op_timeout`.

    Every method can raise `ConnectionLossError`, `OperationTimeoutError`, `SessionExpiredError`,
    `ClosedError`, `ForkedError` and, for a path that is not valid, `InvalidArgumentError`; on a
    callback thread `WouldDeadlockError`. Their `outcome` says what became of a write. Below stand
    the errors that a server answers.

    Data are `bytes`. A server cuts the connection of whoever sends a request above 1 MiB, data and
    path and all: that is `ConnectionLossError` too, and once more with every further attempt.
    """

    _raw: _tenure.Operations
    _default_acl: list[Acl] | None

    def create(self, path: str, data: bytes = b"", *, acl: Iterable[Acl] | None = None,
               ephemeral: bool = False, sequential: bool = False, ttl: Seconds | None = None,
               container: bool = False, parents: bool = False,
               timeout: Seconds | None = None) -> Created:
        """Creates a znode.

        `ephemeral`: it goes with the session. `sequential`: it gets a number appended that no child
        of the parent had before. `ttl`: the server removes it when it has no children and was not
        set for this long, from 1 ms to 34 years. `container`: the server removes it some time after
        its last child is gone. `parents`: what is missing above is created first, persistent and
        with the same ACL, and stays if the create then fails. `acl` is the client's `default_acl`
        unless given.

        Raises `NodeExistsError`, `NoNodeError` (of the parent), `NoChildrenForEphemeralsError`,
        `NoAuthError`, `InvalidAclError`, `QuotaExceededError`.
        """
        kind = requests.mode(ephemeral, sequential, ttl, container)
        return answered(self._raw.create(
            path, data, self._acl(acl), kind, parents, in_seconds(timeout)))

    def get(self, path: str, *, timeout: Seconds | None = None) -> Value:
        """Data and Stat. Raises `NoNodeError`, `NoAuthError`."""
        return answered(self._raw.get(path, in_seconds(timeout)))

    def set(self, path: str, data: bytes, *, version: int | None = None,
            timeout: Seconds | None = None) -> Stat:
        """Sets data, if the znode has this `version`; None sets in any case.

        Raises `NoNodeError`, `BadVersionError`, `NoAuthError`.
        """
        return answered(self._raw.set(path, data, version, in_seconds(timeout)))

    def delete(self, path: str, *, version: int | None = None, missing_ok: bool = False,
               timeout: Seconds | None = None) -> None:
        """Deletes a znode without children, if it has this `version`; None deletes in any case.

        Raises `NoNodeError` (not with `missing_ok`), `NotEmptyError`, `BadVersionError`,
        `NoAuthError`.
        """
        answered(self._raw.delete(path, version, missing_ok, in_seconds(timeout)))

    def exists(self, path: str, *, timeout: Seconds | None = None) -> Stat | None:
        """The Stat, or None if there is no such znode."""
        return answered(self._raw.exists(path, in_seconds(timeout)))

    def children(self, path: str, *, timeout: Seconds | None = None) -> Children:
        """Names of the children, and the Stat. Raises `NoNodeError`, `NoAuthError`."""
        return answered(self._raw.children(path, in_seconds(timeout)))

    def get_acl(self, path: str, *, timeout: Seconds | None = None) -> tuple[list[Acl], Stat]:
        """The ACL and the Stat. Raises `NoNodeError`, `NoAuthError`."""
        return acl_reply(answered(self._raw.get_acl(path, in_seconds(timeout))))

    def set_acl(self, path: str, acl: Iterable[Acl], *, version: int | None = None,
                timeout: Seconds | None = None) -> Stat:
        """Replaces the ACL, if the znode's `aversion` is `version`; None does in any case.

        Raises `NoNodeError`, `BadVersionError`, `NoAuthError`, `InvalidAclError`.
        """
        return answered(self._raw.set_acl(path, list(acl), version, in_seconds(timeout)))

    def sync(self, path: str = "/", *, timeout: Seconds | None = None) -> None:
        """Waits until the server has applied all that was committed before."""
        answered(self._raw.sync(path, in_seconds(timeout)))

    def ephemerals(self, prefix: str = "/", *, timeout: Seconds | None = None) -> list[str]:
        """The paths of this session's ephemerals at and below `prefix`."""
        return answered(self._raw.ephemerals(prefix, in_seconds(timeout)))

    def count(self, path: str, *, timeout: Seconds | None = None) -> int:
        """How many znodes are below this one, at any depth. Raises `NoNodeError`."""
        return answered(self._raw.count(path, in_seconds(timeout)))

    def whoami(self, *, timeout: Seconds | None = None) -> list[Identity]:
        """The identities this connection has proven, as the server sees them."""
        return identities(answered(self._raw.whoami(in_seconds(timeout))))

    def transaction(self) -> Transaction:
        """Several writes that happen all or not at all."""
        return Transaction(self._raw, self._default_acl)

    def read_many(self, *, data: Iterable[str] = (), children: Iterable[str] = (),
                  timeout: Seconds | None = None) -> list[Value | list[str] | TenureError]:
        """Several reads in one request: the data of some znodes, then the children of others.

        One entry for each, in this order: a `Value`, a list of names, or the error that stands in
        its place. They are not a snapshot.
        """
        return reads(answered(self._raw.read_many(
            list(data), list(children), in_seconds(timeout))))

    def ensure_path(self, path: str, *, acl: Iterable[Acl] | None = None,
                    timeout: Seconds | None = None) -> bool:
        """Creates a znode and what is missing above it; whether it was missing itself."""
        return answered(self._raw.ensure_path(path, self._acl(acl), in_seconds(timeout)))

    def delete_tree(self, path: str, *, timeout: Seconds | None = None) -> int:
        """Deletes a znode and all below it; how many there were.

        Not one step: others see it half done, and what they create meanwhile is deleted too. With
        `/` everything below it goes but `/zookeeper`. Raises `NoNodeError` if it is not there.
        """
        return _driven(requests.tree_deletion(self._raw, path, in_seconds(timeout)))

    def get_watched(self, path: str, *, timeout: Seconds | None = None) -> tuple[Value, OneShot]:
        """`get`, and a watch for the next change of the data or the deletion.

        Raises `NoNodeError`, `NoAuthError`; then no watch is left.
        """
        answer, event = self._raw.get_watched(path, in_seconds(timeout))
        return answered(answer), OneShot(event)

    def exists_watched(self, path: str, *,
                       timeout: Seconds | None = None) -> tuple[Stat | None, OneShot]:
        """`exists`, and a watch for the next creation, change of the data or deletion."""
        answer, event = self._raw.exists_watched(path, in_seconds(timeout))
        return answered(answer), OneShot(event)

    def children_watched(self, path: str, *,
                         timeout: Seconds | None = None) -> tuple[Children, OneShot]:
        """`children`, and a watch for the next change of the list or the deletion.

        Raises `NoNodeError`, `NoAuthError`; then no watch is left.
        """
        answer, event = self._raw.children_watched(path, in_seconds(timeout))
        return answered(answer), OneShot(event)

    def _acl(self, acl: Iterable[Acl] | None) -> list[Acl] | None:
        return self._default_acl if acl is None else listed(acl)


class OneShot:
    """The one event of a one-shot watch. Survives lost connections, not the session.

    Dropping it leaves the watch to fire unheard.
    """

    def __init__(self, event: _tenure.Answer[NodeChanged]) -> None:
        self._event = event
        self._change: NodeChanged | None = None

    def wait(self, timeout: Seconds | None = None) -> NodeChanged | None:
        """Waits for the change; None after `timeout`. Once it is there, every call returns it.

        Raises `SessionExpiredError` if the session ended first, `WatchRemovedError` after
        `cancel`.
        """
        if self._change is None:
            if not block(self._event, in_seconds(timeout)):
                return None
            self._change = value(self._event)
        return self._change

    def cancel(self) -> None:
        """Forgets the watch. Whoever waits for it gets `WatchRemovedError`."""
        self._event.abandon()


class Transaction(requests.Writes):
    """Writes that are all applied, in this order and under one zxid, or not at all.

    As a context manager it commits on a clean exit and does nothing on an exception.
    """

    def commit(self, *, timeout: Seconds | None = None) -> list[Created | Stat | None]:
        """Sends it; one result for each write: `Created`, the Stat of a set, or None.

        Raises `TransactionError`, which names the operation that failed.
        """
        return answered(self._raw.commit(self._writes, in_seconds(timeout)))

    def __enter__(self) -> Transaction:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        if error is None:
            self.commit()


def acl_reply(reply: tuple[list[tuple[int, str, str]], Stat]) -> tuple[list[Acl], Stat]:
    """An ACL with the package's own types."""
    entries, stat = reply
    return [Acl(Perm(perms), scheme, who) for perms, scheme, who in entries], stat


def identities(reply: list[tuple[str, str]]) -> list[Identity]:
    """Identities with the package's own type."""
    return [Identity(scheme, who) for scheme, who in reply]


def reads(
        reply: list[Value | list[str] | _tenure.Failure]) -> list[Value | list[str] | TenureError]:
    """Reads with exceptions where there are failures."""
    return [errors.of(part) if isinstance(part, _tenure.Failure) else part for part in reply]


def _driven(steps: Generator[_tenure.Answer[Any], Any, _T]) -> _T:
    try:
        answer = next(steps)
        while True:
            try:
                got = answered(answer)
            except TenureError as error:
                answer = steps.throw(error)
            else:
                answer = steps.send(got)
    except StopIteration as end:
        result: _T = end.value
        return result
