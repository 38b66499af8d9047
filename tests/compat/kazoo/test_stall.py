"""A server that stood still must not take it out on its clients.

This is where tenure promises more than Apache ZooKeeper, which expires every session whose time ran
out during its own stall. So these tests start a `tenure` of their own and exist for it only.
"""

from __future__ import annotations

import os
import signal
import time

import pytest
from kazoo.client import KazooClient, KazooState

import server_process
from conftest import quick_retry
from waiting import Recorder, until

TIMEOUT = 2.0
STALL = 3 * TIMEOUT

pytestmark = pytest.mark.skipif(
    os.environ.get("TENURE_COMPAT_SERVER") == "apache" or "TENURE_TEST_HOSTS" in os.environ,
    reason="only tenure, in a process of this test, makes this promise")


@pytest.fixture
def own_server():
    with server_process.start_tenure() as server:
        yield server


@pytest.fixture
def clients(own_server):
    made = [
        KazooClient(own_server.hosts, timeout=TIMEOUT, connection_retry=quick_retry())
        for _ in range(20)
    ]
    for client in made:
        client.start(timeout=20)
    yield made
    for client in made:
        client.stop()
        client.close()


def test_sessions_outlive_a_stopped_server(own_server, clients):
    sessions = {client.client_id[0] for client in clients}
    states = Recorder()
    for number, client in enumerate(clients):
        client.create(f"/held-{number}", ephemeral=True)
        client.add_listener(states)
    own_server.send_signal(signal.SIGSTOP)
    # The stall itself: three timeouts in which the server hears and answers nobody.
    time.sleep(STALL)
    own_server.send_signal(signal.SIGCONT)
    until(lambda: all(client.connected for client in clients), what="all are back")
    assert {client.client_id[0] for client in clients} == sessions
    for number, client in enumerate(clients):
        held = client.retry(client.exists, f"/held-{number}")
        assert held.ephemeralOwner == client.client_id[0]
    assert KazooState.LOST not in states.seen


def test_a_client_that_died_meanwhile_expires_after_a_stall(own_server, clients, hold):
    holder = hold(own_server.hosts, "/doomed")
    own_server.send_signal(signal.SIGSTOP)
    holder.kill()
    time.sleep(STALL)
    own_server.send_signal(signal.SIGCONT)
    # Its deadline moved by the stall, but it has one.
    until(lambda: clients[0].retry(clients[0].exists, "/doomed") is None,
          within=TIMEOUT + 5.0, what="the ephemeral of the dead client is gone")
