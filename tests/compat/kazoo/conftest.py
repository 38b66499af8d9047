"""What every kazoo test gets: a server, clients that are stopped for it, and a path of its own."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, Callable, Iterator, List

import pytest
from kazoo.client import KazooClient
from kazoo.retry import KazooRetry

import server_process
from cutting_proxy import CuttingProxy
from waiting import Recorder

# Short enough that a test which waits for an expiry is quick, long enough for a busy machine.
SESSION_TIMEOUT = 4.0
# That of clients in processes of their own, which are there to expire.
HELD_TIMEOUT = 2.0
_serial = itertools.count()


@pytest.fixture(scope="session")
def server() -> Iterator[server_process.ServerProcess]:
    with server_process.start() as running:
        yield running


@pytest.fixture
def proxy(server: server_process.ServerProcess) -> Iterator[CuttingProxy]:
    with CuttingProxy(server.hosts) as between:
        yield between


@pytest.fixture
def connect(server: server_process.ServerProcess) -> Iterator[Callable[..., KazooClient]]:
    """Makes connected clients; each is stopped after the test, whatever it did."""
    clients: List[KazooClient] = []

    def make(hosts: str = server.hosts, timeout: float = SESSION_TIMEOUT,
             **options: Any) -> KazooClient:
        client = KazooClient(hosts, timeout=timeout, connection_retry=quick_retry(), **options)
        clients.append(client)
        client.start(timeout=20)
        return client

    yield make
    for client in clients:
        client.stop()
        client.close()


@pytest.fixture
def zk(connect: Callable[..., KazooClient]) -> KazooClient:
    return connect()


@pytest.fixture
def root(zk: KazooClient, request: pytest.FixtureRequest) -> Iterator[str]:
    """A path that exists and that no other test uses."""
    path = "/kazoo/%s-%d" % (request.node.name.replace("/", "_"), next(_serial))
    zk.ensure_path(path)
    yield path


class Holder:
    """A client in its own process that owns one ephemeral znode."""

    def __init__(self, hosts: str, path: str) -> None:
        program = Path(__file__).with_name("holder.py")
        self.process = subprocess.Popen(
            [sys.executable, str(program), hosts, str(HELD_TIMEOUT), path],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.said = Recorder()
        threading.Thread(target=self._listen, daemon=True).start()
        self.said.skip_to("CONNECTED")
        self.session = int(self.said.next().split()[1])

    def stop(self) -> None:
        os.kill(self.process.pid, signal.SIGSTOP)

    def kill(self) -> None:
        self.process.kill()

    def wake(self) -> None:
        os.kill(self.process.pid, signal.SIGCONT)

    def _listen(self) -> None:
        for line in self.process.stdout:
            self.said(line.strip())


@pytest.fixture
def hold() -> Iterator[Callable[[str, str], Holder]]:
    """Starts clients in processes of their own; they are killed after the test."""
    holders: List[Holder] = []

    def make(hosts: str, path: str) -> Holder:
        holders.append(Holder(hosts, path))
        return holders[-1]

    yield make
    for holder in holders:
        holder.process.kill()
        holder.process.wait()
        holder.process.stdin.close()
        holder.process.stdout.close()


def quick_retry() -> KazooRetry:
    # kazoo's default backs off up to a minute, which only makes tests about reconnection slow.
    return KazooRetry(max_tries=-1, delay=0.02, backoff=1.5, max_delay=0.3, max_jitter=0.1)
