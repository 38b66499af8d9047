"""The same client for asyncio: same names, same meaning; what waits is awaitable.

    async with aio.Client("127.0.0.1:2181") as client:
        made = await client.create("/app/member-", ephemeral=True, sequential=True, parents=True)
        async with client.watch("/app", recursive=True) as watch:
            async for item in watch:
                ...
"""

from .client import Client
from .operations import OneShot, Op, Operations, Transaction
from .streams import StateStream, WatchStream

__all__ = ["Client", "OneShot", "Op", "Operations", "StateStream", "Transaction", "WatchStream"]
