"""Every operation of the blocking client."""

from __future__ import annotations

from datetime import timedelta

import pytest

import tenure
from conftest import PATIENCE


def test_create_returns_path_and_stat(client: tenure.Client) -> None:
    made = client.create("/a", b"data")
    assert made.path == "/a"
    assert made.stat is not None and made.stat.data_length == 4
    assert made.stat.ephemeral_owner == 0


def test_a_sequential_create_returns_the_number(client: tenure.Client) -> None:
    first = client.create("/a-", sequential=True).path
    assert client.create("/a-", sequential=True).path > first
    assert first == "/a-0000000000"


def test_an_ephemeral_belongs_to_the_session(client: tenure.Client) -> None:
    made = client.create("/e-", ephemeral=True, sequential=True)
    assert made.stat is not None and made.stat.ephemeral_owner == client.session.id
    assert client.ephemerals() == [made.path]
    assert client.ephemerals("/other") == []


def test_parents_are_created_and_stay_persistent(client: tenure.Client) -> None:
    client.create("/x/y/z", b"deep", ephemeral=True, parents=True)
    parent = client.exists("/x/y")
    assert parent is not None and parent.ephemeral_owner == 0 and parent.num_children == 1


def test_containers_and_ttl_nodes_go_by_themselves() -> None:
    with tenure.Server(clock="manual") as server, server.client(session_timeout=60) as client:
        client.create("/box", container=True)
        client.create("/box/child")
        client.create("/mortal", ttl=timedelta(seconds=5))
        numbered = client.create("/mortal-", ttl=5, sequential=True).path
        client.delete("/box/child")
        server.faults.advance(30)
        client.sync()
        server.faults.advance(29)
        client.sync()
        server.faults.advance(29)
        assert client.exists("/box") is None
        assert client.exists("/mortal") is None
        assert client.exists(numbered) is None


def test_modes_that_exclude_each_other_are_refused(client: tenure.Client) -> None:
    with pytest.raises(tenure.InvalidArgumentError):
        client.create("/a", ephemeral=True, ttl=5)
    with pytest.raises(tenure.InvalidArgumentError):
        client.create("/a", container=True, sequential=True)
    with pytest.raises(tenure.InvalidArgumentError):
        client.create("/a", ttl=0)


def test_get_and_set_round_trip(client: tenure.Client) -> None:
    client.create("/a", b"one")
    data, stat = client.get("/a")
    assert (data, stat.version) == (b"one", 0)
    assert client.set("/a", b"two", version=0).version == 1
    assert client.get("/a").data == b"two"
    assert client.set("/a", b"").version == 2
    assert client.get("/a").data == b""


def test_delete_and_missing_ok(client: tenure.Client) -> None:
    client.create("/a")
    client.delete("/a", version=0)
    client.delete("/a", missing_ok=True)
    with pytest.raises(tenure.NoNodeError):
        client.delete("/a")


def test_exists_is_a_stat_or_none(client: tenure.Client) -> None:
    assert client.exists("/a") is None
    client.create("/a", b"12")
    stat = client.exists("/a")
    assert stat is not None and stat.data_length == 2


def test_children_have_names_and_the_parents_stat(client: tenure.Client) -> None:
    for name in "cab":
        client.create(f"/p/{name}", parents=True)
    names, stat = client.children("/p")
    assert sorted(names) == ["a", "b", "c"]
    assert stat.num_children == 3


def test_acls_are_kept_and_enforced(server: tenure.Server, client: tenure.Client) -> None:
    entry = tenure.Acl.digest("ann", "secret", tenure.Perm.READ | tenure.Perm.ADMIN)
    client.create("/a", b"x", acl=[entry])
    with pytest.raises(tenure.NoAuthError):
        client.get("/a")
    client.add_auth(tenure.Digest("ann", "secret"))
    entries, stat = client.get_acl("/a")
    assert entries == [entry] and isinstance(entries[0].perms, tenure.Perm)
    assert client.set_acl("/a", tenure.Acl.open_unsafe(), version=stat.aversion).aversion == 1
    assert ("digest", "ann") in [(who.scheme, who.id.split(":")[0]) for who in client.whoami()]


def test_the_default_acl_is_used_for_creates(server: tenure.Server) -> None:
    auth = [tenure.Digest("ann", "secret")]
    with server.client(auth=auth, default_acl=tenure.Acl.creator_all()) as client:
        client.create("/a/b", parents=True)
        client.ensure_path("/c")
        with client.transaction() as writes:
            writes.create("/d")
        for path in ("/a", "/a/b", "/c", "/d"):
            assert client.get_acl(path)[0][0].scheme == "digest"


