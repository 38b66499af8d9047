"""A server and a client for each test, and waiting for something to become true."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

import tenure

# Long enough for a crowded machine; nothing waits this long unless it is broken.
PATIENCE = 20.0


@pytest.fixture
def server() -> Iterator[tenure.Server]:
    with tenure.Server() as server:
        yield server


@pytest.fixture
def client(server: tenure.Server) -> Iterator[tenure.Client]:
    with server.client(session_timeout=10, backoff=(0.01, 0.1)) as client:
        yield client


def until(claim: Callable[[], object]) -> None:
    """Waits until `claim` is true."""
    deadline = time.monotonic() + PATIENCE
    while not claim():
        assert time.monotonic() < deadline, "it did not become true"
        time.sleep(0.002)


def reach(states: tenure.StateStream, wanted: tenure.State, epoch: int = 0) -> tenure.SessionEvent:
    """Reads states until the wanted one; of this epoch, if one is given."""
    deadline = time.monotonic() + PATIENCE
    while (event := states.next(timeout=max(0.0, deadline - time.monotonic()))) is not None:
        if event.state is wanted and epoch in (0, event.epoch):
            return event
    raise AssertionError(f"{wanted} did not come")
