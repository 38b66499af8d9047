"""Clients and servers of others: kazoo, libzookeeper, Apache ZooKeeper 3.8."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Optional

from tools import tally
from tools.suites.python import PYTEST
from tools.suites.rust import BUILD_LIMIT
from tools.tally import Tally
from tools.toolchain import compiles, has_program
from tools.workshop import Suite, Workshop

LIBZOOKEEPER = "#include <zookeeper/zookeeper.h>\nint main(void) { return zoo_state(0) == 1; }\n"


def kazoo(shop: Workshop) -> Tally:
    """kazoo against the `tenure` program."""
    # First, because it may not be possible here.
    python = shop.python_env.python
    broken = build_server(shop) or shop.prepare(
        ["cargo", "build", "--package", "tenure", "--example", "contend"],
        "the program that contends with kazoo builds")
    return broken or shop.step(
        [python, *PYTEST, "tests/compat/kazoo"], tally.pytest,
        env={"TENURE_BIN": str(server(shop)),
             "TENURE_CONTEND": str(shop.target / "debug" / "examples" / "contend")})


def libzookeeper(shop: Workshop) -> Tally:
    """Apache's C client against the `tenure` program."""
    shop.need(lambda: compiles(["-DTHREADED", "-lzookeeper_mt"], LIBZOOKEEPER),
              "libzookeeper-mt-dev")
    # It makes the certificates of the stage on which every program plays.
    shop.need_program("openssl")
    broken = build_server(shop)
    return broken or shop.step(
        [sys.executable, "tests/compat/libzookeeper/run.py", shop.target / "dev" / "libzookeeper"],
        tally.tap, env={"TENURE_BIN": str(server(shop))})


def differential(shop: Workshop) -> Tally:
    """The same random scripts here and at Apache ZooKeeper 3.8."""
    return _beside_apache(shop, "differential")


def moving(shop: Workshop) -> Tally:
    """Data of Apache ZooKeeper 3.8 are imported, and exported back to it."""
    return _beside_apache(shop, "moving")


def _beside_apache(shop: Workshop, test: str) -> Tally:
    shop.need_member("tenure-tests")
    shop.need(lambda: has_program("java") and Path("/usr/share/java/zookeeper.jar").exists(),
              "zookeeper", "default-jre-headless")
    return shop.step(["cargo", "test", "--package", "tenure-tests", "--test", test,
                      "--", "--show-output"], tally.cargo, limit=BUILD_LIMIT)


def build_server(shop: Workshop) -> Optional[Tally]:
    """The program the clients meet; a failed Tally when it does not build."""
    return shop.prepare(["cargo", "build", "--package", "tenure", "--bin", "tenure"],
                        "the tenure program builds")


def server(shop: Workshop) -> Path:
    return shop.target / "debug" / "tenure"


SUITES = [
    Suite("libzookeeper", "Apache's C client: operations, sessions, watches", libzookeeper),
    Suite("differential", "the same scripts here and at Apache ZooKeeper 3.8", differential),
    Suite("moving", "in from Apache ZooKeeper 3.8 and back, with everything compared", moving),
    # Behind those that install Apache ZooKeeper, whose files one of its tests moves.
    Suite("kazoo", "kazoo: operations, sessions, recipes, 200 clients", kazoo),
]
