"""Counts single tests from what their runners print.

Each reader takes the whole output and the exit code, and never trusts one without the other: a
runner that failed without naming a test counts as one failure, and so does one that ran nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Callable, List

from tools.commands import Outcome


@dataclass
class Tally:
    """How many passed, and which failed or were skipped."""

    passed: int = 0
    failures: List[str] = field(default_factory=list)
    skips: List[str] = field(default_factory=list)
    # Output that explains the failures, to be shown.
    evidence: List[str] = field(default_factory=list)

    @property
    def failed(self) -> int:
        return len(self.failures)

    @property
    def skipped(self) -> int:
        return len(self.skips)

    def add(self, other: "Tally") -> "Tally":
        self.passed += other.passed
        self.failures += other.failures
        self.skips += other.skips
        self.evidence += other.evidence
        return self


Reader = Callable[[Outcome], Tally]


def one(name: str) -> Reader:
    """The whole program is one test."""

    def read(outcome: Outcome) -> Tally:
        if outcome.is_good:
            return Tally(passed=1)
        return Tally(failures=[f"{name}: {outcome.says()}"])

    return read


_CARGO_TEST = re.compile(r"^test (.+?) ?(?:- should panic )?\.\.\. (ok|FAILED|ignored)(?:, (.*))?$")
_CARGO_RESULT = re.compile(r"^test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored;")
_CARGO_BINARY = re.compile(r"^\s+(?:Running|Doc-tests) (.+?)(?: \(.*\))?$")
_SAYS_SKIPPED = re.compile(r"^SKIPPED +(.*)$")


def cargo(outcome: Outcome) -> Tally:
    """`cargo test`: libtest's lines, and those of test programs without libtest."""
    tally = Tally()
    counted = failed = ignored = 0
    reasons: List[str] = []
    binary = ""
    for line in outcome.text.splitlines():
        if found := _CARGO_BINARY.match(line):
            binary = found.group(1)
        elif found := _CARGO_RESULT.match(line):
            counted += int(found.group(1))
            failed += int(found.group(2))
            ignored += int(found.group(3))
        elif found := _CARGO_TEST.match(line):
            name, verdict, why = found.groups()
            if verdict == "FAILED":
                tally.failures.append(f"{binary}: {name}")
            elif verdict == "ignored":
                tally.skips.append(f"{name}: {why or 'ignored without a reason'}")
        elif found := _SAYS_SKIPPED.match(line):
            reasons.append(found.group(1))
    # The numbers are what counts: a line of one test may be torn by what the test prints.
    tally.failures += ["a test whose name was lost"] * (failed - len(tally.failures))
    tally.skips += ["a test whose name was lost"] * (ignored - len(tally.skips))
    tally.skips += reasons
    tally.passed = max(0, counted - len(reasons))
    return _sound(tally, outcome)


_PYTEST_PART = re.compile(r"(\d+) (passed|failed|errors?|skipped|xfailed|xpassed)")
_PYTEST_LAST = re.compile(r"^=*\s*((?:\d+ \w+,? ?)+) in [\d.]+s")
_PYTEST_FAILED = re.compile(r"^(?:FAILED|ERROR) (.+?)(?: - .*)?$")
_PYTEST_SKIPPED = re.compile(r"^SKIPPED \[(\d+)\] (.*)$")


def pytest(outcome: Outcome) -> Tally:
    """pytest with `-rfEs`."""
    tally = Tally()
    failed = skipped = 0
    for line in outcome.text.splitlines():
        if found := _PYTEST_FAILED.match(line):
            tally.failures.append(found.group(1))
        elif found := _PYTEST_SKIPPED.match(line):
            tally.skips += [found.group(2)] * int(found.group(1))
        elif found := _PYTEST_LAST.match(line):
            counts = {kind.rstrip("s"): int(number)
                      for number, kind in _PYTEST_PART.findall(found.group(1))}
            tally.passed = counts.get("passed", 0) + counts.get("xfailed", 0)
            failed = counts.get("failed", 0) + counts.get("error", 0) + counts.get("xpassed", 0)
            skipped = counts.get("skipped", 0)
    tally.failures += ["a test whose name was lost"] * (failed - len(tally.failures))
    tally.skips += ["a test whose reason was lost"] * (skipped - len(tally.skips))
    return _sound(tally, outcome)


_TAP = re.compile(r"^(not )?ok\b[ -]*(.*)$")


def tap(outcome: Outcome) -> Tally:
    """Programs that print `ok NAME`, `not ok NAME` and `SKIPPED NAME: WHY`."""
    tally = Tally()
    for line in outcome.text.splitlines():
        if found := _TAP.match(line):
            if found.group(1):
                tally.failures.append(found.group(2))
            else:
                tally.passed += 1
        elif found := _SAYS_SKIPPED.match(line):
            tally.skips.append(found.group(1))
    return _sound(tally, outcome)


_UNITTEST = re.compile(r"^Ran (\d+) tests? in ")
_UNITTEST_FAILED = re.compile(r"^(?:FAIL|ERROR): (.*)$")


def unittest(outcome: Outcome) -> Tally:
    """Python's own unittest."""
    tally = Tally()
    for line in outcome.text.splitlines():
        if found := _UNITTEST.match(line):
            tally.passed = int(found.group(1))
        elif found := _UNITTEST_FAILED.match(line):
            tally.failures.append(found.group(1))
    tally.passed = max(0, tally.passed - tally.failed)
    return _sound(tally, outcome)


def _sound(tally: Tally, outcome: Outcome) -> Tally:
    if not outcome.is_good and (outcome.overdue or not tally.failures):
        tally.failures.append(f"the run itself: {outcome.says()}")
    elif tally.passed + tally.failed + tally.skipped == 0:
        tally.failures.append("the run itself: not a single test ran")
    return tally
