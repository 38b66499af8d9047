"""Who meets in the demo, apart from the asyncio client: kazoo, a C program, and the server's words.

All of them put what they hear, with the time they heard it, where the story can wait for it.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
import signal
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kazoo.client import KazooClient
from kazoo.retry import KazooRetry

from timeline import Missing


class Heard:
    """Things that were heard, in order, each with its time."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[tuple[float, Any]] = asyncio.Queue()
        self._loop = asyncio.get_running_loop()

    def put(self, what: Any, at: float | None = None) -> None:
        """Adds something that is heard now, or was heard at `at`; from any thread."""
        heard = time.monotonic() if at is None else at
        self._loop.call_soon_threadsafe(self._queue.put_nowait, (heard, what))

    async def until(self, wanted: Callable[[Any], object]) -> tuple[float, Any]:
        """Skips what is not wanted; the time of what is, and what it is."""
        while True:
            at, what = await self._queue.get()
            if wanted(what):
                return at, what


class Kazoo:
    """The kazoo client, unchanged; its callbacks run on kazoo's threads."""

    def __init__(self, hosts: str, timeout: float) -> None:
        logging.getLogger("kazoo").setLevel(logging.CRITICAL)
        retry = KazooRetry(max_tries=-1, delay=0.02, max_delay=0.2)
        self.client = KazooClient(hosts, timeout=timeout, connection_retry=retry)
        self.states, self.children = Heard(), Heard()
        self.client.add_listener(self.states.put)

    @property
    def session_id(self) -> int | None:
        """Its session; None while it has no connection."""
        return self.client.client_id and int(self.client.client_id[0])

    async def start(self) -> int:
        """Connects; the session."""
        await asyncio.to_thread(self.client.start)
        return int(self.client.client_id[0])

    async def join(self, folder: str) -> None:
        """Creates an ephemeral of its own and watches the folder's children."""
        await asyncio.to_thread(self.client.create, f"{folder}/kazoo", ephemeral=True)

        def hear(children: list[str]) -> None:
            self.children.put(children)

        await asyncio.to_thread(self.client.ChildrenWatch, folder, hear)

    async def get(self, path: str) -> bytes:
        data, _ = await asyncio.to_thread(self.client.get, path)
        return bytes(data)

    async def stop(self) -> None:
        """Closes the session; whoever still waits for kazoo gets an error. Once more is fine."""
        await asyncio.to_thread(self.client.stop)


class Program:
    """The C program, in a process of its own; it prints one line for each thing it hears.

    Each line starts with the time at which it was heard, so a slow reader does no harm.
    """

    def __init__(self, process: Process) -> None:
        self._process = process
        self.lines = Heard()
        self._reader = asyncio.ensure_future(self._read())

    @classmethod
    async def start(cls, hosts: str, timeout: float, path: str, watched: str) -> Program:
        program = os.environ.get("TENURE_DEMO_MEET")
        if not program:
            raise Missing("the C program; `./dev demo` builds it and says where it is")
        return cls(await asyncio.create_subprocess_exec(
            program, hosts, str(round(timeout * 1_000)), path, watched, stdin=PIPE, stdout=PIPE))

    @property
    def pid(self) -> int:
        return self._process.pid

    async def says(self, *words: str) -> tuple[float, list[str]]:
        """Waits for a line that starts with these words."""
        wanted = list(words)
        return await self.lines.until(lambda line: line[:len(wanted)] == wanted)

    async def stop(self) -> None:
        """Stops the process, as a debugger or a sleeping machine would."""
        self._process.send_signal(signal.SIGSTOP)
        while _state_of(self.pid) != "T":
            await asyncio.sleep(0.001)

    def resume(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    async def leave(self) -> int:
        """Lets it close its session; its exit code."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        await self.says("closed")
        return await self._process.wait()

    def kill(self) -> None:
        """Ends it at once, stopped or not."""
        if self._process.returncode is None:
            self._process.kill()

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            # Its clock is ours: the monotonic clock of the machine.
            at, *words = line.decode().split()
            self.lines.put(words, float(at))


@dataclass
class Pulse:
    """What the server says about one session."""

    timeout: float
    received: int
    heartbeats: list[float]


class Words:
    """The four-letter word `cons`, asked again and again: who was heard, and when."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.pulses: dict[int, Pulse] = {}
        self._asking = asyncio.ensure_future(self._ask_on())

    async def heartbeats(self, session_id: int, count: int) -> list[float]:
        """Waits until the session was heard `count` times with nothing but a heartbeat."""
        while len((await self.pulse(session_id)).heartbeats) < count:
            await asyncio.sleep(0.005)
        return self.pulses[session_id].heartbeats

    async def pulse(self, session_id: int) -> Pulse:
        """Waits until the server tells of the session."""
        while session_id not in self.pulses:
            await asyncio.sleep(0.005)
        return self.pulses[session_id]

    def close(self) -> None:
        self._asking.cancel()

    async def _ask_on(self) -> None:
        while True:
            self._take(await self._ask(), time.monotonic())
            await asyncio.sleep(0.005)

    async def _ask(self) -> str:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        writer.write(b"cons")
        told = await reader.read()
        writer.close()
        return told.decode()

    def _take(self, told: str, now: float) -> None:
        for line in told.splitlines():
            said = dict(re.findall(r"(\w+)=(\w+)", line))
            if "sid" not in said:
                continue
            received = int(said["recved"])
            pulse = self.pulses.setdefault(
                int(said["sid"], 16), Pulse(int(said["to"]) / 1_000, received, []))
            if received > pulse.received and said["lop"] == "PING":
                pulse.heartbeats.append(now)
            pulse.received = received


def _state_of(pid: int) -> str:
    with open(f"/proc/{pid}/stat") as file:
        return file.read().rpartition(")")[2].split()[0]
