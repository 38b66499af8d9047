"""The embedded server."""

from __future__ import annotations

import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

import tenure
from conftest import reach, until


def test_the_port_is_bound_when_it_is_made() -> None:
    with tenure.Server() as server:
        assert server.hosts == f"127.0.0.1:{server.port}"
        socket.create_connection(("127.0.0.1", server.port)).close()


def test_a_taken_port_is_an_os_error() -> None:
    with tenure.Server() as server:
        with pytest.raises(OSError) as caught:
            tenure.Server(listen=server.hosts)
        assert caught.value.errno is not None
        assert server.hosts in str(caught.value)


def test_wrong_options_are_value_errors() -> None:
    with pytest.raises(ValueError):
        tenure.Server(listen="nowhere")
    with pytest.raises(ValueError):
        tenure.Server(min_session_timeout=5, max_session_timeout=1)


def ask(server: tenure.Server, word: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(word)
        return b"".join(iter(lambda: connection.recv(4096), b""))


def test_words_are_answered_as_far_as_they_are_allowed() -> None:
    with tenure.Server() as server:
        assert ask(server, b"ruok") == b"imok"
        assert b"not in the whitelist" in ask(server, b"cons")
    with tenure.Server(words="ruok, cons") as server:
        assert ask(server, b"cons").startswith(b" /127.0.0.1:")
    with pytest.raises(ValueError, match="nope"):
        tenure.Server(words="ruok,nope")


def test_sessions_are_listed_unless_that_is_off() -> None:
    with tenure.Server() as server, server.client() as client:
        names = client.children("/zookeeper/sessions").names
        assert sorted(names) == [f"{client.session.id:#x}", "ended"]
    with tenure.Server(session_directory=False) as server, server.client() as client:
        assert client.exists("/zookeeper/sessions") is None
    with tenure.Server(session_readers=()) as server, server.client() as client:
        with pytest.raises(tenure.NoAuthError):
            client.children("/zookeeper/sessions")
    with pytest.raises(ValueError):
        tenure.Server(session_readers=["nobody knows"])


def test_servers_do_not_know_each_other() -> None:
    with tenure.Server() as one, tenure.Server() as two:
        with one.client() as first, two.client() as second:
            first.create("/a")
            assert second.exists("/a") is None


def test_stopping_twice_does_nothing_and_frees_the_port() -> None:
    server = tenure.Server()
    server.stop()
    server.stop()
    with tenure.Server(listen=server.hosts):
        pass
    with pytest.raises(RuntimeError):
        server.sessions()
    assert "stopped" in repr(server)


def test_faults_name_a_session_in_any_way(server: tenure.Server) -> None:
    with server.client(backoff=(0.01, 0.1)) as client:
        names: list[Callable[[], tenure.Client | tenure.Session | int]] = [
            lambda: client, lambda: client.session, lambda: client.session.id]
        for epoch, name in enumerate(names, start=2):
            server.faults.expire(name())
            until(lambda: client.session.epoch == epoch and client.session.id)


def test_faults_on_nobody_are_lookup_errors(server: tenure.Server) -> None:
    with pytest.raises(LookupError):
        server.faults.expire(4711)
    with pytest.raises(LookupError):
        server.faults.drop_connection(4711)
    server.faults.drop_connection()


def test_a_real_clock_cannot_be_advanced(server: tenure.Server) -> None:
    with pytest.raises(ValueError):
        server.faults.advance(1)


def test_a_session_is_expired_soon_after_its_deadline() -> None:
    with tenure.Server(min_session_timeout=0.1) as server:
        token = server.client(session_timeout=0.2).connect().detach()
        until(lambda: token.session_id not in server.sessions())
        assert 0 <= server.expiry_lateness().maximum < 5


def test_dropping_a_server_stops_it() -> None:
    server = tenure.Server()
    hosts = server.hosts
    del server
    with tenure.Server(listen=hosts):
        pass


def test_a_restart_keeps_port_data_and_sessions(server: tenure.Server) -> None:
    with server.client(session_timeout=10, backoff=(0.01, 0.1)) as client:
        port, session = server.port, client.session.id
        client.create("/kept", b"data")
        client.create("/mine", ephemeral=True)
        states = client.states()
        server.restart()
        assert server.port == port
        reach(states, tenure.State.SUSPENDED)
        assert reach(states, tenure.State.CONNECTED).session_id == session
        assert client.get("/kept").data == b"data"
        stat = client.exists("/mine")
        assert stat is not None and stat.ephemeral_owner == session
        assert server.sessions() == [session]


def test_calls_wait_for_a_restart_on_another_thread(server: tenure.Server) -> None:
    with server.client(session_timeout=10, backoff=(0.01, 0.1)) as client:
        with ThreadPoolExecutor() as pool:
            restarts = [pool.submit(server.restart) for _ in range(4)]
            seen = [pool.submit(server.sessions) for _ in range(20)]
            for restart in restarts:
                restart.result()
            assert all(calls.result() == [client.session.id] for calls in seen)


def test_a_stopped_server_cannot_be_restarted() -> None:
    server = tenure.Server()
    server.stop()
    with pytest.raises(RuntimeError):
        server.restart()


def test_quotas_are_kept_where_that_is_asked() -> None:
    with tenure.Server(enforce_quota=True) as server, server.client() as client:
        client.create("/few")
        quota = "/zookeeper/quota/few"
        limits = b"count=-1,bytes=-1=;byteHardLimit=-1;countHardLimit=2"
        client.create(f"{quota}/zookeeper_limits", limits, parents=True)
        client.create(f"{quota}/zookeeper_stats", b"count=0,bytes=0")
        client.create("/few/one")
        with pytest.raises(tenure.QuotaExceededError):
            client.create("/few/two")
