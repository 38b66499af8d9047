"""kazoo's recipes among several clients, each of which has a session of its own."""

from __future__ import annotations

import threading

import pytest
from kazoo.exceptions import LockTimeout
from kazoo.recipe.queue import LockingQueue

from waiting import Recorder, until


def in_threads(*works):
    """Runs all at once; the first exception of any of them fails the test."""
    failures = []

    def guarded(work):
        try:
            work()
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=guarded, args=(work,), daemon=True) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive(), "a client is stuck"
    if failures:
        raise failures[0]


def test_lock_excludes(root, connect):
    inside, most = [0], [0]
    total = [0]

    def contender(client):
        def work():
            for _ in range(10):
                with client.Lock(root + "/lock", "who"):
                    inside[0] += 1
                    most[0] = max(most[0], inside[0])
                    total[0] += 1
                    client.exists(root)
                    inside[0] -= 1
        return work

    in_threads(*[contender(connect()) for _ in range(5)])
    assert (most[0], total[0]) == (1, 50)


def test_lock_passes_on_when_the_holder_closes(root, connect):
    first, second = connect(), connect()
    lock = first.Lock(root + "/lock", "first")
    assert lock.acquire()
    waiter = second.Lock(root + "/lock", "second")
    got = Recorder()
    thread = threading.Thread(target=lambda: got(waiter.acquire()), daemon=True)
    thread.start()
    until(lambda: len(first.get_children(root + "/lock")) == 2, what="the second queues")
    assert lock.contenders() == ["first", "second"]
    first.stop()
    assert got.next() is True
    thread.join(20)


def test_lock_times_out(root, connect):
    first, second = connect(), connect()
    with first.Lock(root + "/lock"):
        with pytest.raises(LockTimeout):
            second.Lock(root + "/lock").acquire(timeout=0.2)
        assert second.Lock(root + "/lock").acquire(blocking=False) is False
    assert second.Lock(root + "/lock").acquire(timeout=20)


def test_lock_passes_on_when_the_holder_expires(root, connect, proxy, zk):
    holder = connect(hosts=proxy.hosts, timeout=2.0)
    assert holder.Lock(root + "/lock", "cut off").acquire()
    proxy.stall()
    assert zk.Lock(root + "/lock", "heir").acquire(timeout=20)
    proxy.heal()


def test_election_has_one_leader_at_a_time(root, connect):
    led, inside, most = [], [0], [0]

    def candidate(client, name):
        def lead():
            inside[0] += 1
            most[0] = max(most[0], inside[0])
            led.append(name)
            client.exists(root)
            inside[0] -= 1
        return lambda: client.Election(root + "/election", name).run(lead)

    names = [f"candidate-{number}" for number in range(5)]
    in_threads(*[candidate(connect(), name) for name in names])
    assert sorted(led) == names
    assert most[0] == 1


def test_the_next_leader_follows_an_expired_one(root, connect, proxy):
    first, second = connect(hosts=proxy.hosts, timeout=2.0), connect()
    leads = Recorder()
    done = threading.Event()

    def reign(name):
        leads(name)
        done.wait(30)

    def run(client, name):
        try:
            client.Election(root + "/election", name).run(reign, name)
        except Exception:
            # The deposed leader cannot give back a candidacy that is gone with its session.
            assert name == "first"

    threads = [threading.Thread(target=run, args=(first, "first"), daemon=True)]
    threads[0].start()
    assert leads.next() == "first"
    threads.append(threading.Thread(target=run, args=(second, "second"), daemon=True))
    threads[1].start()
    until(lambda: len(second.get_children(root + "/election")) == 2, what="the second stands")
    proxy.stall()
    assert leads.next() == "second"
    proxy.heal()
    done.set()
    for thread in threads:
        thread.join(30)


def test_read_locks_share_and_write_locks_do_not(root, connect):
    readers = [connect() for _ in range(3)]
    writer = connect()
    shared = [client.ReadLock(root + "/rw") for client in readers]
    for lock in shared:
        assert lock.acquire(timeout=20)
    exclusive = writer.WriteLock(root + "/rw")
    with pytest.raises(LockTimeout):
        exclusive.acquire(timeout=0.2)
    for lock in shared:
        lock.release()
    assert exclusive.acquire(timeout=20)
    with pytest.raises(LockTimeout):
        readers[0].ReadLock(root + "/rw").acquire(timeout=0.2)
    exclusive.release()
    assert readers[0].ReadLock(root + "/rw").acquire(timeout=20)


