"""A counter that many add to at once: versions instead of locks, and what to do when in doubt.

Usage: counter.py [HOSTS]. Without HOSTS it brings a server of its own.
"""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import tenure

PATH = "/counter"


def add(client: tenure.Client, amount: int) -> int:
    """Adds to the counter; what it is then."""
    while True:
        data, stat = client.get(PATH)
        total = int(data) + amount
        try:
            client.set(PATH, b"%d" % total, version=stat.version)
        except tenure.BadVersionError:
            continue  # somebody else was faster
        except tenure.ConnectionLossError as error:
            if error.outcome is tenure.Outcome.NOT_APPLIED:
                continue
            raise  # it may be in effect: adding once more might count twice
        return total


def main(hosts: str | None) -> None:
    with ExitStack() as stack:
        server = None if hosts else stack.enter_context(tenure.Server())
        client = stack.enter_context(tenure.connect(hosts or (server.hosts if server else "")))
        client.delete(PATH, missing_ok=True)
        client.create(PATH, b"0")
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda _: add(client, 1), range(100)))
        data, stat = client.get(PATH)
        print(f"counted to {int(data)} in {stat.version} steps")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else None)
