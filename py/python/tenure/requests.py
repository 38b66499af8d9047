"""What the blocking and the asynchronous face share: modes, transactions, the walk of a tree."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterable, Iterator, Sequence
from typing import Any, Self, TypeAlias

from . import _tenure
from .errors import InvalidArgumentError, NoNodeError, NotEmptyError
from .values import Acl, Seconds, in_seconds

Write: TypeAlias = tuple[
    str, str, bytes | None, int | None, list[Acl] | None, tuple[int, int]]
"""One write: operation, path, data, version, ACL, mode and its time to live."""

# How many requests of one walk are on their way at a time.
_BATCH = 1_000

_PERSISTENT, _EPHEMERAL, _SEQUENTIAL, _CONTAINER, _TTL, _TTL_SEQUENTIAL = 0, 1, 2, 4, 5, 6


def mode(ephemeral: bool, sequential: bool, ttl: Seconds | None,
         container: bool) -> tuple[int, int]:
    """The number of a create mode, and its time to live in milliseconds."""
    if sum((ephemeral, container, ttl is not None)) > 1:
        raise InvalidArgumentError("a znode is ephemeral, a container or has a ttl, one of them")
    if container:
        if sequential:
            raise InvalidArgumentError("a container is not sequential")
        return _CONTAINER, 0
    seconds = in_seconds(ttl)
    if seconds is not None:
        if not 0.001 <= seconds <= 0xFF_FFFF_FFFF / 1_000:
            raise InvalidArgumentError(f"ttl is from 1 ms to 34 years, not {seconds} s")
        return _TTL_SEQUENTIAL if sequential else _TTL, round(seconds * 1_000)
    return (_EPHEMERAL if ephemeral else 0) | (_SEQUENTIAL if sequential else 0), 0


class Writes:
    """Writes that are collected for one transaction."""

    def __init__(self, raw: _tenure.Operations, default_acl: list[Acl] | None) -> None:
        self._raw = raw
        self._default_acl = default_acl
        self._writes: list[Write] = []

    def create(self, path: str, data: bytes = b"", *, acl: Iterable[Acl] | None = None,
               ephemeral: bool = False, sequential: bool = False, ttl: Seconds | None = None,
               container: bool = False) -> Self:
        """Adds a create. The options are those of `Operations.create`."""
        entries = self._default_acl if acl is None else list(acl)
        kind = mode(ephemeral, sequential, ttl, container)
        self._writes.append(("create", path, data, None, entries, kind))
        return self

    def set(self, path: str, data: bytes, *, version: int | None = None) -> Self:
        """Adds a setting of data, if the znode has this version; None is any."""
        self._writes.append(("set", path, data, version, None, (0, 0)))
        return self

    def delete(self, path: str, *, version: int | None = None) -> Self:
        """Adds a deletion, if the znode has this version; None is any."""
        self._writes.append(("delete", path, None, version, None, (0, 0)))
        return self

    def check(self, path: str, *, version: int | None = None) -> Self:
        """Adds a condition: the znode exists and has this version; None is any."""
        self._writes.append(("check", path, None, version, None, (0, 0)))
        return self

    def __len__(self) -> int:
        return len(self._writes)


def tree_deletion(raw: _tenure.Operations, root: str,
                  limit: float | None) -> Generator[_tenure.Answer[Any], Any, int]:
    """Deletes a znode and all below it, deepest first; yields the answers it waits for.

    Goes again over what others created meanwhile. `/` itself and `/zookeeper` stay.
    """
    left = _countdown(limit)
    deleted = 0
    while True:
        is_complete = True
        for level in reversed((yield from _levels(raw, root, left))):
            for paths in _batches([path for path in level if path != "/"]):
                answers = [raw.delete(path, None, False, left()) for path in paths]
                for answer in answers:
                    try:
                        yield answer
                        deleted += 1
                    except NoNodeError:
                        pass
                    except NotEmptyError:
                        is_complete = False
        if is_complete:
            return deleted


def _levels(raw: _tenure.Operations, root: str,
            left: Any) -> Generator[_tenure.Answer[Any], Any, list[list[str]]]:
    levels = [[root]]
    while levels[-1]:
        below: list[str] = []
        for paths in _batches(levels[-1]):
            answers = [raw.children(path, left()) for path in paths]
            for path, answer in zip(paths, answers):
                try:
                    names = (yield answer).names
                except NoNodeError:
                    if path == root:
                        raise
                    continue
                below += [f"{path.rstrip('/')}/{name}" for name in names]
        levels.append([path for path in below if path != "/zookeeper"])
    return levels


def _batches(paths: Sequence[str]) -> Iterator[Sequence[str]]:
    return (paths[at:at + _BATCH] for at in range(0, len(paths), _BATCH))


def _countdown(limit: float | None) -> Any:
    if limit is None:
        return lambda: None
    deadline = time.monotonic() + limit
    return lambda: max(0.0, deadline - time.monotonic())
