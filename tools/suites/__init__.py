"""All suites of `./dev test`, in the order in which they run: what needs least comes first."""

from __future__ import annotations

from typing import List

from tools.suites import c, clients, compat, crash, demo, fuzz, kazoo_suite, python, readme, rust
from tools.workshop import Suite

ALL: List[Suite] = [*rust.SUITES, *c.SUITES, *python.SUITES, *compat.SUITES, *clients.SUITES,
                    *kazoo_suite.SUITES,
                    *demo.SUITES, *crash.SUITES, *fuzz.SUITES, *readme.SUITES]
