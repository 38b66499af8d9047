"""The asynchronous client."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self, Unpack

from .. import _tenure
from ..client import Client as BlockingClient
from ..client import ClientOptions
from ..errors import (AuthFailedError, ClosedError, ConnectionLossError, ForkedError,
                      OperationTimeoutError, ServerError, SessionLostError)
from ..session import Session
from ..values import Auth, Credentials, Hosts, Seconds, State, as_auth, in_seconds
from ..waiting import raised, value
from .bridge import Bridges
from .operations import Op, Operations
from .streams import StateStream, WatchStream


class Client(Operations):
    """A client of an ensemble for asyncio; see `tenure.Client`, which `blocking` gives for threads.

    It belongs to no event loop: each await uses the running one. A loop that is blocked, for
    however long, loses no session: that is kept alive by threads of the library.
    """

    def __init__(self, hosts: Hosts = "127.0.0.1:2181", **options: Unpack[ClientOptions]) -> None:
        """Starts a client. The options are the keyword arguments of `tenure.Client`."""
        self._adopt(BlockingClient(hosts, **options))

    async def connect(self, timeout: Seconds | None = None) -> Self:
        """Waits until it is connected; see `tenure.Client.connect`."""
        raw = self._blocking._raw_client
        limit = self._blocking._op_timeout if timeout is None else in_seconds(timeout)
        try:
            await self._limited(raw.connected(), timeout)
        except OperationTimeoutError:
            raise OperationTimeoutError(self._blocking._not_connected(limit)) from None
        return self

    async def close(self, *, timeout: Seconds | None = 5.0) -> None:
        """Closes the session: its ephemerals are gone when this returns.

        If no server confirms within `timeout`, the session ends when its own timeout has passed.
        What waits on this loop ends with `ClosedError`. Once more does nothing.
        """
        closed = self._blocking._raw_client.close()
        try:
            async with asyncio.timeout(in_seconds(timeout)):
                await self._bridges.ready(closed)
            value(closed)
        except (TimeoutError, AuthFailedError, ClosedError, ConnectionLossError, ForkedError,
                ServerError, SessionLostError):
            pass
        finally:
            self._bridges.close()

    async def detach(self) -> Credentials:
        """Leaves the session alive, to be resumed in time; see `tenure.Client.detach`."""
        return Credentials(*await self._answered(self._blocking._raw_client.detach()))

    async def __aenter__(self) -> Self:
        try:
            return await self.connect()
        except BaseException:
            # The way out of a block that was not entered.
            self._blocking._raw_client.close()
            raise

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None,
                        trace: TracebackType | None) -> None:
        await self.close()

    @property
    def blocking(self) -> BlockingClient:
        """The same client and session for threads."""
        return self._blocking

    @property
    def session(self) -> Session:
        """The session of the current epoch. Its `ops` and `wait_lost` block."""
        return self._blocking.session

    @property
    def state(self) -> State:
        """How the session is at this moment."""
        return self._blocking.state

    def states(self) -> StateStream:
        """The state now, then every change."""
        return StateStream(self._blocking._raw_client.states(), self._bridges)

    def add_auth(self, auth: Auth, *, timeout: Seconds | None = None) -> Op[None]:
        """Proves one more identity, now and on every later connection."""
        return self._limited(self._blocking._raw_client.add_auth(*as_auth(auth)), timeout)

    def chroot(self, path: str) -> Client:
        """The same session seen from `path`, which need not exist. Closing one closes both."""
        view = Client.__new__(type(self))
        view._adopt(self._blocking.chroot(path))
        return view

    def watch(self, path: str, *, recursive: bool = False, buffer: int = 1024) -> WatchStream:
        """A persistent watch on a znode, or on it and everything below."""
        answer = self._blocking._raw_client.watch(path, recursive, buffer)
        return WatchStream(answer, self._bridges)

    def _adopt(self, blocking: BlockingClient) -> None:
        self._blocking = blocking
        self._raw = blocking._raw
        self._default_acl = blocking._default_acl
        self._bridges = Bridges()

    async def _limited(self, answer: _tenure.Answer[None], timeout: Seconds | None) -> None:
        limit = self._blocking._op_timeout if timeout is None else in_seconds(timeout)
        try:
            async with asyncio.timeout(limit):
                await self._bridges.ready(answer)
        except TimeoutError:
            raise OperationTimeoutError(
                f"no answer from {self._blocking._hosts} within {limit:g} s") from None
        raised(answer.take())
