"""What happens around the client: signals, forks, the end of the interpreter, other threads."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

import tenure
from conftest import PATIENCE, until


def start(program: str, *arguments: str) -> subprocess.Popen[str]:
    """Starts a Python program of its own."""
    return subprocess.Popen(
        [sys.executable, "-X", "faulthandler", "-c", textwrap.dedent(program), *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(process: subprocess.Popen[str]) -> str:
    """Waits for its end, which must be a good one; what it printed."""
    try:
        out, err = process.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        pytest.fail(f"it hangs: {process.communicate()}")
    assert process.returncode == 0, (process.returncode, out, err)
    return out


def test_other_threads_run_while_one_waits(client: tenure.Client) -> None:
    counted = 0
    with client.watch("/a") as watch:
        waiter = threading.Thread(target=watch.next, args=(0.3,))
        waiter.start()
        while waiter.is_alive():
            counted += 1
        waiter.join()
    # With the interpreter lock held by the waiter there would be next to none.
    assert counted > 1_000


def test_ctrl_c_ends_a_blocking_call(server: tenure.Server) -> None:
    process = start("""
        import sys, time, tenure
        client = tenure.Client(sys.argv[1]).connect()
        _, watch = client.exists_watched("/never")
        try:
            print("waiting", flush=True)
            watch.wait(60)
        except KeyboardInterrupt:
            print("interrupted")
        assert client.exists("/") is not None, "the client works on"
        client.close()
    """, server.hosts)
    assert process.stdout is not None and process.stdout.readline() == "waiting\n"
    begin = time.monotonic()
    process.send_signal(signal.SIGINT)
    assert finish(process) == "interrupted\n"
    assert time.monotonic() - begin < 5


@pytest.mark.parametrize("call", [
    "client.exists('/')", "client.connect(60)", "client.watch('/')", "client.close(timeout=60)",
    "client.states().next(60) and client.session.wait_lost(60)"])
def test_ctrl_c_ends_every_kind_of_wait(call: str) -> None:
    process = start(f"""
        import socket, tenure
        listener = socket.create_server(("127.0.0.1", 0))
        client = tenure.Client("127.0.0.1:%d" % listener.getsockname()[1])
        # Nobody answers the handshake, and until it is sent a close has nothing to wait for.
        connection, _ = listener.accept()
        connection.recv(1)
        try:
            print("waiting", flush=True)
            {call}
        except KeyboardInterrupt:
            print("interrupted")
    """)
    assert process.stdout is not None and process.stdout.readline() == "waiting\n"
    # Twice, if the first came before the wait had begun.
    process.send_signal(signal.SIGINT)
    assert finish(process) == "interrupted\n"


def test_ctrl_c_ends_an_event_loop(server: tenure.Server) -> None:
    process = start("""
        import asyncio, sys
        from tenure import aio

        async def main():
            async with aio.Client(sys.argv[1]) as client:
                async with client.watch("/a") as watch:
                    print("waiting", flush=True)
                    await anext(watch)

        try:
            asyncio.run(main())
        except KeyboardInterrupt:
            print("interrupted")
    """, server.hosts)
    assert process.stdout is not None and process.stdout.readline() == "waiting\n"
    process.send_signal(signal.SIGINT)
    assert finish(process) == "interrupted\n"
    until(lambda: server.sessions() == [])


def test_after_a_fork_the_child_needs_a_client_of_its_own() -> None:
    out = finish(start("""
        import os, signal, threading, tenure
        server = tenure.Server()
        client = server.client(session_timeout=30).connect()
        client.create("/a", ephemeral=True)
        watch = client.watch("/a")
        _, shot = client.exists_watched("/b")
        states, session = client.states(), client.session
        threading.Thread(target=lambda: session.wait_lost(), daemon=True).start()

        def refused(call):
            try:
                call()
            except tenure.ForkedError:
                return True
            return False

        child = os.fork()
        if child == 0:
            signal.alarm(15)
            bad = [call for call in (
                lambda: client.exists("/"), lambda: client.connect(), lambda: watch.next(1),
                lambda: shot.wait(1), lambda: server.sessions(), lambda: server.faults.expire(1),
                lambda: session.ops.exists("/")) if not refused(call)]
            assert not bad, bad
            server.stop()
            client.close()
            with tenure.Client(server.hosts) as own:
                assert own.session.id != session.id
                assert own.exists("/a") is not None
            with tenure.Server() as second, second.client() as other:
                assert other.exists("/a") is None
            # What is inherited must not keep the child from its end either.
            raise SystemExit(0)
        _, status = os.waitpid(child, 0)
        assert status == 0, status
        assert client.exists("/a") is not None
        assert client.session.id == session.id
        print("parent untouched")
        client.close()
        server.stop()
    """))
    assert out == "parent untouched\n"


def test_a_fork_with_callbacks_in_flight_harms_nobody() -> None:
    out = finish(start("""
        import os, signal, tenure
        server = tenure.Server()
        client = server.client(session_timeout=30, backoff=(0.001, 0.01)).connect()
        client.on_state(lambda event: None)
        for _ in range(20):
            server.faults.drop_connection()
            child = os.fork()
            if child == 0:
                signal.alarm(15)
                with tenure.Client(server.hosts) as own:
                    own.exists("/")
                os._exit(0)
            assert os.waitpid(child, 0)[1] == 0
            assert client.exists("/") is not None
        print("done")
        client.close()
    """))
    assert out == "done\n"


ENDING = """
    import asyncio, random, sys, threading, time, tenure
    from tenure import aio
    server = tenure.Server()
    client = server.client(backoff=(0.0001, 0.001)).connect()
    # More work than can be done: the interpreter ends in the middle of it.
    client.on_state(lambda event: [hash(str(event)) for _ in range(10)])

    def forever(work):
        def loop():
            while True:
                try:
                    work()
                except LookupError:
                    continue
                except (tenure.TenureError, RuntimeError):
                    return

        threading.Thread(target=loop, daemon=True).start()

    watch = client.watch("/", recursive=True)
    forever(watch.next)
    forever(lambda: client.session.wait_lost(0.001))
    forever(lambda: client.create("/n-", ephemeral=True, sequential=True))
    forever(lambda: server.sessions() and server.faults.drop_connection())

    async def read(hosts):
        other = await aio.Client(hosts).connect()
        async with other.watch("/", recursive=True) as watch:
            async for _ in watch:
                pass

    threading.Thread(target=asyncio.run, args=(read(server.hosts),), daemon=True).start()
    time.sleep(random.random() * 0.1)
