"""The life of a session, told by three clients of one server.

A server embedded in this process with its data on disk, a Python asyncio client, a C program and
kazoo. Every line is an event that was waited for, with the time at which it was seen; if one does
not come, the story ends with exit code 1. Behind it the same life in the three recovery modes, told
by a Rust program on a clock that is moved by hand. Run it with `./dev demo`.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
import tempfile
import time
from contextlib import suppress
from importlib.metadata import version

import tenure
from cast import Heard, Kazoo, Program, Words
from tenure import Resync, State, aio
from timeline import Event, Missing, Timeline

FOLDER = "/meeting"
# Seconds that each client asks for, and what the server grants at least and at most.
ASKED = {"python": 60.0, "kazoo": 3.0, "C": 2.0}
SHORTEST, LONGEST = 1.0, 4.0
# A line of the second part: seconds of its clock, who, what.
SAID = re.compile(r" *([\d.]+) s  (\S+) +(.*)")
# The whole story, at most.
LIMIT = 22.0


class Story:
    """The story and who is in it."""

    def __init__(self, server: tenure.Server, line: Timeline) -> None:
        self.server = server
        self.line = line
        self.words = Words(server.port)
        self.python = aio.Client(server.hosts, session_timeout=ASKED["python"],
                                 backoff=(0.02, 0.2))
        self.kazoo = Kazoo(server.hosts, ASKED["kazoo"])
        self.program: Program | None = None
        self.sessions: dict[str, int] = {}
        self.changes, self.states = Heard(), Heard()
        self._tasks: list[asyncio.Task[None]] = []

    async def tell(self) -> None:
        await self.meet()
        await self.beat()
        program = self._program()
        await self.fall_silent(program)
        await self.wake_up(program)
        await self.lose_connections()
        await self.restart()
        await self.part(program)

    async def meet(self) -> None:
        self.line.title("Three clients meet on one server")
        self.line.tell("server", f"listens on {self.server.hosts}, inside this Python process")
        self.line.tell("server", f"grants sessions of {SHORTEST:g} s to {LONGEST:g} s")
        await self._python_joins()
        await self._kazoo_joins()
        await self._program_joins()
        await self._greet()

    async def _python_joins(self) -> None:
        await self.line.step("python connects", self.python.connect())
        await self._born("python", self.python.session.id, "tenure.aio")
        watch = self.python.watch(FOLDER, recursive=True)
        await self.line.step("python's watch is in place", watch.__aenter__())
        made = await self.line.step("python creates its ephemeral", self.python.create(
            f"{FOLDER}/python", ephemeral=True, parents=True))
        self.line.tell("python", f"watches {FOLDER} and all below, creates the ephemeral "
                                 f"{made.path}")
        self._tasks += [asyncio.ensure_future(_hear(watch, self.changes)),
                        asyncio.ensure_future(_hear(self.python.states(), self.states))]

    async def _kazoo_joins(self) -> None:
        session = await self.line.step("kazoo connects", self.kazoo.start())
        await self._born("kazoo", session, f"kazoo {version('kazoo')}")
        await self.line.step("kazoo joins", self.kazoo.join(FOLDER))
        self.line.tell("kazoo", f"watches the children of {FOLDER}, creates the ephemeral "
                                f"{FOLDER}/kazoo")

    async def _program_joins(self) -> None:
        self.program = program = await Program.start(
            self.server.hosts, ASKED["C"], f"{FOLDER}/c", FOLDER)
        at, state = await self.line.step("C connects", program.says("state", "CONNECTED", "1"))
        await self._born("C", int(state[3], 16), f"libtenure {tenure.__version__}", at)
        at, _ = await self.line.step("C creates its ephemeral", program.says("creating"))
        self.line.tell("C", f"watches {FOLDER} and all below, creates the ephemeral {FOLDER}/c",
                       at=at)
        await self.line.step("C hears of itself", program.says("node", "CREATED", f"{FOLDER}/c"))
        self.line.tell_sorted(*await self._hear_of(tenure.Change.CREATED, "c"))

    async def _greet(self) -> None:
        self.line.tell("python", f'sets the data of {FOLDER} to "hello"')
        await self.line.step("python sets data", self.python.set(FOLDER, b"hello"))
        at, _ = await self.line.step(
            "C hears of the data", self._program().says("node", "DATA", FOLDER))
        self.line.tell("C", f"hears DATA {FOLDER}", at=at)
        told = await self.line.step("kazoo reads", self.kazoo.get(FOLDER))
        _require(told == b"hello", "kazoo reads what python wrote")
        self.line.tell("kazoo", f'reads "{told.decode()}" from {FOLDER}')

    async def beat(self) -> None:
        self.line.title("Nobody has anything to say: heartbeats keep the sessions alive")
        await asyncio.gather(*map(self._beat_twice, self.sessions))

    async def _beat_twice(self, who: str) -> None:
        pulse = self.words.pulses[self.sessions[who]]
        beats = await self.line.step(f"heartbeats of {who}", self.words.heartbeats(
            self.sessions[who], len(pulse.heartbeats) + 2))
        self.line.tell("server", f"hears heartbeats of {who}, {beats[-1] - beats[-2]:.2f} s apart "
                                 f"(timeout {pulse.timeout:g} s)", at=beats[-1])

    async def fall_silent(self, program: Program) -> None:
        self.line.title("A client is stopped: its process and its connection are there, but silent")
        session = self.sessions["C"]
        pulse = self.words.pulses[session]
        await self.line.step("C is stopped", program.stop())
        self.line.tell("C", f"is stopped with SIGSTOP (process {program.pid})", tone="loud")
        gone = asyncio.ensure_future(
            asyncio.to_thread(_wait_until_gone, self.server, session))
        heard = await self._hear_of(tenure.Change.DELETED, "c")
        # It was over before anyone could hear of it, however late the look at the list was.
        at = min(await self.line.step("the session expires", gone), *(event[0] for event in heard))
        late = self.server.expiry_lateness().mean
        silence = at - pulse.heartbeats[-1]
        _require(abs(silence - pulse.timeout - late) < 0.5,
                 f"the lateness agrees with {silence:.3f} s of silence, seen from outside")
        # Seen from outside a heartbeat is some milliseconds younger than it is.
        self.line.tell("server", f"session {session:#x} of C expires after {silence:.1f} s of "
                                 "silence", at=at, tone="bad")
        self.line.tell("server", f"that is {late * 1_000:.2f} ms after its deadline; its ephemeral "
                                 "goes with it", at=at)
        self.line.tell_sorted(*heard)
        _require(await self.python.exists(f"{FOLDER}/c") is None, "the ephemeral of C is gone")

    async def wake_up(self, program: Program) -> None:
        self.line.title("The client is continued, and learns the truth")
        old = self.sessions["C"]
        self.line.tell("C", "is continued with SIGCONT", tone="loud")
        program.resume()
        at, awake = await self.line.step("C notices", program.says("awake"))
        _require(awake[3] == "0" and awake[2] in ("JEOPARDY", "LOST"), "C mistrusts its session")
        self.line.tell("C", f"misses {int(awake[1]) / 1_000:.2f} s; says {awake[2]} by the clock "
                            "alone, before it has heard a word", at=at)
        at, lost = await self.line.step("C learns", program.says("state", "LOST", "1"))
        _require(int(lost[3], 16) == old, "the session that is lost is the old one")
        self.line.tell("C", f"LOST: session {lost[3]}, {' '.join(lost[4:])}", at=at, tone="bad")
        at, back = await self.line.step("C starts over", program.says("state", "CONNECTED", "2"))
        _require(int(back[3], 16) != old, "the new session is another one")
        self.line.tell("C", f"CONNECTED: new session {back[3]}, epoch 2; what was ephemeral stays "
                            "gone", at=at, tone="good")

    async def lose_connections(self) -> None:
        self.line.title("A lost connection is not a lost session")
        self.line.tell("server", "cuts the connection of python", tone="loud")
        self.server.faults.drop_connection(self.python)
        await self._python_notices()
        await self._python_resumes(self.sessions["python"])
        self.line.tell("server", "cuts the connection of kazoo", tone="loud")
        self.server.faults.drop_connection(self.sessions["kazoo"])
        await self._kazoo_notices()
        await self._kazoo_resumes(self.sessions["kazoo"])

    async def restart(self) -> None:
        self.line.title("A server that stops is not a lost session either")
        path = f"{FOLDER}/python"
        before = await self.line.step("python writes", self.python.set(path, b"before"))
        self.line.tell("server", "acknowledges a write of python, and stops", tone="loud")
        started = time.monotonic()
        restarted = asyncio.ensure_future(asyncio.to_thread(self.server.restart))
        await self._python_notices()
        await self._kazoo_notices()
        await self.line.step("the server starts again", restarted)
        self.line.tell("server", f"is back on its port after {time.monotonic() - started:.2f} s, with "
                                 f"what its data directory holds: {len(self.server.sessions())} "
                                 "sessions")
        await self._python_resumes(self.sessions["python"])
        await self._kazoo_resumes(self.sessions["kazoo"])
        value = await self.line.step("python reads", self.python.get(path))
        _require(value.data == b"before" and value.stat.mzxid == before.mzxid,
                 "what was acknowledged is there")
        self.line.tell("python", f"reads what was acknowledged before, transaction "
                                 f"{before.mzxid:#x}", tone="good")

    async def _python_notices(self) -> None:
        at, _ = await self.line.step("python notices", self.states.until(
            lambda event: event.state is State.SUSPENDED))
        self.line.tell("python", "SUSPENDED; its session is safe for another "
                                 f"{self.python.session.safe_for():.1f} s", at=at)

    async def _python_resumes(self, session: int) -> None:
        at, event = await self.line.step("python resumes", self.states.until(
            lambda event: event.state is State.CONNECTED))
        await self._require_same("python", event.session_id)
        again, resync = await self.line.step("python's watch goes on", self.changes.until(
            lambda item: isinstance(item, Resync)))
        self.line.tell_sorted(
            (at, "python", f"CONNECTED: the same session {session:#x}, its ephemeral is still "
                           "there", "good"),
            (again, "python", f"its watch goes on, and says that it was away: RESYNC "
                              f"({resync.reason.name.lower()})", ""))

    async def _kazoo_notices(self) -> None:
        at, state = await self.line.step("kazoo notices", self.kazoo.states.until(
            lambda state: state == "SUSPENDED"))
        self.line.tell("kazoo", state, at=at)

    async def _kazoo_resumes(self, session: int) -> None:
        at, state = await self.line.step("kazoo resumes", self.kazoo.states.until(
            lambda state: state == "CONNECTED"))
        await self._require_same("kazoo", self.kazoo.session_id)
        self.line.tell("kazoo", f"{state}: the same session {session:#x}, its ephemeral is still "
                                "there", at=at, tone="good")

    async def part(self, program: Program) -> None:
        self.line.title("Everybody leaves")
        code = await self.line.step("C leaves", program.leave())
        _require(code == 0, "the C program ends well")
        self.line.tell("C", "closes its session, and its process ends")
        self.line.tell("kazoo", "closes its session")
        await self.line.step("kazoo leaves", self.kazoo.stop())
        at, _ = await self.line.step("python hears that kazoo is gone", self.changes.until(
            lambda item: item[:2] == (tenure.Change.DELETED, f"{FOLDER}/kazoo")))
        self.line.tell("python", f"hears DELETED {FOLDER}/kazoo: what is closed is gone at once",
                       at=at)
        await self.line.step("python leaves", self.python.close())
        self.line.tell("python", "closes its session")
        _require(self.server.sessions() == [], "no session is left")
        self.line.tell("server", "has no session left")

    async def close(self) -> None:
        """Lets go of everybody, wherever the story ended."""
        self.words.close()
        for task in self._tasks:
            task.cancel()
        if self.program is not None:
            self.program.kill()
        with suppress(TimeoutError):
            await asyncio.wait_for(self.kazoo.stop(), 2)
        await self.python.close(timeout=1)

    async def _born(self, who: str, session: int, what: str, at: float | None = None) -> None:
        at = time.monotonic() if at is None else at
        self.sessions[who] = session
        pulse = await self.line.step(f"the server tells of {who}", self.words.pulse(session))
        self.line.tell(who, f"session {session:#x} ({what}): asks for {ASKED[who]:g} s, gets "
                            f"{pulse.timeout:g} s", at=at, tone="good")

    async def _hear_of(self, change: tenure.Change, name: str) -> tuple[Event, Event]:
        """Waits until python and kazoo have heard that an ephemeral came or went."""
        is_there = change is tenure.Change.CREATED
        (at_python, told), (at_kazoo, children) = await asyncio.gather(
            self.line.step(f"python hears {change.name} of {name}", self.changes.until(
                lambda item: item[:2] == (change, f"{FOLDER}/{name}"))),
            self.line.step(f"kazoo hears {change.name} of {name}", self.kazoo.children.until(
                lambda children: (name in children) is is_there)))
        names = ", ".join(sorted(children))
        return ((at_python, "python",
                 f"hears {change.name} {FOLDER}/{name} (transaction {told.zxid:#x})", ""),
                (at_kazoo, "kazoo", f"hears that the children are now: {names}", ""))

    def _program(self) -> Program:
        assert self.program is not None, "it started when everybody met"
        return self.program

    async def _require_same(self, who: str, session: int | None) -> None:
        _require(session == self.sessions[who], f"{who} resumes the same session")
        stat = await self.python.exists(f"{FOLDER}/{who}")
        _require(stat is not None and stat.ephemeral_owner == session, "its ephemeral is there")


async def _hear(stream: aio.WatchStream | aio.StateStream, heard: Heard) -> None:
    async for item in stream:
        heard.put(item)


def _wait_until_gone(server: tenure.Server, session: int) -> float:
    while session in server.sessions():
        time.sleep(0.0005)
    return time.monotonic()


def _require(claim: bool, what: str) -> None:
    if not claim:
        raise Missing(what)


async def recover(line: Timeline) -> None:
    """The second part: one story in each recovery mode, with the times of its own clock."""
    program = await asyncio.create_subprocess_exec(
        os.environ["TENURE_DEMO_RECOVERY"], stdout=asyncio.subprocess.PIPE)
    assert program.stdout is not None, "it was asked for"
    try:
        async for told in program.stdout:
            text = told.decode().rstrip()
            if said := SAID.fullmatch(text):
                seconds, who, what = said.groups()
                line.quote(float(seconds), who, what)
            elif text:
                line.title(text)
        ended = await line.step("the program of the recovery modes ends", program.wait())
    finally:
        with suppress(ProcessLookupError):
            program.kill()
    _require(ended == 0, "all recovery modes were told to their ends")


async def main() -> int:
    line = Timeline()
    with (tempfile.TemporaryDirectory() as data,
          tenure.Server(data_dir=data, words="srvr,cons", min_session_timeout=SHORTEST,
                        max_session_timeout=LONGEST) as server):
        story = Story(server, line)
        try:
            async with asyncio.timeout(LIMIT):
                await story.tell()
        except (Missing, OSError, tenure.TenureError) as missing:
            line.end(f"Did not happen: {missing or 'the end, in time'}.", "bad")
            return 1
        finally:
            await story.close()
    try:
        await recover(line)
    except Missing as missing:
        line.end(f"Did not happen: {missing}.", "bad")
        return 1
    line.end(f"Every step was seen, in {line.seconds:.1f} s.", "good")
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
