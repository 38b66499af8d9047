"""The asynchronous client: every operation, cancellation, loops that block."""

from __future__ import annotations

import asyncio
import inspect
import threading
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest

import tenure
from conftest import PATIENCE
from tenure import Change, NodeChanged, Resync, ResyncReason, State, aio

_T = TypeVar("_T")


def run(server: tenure.Server, story: Callable[[aio.Client], Awaitable[_T]],
        **options: float) -> _T:
    """Runs a story with a connected client of its own."""

    async def told() -> _T:
        async with asyncio.timeout(PATIENCE):
            timeout = options.get("session_timeout", 10)
            async with aio.Client(
                    server.hosts, session_timeout=timeout, backoff=(0.01, 0.1)) as client:
                return await story(client)

    return asyncio.run(told())


def test_both_faces_have_the_same_operations() -> None:
    def names(face: type) -> set[str]:
        return {name for name, _ in inspect.getmembers(face, inspect.isfunction)
                if not name.startswith("_")}

    assert names(aio.Operations) == names(tenure.Operations)
    assert names(aio.Transaction) == names(tenure.Transaction)
    for name in names(aio.Operations):
        both = [inspect.signature(getattr(face, name)).parameters
                for face in (aio.Operations, tenure.Operations)]
        assert both[0] == both[1], name


def test_every_operation(server: tenure.Server) -> None:
    async def story(client: aio.Client) -> None:
        made = await client.create("/a/b", b"1", parents=True, ephemeral=True)
        assert made.path == "/a/b" and made.stat is not None
        assert (await client.create("/a/s-", sequential=True)).path == "/a/s-0000000001"
        data, stat = await client.get("/a/b")
        assert (data, stat.version) == (b"1", 0)
        assert (await client.set("/a/b", b"2", version=0)).version == 1
        assert await client.exists("/missing") is None
        assert sorted((await client.children("/a")).names) == ["b", "s-0000000001"]
        assert await client.ephemerals() == ["/a/b"]
        assert await client.count("/a") == 2
        entries, _ = await client.get_acl("/a")
        assert entries == tenure.Acl.open_unsafe()
        assert (await client.set_acl("/a", tenure.Acl.open_unsafe())).aversion == 1
        await client.sync()
        await client.add_auth(tenure.Digest("ann", "secret"))
        assert "digest" in [who.scheme for who in await client.whoami()]
        assert await client.ensure_path("/c/d") is True
        value, missing, names = await client.read_many(
            data=["/a/b", "/missing"], children=["/c"])
        assert isinstance(value, tenure.Value) and isinstance(missing, tenure.NoNodeError)
        assert names == ["d"]
        async with client.transaction() as writes:
            writes.create("/t").check("/c", version=0)
        with pytest.raises(tenure.TransactionError) as caught:
            await client.transaction().delete("/t").delete("/missing").commit()
        assert caught.value.index == 1
        await client.delete("/t")
        await client.delete("/t", missing_ok=True)
        assert await client.delete_tree("/c") == 2
        assert await client.chroot("/a").exists("/b") is not None

    run(server, story)


def test_errors_are_those_of_the_blocking_client(server: tenure.Server) -> None:
    async def story(client: aio.Client) -> None:
        with pytest.raises(tenure.NoNodeError) as caught:
            await client.set("/missing", b"")
        assert caught.value.outcome is tenure.Outcome.NOT_APPLIED
        assert caught.value.path == "/missing"
        with pytest.raises(tenure.InvalidArgumentError):
            await client.get("a")

    run(server, story)


def test_operations_are_sent_when_they_are_called(server: tenure.Server) -> None:
    async def story(client: aio.Client) -> None:
        create, get = client.create("/a", b"x"), client.get("/a")
        # Awaited in the other order, and still in the order of the calls on the wire.
        assert (await get).data == b"x"
        assert (await create).path == "/a"

    run(server, story)


