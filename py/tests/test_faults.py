"""Faults planted in the embedded server, and what a client sees of them."""

from __future__ import annotations

import pytest

import tenure
from conftest import reach, until
from tenure import State


def test_a_lost_reply_leaves_nothing_in_doubt(
        server: tenure.Server, client: tenure.Client) -> None:
    states = client.states()
    server.faults.lose_reply("create")
    # Carried out once, and answered once more: a second create would find the first.
    assert client.create("/once").path == "/once"
    reach(states, State.SUSPENDED)
    assert server.faults.hits("lose_reply") == 1
    assert server.faults.carried_out("create") == 1


def test_a_lost_request_is_sent_again(server: tenure.Server, client: tenure.Client) -> None:
    server.faults.lose_request()
    assert server.faults.pending("lose_request") == 1
    client.create("/a")
    assert server.faults.pending("lose_request") == 0
    assert server.faults.received("create") == 2
    assert server.faults.carried_out("create") == 1


def test_a_write_that_may_not_be_sent_again_stays_unknown(server: tenure.Server) -> None:
    with server.client(when_disconnected="fail", backoff=(0.01, 0.1)) as client:
        server.faults.lose_reply("create")
        with pytest.raises(tenure.ConnectionLossError) as caught:
            client.create("/a")
        assert caught.value.outcome is tenure.Outcome.UNKNOWN
        client.connect()
        assert client.exists("/a") is not None


def test_requests_fail_with_the_code_that_is_planted(
        server: tenure.Server, client: tenure.Client) -> None:
    server.faults.fail("setData", tenure.NoAuthError)
    with pytest.raises(tenure.NoAuthError):
        client.set("/", b"x")
    server.faults.fail(None, -103, 2)
    with pytest.raises(tenure.BadVersionError):
        client.set("/", b"x")
    server.faults.clear()
    client.set("/", b"x")
    assert server.faults.hits("fail") == 2


def test_who_is_refused_gets_in_afterwards(server: tenure.Server) -> None:
    server.faults.refuse()
    client = server.client(backoff=(0.01, 0.05))
    until(lambda: server.faults.hits("refuse") >= 2)
    assert client.state is State.CONNECTING
    server.faults.refuse(False)
    server.faults.refuse_next()
    with client:
        assert server.faults.pending("refuse") == 0


def test_a_silent_server_keeps_its_answers(server: tenure.Server, client: tenure.Client) -> None:
    server.faults.silence(client)
    with pytest.raises(tenure.OperationTimeoutError):
        client.get("/", timeout=0.05)
    server.faults.silence(client, False)
    assert client.get("/").data == b""
    server.faults.silence()
    with pytest.raises(tenure.OperationTimeoutError):
        client.get("/", timeout=0.05)
    server.faults.clear()
    assert client.get("/").data == b""


def test_an_answer_is_held_back_by_the_servers_clock() -> None:
    with tenure.Server(clock="manual") as server, server.client(session_timeout=30) as client:
        server.faults.delay("getData", 5)
        with pytest.raises(tenure.OperationTimeoutError):
            client.get("/", timeout=0.05)
        assert server.faults.pending("delay") == 1
        server.faults.advance(5)
        until(lambda: server.faults.pending("delay") == 0)
        server.faults.delay("getData", 0)
        assert client.get("/").data == b""


def test_a_server_that_only_reads_refuses_writes(server: tenure.Server) -> None:
    server.faults.read_only()
    client = server.client(read_only=True, backoff=(0.01, 0.1)).connect()
    assert client.state is State.READ_ONLY
    assert client.get("/").data == b""
    with pytest.raises(tenure.NotReadOnlyError):
        client.create("/a")
    server.faults.read_only(False)
    until(lambda: client.state is State.CONNECTED)
    client.close()


def test_faults_outlive_a_restart(server: tenure.Server, client: tenure.Client) -> None:
    server.faults.fail("getData", tenure.NoAuthError)
    server.restart()
    with pytest.raises(tenure.NoAuthError):
        client.get("/")


def test_sessions_that_were_ended_and_cut_are_counted(
        server: tenure.Server, client: tenure.Client) -> None:
    states = client.states()
    server.faults.drop_connection(client)
    reach(states, State.SUSPENDED)
    reach(states, State.CONNECTED)
    server.faults.expire(client)
    assert server.faults.hits("drop_connection") == 1
    assert server.faults.hits("expire") == 1


def test_what_does_not_exist_cannot_be_planted(server: tenure.Server) -> None:
    with pytest.raises(ValueError, match="'Create'|\"Create\""):
        server.faults.lose_reply("Create")
    with pytest.raises(ValueError, match="success"):
        server.faults.fail(None, 0)
    with pytest.raises(ValueError, match="OverloadedError"):
        server.faults.fail(None, tenure.OverloadedError)
    with pytest.raises(ValueError, match="count"):
        server.faults.lose_reply(count=-1)
    with pytest.raises(ValueError, match="no fault"):
        server.faults.hits("quake")  # type: ignore[arg-type]


def test_a_stopped_server_has_no_faults() -> None:
    server = tenure.Server()
    faults = server.faults
    server.stop()
    with pytest.raises(RuntimeError):
        faults.refuse()
    with pytest.raises(RuntimeError):
        faults.drop_connection()
