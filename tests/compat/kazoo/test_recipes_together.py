"""kazoo and tenure's recipes on the same paths: each waits for, counts and hands on to the other."""

from __future__ import annotations

import os
import subprocess
import threading
from typing import Callable, Iterator, List

import pytest
from kazoo.exceptions import LockTimeout
from kazoo.recipe.party import Party

from waiting import Recorder, until

PROGRAM = os.environ.get("TENURE_CONTEND")

pytestmark = pytest.mark.skipif(not PROGRAM, reason="TENURE_CONTEND names no program")


class Tenure:
    """A client of the Rust library that does what it is told."""

    def __init__(self, hosts: str) -> None:
        self.process = subprocess.Popen([PROGRAM, hosts], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True, bufsize=1)
        self.said = Recorder()
        threading.Thread(target=self._listen, daemon=True).start()
        assert self.said.next() == "ready"

    def begin(self, *words: object) -> None:
        """Tells it something and does not wait for the answer."""
        self.process.stdin.write(" ".join(map(str, words)) + "\n")

    def answer(self) -> str:
        return self.said.next()

    def __call__(self, *words: object) -> str:
        self.begin(*words)
        return self.answer()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()

    def _listen(self) -> None:
        for line in self.process.stdout:
            self.said(line.rstrip("\n"))


@pytest.fixture
def tenure(server) -> Iterator[Callable[[], Tenure]]:
    programs: List[Tenure] = []

    def make() -> Tenure:
        programs.append(Tenure(server.hosts))
        return programs[-1]

    yield make
    for program in programs:
        program.kill()


def in_background(work) -> Recorder:
    """Runs something that waits; what it returned is said when it is done."""
    got = Recorder()
    threading.Thread(target=lambda: got(work()), daemon=True).start()
    return got


def test_tenure_waits_for_kazoo(root, zk, tenure):
    path, ours = root + "/lock", tenure()
    lock = zk.Lock(path, "kazoo")
    assert lock.acquire(timeout=20)
    assert ours("try-lock", path) == "-"
    ours.begin("lock", path, "tenure")
    until(lambda: lock.contenders() == ["kazoo", "tenure"], what="tenure stands behind kazoo")
    assert ours.said.is_drained
    lock.release()
    assert int(ours.answer()) > 0
    assert ours("is-held", path) == "true"


def test_kazoo_waits_for_tenure(root, zk, tenure):
    path, ours = root + "/lock", tenure()
    assert int(ours("lock", path, "tenure")) > 0
    lock = zk.Lock(path, "kazoo")
    assert not lock.acquire(blocking=False)
    got = in_background(lambda: zk.Lock(path, "kazoo").acquire(timeout=20))
    until(lambda: ours("contenders", path) == "tenure kazoo", what="kazoo stands behind tenure")
    assert got.is_drained
    assert ours("release", path) == "released"
    assert got.next() is True


def test_kazoo_gets_the_lock_of_a_killed_tenure(root, zk, tenure):
    path, ours = root + "/lock", tenure()
    assert int(ours("lock", path, "tenure")) > 0
    ours.kill()
    assert zk.Lock(path, "kazoo").acquire(timeout=20)


def test_both_take_turns(root, connect, tenure):
    path, inside, most = root + "/lock", [0], [0]

    def work(client):
        for _ in range(10):
            with client.Lock(path):
                inside[0] += 1
                most[0] = max(most[0], inside[0])
                client.exists(path)
                inside[0] -= 1
        return True

    kazoos = [in_background(lambda client=connect(): work(client)) for _ in range(2)]
    ours, tokens = tenure(), []
    for _ in range(10):
        tokens.append(int(ours("lock", path)))
        inside[0] += 1
        most[0] = max(most[0], inside[0])
        assert ours("is-held", path) == "true"
        inside[0] -= 1
        assert ours("release", path) == "released"
    assert [got.next() for got in kazoos] == [True, True]
    assert most[0] == 1
    assert tokens == sorted(set(tokens))


def test_candidates_of_both_are_led_in_order(root, zk, tenure):
    path, ours = root + "/election", tenure()
    assert int(ours("lock", path, "tenure")) > 0
    led = Recorder()
    election = zk.Election(path, "kazoo")
    threading.Thread(target=lambda: election.run(led, True), daemon=True).start()
    until(lambda: ours("candidates", path) == "tenure kazoo", what="kazoo stands")
    assert election.contenders() == ["tenure", "kazoo"]
    assert led.is_drained
    ours("release", path)
    assert led.next() is True


def test_readers_of_both_share(root, zk, connect, tenure):
    path, ours = root + "/rw", tenure()
    reader = zk.ReadLock(path)
    assert reader.acquire(timeout=20)
    assert int(ours("read", path)) > 0
    assert ours("release", path) == "released"
    assert ours("try-write", path) == "-"
    ours.begin("write", path, "tenure")
    until(lambda: len(zk.get_children(path)) == 2, what="a writer stands")
    with pytest.raises(LockTimeout):
        connect().ReadLock(path).acquire(timeout=0.2)
    reader.release()
    assert int(ours.answer()) > 0
    with pytest.raises(LockTimeout):
        connect().ReadLock(path).acquire(timeout=0.2)
    with pytest.raises(LockTimeout):
        connect().WriteLock(path).acquire(timeout=0.2)
    assert ours("release", path) == "released"
    assert zk.WriteLock(path).acquire(timeout=20)
    assert ours("try-read", path) == "-"


