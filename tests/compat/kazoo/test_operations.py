"""Every data operation kazoo has, with the answers and Stats ZooKeeper gives."""

from __future__ import annotations

import pytest
from kazoo.exceptions import (
    BadArgumentsError,
    BadVersionError,
    ConnectionLoss,
    NoChildrenForEphemeralsError,
    NodeExistsError,
    NoNodeError,
    NotEmptyError,
)

from waiting import until


def test_create_and_get(zk, root):
    assert zk.create(root + "/a", b"value") == root + "/a"
    data, stat = zk.get(root + "/a")
    assert data == b"value"
    assert (stat.version, stat.cversion, stat.aversion) == (0, 0, 0)
    assert stat.czxid == stat.mzxid == stat.pzxid
    assert stat.ctime == stat.mtime
    assert (stat.ephemeralOwner, stat.dataLength, stat.numChildren) == (0, 5, 0)


def test_create_returns_the_stat_when_asked(zk, root):
    path, stat = zk.create(root + "/a", b"v", include_data=True)
    assert path == root + "/a"
    assert stat == zk.get(path)[1]


def test_create_of_an_existing_znode(zk, root):
    zk.create(root + "/a")
    with pytest.raises(NodeExistsError):
        zk.create(root + "/a")


def test_create_without_parent(zk, root):
    with pytest.raises(NoNodeError):
        zk.create(root + "/no/child")
    assert zk.create(root + "/no/child", makepath=True) == root + "/no/child"


def test_empty_value_is_empty_and_not_null(zk, root):
    zk.create(root + "/a", b"")
    assert zk.get(root + "/a")[0] == b""


def test_ephemeral_names_its_owner(zk, root):
    zk.create(root + "/e", ephemeral=True)
    assert zk.exists(root + "/e").ephemeralOwner == zk.client_id[0]


def test_ephemerals_have_no_children(zk, root):
    zk.create(root + "/e", ephemeral=True)
    with pytest.raises(NoChildrenForEphemeralsError):
        zk.create(root + "/e/child")


def test_sequence_numbers_rise_and_are_not_reused(zk, root):
    first = zk.create(root + "/s-", sequence=True)
    second = zk.create(root + "/s-", sequence=True)
    zk.delete(second)
    third = zk.create(root + "/s-", sequence=True)
    assert first == root + "/s-0000000000"
    assert second == root + "/s-0000000001"
    # The parent's cversion counts the deletion as well, its sequence does not.
    assert third == root + "/s-0000000002"


def test_ephemeral_sequential(zk, root):
    path = zk.create(root + "/es-", b"x", ephemeral=True, sequence=True)
    assert path == root + "/es-0000000000"
    assert zk.exists(path).ephemeralOwner == zk.client_id[0]


def test_ephemerals_go_with_the_close(zk, root, connect):
    other = connect()
    other.create(root + "/e", ephemeral=True)
    assert zk.exists(root + "/e")
    other.stop()
    # The reply to the close comes after the deletion, so there is nothing to wait for.
    assert zk.exists(root + "/e") is None


def test_exists(zk, root):
    assert zk.exists(root + "/a") is None
    zk.create(root + "/a", b"abc")
    assert zk.exists(root + "/a").data_length == 3


def test_set_counts_versions(zk, root):
    zk.create(root + "/a", b"0")
    stat = zk.set(root + "/a", b"one")
    assert (stat.version, stat.data_length) == (1, 3)
    assert stat.mzxid > stat.czxid
    assert zk.set(root + "/a", b"two", version=1).version == 2
    with pytest.raises(BadVersionError):
        zk.set(root + "/a", b"three", version=1)
    assert zk.get(root + "/a")[0] == b"two"
    with pytest.raises(NoNodeError):
        zk.set(root + "/none", b"")


