#!/usr/bin/env python3
"""Compiles the libzookeeper suite, starts a server and a proxy, and runs the suite between them.

Usage: `run.py [BUILD-FOLDER]`. Prints the suite's `ok` and `not ok` lines; exits 0 when all hold.
See `../rig/server_process.py` for how to choose the server.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "rig"))

import server_process  # noqa: E402
from cutting_proxy import CuttingProxy  # noqa: E402

DEADLINE = 180.0


def main() -> int:
    if len(sys.argv) > 1:
        build = Path(sys.argv[1])
        build.mkdir(parents=True, exist_ok=True)
        return run(compiled(build))
    with tempfile.TemporaryDirectory(prefix="compat-libzookeeper-") as build:
        return run(compiled(Path(build)))


def compiled(build: Path) -> Path:
    program = build / "libzookeeper-suite"
    sources = sorted(str(source) for source in HERE.glob("*.c"))
    subprocess.run(
        ["cc", "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-g", "-pthread", "-DTHREADED",
         *sources, "-o", str(program), "-lzookeeper_mt"], check=True)
    return program


def run(program: Path) -> int:
    with server_process.start() as server, CuttingProxy(server.hosts) as proxy:
        suite = subprocess.Popen(
            [str(program), server.hosts, proxy.hosts],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        overdue = threading.Timer(DEADLINE, suite.kill)
        overdue.start()
        relay(suite, proxy)
        code = suite.wait()
        overdue.cancel()
    if code not in (0, 1):
        print(f"not ok the suite ends by itself: exit code {code}", flush=True)
    return 0 if code == 0 else 1


def relay(suite: subprocess.Popen, proxy: CuttingProxy) -> None:
    """Passes the suite's lines on, and its orders to the proxy."""
    assert suite.stdin is not None and suite.stdout is not None
    orders = {"cut": proxy.cut, "refuse": proxy.refuse, "stall": proxy.stall, "heal": proxy.heal}
    for line in suite.stdout:
        if line.startswith("proxy "):
            orders[line.split()[1]]()
            suite.stdin.write("done\n")
            suite.stdin.flush()
        else:
            print(line, end="", flush=True)


if __name__ == "__main__":
    sys.exit(main())