def test_everything_that_awaits_takes_an_operation(server: tenure.Server) -> None:
    async def story(client: aio.Client) -> None:
        await client.create("/a", b"x")
        async with asyncio.TaskGroup() as group:
            got = group.create_task(client.get("/a"))
            there = group.create_task(client.exists("/b"))
        assert got.result().data == b"x" and there.result() is None
        values = await asyncio.gather(*[client.get("/a") for _ in range(500)])
        assert {value.data for value in values} == {b"x"}
        assert (await asyncio.wait_for(client.get("/a"), PATIENCE)).data == b"x"
        async with asyncio.timeout(PATIENCE):
            await client.get("/a")

    run(server, story)


def test_a_cancelled_await_abandons_the_answer_only(server: tenure.Server) -> None:
    async def story(client: aio.Client) -> None:
        unstarted = asyncio.create_task(client.create("/a"))
        unstarted.cancel()
        waiting = asyncio.create_task(client.create("/b"))
        await asyncio.sleep(0)
        # Nothing but a fast server can have made it too late.
        if not waiting.done():
            waiting.cancel()
        ends = await asyncio.gather(unstarted, waiting, return_exceptions=True)
        assert isinstance(ends[0], asyncio.CancelledError)
        # They were sent: a later read of the same client comes after them.
        assert await client.exists("/a") is not None
        assert await client.exists("/b") is not None

    run(server, story)


def test_a_cancelled_step_loses_no_item(server: tenure.Server) -> None:
    async def story(client: aio.Client) -> None:
        await client.create("/a")
        seen = 0
        async with client.watch("/a") as watch:
            writes = asyncio.create_task(write_slowly(client))
            while seen < 300:
                step = asyncio.create_task(anext(watch))
                await asyncio.sleep(0)
                if seen % 3 == 0:
                    await asyncio.sleep(0.0005)
                step.cancel()
                try:
                    item = await step
                except asyncio.CancelledError:
                    continue
                assert isinstance(item, NodeChanged)
                seen += 1
            await writes
            assert await asyncio.wait_for(client.exists("/a"), PATIENCE) is not None

    async def write_slowly(client: aio.Client) -> None:
        for _ in range(300):
            await client.set("/a", b"")

    run(server, story)


def test_watches_stream_changes_and_gaps(server: tenure.Server) -> None:
    async def story(client: aio.Client) -> None:
        async with client.watch("/a", recursive=True) as watch:
            await client.create("/a/b", parents=True)
            items = [await anext(watch) for _ in range(2)]
            assert [item[:2] for item in items] == [
                (Change.CREATED, "/a"), (Change.CREATED, "/a/b")]
            server.faults.drop_connection(client)
            assert await anext(watch) == Resync(ResyncReason.RECONNECTED, 1)
            server.faults.expire(client)
            assert await anext(watch) == Resync(ResyncReason.NEW_SESSION, 2)
            await client.delete("/a/b")
            assert (await watch.next_batch())[0][:2] == (Change.DELETED, "/a/b")
        with pytest.raises(StopAsyncIteration):
            await anext(watch)

    run(server, story)


def test_a_refused_watch_raises_where_it_is_awaited(server: tenure.Server) -> None:
    async def story(client: aio.Client) -> None:
        watch = client.watch("a")
        with pytest.raises(tenure.InvalidArgumentError):
            await anext(watch)
        with pytest.raises(tenure.InvalidArgumentError):
            async with client.watch("a"):
                pass

    run(server, story)


def test_closing_a_watch_ends_its_reader(server: tenure.Server) -> None:
    async def story(client: aio.Client) -> None:
        async with client.watch("/a") as watch:
            reader = asyncio.create_task(read_all(watch))
            await client.create("/a")
            await client.sync()
            await asyncio.sleep(0)
        assert len(await reader) <= 1

    async def read_all(watch: aio.WatchStream) -> list[object]:
        return [item async for item in watch]

    run(server, story)


def test_one_shot_watches(server: tenure.Server) -> None:
    async def story(client: aio.Client) -> None:
        stat, created = await client.exists_watched("/a")
        assert stat is None
        await client.create("/a")
        assert (await created.wait()).change is Change.CREATED
        _, changed = await client.get_watched("/a")
        (names, _), listed = await client.children_watched("/a")
        waits = asyncio.gather(changed.wait(), listed.wait())
        await client.create("/a/b")
        await client.set("/a", b"2")
        assert [event.change for event in await waits] == [Change.DATA, Change.CHILDREN]
        _, cancelled = await client.exists_watched("/c")
        asyncio.get_running_loop().call_soon(cancelled.cancel)
        with pytest.raises(tenure.WatchRemovedError):
            await cancelled.wait()

    run(server, story)


