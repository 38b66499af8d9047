"""A session from birth to expiry, as kazoo lives it."""

from __future__ import annotations

import time

import pytest
from kazoo.client import KazooState
from kazoo.protocol.states import EventType

from conftest import HELD_TIMEOUT as TIMEOUT
from server_process import MAX_TIMEOUT, MIN_TIMEOUT, TICK
from waiting import Recorder, until

# Later than the timeout by a tick at most, as Apache does it, and by what a busy machine adds.
LATENESS = TICK + 3.0


@pytest.mark.parametrize("asked, granted", [
    (0.1, MIN_TIMEOUT), (3.0, 3.0), (3600.0, MAX_TIMEOUT),
])
def test_the_timeout_is_negotiated(connect, asked, granted):
    client = connect(timeout=asked)
    # kazoo keeps the granted timeout to itself; the server tells it with the session's line.
    mine = [line for line in client.command(b"cons").splitlines()
            if f"sid=0x{client.client_id[0]:x}," in line]
    assert len(mine) == 1
    assert f",to={int(granted * 1000)}," in mine[0]


def test_sessions_differ(connect):
    ids = {connect().client_id[0] for _ in range(5)}
    assert len(ids) == 5
    assert 0 not in ids


def test_heartbeats_keep_an_idle_session(zk, root, connect):
    idle = connect(timeout=MIN_TIMEOUT)
    idle.create(root + "/e", ephemeral=True)
    gone = Recorder()
    zk.exists(root + "/e", watch=gone)
    # Waiting is the point here: for three timeouts nothing may be heard of the ephemeral.
    with pytest.raises(AssertionError):
        gone.next(within=3 * MIN_TIMEOUT)
    assert idle.connected
    assert zk.exists(root + "/e").ephemeralOwner == idle.client_id[0]


def test_a_stopped_client_expires_and_learns_it(zk, root, server, hold):
    path = root + "/held"
    holder = hold(server.hosts, path)
    heard = Recorder()
    assert zk.exists(path, watch=heard).ephemeralOwner == holder.session
    stopped = time.monotonic()
    holder.stop()
    event = heard.next()
    silence = time.monotonic() - stopped
    assert event.type == EventType.DELETED
    # The last heartbeat may be as old as the client's ping interval when it is stopped.
    assert TIMEOUT * 0.4 < silence < TIMEOUT + LATENESS
    assert zk.exists(path) is None
    holder.wake()
    holder.said.skip_to("LOST")
    # kazoo goes on with a new session; the ephemeral of the old one stays gone.
    holder.said.skip_to("CONNECTED")
    assert zk.exists(path) is None


def test_a_briefly_stopped_client_keeps_its_session(zk, root, server, hold):
    path = root + "/held"
    holder = hold(server.hosts, path)
    holder.stop()
    gone = Recorder()
    zk.exists(path, watch=gone)
    with pytest.raises(AssertionError):
        gone.next(within=TIMEOUT * 0.3)
    holder.wake()
    with pytest.raises(AssertionError):
        gone.next(within=TIMEOUT + LATENESS)
    assert zk.exists(path).ephemeralOwner == holder.session


def test_a_silently_cut_client_expires(zk, root, connect, proxy):
    path = root + "/held"
    client = connect(hosts=proxy.hosts, timeout=TIMEOUT)
    states = Recorder()
    client.add_listener(states)
    client.create(path, ephemeral=True)
    old = client.client_id[0]
    heard = Recorder()
    zk.exists(path, watch=heard)
    begin = time.monotonic()
    proxy.stall()
    # A loss before the expiry comes from kazoo itself, the expiry from the server.
    assert heard.next().type == EventType.DELETED
    assert time.monotonic() - begin < TIMEOUT + LATENESS
    states.skip_to(KazooState.SUSPENDED)
    proxy.heal()
    states.skip_to(KazooState.LOST)
    states.skip_to(KazooState.CONNECTED)
    until(lambda: client.connected, what="the new session")
    assert client.client_id[0] != old
    assert client.create(path, ephemeral=True) == path


def test_a_lost_connection_resumes_the_session(zk, root, connect, proxy):
    path = root + "/held"
    client = connect(hosts=proxy.hosts)
    states = Recorder()
    client.add_listener(states)
    client.create(path, ephemeral=True)
    session = client.client_id
    for round_ in range(5):
        before = proxy.accepted
        proxy.cut()
        states.skip_to(KazooState.SUSPENDED)
        states.skip_to(KazooState.CONNECTED)
        assert proxy.accepted > before
        assert client.client_id == session
        client.set(path, b"round %d" % round_)
    assert zk.exists(path).ephemeralOwner == session[0]
    assert KazooState.LOST not in states.seen


def test_a_session_survives_refused_attempts(zk, root, connect, proxy):
    path = root + "/held"
    client = connect(hosts=proxy.hosts, timeout=8.0)
    states = Recorder()
    client.add_listener(states)
    client.create(path, ephemeral=True)
    session = client.client_id[0]
    proxy.refuse()
    states.skip_to(KazooState.SUSPENDED)
    proxy.heal()
    states.skip_to(KazooState.CONNECTED)
    assert client.client_id[0] == session
    assert zk.exists(path).ephemeralOwner == session


def test_a_session_can_be_taken_over_with_its_password(zk, root, connect):
    first = connect(timeout=8.0)
    first.create(root + "/e", ephemeral=True)
    states = Recorder()
    session, password = first.client_id
    first.add_listener(states)
    second = connect(client_id=(session, password), timeout=8.0)
    assert second.client_id[0] == session
    # One connection speaks for a session: the older one is cut.
    states.skip_to(KazooState.SUSPENDED)
    first.stop()
    assert zk.exists(root + "/e") is None or zk.exists(root + "/e").ephemeralOwner == session


def test_a_wrong_password_is_refused_and_harms_nobody(zk, root, connect):
    victim = connect(timeout=8.0)
    victim.create(root + "/e", ephemeral=True)
    session, password = victim.client_id
    forged = bytes(byte ^ 0xFF for byte in password)
    thief = connect(client_id=(session, forged))
    # Refused, kazoo goes on with a session of its own.
    until(lambda: thief.connected and thief.client_id[0] != session, what="a session of its own")
    assert zk.exists(root + "/e").ephemeralOwner == session
    until(lambda: victim.connected, what="the victim is connected")
    assert victim.client_id[0] == session


def test_a_closed_session_cannot_be_resumed(connect):
    first = connect()
    identity = first.client_id
    first.stop()
    second = connect(client_id=identity)
    until(lambda: second.connected and second.client_id[0] != identity[0], what="a new session")


def test_a_slow_network_is_no_lost_session(root, connect, proxy, zk):
    client = connect(hosts=proxy.hosts, timeout=6.0)
    states = Recorder()
    client.add_listener(states)
    session = client.client_id[0]
    proxy.delay(0.3)
    for number in range(5):
        client.create(f"{root}/{number}")
    assert client.client_id[0] == session
    assert states.is_drained
    assert len(zk.get_children(root)) == 5
