"""The crash suite: a server killed and cut off from its power, hundreds of times, and judged.

The server is built apart, with the faults that can be planted in it; no other suite and no release
has those.
"""

from __future__ import annotations

import argparse
import os
from typing import Dict, Optional

from tools import tally
from tools.commands import Outcome, replace_by
from tools.tally import Tally
from tools.terminal import paint, say
from tools.workshop import Suite, Workshop

BUILD_LIMIT = 1500.0
SUITE_LIMIT = 1200.0


def crash(shop: Workshop) -> Tally:
    return _prepare(shop) or shop.step([_suite(shop)], _read, limit=SUITE_LIMIT,
                                       env=_environment(shop))


def _read(outcome: Outcome) -> Tally:
    """Counts, and hands on what the suite says it has seen."""
    for line in outcome.text.splitlines():
        if line.startswith("#"):
            say(paint(f"    {line[2:150]}", "dim"))
    return tally.tap(outcome)


def soak(arguments: argparse.Namespace) -> int:
    """The verb: the same with more rounds, in the foreground."""
    shop = Workshop()
    shop.begin("crash-soak")
    failed = _prepare(shop)
    if failed is not None:
        print("\n".join(failed.evidence))
        return 1
    chosen = {"TENURE_CRASH_ROUNDS": arguments.rounds, "TENURE_CRASH_SEED": arguments.seed}
    given = {name: str(value) for name, value in chosen.items() if value is not None}
    return replace_by([_suite(shop)], shop.root,
                      {"TENURE_CRASH_ROUNDS": os.environ.get("TENURE_CRASH_ROUNDS", "1000"),
                       **_environment(shop), **given})


def _prepare(shop: Workshop) -> Optional[Tally]:
    shop.need_member("tenure-tests")
    shop.need_program("setpriv", "util-linux")
    return shop.prepare(
        ["cargo", "build", "--package", "tenure", "--bin", "tenure", "--features", "faults",
         "--profile", "crash"], "a server with faults", limit=BUILD_LIMIT
    ) or shop.prepare(["cargo", "build", "--package", "tenure-tests", "--bin", "crash"],
                      "the crash suite compiles", limit=BUILD_LIMIT)


def _suite(shop: Workshop) -> str:
    return str(shop.target / "debug" / "crash")


def _environment(shop: Workshop) -> Dict[str, str]:
    return {"TENURE_CRASH_SERVER": str(shop.target / "crash" / "tenure")}


SUITES = [Suite("crash", "200 kills and 200 power cuts under load lose nothing", crash)]
