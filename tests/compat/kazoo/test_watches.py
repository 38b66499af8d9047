"""One-shot watches, and the standing watches kazoo builds on them."""

from __future__ import annotations

from kazoo.protocol.states import EventType, KeeperState

from waiting import Recorder, until


def test_data_watch_fires_once_at_a_change(zk, root):
    heard = Recorder()
    zk.create(root + "/a")
    zk.get(root + "/a", watch=heard)
    zk.set(root + "/a", b"1")
    zk.set(root + "/a", b"2")
    event = heard.next()
    assert (event.type, event.path) == (EventType.CHANGED, root + "/a")
    assert event.state == KeeperState.CONNECTED
    # Had the second change fired it too, it would be heard before this later watch.
    zk.get(root + "/a", watch=heard)
    zk.delete(root + "/a")
    assert heard.next().type == EventType.DELETED
    assert heard.is_drained


def test_exists_watch_hears_creation_change_and_deletion(zk, root):
    heard = Recorder()
    for act, expected in (
        (lambda: zk.create(root + "/a"), EventType.CREATED),
        (lambda: zk.set(root + "/a", b"x"), EventType.CHANGED),
        (lambda: zk.delete(root + "/a"), EventType.DELETED),
    ):
        zk.exists(root + "/a", watch=heard)
        act()
        assert heard.next().type == expected


def test_child_watch_hears_births_and_deaths_but_not_data(zk, root):
    heard = Recorder()
    zk.get_children(root, watch=heard)
    zk.create(root + "/a")
    assert heard.next().type == EventType.CHILD
    zk.get_children(root, watch=heard)
    zk.set(root + "/a", b"x")
    zk.delete(root + "/a")
    event = heard.next()
    assert (event.type, event.path) == (EventType.CHILD, root)
    assert heard.is_drained


def test_child_watch_hears_the_end_of_its_own_znode(zk, root):
    heard = Recorder()
    zk.create(root + "/a")
    zk.get_children(root + "/a", watch=heard)
    zk.delete(root + "/a")
    assert heard.next().type == EventType.DELETED


def test_watches_hear_other_clients(zk, root, connect):
    heard = Recorder()
    zk.create(root + "/a")
    zk.get(root + "/a", watch=heard)
    connect().set(root + "/a", b"from afar")
    assert heard.next().type == EventType.CHANGED


def test_data_watch_recipe(zk, root, connect):
    heard = Recorder()

    @zk.DataWatch(root + "/a")
    def watch(data, stat):
        heard((data, stat.version if stat else None))

    assert heard.next() == (None, None)
    other = connect()
    other.create(root + "/a", b"0")
    heard.skip_to((b"0", 0))
    for number in range(1, 6):
        other.set(root + "/a", b"%d" % number)
        heard.skip_to((b"%d" % number, number))
    other.delete(root + "/a")
    heard.skip_to((None, None))


def test_children_watch_recipe(zk, root, connect):
    heard = Recorder()

    @zk.ChildrenWatch(root)
    def watch(children):
        heard(sorted(children))

    assert heard.next() == []
    other = connect()
    other.create(root + "/a")
    heard.skip_to(["a"])
    other.create(root + "/b", ephemeral=True)
    heard.skip_to(["a", "b"])
    other.stop()
    heard.skip_to(["a"])


def test_watches_survive_a_lost_connection(root, connect, proxy, zk):
    heard = Recorder()
    zk.create(root + "/a")
    watcher = connect(hosts=proxy.hosts)

    @watcher.DataWatch(root + "/a")
    def watch(data, stat):
        heard(data)

    assert heard.next() == b""
    proxy.refuse()
    until(lambda: not watcher.connected, what="the client notices the cut")
    # Missed while away, so the server has to catch up when the watch is set again.
    zk.set(root + "/a", b"while away")
    proxy.heal()
    heard.skip_to(b"while away")
    zk.set(root + "/a", b"and after")
    heard.skip_to(b"and after")


def test_tree_cache(zk, root, connect):
    from kazoo.recipe.cache import TreeCache, TreeEvent

    other = connect()
    other.create(root + "/a", b"1")
    events = Recorder()
    cache = TreeCache(zk, root)
    cache.listen(lambda event: events(event.event_type))
    cache.start()
    try:
        events.skip_to(TreeEvent.INITIALIZED)
        other.create(root + "/a/b", b"2")
        until(lambda: cache.get_data(root + "/a/b"), what="the new znode in the cache")
        assert cache.get_data(root + "/a/b").data == b"2"
        other.delete(root + "/a", recursive=True)
        until(lambda: cache.get_children(root) == frozenset(), what="the cache is empty again")
    finally:
        cache.close()
