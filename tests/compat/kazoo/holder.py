"""A kazoo client in a process of its own, to be stopped and woken from outside.

Usage: `holder.py HOSTS TIMEOUT PATH`. Creates the ephemeral PATH, says `ready SESSION`, then prints
each state kazoo reports, until it reads a line. On waking up from SIGSTOP it learns what became of
its session in the ordinary way, from the server.
"""

import sys

from kazoo.client import KazooClient
from kazoo.retry import KazooRetry


def main() -> None:
    hosts, timeout, path = sys.argv[1], float(sys.argv[2]), sys.argv[3]
    retry = KazooRetry(max_tries=-1, delay=0.02, max_delay=0.3, max_jitter=0.1)
    client = KazooClient(hosts, timeout=timeout, connection_retry=retry)
    client.add_listener(lambda state: print(state, flush=True))
    client.start()
    client.create(path, b"held", ephemeral=True)
    print("ready", client.client_id[0], flush=True)
    sys.stdin.readline()
    client.stop()


if __name__ == "__main__":
    main()
