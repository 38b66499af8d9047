"""The operations of the asynchronous face."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator, Iterable
from types import TracebackType
from typing import Any, TypeAlias, TypeVar

from .. import _tenure, requests
from ..errors import TenureError
from ..operations import acl_reply, identities, reads
from ..values import (Acl, Children, Created, Identity, NodeChanged, Seconds, Stat, Value,
                      in_seconds, listed)
from ..waiting import value
from .bridge import Bridges

_T = TypeVar("_T")
_S = TypeVar("_S")

Op: TypeAlias = Coroutine[Any, Any, _T]
"""An operation that is on its way; awaiting it waits for the answer."""


class Operations:
    """The operations of a `Client`.

    Calling a method sends the request, so the order of calls is the order on the wire; awaiting
    what it returns waits for the answer. That is a coroutine: `TaskGroup`, `gather`, `wait_for` and
    plain `await` take it. Cancelling it abandons the answer, not the request: a cancelled write may
    be in effect.

    Arguments, results and errors are those of `tenure.Operations`.
    """

    _raw: _tenure.Operations
    _default_acl: list[Acl] | None
    _bridges: Bridges

    def create(self, path: str, data: bytes = b"", *, acl: Iterable[Acl] | None = None,
               ephemeral: bool = False, sequential: bool = False, ttl: Seconds | None = None,
               container: bool = False, parents: bool = False,
               timeout: Seconds | None = None) -> Op[Created]:
        """Creates a znode; see `tenure.Operations.create`."""
        kind = requests.mode(ephemeral, sequential, ttl, container)
        return self._answered(self._raw.create(
            path, data, self._acl(acl), kind, parents, in_seconds(timeout)))

    def get(self, path: str, *, timeout: Seconds | None = None) -> Op[Value]:
        """Data and Stat."""
        return self._answered(self._raw.get(path, in_seconds(timeout)))

    def set(self, path: str, data: bytes, *, version: int | None = None,
            timeout: Seconds | None = None) -> Op[Stat]:
        """Sets data, if the znode has this `version`; None sets in any case."""
        return self._answered(self._raw.set(path, data, version, in_seconds(timeout)))

    def delete(self, path: str, *, version: int | None = None, missing_ok: bool = False,
               timeout: Seconds | None = None) -> Op[None]:
        """Deletes a znode without children, if it has this `version`."""
        return self._answered(self._raw.delete(path, version, missing_ok, in_seconds(timeout)))

    def exists(self, path: str, *, timeout: Seconds | None = None) -> Op[Stat | None]:
        """The Stat, or None if there is no such znode."""
        return self._answered(self._raw.exists(path, in_seconds(timeout)))

    def children(self, path: str, *, timeout: Seconds | None = None) -> Op[Children]:
        """Names of the children, and the Stat."""
        return self._answered(self._raw.children(path, in_seconds(timeout)))

    def get_acl(self, path: str, *,
                timeout: Seconds | None = None) -> Op[tuple[list[Acl], Stat]]:
        """The ACL and the Stat."""
        return self._answered_as(acl_reply, self._raw.get_acl(path, in_seconds(timeout)))

    def set_acl(self, path: str, acl: Iterable[Acl], *, version: int | None = None,
                timeout: Seconds | None = None) -> Op[Stat]:
        """Replaces the ACL, if the znode's `aversion` is `version`."""
        return self._answered(self._raw.set_acl(path, list(acl), version, in_seconds(timeout)))

    def sync(self, path: str = "/", *, timeout: Seconds | None = None) -> Op[None]:
        """Waits until the server has applied all that was committed before."""
        return self._answered(self._raw.sync(path, in_seconds(timeout)))

    def ephemerals(self, prefix: str = "/", *, timeout: Seconds | None = None) -> Op[list[str]]:
        """The paths of this session's ephemerals at and below `prefix`."""
        return self._answered(self._raw.ephemerals(prefix, in_seconds(timeout)))

    def count(self, path: str, *, timeout: Seconds | None = None) -> Op[int]:
        """How many znodes are below this one, at any depth."""
        return self._answered(self._raw.count(path, in_seconds(timeout)))

    def whoami(self, *, timeout: Seconds | None = None) -> Op[list[Identity]]:
        """The identities this connection has proven, as the server sees them."""
        return self._answered_as(identities, self._raw.whoami(in_seconds(timeout)))

    def transaction(self) -> Transaction:
        """Several writes that happen all or not at all."""
        return Transaction(self._raw, self._default_acl, self._bridges)

    def read_many(self, *, data: Iterable[str] = (), children: Iterable[str] = (),
                  timeout: Seconds | None = None) -> Op[list[Value | list[str] | TenureError]]:
        """Several reads in one request, each with its own result."""
        return self._answered_as(reads, self._raw.read_many(
            list(data), list(children), in_seconds(timeout)))

    def ensure_path(self, path: str, *, acl: Iterable[Acl] | None = None,
                    timeout: Seconds | None = None) -> Op[bool]:
        """Creates a znode and what is missing above it; whether it was missing itself."""
        return self._answered(self._raw.ensure_path(path, self._acl(acl), in_seconds(timeout)))

    def delete_tree(self, path: str, *, timeout: Seconds | None = None) -> Op[int]:
        """Deletes a znode and all below it; how many there were. Starts when it is awaited."""
        return self._driven(requests.tree_deletion(self._raw, path, in_seconds(timeout)))

    def get_watched(self, path: str, *,
                    timeout: Seconds | None = None) -> Op[tuple[Value, OneShot]]:
        """`get`, and a watch for the next change of the data or the deletion."""
        return self._watched(self._raw.get_watched(path, in_seconds(timeout)))

    def exists_watched(self, path: str, *,
                       timeout: Seconds | None = None) -> Op[tuple[Stat | None, OneShot]]:
        """`exists`, and a watch for the next creation, change of the data or deletion."""
        return self._watched(self._raw.exists_watched(path, in_seconds(timeout)))

    def children_watched(self, path: str, *,
                         timeout: Seconds | None = None) -> Op[tuple[Children, OneShot]]:
        """`children`, and a watch for the next change of the list or the deletion."""
        return self._watched(self._raw.children_watched(path, in_seconds(timeout)))

    def _acl(self, acl: Iterable[Acl] | None) -> list[Acl] | None:
        return self._default_acl if acl is None else listed(acl)

    async def _answered(self, answer: _tenure.Answer[_T]) -> _T:
        await self._bridges.ready(answer)
        return value(answer)

    async def _answered_as(self, shape: Callable[[_S], _T], answer: _tenure.Answer[_S]) -> _T:
        await self._bridges.ready(answer)
        return shape(value(answer))

    async def _watched(
            self, sent: tuple[_tenure.Answer[_T], _tenure.Answer[NodeChanged]],
    ) -> tuple[_T, OneShot]:
        answer, event = sent
        await self._bridges.ready(answer)
        return value(answer), OneShot(event, self._bridges)

    async def _driven(self, steps: Generator[_tenure.Answer[Any], Any, _T]) -> _T:
        try:
            answer = next(steps)
            while True:
                await self._bridges.ready(answer)
                try:
                    got = value(answer)
                except TenureError as error:
                    answer = steps.throw(error)
                else:
                    answer = steps.send(got)
        except StopIteration as end:
            result: _T = end.value
            return result


