"""What a suite works with: the checkout, its folders, its tools, and a way to run a step."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, List, Mapping, Optional, Sequence

from tools import tally
from tools.commands import Outcome, Word, run
from tools.python_env import PythonEnv
from tools.tally import Reader, Tally
from tools.toolchain import ROOT, Packages, has_program, metadata

# Enough of a failed step to see why; the rest is in its log.
EVIDENCE_LINES = 150


class Skip(Exception):
    """The suite cannot run here; the text is the reason."""


class Workshop:
    """One per run of `./dev`; `begin` is called before each suite."""

    def __init__(self) -> None:
        about = metadata()
        self.root = ROOT
        self.target = Path(about["target_directory"])
        self.members = {package["name"]: package for package in about["packages"]}
        self.logs = self.target / "dev-logs"
        self.logs.mkdir(parents=True, exist_ok=True)
        self.packages = Packages(self._fresh_log("setup"))
        self.python_env = PythonEnv(self.target / "dev-venv", self.logs / "setup.log",
                                    self.packages)
        self.log = self.logs / "setup.log"

    def begin(self, suite: str) -> None:
        """Later steps write to the log of this suite."""
        self.log = self._fresh_log(suite)

    def step(self, command: Sequence[Word], read: Reader, *, limit: float = 600.0,
             cwd: Optional[Path] = None, env: Optional[Mapping[str, str]] = None) -> Tally:
        """Runs one program of a suite and counts its tests; keeps the output of failures."""
        return self.count(command, self.run(command, limit=limit, cwd=cwd, env=env), read)

    def count(self, command: Sequence[Word], outcome: Outcome, read: Reader) -> Tally:
        """The tests of a program that has run; keeps the output of failures."""
        counted = read(outcome)
        if counted.failures:
            counted.evidence.append(_excerpt(command, outcome))
        return counted

    def run(self, command: Sequence[Word], *, limit: float = 600.0, cwd: Optional[Path] = None,
            env: Optional[Mapping[str, str]] = None, log: Optional[Path] = None) -> Outcome:
        """Runs one program without counting it; with a log of its own beside others."""
        quiet = {"CARGO_TERM_COLOR": "never", "CARGO_TERM_PROGRESS_WHEN": "never",
                 "PYTHONDONTWRITEBYTECODE": "1", "NO_COLOR": "1", "TERM": "dumb",
                 "RUST_BACKTRACE": "0"}
        return run(command, log or self.log, cwd=cwd or self.root, limit=limit,
                   env={**quiet, **(env or {})})

    def prepare(self, command: Sequence[Word], what: str, *, limit: float = 1200.0,
                env: Optional[Mapping[str, str]] = None) -> Optional[Tally]:
        """Runs a build that later steps stand on; a failed Tally when it does not work."""
        outcome = self.run(command, limit=limit, env=env)
        if outcome.is_good:
            return None
        failed = tally.one(what)(outcome)
        failed.evidence.append(_excerpt(command, outcome))
        return failed

    def need(self, is_there: Callable[[], Any], *packages: str) -> None:
        """Raises `Skip` unless the packages are there or can be installed."""
        reason = self.packages.need(is_there, *packages)
        if reason is not None:
            raise Skip(reason)

    def need_program(self, program: str, *packages: str) -> None:
        self.need(lambda: has_program(program), *(packages or (program,)))

    def need_member(self, package: str) -> None:
        if package not in self.members:
            raise Skip(f"the workspace has no package {package}")

    def need_path(self, path: str) -> Path:
        found = self.root / path
        if not found.exists():
            raise Skip(f"{path} is not there")
        return found

    def _fresh_log(self, name: str) -> Path:
        path = self.logs / f"{name}.log"
        path.write_bytes(b"")
        return path


@dataclass(frozen=True)
class Suite:
    """A name to choose it by, what it shows, and how to run it."""

    name: str
    about: str
    run: Callable[[Workshop], Tally]


def seconds_from(variable: str, default: int) -> int:
    """A number of seconds from the environment."""
    return int(os.environ.get(variable, str(default)))


_PASSED_TEST = re.compile(r"^test .* \.\.\. ok$")


def _excerpt(command: Sequence[Word], outcome: Outcome) -> str:
    """The end of what a failed step said, without what passing tests said."""
    lines: List[str] = []
    is_praise = False
    for line in outcome.text.splitlines():
        # libtest repeats the output of passing tests between these headings.
        if line == "successes:":
            is_praise = True
        elif line == "failures:" or line.startswith("test result:"):
            is_praise = False
        if not is_praise and not _PASSED_TEST.match(line):
            lines.append(line)
    left_out = len(lines) - EVIDENCE_LINES
    if left_out > 0:
        lines = [f"[{left_out} lines left out]", *lines[-EVIDENCE_LINES:]]
    return "\n".join([f"$ {' '.join(map(str, command))}", *lines])
