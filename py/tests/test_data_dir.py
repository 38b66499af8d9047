"""Servers that keep what they hold in a directory."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import tenure
from conftest import reach


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


def test_the_next_server_on_a_directory_goes_on_with_it(data: Path) -> None:
    with tenure.Server(data_dir=data) as server, server.client() as client:
        client.create("/kept", b"data")
        before = client.exists("/kept")
    with tenure.Server(data_dir=str(data)) as server, server.client() as client:
        assert client.get("/kept") == (b"data", before)


def test_sessions_and_their_ephemerals_outlive_their_server(data: Path) -> None:
    server = tenure.Server(data_dir=data)
    hosts = server.hosts
    with server.client(session_timeout=20, backoff=(0.01, 0.1)) as client:
        client.create("/mine", ephemeral=True)
        session, states = client.session.id, client.states()
        server.stop()
        reach(states, tenure.State.SUSPENDED)
        with tenure.Server(listen=hosts, data_dir=data) as server:
            assert reach(states, tenure.State.CONNECTED).session_id == session
            stat = client.exists("/mine")
            assert stat is not None and stat.ephemeral_owner == session


def test_a_restart_keeps_port_data_and_sessions(data: Path) -> None:
    with tenure.Server(data_dir=data) as server:
        with server.client(session_timeout=20, backoff=(0.01, 0.1)) as client:
            client.create("/kept", b"data")
            port, session, states = server.port, client.session.id, client.states()
            server.restart()
            reach(states, tenure.State.SUSPENDED)
            assert reach(states, tenure.State.CONNECTED).session_id == session
            assert (server.port, server.sessions()) == (port, [session])
            assert client.get("/kept").data == b"data"


def test_a_forked_child_does_not_keep_the_directory(data: Path) -> None:
    server = tenure.Server(data_dir=data)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(writing)
        os.read(reading, 1)
        os._exit(0)
    os.close(reading)
    try:
        server.restart()
        server.stop()
        with tenure.Server(data_dir=data):
            pass
    finally:
        os.close(writing)
        os.waitpid(child, 0)


def test_a_second_server_is_told_who_has_the_directory(data: Path) -> None:
    with tenure.Server(data_dir=data) as server:
        with pytest.raises(tenure.DataDirError) as caught:
            tenure.Server(data_dir=data)
        assert str(data) in str(caught.value) and str(os.getpid()) in str(caught.value)
        assert isinstance(caught.value, OSError)
        with server.client() as client:
            client.create("/a")


def test_a_damaged_directory_is_refused_by_file_and_offset(data: Path) -> None:
    with tenure.Server(data_dir=data) as server, server.client() as client:
        client.create("/victim")
    log = data / "log-0000000000000001"
    content = log.read_bytes()
    log.write_bytes(content.replace(b"/victim", b"/forged"))
    with pytest.raises(tenure.DataDirError, match=f"{log} is damaged at byte"):
        tenure.Server(data_dir=data)
    log.write_bytes(content)
    with tenure.Server(data_dir=data) as server, server.client() as client:
        assert client.exists("/victim") is not None


def test_a_snapshot_is_a_file_in_the_directory(data: Path) -> None:
    with tenure.Server(data_dir=data) as server, server.client() as client:
        client.create("/a")
        path = server.snapshot()
        assert path.parent == data and path.stat().st_size > 0


def test_snapshots_are_kept_as_many_as_asked_for(data: Path) -> None:
    with tenure.Server(data_dir=data, snapshots_kept=2) as server, server.client() as client:
        taken = []
        for number in range(4):
            client.create(f"/{number}")
            taken.append(server.snapshot())
        assert sorted(data.glob("snapshot-*")) == taken[-2:]


def test_a_server_in_memory_takes_no_snapshot(server: tenure.Server) -> None:
    with pytest.raises(ValueError):
        server.snapshot()


def test_a_server_that_works_has_no_failure(data: Path) -> None:
    with tenure.Server(data_dir=data) as server:
        assert server.failure is None
    with pytest.raises(RuntimeError):
        server.failure


def test_wrong_options_are_value_errors(data: Path) -> None:
    with pytest.raises(ValueError, match="snapshots_kept"):
        tenure.Server(data_dir=data, snapshots_kept=0)
    with pytest.raises(ValueError, match="snapshot_after_txns"):
        tenure.Server(data_dir=data, snapshot_after_txns=0)
    with pytest.raises(ValueError, match="snapshot_after_bytes"):
        tenure.Server(data_dir=data, snapshot_after_bytes=-1)
    assert not data.exists()
