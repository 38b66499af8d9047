"""Runs programs: output into a log, a limit on the time, and nobody left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Set, TypeVar, Union

Word = Union[str, Path]
Made = TypeVar("Made")

# What runs now, so that whoever is interrupted ends what others wait for.
_RUNNING: "Set[subprocess.Popen[Any]]" = set()


@dataclass(frozen=True)
class Outcome:
    """How a program ended and what it said on both outputs."""

    code: int
    text: str
    seconds: float
    overdue: bool

    @property
    def is_good(self) -> bool:
        return self.code == 0 and not self.overdue

    def says(self) -> str:
        """Why it is not good, in a few words."""
        if self.overdue:
            return f"took longer than {self.seconds:.0f} s"
        if self.code < 0:
            return f"killed by {signal.Signals(-self.code).name}"
        return f"exit code {self.code}"


def run(command: Sequence[Word], log: Path, *, cwd: Path, limit: float,
        env: Optional[Mapping[str, str]] = None) -> Outcome:
    """Runs `command`, its output into `log`; ends it and its children after `limit` seconds."""
    words = [str(word) for word in command]
    begin = time.monotonic()
    with open(log, "ab") as sink:
        sink.write(f"$ {' '.join(words)}\n".encode())
        sink.flush()
        start = sink.tell()
        try:
            # A session of its own: a terminal's Ctrl-C reaches only us, and we end the whole group.
            process = subprocess.Popen(
                words, cwd=cwd, env=_environment(env), stdin=subprocess.DEVNULL, stdout=sink,
                stderr=subprocess.STDOUT, start_new_session=True)
        except FileNotFoundError as missing:
            return Outcome(127, f"{missing}\n", 0.0, False)
        overdue = False
        _RUNNING.add(process)
        try:
            process.wait(timeout=limit)
        except subprocess.TimeoutExpired:
            overdue = True
        finally:
            _RUNNING.discard(process)
            _end_group(process)
    with open(log, "rb") as written:
        written.seek(start)
        text = written.read().decode(errors="replace")
    return Outcome(process.returncode, text, time.monotonic() - begin, overdue)


def side_by_side(jobs: Sequence[Callable[[], Made]], at_once: int) -> List[Made]:
    """Does all jobs, so many at a time, and returns what they return in their order."""
    with ThreadPoolExecutor(max_workers=at_once) as crew:
        try:
            return list(crew.map(lambda job: job(), jobs))
        except BaseException:
            crew.shutdown(wait=False, cancel_futures=True)
            for process in list(_RUNNING):
                _end_group(process)
            raise


def ask(command: Sequence[Word], cwd: Optional[Path] = None) -> Optional[str]:
    """The standard output of a quick program, or None when it failed or is not there."""
    try:
        done = subprocess.run([str(word) for word in command], cwd=cwd, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=120)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode(errors="replace") if done.returncode == 0 else None


def replace_by(command: Sequence[Word], cwd: Path, env: Optional[Mapping[str, str]] = None) -> int:
    """Runs in the foreground with this terminal; signals reach the program itself."""
    words: List[str] = [str(word) for word in command]
    os.chdir(cwd)
    try:
        os.execvpe(words[0], words, _environment(env))
    except OSError as failure:
        print(f"dev: {words[0]}: {failure}", flush=True)
        return 127


def _environment(extra: Optional[Mapping[str, str]]) -> Dict[str, str]:
    return {**os.environ, **(extra or {})}


def _end_group(process: subprocess.Popen[Any]) -> None:
    # Also after a good end: a test that forgot a child must not leave it to the next suite.
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass
    process.wait()
