"""A plugin for pytest: each process that runs tests of kazoo starts its servers on ports of its own.

kazoo's harness takes the first port from the environment and counts on from there.
"""

from __future__ import annotations

import os
import socket
from typing import List

# One server has so many ports after the first.
BLOCK = 10
# Below those that the kernel hands out by itself.
FIRST, LAST = 20000, 32000


def pytest_configure() -> None:
    os.environ["ZOOKEEPER_PORT_OFFSET"] = str(free_block())


def free_block() -> int:
    count = (LAST - FIRST) // BLOCK
    for step in range(count):
        # Where a search begins differs from process to process, so that two do not meet.
        first = FIRST + (os.getpid() * 7 + step) % count * BLOCK
        if is_free(range(first, first + BLOCK)):
            return first
    raise RuntimeError(f"no {BLOCK} ports in a row are free between {FIRST} and {LAST}")


def is_free(ports: range) -> bool:
    held: List[socket.socket] = []
    try:
        for port in ports:
            probe = socket.socket()
            held.append(probe)
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("", port))
    except OSError:
        return False
    finally:
        for probe in held:
            probe.close()
    return True
