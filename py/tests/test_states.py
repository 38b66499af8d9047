"""Sessions and their states: epochs, expiry, callbacks, what is pinned to a session."""

from __future__ import annotations

import gc
import threading
from queue import SimpleQueue

import pytest

import tenure
from conftest import PATIENCE, reach, until
from tenure import LossReason, State


def test_a_client_is_connected_inside_its_block(server: tenure.Server) -> None:
    with server.client(session_timeout=7) as client:
        session = client.session
        assert client.state.name == "CONNECTED"
        assert (session.epoch, session.timeout) == (1, 7.0)
        assert server.sessions() == [session.id]
        assert 0 < session.safe_for() <= 7
    assert server.sessions() == []
    assert client.state is State.LOST


def test_the_granted_timeout_is_the_servers() -> None:
    with tenure.Server(min_session_timeout=2, max_session_timeout=4) as server:
        with server.client(session_timeout=60) as long, server.client(session_timeout=1) as short:
            assert (long.session.timeout, short.session.timeout) == (4.0, 2.0)


def test_states_tell_of_a_lost_connection_and_its_end(
        server: tenure.Server, client: tenure.Client) -> None:
    states = client.states()
    assert reach(states, State.CONNECTED).server == server.hosts
    server.faults.drop_connection(client)
    assert reach(states, State.SUSPENDED).server is None
    event = reach(states, State.CONNECTED)
    assert (event.epoch, event.session_id) == (1, client.session.id)


def test_an_expired_session_is_renewed_in_the_next_epoch(
        server: tenure.Server, client: tenure.Client) -> None:
    client.create("/e", ephemeral=True)
    old, states = client.session, client.states()
    server.faults.expire(client)
    lost = reach(states, State.LOST)
    assert (lost.epoch, lost.reason) == (1, LossReason.EXPIRED_BY_SERVER)
    renewed = reach(states, State.CONNECTED, epoch=2)
    assert renewed.restored is not None and renewed.restored.lost_ephemerals == ["/e"]
    assert renewed.session_id == client.session.id != old.id
    assert client.exists("/e") is None
    assert (old.state, old.wait_lost(PATIENCE)) == (State.LOST, LossReason.EXPIRED_BY_SERVER)
    assert old.safe_for() == 0


def test_a_silent_session_expires_by_the_servers_clock() -> None:
    # The real clock does not move this server: only what is advanced counts as silence.
    with tenure.Server(clock="manual") as server, server.client(session_timeout=30) as client:
        states = client.states()
        reach(states, State.CONNECTED)
        server.faults.advance(29)
        assert client.exists("/") is not None
        server.faults.advance(29)
        assert server.sessions() == [client.session.id]
        server.faults.advance(2)
        assert reach(states, State.LOST).reason is LossReason.EXPIRED_BY_SERVER


def test_resume_only_is_finished_when_the_session_is_over(server: tenure.Server) -> None:
    with server.client(recovery=tenure.Recovery.resume_only(), backoff=(0.01, 0.1)) as client:
        states = client.states()
        server.faults.drop_connection(client)
        reach(states, State.SUSPENDED)
        reach(states, State.CONNECTED, epoch=1)
        server.faults.expire(client)
        reach(states, State.LOST)
        with pytest.raises(StopIteration):
            next(states)
        with pytest.raises(tenure.SessionExpiredError) as caught:
            client.exists("/")
        assert caught.value.epoch == 1
        assert caught.value.reason is LossReason.EXPIRED_BY_SERVER


def test_every_connection_can_have_a_session_of_its_own(server: tenure.Server) -> None:
    recovery = tenure.Recovery.fresh(min_interval=0.01)
    with server.client(recovery=recovery, backoff=(0.01, 0.1)) as client:
        client.create("/e", ephemeral=True)
        old, states = client.session, client.states()
        server.faults.drop_connection(client)
        assert reach(states, State.LOST).epoch == 1
        renewed = reach(states, State.CONNECTED, epoch=2)
        assert renewed.restored is not None and renewed.restored.lost_ephemerals == ["/e"]
        # The old session was ended before the new one started.
        assert server.sessions() == [client.session.id] != [old.id]
        assert client.exists("/e") is None


def test_a_fresh_session_can_leave_the_old_one_to_its_timeout(server: tenure.Server) -> None:
    recovery = tenure.Recovery.fresh(close_old=False, min_interval=0.01)
    with server.client(session_timeout=30, recovery=recovery, backoff=(0.01, 0.1)) as client:
        client.create("/e", ephemeral=True)
        old, states = client.session, client.states()
        server.faults.drop_connection(client)
        reach(states, State.CONNECTED, epoch=2)
        assert old.id in server.sessions()
        assert client.exists("/e") is not None
        server.faults.expire(old)
        assert client.exists("/e") is None


def test_fresh_sessions_keep_their_distance(server: tenure.Server) -> None:
    # A length that no clock has is no reason to crash.
    recovery = tenure.Recovery.fresh(min_interval=1e300)
    with server.client(recovery=recovery, backoff=(0.01, 0.1)) as client:
        states = client.states()
        server.faults.drop_connection(client)
        reach(states, State.CONNECTED, epoch=2)
        server.faults.drop_connection(client)
        reach(states, State.CONNECTING, epoch=3)
        assert states.next(timeout=0.05) is None


