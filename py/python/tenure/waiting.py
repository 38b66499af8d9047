"""Waiting for the core on the calling thread, and what an answer means."""

from __future__ import annotations

from typing import Protocol, TypeVar

from . import errors
from ._tenure import INTERPRETER_ENDING, ON_CALLBACK_THREAD, READY, Answer, Bridge, Failure

_T = TypeVar("_T")
_S = TypeVar("_S")


class Waitable(Protocol):
    """What the core has, or will have."""

    def wait(self, limit: float | None = None) -> int: ...

    def poll(self, bridge: Bridge, number: int) -> bool: ...


def block(waitable: Waitable, limit: float | None = None) -> bool:
    """Waits with the interpreter lock released; False when `limit` seconds were not enough."""
    how = waitable.wait(limit)
    if how == ON_CALLBACK_THREAD:
        raise errors.WouldDeadlockError(
            "a blocking call on a callback thread; hand the work to another thread")
    if how == INTERPRETER_ENDING:
        raise errors.ClosedError("the interpreter is shutting down")
    return how == READY


def value(answer: Answer[_T]) -> _T:
    """Takes an answer that is there."""
    return raised(answer.take())


def answered(answer: Answer[_T]) -> _T:
    """Waits for an answer and takes it."""
    block(answer)
    return raised(answer.take())


def raised(taken: _S | Failure) -> _S:
    """What was taken, unless it is a failure; that is raised."""
    if isinstance(taken, Failure):
        raise errors.of(taken)
    return taken


def all_raised(taken: list[_S | Failure]) -> list[_S]:
    """The same for a list."""
    return [raised(item) for item in taken]
