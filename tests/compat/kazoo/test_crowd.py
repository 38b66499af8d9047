"""Two hundred kazoo clients at once."""

from __future__ import annotations

import threading

import pytest
from kazoo.client import KazooClient

from conftest import quick_retry
from waiting import Recorder, until

CROWD = 200


@pytest.fixture
def crowd(server):
    clients = [
        KazooClient(server.hosts, timeout=30.0, connection_retry=quick_retry())
        for _ in range(CROWD)
    ]
    started = [client.start_async() for client in clients]
    for client, event in zip(clients, started):
        assert event.wait(60), "a client of the crowd did not connect"
    yield clients
    for client in clients:
        client.stop()
        client.close()


def test_a_crowd_shares_one_tree(crowd, zk, root):
    assert len({client.client_id[0] for client in crowd}) == CROWD
    heard = Recorder()

    # Everybody announces itself, sees an event of somebody, and adds to one sequence.
    for client in crowd:
        client.get_children(root, watch=heard)
    made = [
        client.create_async(root + "/member-", ephemeral=True, sequence=True) for client in crowd
    ]
    paths = {answer.get(timeout=60) for answer in made}
    assert len(paths) == CROWD
    for _ in crowd:
        assert heard.next().path == root
    assert len(zk.get_children(root)) == CROWD

    for client in crowd[:100]:
        client.stop()
    assert len(zk.get_children(root)) == CROWD - 100
    owners = {zk.exists(f"{root}/{name}").ephemeralOwner for name in zk.get_children(root)}
    assert owners == {client.client_id[0] for client in crowd[100:]}


def test_a_crowd_writes_without_loss(crowd, zk, root):
    zk.create(root + "/counter", b"0")
    answers = [
        [client.set_async(root + "/counter", b"x") for _ in range(10)] for client in crowd
    ]
    versions = [answer.get(timeout=60).version for own in answers for answer in own]
    assert sorted(versions) == list(range(1, 10 * CROWD + 1))
    for own in answers:
        mine = [answer.get().version for answer in own]
        assert mine == sorted(mine)


def test_a_crowd_hears_one_change(crowd, zk, root):
    zk.create(root + "/news")
    heard = Recorder()
    for client in crowd:
        client.get(root + "/news", watch=heard)
    zk.set(root + "/news", b"extra")
    for _ in crowd:
        assert heard.next().path == root + "/news"


def test_a_crowd_queues_at_one_lock(crowd, root):
    order = Recorder()

    def work(client, number):
        with client.Lock(root + "/lock", str(number)):
            order(number)

    # A fifth of the crowd is enough: kazoo gives each contender a thread of its own here.
    contenders = crowd[::5]
    threads = [
        threading.Thread(target=work, args=(client, number), daemon=True)
        for number, client in enumerate(contenders)
    ]
    for thread in threads:
        thread.start()
    assert sorted(order.next(within=60) for _ in contenders) == list(range(len(contenders)))
    for thread in threads:
        thread.join(20)
    until(lambda: crowd[0].get_children(root + "/lock") == [], what="the lock is free")
