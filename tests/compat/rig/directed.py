"""Runs a program that makes claims about a server, and obeys the orders it gives meanwhile.

The program is called with two addresses, the server's own and that of a proxy in front of it. It
prints `ok NAME` and `not ok NAME: WHY`, which are passed on, and orders: `proxy cut`, `refuse`,
`stall` or `heal`, and `server restart`, which kills the server and starts it again with its port
and its data. When an order is carried out, the line `done` is written to its standard input.

The server has one user of SASL, whose name and password are in the program's environment as
`COMPAT_USER` and `COMPAT_PASSWORD`. It takes TLS on the same port; `COMPAT_CERTIFICATES` is the folder
with the certificates of the authority and of a client, see `key_files.py`.

Usage: `directed.py PROGRAM [WORD...]`; the addresses follow the words. Exits 0 when all claims
hold. See `server_process.py` for how to choose the server.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Sequence, Union

import key_files
import server_process
from cutting_proxy import CuttingProxy

DEADLINE = 180.0
USER, PASSWORD = "bob", "bob's secret"


def run(command: Sequence[Union[str, Path]]) -> int:
    """0 when the program says that all its claims hold; it is killed after `DEADLINE` seconds."""
    with tempfile.TemporaryDirectory(prefix="compat-certificates-") as folder:
        key_files.make(Path(folder))
        return _run(command, Path(folder))


def _run(command: Sequence[Union[str, Path]], folder: Path) -> int:
    environment = {**os.environ, "COMPAT_USER": USER, "COMPAT_PASSWORD": PASSWORD,
                   "COMPAT_CERTIFICATES": str(folder)}
    with server_process.start_with_users({USER: PASSWORD}, folder) as server, \
            CuttingProxy(server.hosts) as proxy:
        program = subprocess.Popen(
            [*map(str, command), server.hosts, proxy.hosts], env=environment,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        overdue = threading.Timer(DEADLINE, program.kill)
        overdue.start()
        try:
            _relay(program, server, proxy)
        finally:
            code = program.wait()
            overdue.cancel()
    if code not in (0, 1):
        print(f"not ok the program ends by itself: exit code {code}", flush=True)
    return 0 if code == 0 else 1


def _relay(program: "subprocess.Popen[str]", server: server_process.ServerProcess,
           proxy: CuttingProxy) -> None:
    assert program.stdin is not None and program.stdout is not None
    orders = {"proxy cut": proxy.cut, "proxy refuse": proxy.refuse, "proxy stall": proxy.stall,
              "proxy heal": proxy.heal, "server restart": server.kill_and_restart}
    for line in program.stdout:
        order = orders.get(line.strip())
        if order is None:
            print(line, end="", flush=True)
            continue
        order()
        program.stdin.write("done\n")
        program.stdin.flush()


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