def test_semaphore_limits(root, connect):
    clients = [connect() for _ in range(3)]
    semaphores = [client.Semaphore(root + "/sem", max_leases=2) for client in clients]
    assert semaphores[0].acquire() and semaphores[1].acquire()
    assert not semaphores[2].acquire(blocking=False)
    semaphores[0].release()
    assert semaphores[2].acquire(timeout=20)


def test_barrier(root, connect, zk):
    barrier = zk.Barrier(root + "/barrier")
    barrier.create()
    waiting = [connect().Barrier(root + "/barrier") for _ in range(3)]
    assert not waiting[0].wait(timeout=0.1)
    passed = Recorder()
    threads = [
        threading.Thread(target=lambda b=b: passed(b.wait(timeout=20)), daemon=True)
        for b in waiting
    ]
    for thread in threads:
        thread.start()
    barrier.remove()
    assert [passed.next() for _ in threads] == [True] * 3


def test_double_barrier(root, connect):
    entered = Recorder()

    def participant(client):
        barrier = client.DoubleBarrier(root + "/double", 3)

        def work():
            barrier.enter()
            entered(True)
            barrier.leave()
        return work

    in_threads(*[participant(connect()) for _ in range(3)])
    assert [entered.next() for _ in range(3)] == [True] * 3


def test_counter_loses_no_update(root, connect):
    def adder(client):
        counter = client.Counter(root + "/counter")

        def work():
            for _ in range(10):
                counter.__add__(1)
        return work

    clients = [connect() for _ in range(4)]
    in_threads(*[adder(client) for client in clients])
    assert clients[0].Counter(root + "/counter").value == 40


def test_queue_in_order_of_priority(root, connect):
    producer, consumer = connect(), connect()
    queue = producer.Queue(root + "/queue")
    for value, priority in ((b"b", 100), (b"c", 200), (b"a", 10)):
        queue.put(value, priority=priority)
    assert len(queue) == 3
    taker = consumer.Queue(root + "/queue")
    assert [taker.get() for _ in range(4)] == [b"a", b"b", b"c", None]


def test_locking_queue_hands_each_entry_to_one(root, connect):
    producer = connect()
    entries = [b"entry-%d" % number for number in range(30)]
    producer.LockingQueue(root + "/queue").put_all(entries)
    taken = Recorder()

    def consumer(client):
        queue = client.LockingQueue(root + "/queue")

        def work():
            while (value := queue.get(timeout=1.0)) is not None:
                assert queue.consume()
                taken(value)
        return work

    in_threads(*[consumer(connect()) for _ in range(3)])
    assert sorted(taken.next() for _ in entries) == sorted(entries)
    assert taken.is_drained


def test_locking_queue_returns_what_an_expired_client_held(root, connect, proxy, zk):
    holder = connect(hosts=proxy.hosts, timeout=2.0)
    zk.LockingQueue(root + "/queue").put(b"work")
    held = LockingQueue(holder, root + "/queue")
    assert held.get(timeout=20) == b"work"
    proxy.stall()
    assert zk.LockingQueue(root + "/queue").get(timeout=20) == b"work"
    proxy.heal()


def test_party(root, connect):
    clients = [connect() for _ in range(3)]
    parties = [client.Party(root + "/party", f"member-{n}") for n, client in enumerate(clients)]
    for party in parties:
        party.join()
    assert sorted(parties[0]) == ["member-0", "member-1", "member-2"]
    parties[2].leave()
    clients[1].stop()
    assert list(parties[0]) == ["member-0"]


def test_lease(root, connect):
    import datetime

    first, second = connect(), connect()
    hour = datetime.timedelta(hours=1)
    assert first.NonBlockingLease(root + "/lease", hour, identifier="first")
    assert not second.NonBlockingLease(root + "/lease", hour, identifier="second")


def test_partitioner_shares_out_everything(root, connect):
    work = {f"part-{number}" for number in range(6)}
    partitioners = [
        connect().SetPartitioner(
            root + "/partition", set=work, identifier=f"member-{number}", time_boundary=0.3)
        for number in range(3)
    ]
    done = threading.Event()

    def keep_up(partitioner):
        def work():
            # A release or an allocation waits for the other members, hence a thread for each.
            while not done.is_set():
                if partitioner.release:
                    partitioner.release_set()
                elif partitioner.allocating:
                    partitioner.wait_for_acquire(timeout=1)
                else:
                    done.wait(0.05)
            partitioner.finish()
        return work

    def is_shared_out():
        shares = [set(p) for p in partitioners if p.acquired]
        return sum(map(len, shares)) == len(work) and set().union(*shares) == work

    def watch():
        try:
            until(is_shared_out, within=40, what="each part has one owner")
        finally:
            done.set()

    in_threads(watch, *[keep_up(partitioner) for partitioner in partitioners])