class OneShot:
    """The one event of a one-shot watch. Survives lost connections, not the session."""

    def __init__(self, event: _tenure.Answer[NodeChanged], bridges: Bridges) -> None:
        self._event = event
        self._bridges = bridges
        self._change: NodeChanged | None = None

    async def wait(self) -> NodeChanged:
        """Waits for the change. Once it is there, every call returns it.

        Raises `SessionExpiredError` if the session ended first, `WatchRemovedError` after
        `cancel`.
        """
        if self._change is None:
            await self._bridges.ready(self._event)
            self._change = value(self._event)
        return self._change

    def cancel(self) -> None:
        """Forgets the watch. Whoever waits for it gets `WatchRemovedError`."""
        self._event.abandon()


class Transaction(requests.Writes):
    """Writes that are all applied, in this order and under one zxid, or not at all.

    As an async context manager it commits on a clean exit and does nothing on an exception.
    """

    def __init__(self, raw: _tenure.Operations, default_acl: list[Acl] | None,
                 bridges: Bridges) -> None:
        super().__init__(raw, default_acl)
        self._bridges = bridges

    def commit(self, *, timeout: Seconds | None = None) -> Op[list[Created | Stat | None]]:
        """Sends it; one result for each write: `Created`, the Stat of a set, or None.

        Raises `TransactionError`, which names the operation that failed.
        """
        return self._answered(self._raw.commit(self._writes, in_seconds(timeout)))

    async def _answered(self, answer: _tenure.Answer[_T]) -> _T:
        await self._bridges.ready(answer)
        return value(answer)

    async def __aenter__(self) -> Transaction:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None,
                        trace: TracebackType | None) -> None:
        if error is None:
            await self.commit()
