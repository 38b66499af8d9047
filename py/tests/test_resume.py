"""Sessions that go on in another client, and the token that lets them."""

from __future__ import annotations

import copy
import pickle
import threading
from queue import SimpleQueue

import pytest

import tenure
from conftest import PATIENCE
from tenure import LossReason, State


def test_a_detached_session_goes_on_elsewhere(server: tenure.Server) -> None:
    first = server.client().connect()
    first.create("/e", ephemeral=True)
    token = first.detach()
    assert first.state is State.LOST
    assert first.session.wait_lost(PATIENCE) is LossReason.ABANDONED
    assert server.sessions() == [token.session_id]
    with server.client(resume=token) as second:
        assert second.session.id == token.session_id
        assert second.ephemerals() == ["/e"]
    assert server.sessions() == []


def test_a_live_session_tells_its_credentials(server: tenure.Server) -> None:
    first = server.client(recovery=tenure.Recovery.resume_only()).connect()
    first.create("/e", ephemeral=True)
    token = first.session.credentials
    assert token.session_id == first.session.id and token.last_zxid > 0
    first.close()
    with pytest.raises(tenure.SessionLostError):
        first.session.credentials
    lazy = tenure.Client("127.0.0.1:1")
    with pytest.raises(tenure.ConnectionLossError):
        lazy.session.credentials
    again = server.client().connect()
    token = again.session.credentials
    assert token == again.detach()
    with server.client(resume=token) as second:
        assert second.session.id == token.session_id
    lazy.close(timeout=0)


def test_a_token_survives_its_bytes(server: tenure.Server) -> None:
    token = server.client().connect().detach()
    raw = token.to_bytes()
    assert tenure.Credentials.from_bytes(raw) == token
    with server.client(resume=raw) as client:
        assert client.session.id == token.session_id


def test_a_token_of_an_ended_session_is_refused(server: tenure.Server) -> None:
    token = server.client().connect().detach()
    server.faults.expire(token)
    with pytest.raises(tenure.SessionExpiredError):
        server.client(resume=token, recovery=tenure.Recovery.resume_only()).connect()
    with server.client(resume=token) as client:
        assert client.session.epoch == 2


def test_a_token_does_not_leak_its_password(server: tenure.Server) -> None:
    token = server.client().connect().detach()
    for text in (repr(token), str(token), f"{token}", "%s" % token):
        assert "password" not in text
        assert repr(token.password) not in text and token.password.hex() not in text
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError):
            pickle.dumps(token, protocol)
    with pytest.raises(TypeError):
        copy.copy(token)
    with pytest.raises(AttributeError):
        token.password = b""  # type: ignore[misc]
    server.faults.expire(token)


def test_a_digest_does_not_print_its_password() -> None:
    assert "secret" not in repr(tenure.Digest("ann", "secret"))


def test_a_session_that_is_resumed_elsewhere_moves_there(server: tenure.Server) -> None:
    """Both go on resuming it; the first to be evicted too often says that it was stolen."""
    token = server.client(session_timeout=30).connect().detach()
    backoff = (0.001, 0.01)
    first = server.client(resume=token, backoff=backoff).connect()
    second = server.client(resume=token, backoff=backoff).connect()
    lost: SimpleQueue[LossReason | None] = SimpleQueue()
    for client in (first, second):
        threading.Thread(
            target=lambda client=client: lost.put(client.session.wait_lost(PATIENCE))).start()
    assert lost.get(timeout=PATIENCE) is LossReason.STOLEN
    first.close()
    second.close()
    lost.get(timeout=PATIENCE)
