"""Lines for a reader: coloured on a terminal, plain elsewhere."""

from __future__ import annotations

import os
import sys

_COLOURS = {"red": "31", "green": "32", "yellow": "33", "dim": "2", "bold": "1"}


def is_coloured() -> bool:
    return sys.stdout.isatty() and "NO_COLOR" not in os.environ


def paint(text: str, colour: str) -> str:
    if not is_coloured():
        return text
    return f"\033[{_COLOURS[colour]}m{text}\033[0m"


def say(line: str = "") -> None:
    """Prints at once, so that a log that is cut off shows what was under way."""
    print(line, flush=True)
