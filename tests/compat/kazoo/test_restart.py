"""A server that is killed comes back with everything it had acknowledged."""

from __future__ import annotations

import os
import threading
from typing import Any, Callable, Iterator

import pytest
from kazoo.client import KazooClient, KazooState

import server_process
from conftest import SESSION_TIMEOUT, quick_retry

pytestmark = pytest.mark.skipif(
    "TENURE_TEST_HOSTS" in os.environ or "TENURE_COMPAT_SERVER" in os.environ,
    reason="the server is not ours to kill")


@pytest.fixture
def mortal() -> Iterator[server_process.ServerProcess]:
    """A server of this test's own."""
    with server_process.start() as running:
        yield running


@pytest.fixture
def client(mortal: server_process.ServerProcess) -> Iterator[KazooClient]:
    made = KazooClient(mortal.hosts, timeout=SESSION_TIMEOUT, connection_retry=quick_retry())
    made.start(timeout=20)
    yield made
    made.stop()
    made.close()


def test_session_ephemerals_and_data_outlive_a_kill(
        mortal: server_process.ServerProcess, client: KazooClient) -> None:
    session = client.client_id
    client.create("/kept", b"one")
    stat = client.set("/kept", b"two")
    client.create("/kept/held", ephemeral=True)
    client.create("/kept/n-", sequence=True)
    back, states = threading.Event(), []

    def listen(state: str) -> None:
        states.append(state)
        if state == KazooState.CONNECTED:
            back.set()

    client.add_listener(listen)
    mortal.kill_and_restart()
    assert back.wait(20)
    assert client.client_id == session, "the same session"
    assert KazooState.LOST not in states
    data, after = client.get("/kept")
    assert (data, after.mzxid, after.version, after.mtime) == (
        b"two", stat.mzxid, stat.version, stat.mtime)
    assert client.get("/kept/held")[1].ephemeralOwner == session[0]
    assert client.create("/kept/n-", sequence=True) == "/kept/n-0000000002"


def test_a_data_watch_survives_a_kill(
        mortal: server_process.ServerProcess, client: KazooClient,
        connect: Callable[..., Any]) -> None:
    client.create("/watched", b"")
    seen = threading.Event()
    client.get("/watched", watch=lambda event: seen.set())
    mortal.kill_and_restart()
    other = connect(hosts=mortal.hosts)
    other.set("/watched", b"new")
    assert seen.wait(20)