def test_delete(zk, root):
    zk.create(root + "/a")
    zk.create(root + "/a/b")
    with pytest.raises(NotEmptyError):
        zk.delete(root + "/a")
    with pytest.raises(BadVersionError):
        zk.delete(root + "/a/b", version=7)
    zk.delete(root + "/a/b", version=0)
    with pytest.raises(NoNodeError):
        zk.delete(root + "/a/b")


def test_delete_recursively(zk, root):
    zk.ensure_path(root + "/a/b/c/d")
    zk.create(root + "/a/b/x")
    zk.delete(root + "/a", recursive=True)
    assert zk.exists(root + "/a") is None


def test_children(zk, root):
    assert zk.get_children(root) == []
    for name in ("b", "a", "c"):
        zk.create(f"{root}/{name}")
    assert sorted(zk.get_children(root)) == ["a", "b", "c"]
    children, stat = zk.get_children(root, include_data=True)
    assert sorted(children) == ["a", "b", "c"]
    assert (stat.numChildren, stat.cversion) == (3, 3)
    assert stat.pzxid == zk.exists(root + "/c").czxid
    with pytest.raises(NoNodeError):
        zk.get_children(root + "/none")


def test_children_count_in_the_stat_after_deletion(zk, root):
    zk.create(root + "/a")
    zk.create(root + "/b")
    zk.delete(root + "/a")
    stat = zk.exists(root)
    assert (stat.numChildren, stat.cversion) == (1, 3)


def test_ensure_path_is_idempotent(zk, root):
    assert zk.ensure_path(root + "/x/y/z")
    assert zk.ensure_path(root + "/x/y/z")
    assert zk.exists(root + "/x/y/z")


def test_sync(zk, root):
    assert zk.sync(root) == root


def test_unicode_names(zk, root):
    path = root + "/žluťoučký-kůň-日本"
    zk.create(path, "ďábel".encode())
    assert zk.get(path)[0].decode() == "ďábel"
    assert zk.get_children(root) == ["žluťoučký-kůň-日本"]


def test_forbidden_characters(zk, root):
    for name in ("a\x01b", "a\x7fb", "\u0000", "a\ufff0b"):
        with pytest.raises(BadArgumentsError):
            zk.create(f"{root}/{name}")


def test_a_large_value(zk, root):
    # The limit is the frame of 1,048,575 bytes, headers and path included.
    value = bytes(range(256)) * 4000
    zk.create(root + "/big", value)
    assert zk.get(root + "/big")[0] == value


def test_a_frame_above_the_limit_costs_the_connection(connect, root):
    doomed = connect()
    session = doomed.client_id[0]
    with pytest.raises(ConnectionLoss):
        doomed.create(root + "/huge", b"x" * 1_100_000)
    until(lambda: doomed.connected, what="the client is back")
    assert doomed.client_id[0] == session
    assert doomed.exists(root + "/huge") is None


def test_pipelined_requests_are_answered_in_order(zk, root):
    zk.create(root + "/a", b"start")
    answers = []
    for number in range(200):
        answers.append(zk.set_async(root + "/a", b"%d" % number))
        answers.append(zk.get_async(root + "/a"))
    for number in range(200):
        assert answers[2 * number].get(timeout=20).version == number + 1
        assert answers[2 * number + 1].get(timeout=20)[0] == b"%d" % number


def test_asynchronous_creation(zk, root):
    made = [zk.create_async(f"{root}/n-", sequence=True) for _ in range(100)]
    assert [m.get(timeout=20) for m in made] == [f"{root}/n-{n:010d}" for n in range(100)]


def test_chroot(zk, root, connect, server):
    inside = connect(hosts=server.hosts + root)
    inside.create("/a", b"inside")
    assert zk.get(root + "/a")[0] == b"inside"
    assert inside.get_children("/") == ["a"]


def test_the_root_znode(zk):
    data, stat = zk.get("/")
    assert data == b""
    assert "zookeeper" in zk.get_children("/")
    assert stat.czxid == 0