def test_a_session_is_safe_for_no_longer_than_its_crash_grace(server: tenure.Server) -> None:
    with server.client(session_timeout=30, crash_grace=5) as client:
        assert 0 < client.session.safe_for() <= 5
    with server.client(session_timeout=30) as client:
        # No margin comes off with a server of the same project.
        assert 22.5 < client.session.safe_for() <= 30
    with tenure.Server(crash_detection=False) as other:
        with other.client(session_timeout=30, crash_grace=5) as client:
            assert client.session.safe_for() > 22.5


def test_giving_up_ends_the_client(server: tenure.Server) -> None:
    recovery = tenure.Recovery.renew(give_up_after=0.3)
    client = server.client(recovery=recovery, backoff=(0.01, 0.05)).connect()
    server.stop()
    assert client.session.wait_lost(PATIENCE) is LossReason.GAVE_UP
    with pytest.raises(tenure.SessionLostError) as caught:
        client.exists("/")
    assert caught.value.reason is LossReason.GAVE_UP


def test_operations_of_a_session_end_with_it(
        server: tenure.Server, client: tenure.Client) -> None:
    old = client.session
    old.ops.create("/a", ephemeral=True)
    server.faults.expire(old)
    reach(client.states(), State.CONNECTED, epoch=2)
    with pytest.raises(tenure.SessionExpiredError):
        old.ops.create("/b", ephemeral=True)
    assert client.session.ops.exists("/b") is None


def test_session_data_go_with_the_session(server: tenure.Server, client: tenure.Client) -> None:
    old = client.session
    old.data["owned"] = [1, 2]
    assert client.session.data["owned"] == [1, 2]
    server.faults.expire(client)
    reach(client.states(), State.CONNECTED, epoch=2)
    assert "owned" not in client.session.data and "owned" not in old.data
    old.data["late"] = 1
    assert dict(old.data) == {}


def test_wait_lost_times_out(client: tenure.Client) -> None:
    assert client.session.wait_lost(0.01) is None


def test_callbacks_run_on_one_thread_in_order(
        server: tenure.Server, client: tenure.Client) -> None:
    heard: SimpleQueue[tuple[State, int]] = SimpleQueue()
    remove = client.on_state(lambda event: heard.put((event.state, threading.get_ident())))
    other: SimpleQueue[int] = SimpleQueue()
    client.on_state(lambda event: other.put(threading.get_ident()))
    assert heard.get(timeout=PATIENCE)[0] is State.CONNECTED
    server.faults.drop_connection(client)
    seen = [heard.get(timeout=PATIENCE) for _ in range(2)]
    assert [state for state, _ in seen] == [State.SUSPENDED, State.CONNECTED]
    assert {ident for _, ident in seen} == {other.get(timeout=PATIENCE)}
    assert seen[0][1] != threading.get_ident()
    remove()
    server.faults.drop_connection(client)
    reach(client.states(), State.CONNECTED)
    assert heard.empty()


def test_blocking_on_a_callback_thread_raises(client: tenure.Client) -> None:
    caught: SimpleQueue[BaseException] = SimpleQueue()

    def blocks(_: tenure.SessionEvent) -> None:
        try:
            client.exists("/")
        except BaseException as error:
            caught.put(error)

    client.on_state(blocks)
    error = caught.get(timeout=PATIENCE)
    assert isinstance(error, tenure.WouldDeadlockError)
    assert isinstance(error, RuntimeError)


def test_a_callback_that_raises_does_not_silence_others(
        client: tenure.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    reported: SimpleQueue[object] = SimpleQueue()
    monkeypatch.setattr(threading, "excepthook", lambda args: reported.put(args.exc_type))
    heard: SimpleQueue[State] = SimpleQueue()

    def raises(_: tenure.SessionEvent) -> None:
        remove()
        raise KeyError

    remove = client.on_state(raises)
    client.on_state(lambda event: heard.put(event.state))
    assert reported.get(timeout=PATIENCE) is KeyError
    assert heard.get(timeout=PATIENCE) is State.CONNECTED


def test_the_callback_thread_ends_with_the_client(server: tenure.Server) -> None:
    with server.client() as client:
        client.on_state(lambda _: None)
        until(lambda: "tenure-callbacks" in [thread.name for thread in threading.enumerate()])
    until(lambda: "tenure-callbacks" not in [thread.name for thread in threading.enumerate()])


def test_a_dropped_client_closes_its_session(server: tenure.Server) -> None:
    client = server.client().connect()
    client.on_state(lambda _: None)
    assert server.sessions() != []
    del client
    gc.collect()
    until(lambda: server.sessions() == [])


def test_a_closed_state_stream_ends(client: tenure.Client) -> None:
    states = client.states()
    reach(states, State.CONNECTED)
    threading.Timer(0.05, states.close).start()
    assert list(states) == []
