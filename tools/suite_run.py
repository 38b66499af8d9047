"""Runs suites one after another and reports: a line each, all of a failure, one line at the end."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import List, Sequence

from tools.tally import Tally
from tools.terminal import paint, say
from tools.toolchain import Missing
from tools.workshop import Skip, Suite, Workshop


@dataclass(frozen=True)
class Ended:
    """A suite that has run."""

    suite: Suite
    counted: Tally
    seconds: float


@dataclass(frozen=True)
class Strictness:
    """Whether a skip is a failure, but for those that begin with one of these words."""

    is_strict: bool = False
    allowed: Sequence[str] = ()

    def refuses(self, skip: str) -> bool:
        return self.is_strict and not any(skip.startswith(words) for words in self.allowed)


def run_suites(suites: Sequence[Suite], shop: Workshop, strictness: Strictness) -> int:
    """Runs all of them whatever fails; the exit code for the shell."""
    begin = time.monotonic()
    ended = [_run(suite, shop) for suite in suites]
    _report_failures(ended, shop)
    _report_skips(ended, strictness)
    say(f"{len(ended)} suites in {time.monotonic() - begin:.0f} s, logs in {shop.logs}")
    total = Tally()
    for each in ended:
        total.add(each.counted)
    refused = sum(strictness.refuses(skip) for skip in total.skips)
    failed, skipped = total.failed + refused, total.skipped - refused
    say(f"{total.passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


def _run(suite: Suite, shop: Workshop) -> Ended:
    say(paint(f"  {suite.name}: {suite.about}", "dim"))
    shop.begin(suite.name)
    begin = time.monotonic()
    try:
        counted = suite.run(shop)
    except Skip as reason:
        counted = Tally(skips=[f"{suite.name}: {reason}"])
    except Missing as reason:
        counted = Tally(skips=[f"{suite.name}: {reason}"])
    ended = Ended(suite, counted, time.monotonic() - begin)
    say(_line(ended))
    return ended


def _line(ended: Ended) -> str:
    counted = ended.counted
    if counted.failures:
        verdict = paint("FAILED ", "red")
    elif counted.passed == 0:
        verdict = paint("skipped", "yellow")
    else:
        verdict = paint("ok     ", "green")
    parts: List[str] = [f"{counted.passed} passed"]
    if counted.failures:
        parts.append(f"{counted.failed} failed")
    if counted.skips:
        parts.append(f"{counted.skipped} skipped")
    return f"{verdict} {ended.suite.name:<14} {', '.join(parts):<36} {ended.seconds:7.1f} s"


def _report_failures(ended: Sequence[Ended], shop: Workshop) -> None:
    for each in ended:
        if not each.counted.failures:
            continue
        say()
        say(paint(f"== {each.suite.name} ==", "bold"))
        for evidence in each.counted.evidence:
            say(evidence)
            say()
    say()
    for each in ended:
        for failure in each.counted.failures:
            say(f"{paint('FAILED', 'red')} {each.suite.name}: {failure} "
                f"(log: {shop.logs / each.suite.name}.log)")


def _report_skips(ended: Sequence[Ended], strictness: Strictness) -> None:
    for each in ended:
        for skip in each.counted.skips:
            strictly = " (a failure, because of --strict)" if strictness.refuses(skip) else ""
            say(f"{paint('SKIPPED', 'yellow')} {skip}{strictly}")
