"""What the demo needs before its story can begin: a wheel, kazoo, and a C program."""

from __future__ import annotations

import argparse
from typing import Optional

from tools.commands import replace_by
from tools.suites import c, python
from tools.tally import Tally
from tools.terminal import say
from tools.workshop import Workshop


def run(arguments: argparse.Namespace) -> int:
    """Builds everything, then hands the terminal to demo/demo.py."""
    shop = Workshop()
    shop.begin("demo")
    story = shop.need_path("demo/demo.py")
    program = shop.target / "dev" / "demo" / "meet"
    say("building the Python wheel and a C program; the first time takes about two minutes")
    for failed in (python.install(shop), _c_program(shop, program)):
        if failed is not None:
            say("\n".join(failed.evidence))
            return 1
    return replace_by([shop.python_env.python, story, *arguments.rest], shop.root,
                      {"TENURE_DEMO_MEET": str(program)})


def _c_program(shop: Workshop, program) -> Optional[Tally]:
    source = shop.need_path("demo/meet.c")
    return c.build_library(shop) or shop.prepare(
        c.compile_against_library(shop, source, program, []), "demo/meet.c compiles")
