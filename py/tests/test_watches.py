"""Watches of the blocking client: streams, gaps, one-shot watches."""

from __future__ import annotations

import threading

import pytest

import tenure
from conftest import PATIENCE, reach
from tenure import Change, NodeChanged, Resync, ResyncReason, State


def told(watch: tenure.WatchStream, count: int) -> list[tuple[Change, str]]:
    seen = []
    for _ in range(count):
        item = watch.next(PATIENCE)
        assert isinstance(item, NodeChanged), item
        seen.append((item.change, item.path))
    return seen


def test_a_recursive_watch_tells_of_all_below(client: tenure.Client) -> None:
    with client.watch("/a", recursive=True) as watch:
        client.create("/a/b", parents=True)
        client.set("/a/b", b"1")
        client.delete("/a/b")
        assert told(watch, 4) == [
            (Change.CREATED, "/a"), (Change.CREATED, "/a/b"), (Change.DATA, "/a/b"),
            (Change.DELETED, "/a/b")]


def test_a_persistent_watch_tells_of_children(client: tenure.Client) -> None:
    client.create("/a")
    with client.watch("/a") as watch:
        client.create("/a/b")
        client.set("/a", b"1")
        assert told(watch, 2) == [(Change.CHILDREN, "/a"), (Change.DATA, "/a")]
        assert watch.next(0) is None


def test_an_event_comes_with_its_transaction(client: tenure.Client) -> None:
    with client.watch("/a") as watch:
        made = client.create("/a")
        item = watch.next(PATIENCE)
        assert isinstance(item, NodeChanged) and made.stat is not None
        assert item.zxid == made.stat.czxid


def test_an_event_is_there_before_the_answer_that_shows_it(
        server: tenure.Server, client: tenure.Client) -> None:
    client.create("/a")
    with client.watch("/a") as watch, server.client() as other:
        for at in range(50):
            other.set("/a", b"%d" % at)
            client.sync()
            client.get("/a")
            assert len(watch.next_batch(timeout=0)) == 1


def test_a_lost_connection_leaves_a_resync(server: tenure.Server, client: tenure.Client) -> None:
    with client.watch("/a", recursive=True) as watch:
        server.faults.drop_connection(client)
        item = watch.next(PATIENCE)
        assert item == Resync(ResyncReason.RECONNECTED, 1)
        client.create("/a")
        assert told(watch, 1) == [(Change.CREATED, "/a")]


def test_a_new_session_leaves_a_resync(server: tenure.Server, client: tenure.Client) -> None:
    with client.watch("/a") as watch:
        server.faults.expire(client)
        assert watch.next(PATIENCE) == Resync(ResyncReason.NEW_SESSION, 2)
        client.create("/a")
        assert told(watch, 1) == [(Change.CREATED, "/a")]


def test_a_slow_reader_gets_one_resync(client: tenure.Client) -> None:
    client.create("/a")
    with client.watch("/a", buffer=4) as watch:
        for _ in range(20):
            client.set("/a", b"")
        client.sync()
        batch = watch.next_batch(timeout=PATIENCE)
        resyncs = [item for item in batch if isinstance(item, Resync)]
        assert [item.reason for item in resyncs] == [ResyncReason.OVERFLOW]
        assert len(batch) <= 5


def test_without_watches_renewed_the_stream_raises(server: tenure.Server) -> None:
    recovery = tenure.Recovery.renew(watches=False)
    with server.client(recovery=recovery, backoff=(0.01, 0.1)) as client:
        with client.watch("/a") as watch:
            server.faults.expire(client)
            with pytest.raises(tenure.SessionExpiredError):
                watch.next(PATIENCE)
            assert watch.next(PATIENCE) is None
            assert watch.closed


def test_closing_ends_the_reader_on_another_thread(client: tenure.Client) -> None:
    watch = client.watch("/a")
    threading.Timer(0.05, watch.close).start()
    assert list(watch) == []
    assert watch.closed


def test_items_come_in_batches(client: tenure.Client) -> None:
    client.create("/a")
    with client.watch("/a") as watch:
        for _ in range(10):
            client.set("/a", b"")
        client.sync()
        assert len(watch.next_batch(4, timeout=PATIENCE)) == 4
        assert len(watch.next_batch(timeout=PATIENCE)) == 6


def test_an_invalid_path_is_refused(client: tenure.Client) -> None:
    with pytest.raises(tenure.InvalidArgumentError):
        client.watch("a")


def test_one_shot_watches_fire_once(client: tenure.Client) -> None:
    stat, created = client.exists_watched("/a")
    assert stat is None and created.wait(0) is None
    client.create("/a", b"1")
    event = created.wait(PATIENCE)
    assert event is not None and event[:2] == (Change.CREATED, "/a")
    assert created.wait(0) == event
    (data, _), changed = client.get_watched("/a")
    (names, _), listed = client.children_watched("/a")
    assert (data, names) == (b"1", [])
    client.set("/a", b"2")
    client.create("/a/b")
    for watch, change in ((changed, Change.DATA), (listed, Change.CHILDREN)):
        event = watch.wait(PATIENCE)
        assert event is not None and event.change is change


def test_no_watch_is_left_where_there_is_nothing(client: tenure.Client) -> None:
    with pytest.raises(tenure.NoNodeError):
        client.get_watched("/a")
    with pytest.raises(tenure.NoNodeError):
        client.children_watched("/a")


def test_one_shot_watches_survive_a_connection_but_not_the_session(
        server: tenure.Server, client: tenure.Client) -> None:
    _, watch = client.exists_watched("/a")
    states = client.states()
    server.faults.drop_connection(client)
    reach(states, State.SUSPENDED)
    reach(states, State.CONNECTED)
    client.create("/a")
    assert watch.wait(PATIENCE) is not None
    _, watch = client.exists_watched("/a")
    server.faults.expire(client)
    with pytest.raises(tenure.SessionExpiredError):
        watch.wait(PATIENCE)


def test_a_cancelled_one_shot_wakes_who_waits(client: tenure.Client) -> None:
    _, watch = client.exists_watched("/a")
    threading.Timer(0.05, watch.cancel).start()
    for _ in range(2):
        with pytest.raises(tenure.WatchRemovedError):
            watch.wait(PATIENCE)
