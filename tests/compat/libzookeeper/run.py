#!/usr/bin/env python3
"""Compiles the libzookeeper suite and runs it; see `../rig/directed.py` for how.

Usage: `run.py [BUILD-FOLDER]`. Prints the suite's `ok` and `not ok` lines; exits 0 when all hold.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "rig"))

import directed  # noqa: E402


def main() -> int:
    if len(sys.argv) > 1:
        build = Path(sys.argv[1])
        build.mkdir(parents=True, exist_ok=True)
        return directed.run([compiled(build)])
    with tempfile.TemporaryDirectory(prefix="compat-libzookeeper-") as build:
        return directed.run([compiled(Path(build))])


def compiled(build: Path) -> Path:
    program = build / "libzookeeper-suite"
    sources = sorted(str(source) for source in HERE.glob("*.c"))
    subprocess.run(
        ["cc", "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-g", "-pthread", "-DTHREADED",
         *sources, "-o", str(program), "-lzookeeper_mt"], check=True)
    return program


if __name__ == "__main__":
    sys.exit(main())