def test_an_empty_acl_is_refused(client: tenure.Client) -> None:
    with pytest.raises(tenure.InvalidAclError):
        client.create("/a", acl=[])


def test_sync_and_count(client: tenure.Client) -> None:
    for path in ("/a/b/c", "/a/d"):
        client.create(path, parents=True)
    client.sync("/a")
    assert client.count("/a") == 3


def test_a_transaction_is_all_or_nothing(client: tenure.Client) -> None:
    client.create("/old")
    results = (client.transaction().create("/new", b"1").set("/old", b"2", version=0)
               .check("/new", version=0).delete("/new").commit())
    created, changed, checked, deleted = results
    assert isinstance(created, tenure.Created) and created.path == "/new"
    assert isinstance(changed, tenure.Stat) and changed.version == 1
    assert checked is None and deleted is None


def test_a_failed_transaction_says_where(client: tenure.Client) -> None:
    with pytest.raises(tenure.TransactionError) as caught:
        client.transaction().create("/a").delete("/missing").create("/b").commit()
    error = caught.value
    assert (error.index, error.path, error.code) == (1, "/missing", -101)
    assert error.outcome is tenure.Outcome.NOT_APPLIED
    assert [type(result) for result in error.results] == [
        type(None), tenure.NoNodeError, tenure.RuntimeInconsistencyError]
    assert client.exists("/a") is None


def test_a_transaction_block_commits_only_when_it_ends_well(client: tenure.Client) -> None:
    with client.transaction() as writes:
        writes.create("/a", ephemeral=True, sequential=True)
    assert len(client.children("/").names) == 2
    with pytest.raises(KeyError), client.transaction() as writes:
        writes.create("/b")
        raise KeyError
    assert client.exists("/b") is None


def test_read_many_answers_each_by_itself(client: tenure.Client) -> None:
    client.create("/a/b", b"x", parents=True)
    value, missing, names = client.read_many(data=["/a/b", "/missing"], children=["/a"])
    assert isinstance(value, tenure.Value) and value.data == b"x"
    assert isinstance(missing, tenure.NoNodeError) and missing.path == "/missing"
    assert names == ["b"]


def test_ensure_path_says_whether_it_was_missing(client: tenure.Client) -> None:
    assert client.ensure_path("/a/b/c") is True
    assert client.ensure_path("/a/b/c") is False
    assert client.ensure_path("/") is False


def test_delete_tree_counts_what_it_deleted(client: tenure.Client) -> None:
    for at in range(30):
        client.create(f"/t/{at % 3}/{at}", parents=True)
    assert client.delete_tree("/t") == 34
    assert client.exists("/t") is None
    with pytest.raises(tenure.NoNodeError):
        client.delete_tree("/t")


def test_delete_tree_of_the_root_leaves_what_the_server_needs(client: tenure.Client) -> None:
    client.create("/a/b", parents=True)
    assert client.delete_tree("/") == 2
    assert client.children("/").names == ["zookeeper"]


def test_a_chroot_is_taken_off_everywhere(server: tenure.Server, client: tenure.Client) -> None:
    inner = client.chroot("/app", create=True)
    assert inner.create("/x", ephemeral=True).path == "/x"
    assert client.exists("/app/x") is not None
    assert inner.session.id == client.session.id
    assert inner.ephemerals() == ["/x"]
    with server.client(chroot="/app") as other, tenure.connect(f"{server.hosts}/app") as third:
        assert other.children("/").names == ["x"]
        assert third.children("/").names == ["x"]
    with pytest.raises(tenure.NoNodeError) as caught:
        inner.get("/missing")
    assert caught.value.path == "/missing"


def test_hosts_may_be_a_list(server: tenure.Server) -> None:
    hosts = ["127.0.0.1:1", server.hosts]
    with tenure.Client(hosts, host_order="given", backoff=(0.001, 0.01)) as client:
        assert client.exists("/") is not None


def test_requests_of_many_threads_keep_their_order(client: tenure.Client) -> None:
    from concurrent.futures import ThreadPoolExecutor
    client.create("/n")

    def append(_: int) -> str:
        return client.create("/n/s-", sequential=True).path

    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(append, range(200), timeout=PATIENCE))
    assert len(set(made)) == 200
