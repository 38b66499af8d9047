"""One line for each event: when, who, what. Coloured on a terminal, plain elsewhere."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Awaitable
from typing import TypeAlias, TypeVar

_T = TypeVar("_T")

Event: TypeAlias = tuple[float, str, str, str]
"""When, who, what, and the tone to tell it in."""

# No event of the story takes this long unless it does not come at all.
PATIENCE = 8.0

_VOICES = {"server": "36", "python": "94", "kazoo": "35", "C": "33",
           "worker": "94", "observer": "35"}
_TONES = {"good": "32", "bad": "1;31", "loud": "1", "quiet": "2"}


class Missing(Exception):
    """A step of the story did not happen."""


class Timeline:
    """Prints what happens, with seconds since the start."""

    def __init__(self) -> None:
        self._start = time.monotonic()
        self._is_coloured = sys.stdout.isatty() and not os.environ.get("NO_COLOR")

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._start

    def title(self, text: str) -> None:
        """What follows, in one line."""
        self._print("\n" + self._paint(text, _TONES["loud"]))

    def tell(self, who: str, what: str, *, at: float | None = None, tone: str = "") -> None:
        """One event; `at` is its time if it was measured before now."""
        self.quote(self._since(at), who, what, tone)

    def quote(self, seconds: float, who: str, what: str, tone: str = "") -> None:
        """One event by another clock than this one's."""
        when = self._paint(f"{seconds:7.3f} s", _TONES["quiet"])
        name = self._paint(f"{who:<8} ", _VOICES.get(who, ""))
        self._print(f"{when}  {name}{self._paint(what, _TONES.get(tone, ''))}")

    def tell_sorted(self, *events: Event) -> None:
        """Events that were waited for together, in the order in which they happened."""
        for at, who, what, tone in sorted(events):
            self.tell(who, what, at=at, tone=tone)

    def end(self, what: str, tone: str) -> None:
        """The last line."""
        self._print("\n" + self._paint(what, _TONES[tone]))

    async def step(self, what: str, awaited: Awaitable[_T]) -> _T:
        """Waits for an event that has to come; raises `Missing` if it does not."""
        try:
            return await asyncio.wait_for(awaited, PATIENCE)
        except TimeoutError:
            raise Missing(what) from None

    def _since(self, at: float | None) -> float:
        return (time.monotonic() if at is None else at) - self._start

    def _paint(self, text: str, colour: str) -> str:
        return f"\033[{colour}m{text}\033[0m" if self._is_coloured and colour else text

    def _print(self, line: str) -> None:
        print(line, flush=True)
