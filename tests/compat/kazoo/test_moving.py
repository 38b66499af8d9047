"""A client that is there when Apache ZooKeeper goes and tenure takes over."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from kazoo.client import KazooClient, KazooState

import server_process
from conftest import quick_retry
from waiting import Recorder, until

JAR = Path("/usr/share/java/zookeeper.jar")


@pytest.mark.skipif(shutil.which("java") is None or not JAR.exists(),
                    reason="Apache ZooKeeper is not here: apt-get install zookeeper")
def test_a_client_notices_a_restart_and_nothing_else(tmp_path):
    with server_process.start_apache() as apache:
        client = KazooClient(apache.hosts, timeout=30.0, connection_retry=quick_retry())
        states = Recorder()
        client.add_listener(states)
        client.start(timeout=20)
        try:
            _moves(client, states, apache, tmp_path / "tenure")
        finally:
            client.stop()
            client.close()


def _moves(client: KazooClient, states: Recorder, apache: server_process.ServerProcess,
           data: Path) -> None:
    session = client.client_id
    client.create("/held", b"by Apache", ephemeral=True)
    client.create("/counted/n-", sequence=True, makepath=True)
    before = client.get("/held")

    apache.kill()
    imported = subprocess.run(
        [str(server_process.tenure_program()), "import", "--from", str(apache.scratch / "data"),
         "--data", str(data)], check=True, stdout=subprocess.PIPE, text=True)
    assert "0 different" in imported.stdout
    with server_process.start_tenure(apache.hosts, data):
        # As over any restart; a session that is not taken back would be lost in between.
        assert [states.next() for _ in range(3)] == [
            KazooState.CONNECTED, KazooState.SUSPENDED, KazooState.CONNECTED]
        assert client.client_id == session
        assert client.get("/held") == before
        assert client.create("/counted/n-", sequence=True) == "/counted/n-0000000001"
        client.set("/held", b"by tenure")
        other = KazooClient(apache.hosts, timeout=10.0, connection_retry=quick_retry())
        other.start(timeout=20)
        client.stop()
        until(lambda: other.exists("/held") is None)
        other.stop()
        other.close()