def test_states_tell_of_a_new_epoch(server: tenure.Server) -> None:
    async def story(client: aio.Client) -> None:
        server.faults.expire(client)
        seen = []
        async for event in client.states():
            seen.append((event.state, event.epoch))
            if event.state is State.CONNECTED and event.epoch == 2:
                break
        assert (State.LOST, 1) in seen
        assert client.state is State.CONNECTED

    run(server, story)


def test_a_blocked_loop_does_not_lose_the_session() -> None:
    with tenure.Server(min_session_timeout=0.3) as server:
        async def story(client: aio.Client) -> None:
            session = client.session
            assert session.timeout == pytest.approx(0.3)
            # The claim is about a loop that does nothing for longer than the timeout.
            time.sleep(1.0)
            assert server.sessions() == [session.id]
            assert client.state is State.CONNECTED and session.safe_for() > 0
            await client.create("/a", ephemeral=True)
            assert client.session.epoch == 1

        run(server, story, session_timeout=0.3)


def test_one_client_serves_many_loops(server: tenure.Server) -> None:
    client = aio.Client(server.hosts)

    async def story(name: str) -> str:
        await client.connect()
        made = await client.create(name)
        async with client.watch(name) as watch:
            await client.set(name, b"")
            assert isinstance(await anext(watch), NodeChanged)
        return made.path

    assert asyncio.run(story("/main")) == "/main"
    made: list[str] = []
    threads = [threading.Thread(target=lambda at=at: made.append(asyncio.run(story(f"/{at}"))))
               for at in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert sorted(made) == ["/0", "/1", "/2", "/3"]
    assert client.blocking.exists("/3") is not None
    asyncio.run(client.close())


def test_a_loop_that_ends_first_harms_nobody(server: tenure.Server) -> None:
    client = aio.Client(server.hosts)

    async def leave_behind() -> None:
        await client.connect()
        asyncio.ensure_future(client.get("/"))
        asyncio.ensure_future(anext(client.watch("/")))

    asyncio.run(leave_behind())
    assert client.blocking.exists("/") is not None
    client.blocking.close()


def test_closing_ends_what_waits(server: tenure.Server) -> None:
    async def story(client: aio.Client) -> None:
        async with client.watch("/a") as watch:
            step = asyncio.create_task(anext(watch))
            await asyncio.sleep(0)
            await client.close()
            with pytest.raises((tenure.ClosedError, tenure.SessionLostError)):
                await step
        with pytest.raises(tenure.ClosedError):
            await client.get("/")

    run(server, story)


def test_detach_and_resume(server: tenure.Server) -> None:
    async def story(client: aio.Client) -> None:
        await client.create("/e", ephemeral=True)
        token = await client.detach()
        async with aio.Client(server.hosts, resume=token) as other:
            assert await other.ephemerals() == ["/e"]

    run(server, story)


def test_a_connect_that_takes_too_long_raises() -> None:
    async def story() -> None:
        client = aio.Client("127.0.0.1:1")
        with pytest.raises(tenure.OperationTimeoutError):
            await client.connect(timeout=0.1)
        await client.close(timeout=0)

    asyncio.run(story())


class NoReaders(asyncio.SelectorEventLoop):
    """A loop that cannot watch descriptors, like some that are not built on selectors."""

    def add_reader(self, *_: object) -> None:
        raise NotImplementedError

    def _add_reader(self, *arguments: object) -> object:
        return super()._add_reader(*arguments)  # type: ignore[misc]


def test_loops_that_cannot_watch_descriptors_work_too(server: tenure.Server) -> None:
    async def story() -> None:
        async with aio.Client(server.hosts) as client:
            await client.create("/a", b"x")
            values = await asyncio.gather(*[client.get("/a") for _ in range(100)])
            assert {value.data for value in values} == {b"x"}

    with asyncio.Runner(loop_factory=NoReaders) as runner:
        runner.run(asyncio.wait_for(story(), PATIENCE))
