"""A program that follows its settings, with asyncio: always the newest value, no gaps.

Usage: settings.py [HOSTS]. Without HOSTS it brings a server of its own.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import tenure
from tenure import aio

PATH = "/app/settings"


async def follow(client: aio.Client, path: str) -> AsyncIterator[Any]:
    """The value now, then each time it may have changed.

    The watch is in place before the first read, so a change in between is not lost; it goes on
    over lost connections and expired sessions, where a `Resync` asks for one more read.
    """
    async with client.watch(path) as watch:
        while True:
            try:
                yield json.loads((await client.get(path)).data)
            except tenure.NoNodeError:
                yield None
            await watch.next_batch()


async def main(hosts: str | None) -> None:
    async with AsyncExitStack() as stack:
        server = None if hosts else stack.enter_context(tenure.Server())
        hosts = hosts or (server.hosts if server else "")
        reader = await stack.enter_async_context(aio.Client(hosts))
        writer = await stack.enter_async_context(aio.Client(hosts))
        await writer.delete(PATH, missing_ok=True)

        async for settings in follow(reader, PATH):
            print("settings:", settings)
            if settings is None:
                await writer.create(PATH, json.dumps({"workers": 1}).encode(), parents=True)
            elif settings["workers"] < 3:
                await writer.set(PATH, json.dumps({"workers": settings["workers"] + 1}).encode())
                if server is not None:
                    # The reader does not notice more of this than one more read.
                    server.faults.drop_connection(reader)
            else:
                break


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else None))