"""


def test_the_interpreter_ends_well_in_the_middle_of_everything() -> None:
    def once(_: int) -> tuple[int, str]:
        process = start(ENDING)
        try:
            said = process.communicate(timeout=PATIENCE)[1]
        except subprocess.TimeoutExpired:
            process.kill()
            return -1, "it hangs: " + process.communicate()[1]
        return process.returncode, said

    with ThreadPoolExecutor(2) as pool:
        ends = list(pool.map(once, range(50)))
    assert [end for end in ends if end[0] != 0] == []


def test_a_client_left_open_does_not_keep_the_process() -> None:
    begin = time.monotonic()
    finish(start("""
        import tenure
        server = tenure.Server()
        client = server.client().connect()
        client.on_state(print)
        watch = client.watch("/")
    """))
    assert time.monotonic() - begin < 10


def test_a_wait_on_another_thread_ends_with_the_interpreter() -> None:
    out = finish(start("""
        import threading, tenure
        server = tenure.Server()
        client = server.client().connect()
        started = threading.Event()

        def wait():
            started.set()
            try:
                client.session.wait_lost()
            except tenure.ClosedError as error:
                print(error, flush=True)

        threading.Thread(target=wait, daemon=True).start()
        started.wait()
    """))
    assert out in ("the interpreter is shutting down\n", "")


def test_exit_handlers_can_still_use_a_client(server: tenure.Server) -> None:
    process = start("""
        import atexit, sys

        def last():
            client.create("/made-at-exit")
            client.close()

        atexit.register(last)
        import tenure
        client = tenure.Client(sys.argv[1]).connect()
    """, server.hosts)
    finish(process)
    with server.client() as client:
        assert client.exists("/made-at-exit") is not None