def test_both_share_the_permits(root, zk, connect, tenure):
    path, ours = root + "/sem", tenure()
    semaphore = zk.Semaphore(path, max_leases=2)
    assert semaphore.acquire()
    assert int(ours("permit", path, 2)) > 0
    assert not connect().Semaphore(path, max_leases=2).acquire(blocking=False)
    assert tenure()("try-permit", path, 2) == "-"
    with pytest.raises(ValueError):
        zk.Semaphore(path, max_leases=3).acquire()
    other = tenure()
    other.begin("permit", path, 2)
    until(lambda: zk.exists(path + "-__lock__") and zk.get_children(path + "-__lock__"),
          what="the third waits")
    semaphore.release()
    assert int(other.answer()) > 0
    ours("release", path)
    assert connect().Semaphore(path, max_leases=2).acquire(timeout=20)


def test_kazoo_reads_the_permits_that_tenure_wrote(root, zk, tenure):
    path, ours = root + "/sem", tenure()
    assert int(ours("permit", path, 1)) > 0
    assert not zk.Semaphore(path, max_leases=1).acquire(blocking=False)
    with pytest.raises(ValueError):
        zk.Semaphore(path, max_leases=2).acquire()


def test_a_barrier_of_either_holds_the_other(root, zk, tenure):
    path, ours = root + "/barrier", tenure()
    zk.Barrier(path).create()
    ours.begin("pass", path)
    zk.Barrier(path).remove()
    assert ours.answer() == "passed"
    assert ours("close", path) == "closed"
    assert not zk.Barrier(path).wait(timeout=0.1)
    got = in_background(lambda: zk.Barrier(path).wait(timeout=20))
    assert ours("open", path) == "open"
    assert got.next() is True


def test_a_double_barrier_is_passed_together(root, connect, tenure):
    path, ours, client = root + "/double", tenure(), connect()
    barrier = client.DoubleBarrier(path, 2)
    for kazoo_first in (True, False):
        if kazoo_first:
            entered = in_background(lambda: barrier.enter() or True)
            until(lambda: client.exists(path) and client.get_children(path), what="kazoo came")
            ours.begin("enter", path, 2)
        else:
            ours.begin("enter", path, 2)
            until(lambda: client.get_children(path), what="tenure came")
            entered = in_background(lambda: barrier.enter() or True)
        assert entered.next() is True
        assert ours.answer() == "entered"
        left = in_background(lambda: barrier.leave() or True)
        assert ours("leave", path) == "left"
        assert left.next() is True
        until(lambda: not client.get_children(path), what="all are out")


def test_a_counter_adds_for_both(root, zk, tenure):
    path, ours = root + "/counter", tenure()
    counter = zk.Counter(path)
    counter += 3
    assert ours("add", path, 4) == "7"
    counter -= 10
    assert (counter.value, ours("value", path)) == (-3, "-3")


def test_a_queue_serves_both(root, zk, tenure):
    path, ours = root + "/queue", tenure()
    queue = zk.Queue(path)
    queue.put(b"kazoo", priority=100)
    assert ours("put", path, "tenure", 50) == "put"
    assert ours("put", path, "late", 100) == "put"
    assert queue.get() == b"tenure"
    assert [ours("get", path) for _ in range(2)] == ["kazoo", "late"]
    assert ours("get", path) == "-"


def test_a_locking_queue_serves_both(root, zk, tenure):
    path, ours = root + "/locking", tenure()
    queue = zk.LockingQueue(path)
    queue.put(b"first")
    assert ours("put-locking", path, "second", 100) == "put"
    assert ours("take", path) == "first"
    assert queue.get(timeout=20) == b"second"
    assert tenure()("take", path) == "-"
    assert ours("consume", path) == "consumed"
    assert queue.release()
    assert ours("take", path) == "second"
    assert ours("consume", path) == "consumed"
    assert len(queue) == 0


def test_members_of_both_see_each_other(root, zk, tenure):
    path, ours = root + "/party", tenure()
    party = Party(zk, path, "kazoo")
    party.join()
    assert ours("join", path, "tenure") == "joined"
    assert sorted(party) == ["kazoo", "tenure"]
    assert ours("members", path) == "kazoo tenure"
    assert ours("quit", path) == "gone"
    assert list(party) == ["kazoo"]


def test_items_are_shared_out_among_both(root, zk, tenure):
    path, ours = root + "/parts", tenure()
    partitioner = zk.SetPartitioner(path, ("a", "b", "c"), identifier="kazoo", time_boundary=0.2,
                                    max_reaction_time=1)
    partitioner.wait_for_acquire(20)
    assert partitioner.acquired and list(partitioner) == ["a", "b", "c"]
    assert ours("partition", path, "tenure", "a,b,c") == "joined"
    ours.begin("share", path)
    until(lambda: partitioner.release, what="kazoo is asked to give its items back")
    assert ours.said.is_drained
    partitioner.release_set()
    partitioner.wait_for_acquire(20)
    assert list(partitioner) == ["a", "c"]
    assert ours.answer() == "b"
    # The other way round: kazoo leaves, and all is tenure's.
    ours.begin("outdated", path)
    partitioner.finish()
    assert ours.answer() == "0 left"
    assert ours("share", path) == "a b c"
    again = zk.SetPartitioner(path, ("a", "b", "c"), identifier="again", time_boundary=0.2,
                              max_reaction_time=1)
    assert ours("outdated", path) == "0 left"
    assert ours("share", path) == "b"
    until(lambda: again.acquired, what="kazoo has what tenure gave back")
    assert list(again) == ["a", "c"]
    assert ours("depart", path) == "gone"
    again.finish()
