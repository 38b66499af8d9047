"""Four-letter words, asked through kazoo's `command`."""

from __future__ import annotations

import pytest


def test_ruok(zk):
    assert zk.command(b"ruok") == "imok"


def test_isro(zk):
    assert zk.command(b"isro") == "rw"


def test_srvr(zk):
    lines = zk.command(b"srvr").splitlines()
    assert lines[0].startswith("Zookeeper version: ")
    keys = [line.split(":")[0] for line in lines]
    for key in ("Latency min/avg/max", "Received", "Sent", "Connections", "Outstanding", "Zxid",
                "Mode", "Node count"):
        assert key in keys
    assert "Mode: standalone" in lines


def test_stat_lists_the_clients(zk):
    text = zk.command(b"stat")
    assert "Clients:" in text
    assert "127.0.0.1" in text
    assert "Mode: standalone" in text


def test_mntr(zk):
    values = dict(line.split("\t", 1) for line in zk.command(b"mntr").splitlines() if "\t" in line)
    assert values["zk_server_state"] == "standalone"
    assert int(values["zk_znode_count"]) >= 4
    assert int(values["zk_num_alive_connections"]) >= 1


def test_conf(zk):
    values = dict(line.split("=", 1) for line in zk.command(b"conf").splitlines() if "=" in line)
    assert int(values["minSessionTimeout"]) == 1000
    assert int(values["maxSessionTimeout"]) == 40000


def test_cons_shows_the_session(zk):
    assert f"sid=0x{zk.client_id[0]:x}" in zk.command(b"cons")


def test_dump_shows_ephemerals(zk, root):
    zk.create(root + "/e", ephemeral=True)
    text = zk.command(b"dump")
    assert f"0x{zk.client_id[0]:x}" in text
    assert root + "/e" in text


def test_wchs_counts_watches(zk, root):
    zk.exists(root + "/a", watch=lambda _event: None)
    text = zk.command(b"wchs")
    assert "connections watching" in text
    assert int(text.split("Total watches:")[1].split()[0]) >= 1


@pytest.mark.parametrize("word", [b"ruok", b"srvr", b"stat", b"mntr", b"conf", b"cons", b"dump"])
def test_words_do_not_disturb_the_session(zk, word):
    session = zk.client_id
    for _ in range(10):
        assert zk.command(word)
    assert zk.connected
    assert zk.client_id == session
