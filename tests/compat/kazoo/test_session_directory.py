"""kazoo lists sessions, watches them, and binds values to its own."""

from __future__ import annotations

import json

import pytest
from kazoo.exceptions import NoAuthError, NodeExistsError
from kazoo.recipe.watchers import ChildrenWatch, DataWatch

from waiting import Recorder

TOP = "/zookeeper/sessions"


def own(client, *more):
    return "/".join((TOP, hex(client.client_id[0]), *more))


def follow(lists, is_wanted):
    """Sessions of other tests may come and go meanwhile."""
    while not is_wanted(lists.next()):
        pass


@pytest.fixture(autouse=True)
def has_directory(zk):
    if not zk.exists(TOP):
        pytest.skip("the server lists no sessions")


def test_sessions_are_listed_and_read(zk, connect):
    other = connect()
    assert {"ended", hex(zk.client_id[0]), hex(other.client_id[0])} <= set(zk.get_children(TOP))
    assert "sessions" in zk.get_children("/zookeeper")
    data, stat = zk.get(own(other))
    told = json.loads(data)
    assert told["id"] == hex(other.client_id[0])
    assert told["timeout_ms"] == other._session_timeout
    assert told["attached"] is True
    assert stat.owner_session_id == other.client_id[0]
    assert other.client_id[1].hex() not in data.decode()


@pytest.mark.parametrize("ephemeral", [True, False])
def test_a_session_binds_values_that_others_read(zk, connect, ephemeral):
    other = connect()
    path = own(other, "data", "shard")
    assert other.create(path, b"7", ephemeral=ephemeral) == path
    assert zk.get(path)[0] == b"7"
    assert zk.get_children(own(other, "data")) == ["shard"]
    other.set(path, b"8")
    assert zk.get(path)[0] == b"8"
    with pytest.raises(NodeExistsError):
        other.create(path, b"")
    with pytest.raises(NoAuthError):
        zk.set(path, b"")
    with pytest.raises(NoAuthError):
        zk.delete(path)
    other.delete(path)
    assert zk.exists(path) is None


def test_a_transaction_binds_all_or_nothing(zk, root):
    done = zk.transaction()
    done.create(own(zk, "data", "a"), b"1")
    done.check(own(zk, "data", "a"), 0)
    done.create(f"{root}/x", b"")
    assert done.commit()[0] == own(zk, "data", "a")
    failed = zk.transaction()
    failed.create(own(zk, "data", "b"), b"1")
    failed.create(f"{root}/x", b"")
    failed.commit()
    assert zk.exists(own(zk, "data", "b")) is None


def test_others_hear_when_a_session_ends(zk, connect):
    other = connect()
    path, session = own(other, "data", "shard"), own(other)
    other.create(path, b"7", ephemeral=True)
    gone = Recorder()
    zk.get(path, watch=lambda event: gone((event.type, event.path)))
    zk.exists(session, watch=lambda event: gone((event.type, event.path)))
    over = f"{TOP}/ended/{hex(other.client_id[0])}"
    other.stop()
    assert gone.next() == ("DELETED", path)
    assert gone.next() == ("DELETED", session)
    told = json.loads(zk.get(over)[0])
    assert (told["cause"], told["text"]) == ("closed", "closed by its client")


def test_kazoos_own_watchers_follow_the_directory(zk, connect):
    lists, values = Recorder(), Recorder()
    ChildrenWatch(zk, TOP, lambda names: lists(set(names)))
    other = connect()
    name = hex(other.client_id[0])
    follow(lists, lambda names: name in names)
    DataWatch(zk, own(other, "data", "a"), lambda data, _stat: values(data))
    assert values.next() is None
    other.create(own(other, "data", "a"), b"1")
    assert values.next() == b"1"
    other.set(own(other, "data", "a"), b"2")
    assert values.next() == b"2"
    other.stop()
    assert values.next() is None
    follow(lists, lambda names: name not in names)
