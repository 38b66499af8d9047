"""Who is here: a list of members that keeps itself, by ephemeral znodes and a watch.

Usage: members.py [HOSTS]. Without HOSTS it brings a server of its own. Three members come, one
falls over, one leaves; an observer prints the list whenever it changes.
"""

from __future__ import annotations

import sys
from contextlib import ExitStack

import tenure

FOLDER = "/members"


def join(hosts: str, name: str) -> tenure.Client:
    """A client that is a member for as long as its session lives."""
    client = tenure.connect(hosts, session_timeout=5)
    client.create(f"{FOLDER}/{name}", ephemeral=True, parents=True)
    return client


def observe(client: tenure.Client, watch: tenure.WatchStream, wanted: set[str]) -> None:
    """Prints the list until it is the wanted one."""
    while True:
        names = set(client.children(FOLDER).names)
        print("members:", ", ".join(sorted(names)) or "nobody")
        if names == wanted:
            return
        # One change or a `Resync`, which says that some may be missing: the list is read again
        # in both cases, so nothing is ever missed.
        next(watch)


def main(hosts: str | None) -> None:
    with ExitStack() as stack:
        server = None if hosts else stack.enter_context(tenure.Server())
        hosts = hosts or (server.hosts if server else "")
        observer = stack.enter_context(tenure.connect(hosts))
        observer.ensure_path(FOLDER)
        watch = stack.enter_context(observer.watch(FOLDER))

        ann, bob, eve = (join(hosts, name) for name in ("ann", "bob", "eve"))
        observe(observer, watch, {"ann", "bob", "eve"})
        bob.close()
        observe(observer, watch, {"ann", "eve"})
        if server is not None:
            server.faults.expire(eve)
            observe(observer, watch, {"ann"})
        eve.close()
        ann.close()
        observe(observer, watch, set())


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else None)
