"""The demo: what it needs before its story can begin, and the suite that listens to the story."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Dict, List, Optional

from tools import tally
from tools.commands import Outcome, replace_by, Word
from tools.suites import c, python
from tools.tally import Tally
from tools.terminal import say
from tools.workshop import Suite, Workshop

# The story ends by itself well before this; building comes before it.
STORY_LIMIT = 20.0


def tell(arguments: argparse.Namespace) -> int:
    """The verb: builds everything, then hands the terminal to the story."""
    shop = Workshop()
    shop.begin("demo")
    command = _story(shop)
    say("building the Python wheel, a C and a Rust program; the first time takes some minutes")
    failed = _prepare(shop)
    if failed is not None:
        say("\n".join(failed.evidence))
        return 1
    return replace_by([*command, *arguments.rest], shop.root, _environment(shop))


def demo(shop: Workshop) -> Tally:
    """The story ends by itself, in time, and has seen every step."""
    command = _story(shop)
    failed = _prepare(shop)
    return failed or shop.step(command, _read, limit=STORY_LIMIT, env=_environment(shop))


def _read(outcome: Outcome) -> Tally:
    counted = tally.one("the story ends by itself")(outcome)
    if "Every step was seen" not in outcome.text:
        counted.failures.append("every step of the story was seen")
    return counted


def _story(shop: Workshop) -> List[Word]:
    return [shop.python_env.python, shop.need_path("demo/demo.py")]


def _environment(shop: Workshop) -> Dict[str, str]:
    recovery = shop.target / "debug" / "examples" / "recovery"
    return {"TENURE_DEMO_MEET": str(_program(shop)), "TENURE_DEMO_RECOVERY": str(recovery)}


def _program(shop: Workshop) -> Path:
    return shop.target / "dev" / "demo" / "meet"


def _prepare(shop: Workshop) -> Optional[Tally]:
    source = shop.need_path("demo/meet.c")
    return python.installed(shop) or c.build_library(shop) or shop.prepare(
        c.compile_against_library(shop, source, _program(shop), []), "demo/meet.c compiles"
    ) or shop.prepare(["cargo", "build", "--package", "tenure", "--example", "recovery"],
                      "core/examples/recovery.rs compiles")


SUITES = [Suite("demo", "one session from birth to expiry, under three clients", demo)]
