"""kazoo logs in by SASL's DIGEST-MD5, which it leaves to pure-sasl."""

from __future__ import annotations

from typing import Any, Callable, Iterator

import pytest
from kazoo.client import KazooClient
from kazoo.exceptions import AuthFailedError, NoAuthError
from kazoo.security import make_acl

import server_process
from cutting_proxy import CuttingProxy

USERS = {"bob": "bob's secret", "alice": "alice's secret"}


@pytest.fixture(scope="module")
def sasl_server() -> Iterator[server_process.ServerProcess]:
    with server_process.start_with_users(USERS) as running:
        yield running


@pytest.fixture
def log_in(connect: Callable[..., KazooClient],
           sasl_server: server_process.ServerProcess) -> Callable[..., KazooClient]:
    def make(user: str, password: str, hosts: str = sasl_server.hosts,
             **options: Any) -> KazooClient:
        sasl = {"mechanism": "DIGEST-MD5", "username": user, "password": password}
        return connect(hosts, sasl_options=sasl, **options)

    return make


def test_a_user_owns_what_others_cannot_read(
        log_in: Callable[..., KazooClient], connect: Callable[..., KazooClient],
        sasl_server: server_process.ServerProcess) -> None:
    bob = log_in("bob", USERS["bob"])
    bob.create("/bobs", b"mine", acl=[make_acl("sasl", "bob", all=True)])
    assert bob.get("/bobs")[0] == b"mine"
    with pytest.raises(NoAuthError):
        connect(sasl_server.hosts).get("/bobs")
    with pytest.raises(NoAuthError):
        log_in("alice", USERS["alice"]).get("/bobs")


def test_the_user_is_proven_again_after_a_reconnect(
        log_in: Callable[..., KazooClient], sasl_server: server_process.ServerProcess) -> None:
    with CuttingProxy(sasl_server.hosts) as between:
        bob = log_in("bob", USERS["bob"], hosts=between.hosts)
        bob.create("/cut", b"mine", acl=[make_acl("sasl", "bob", all=True)])
        session = bob.client_id
        for _ in range(3):
            between.cut()
            assert bob.retry(bob.get, "/cut")[0] == b"mine"
        assert bob.client_id == session


@pytest.mark.parametrize(("user", "password"), [("bob", "guessed"), ("nobody", "guessed")])
def test_a_wrong_password_is_told(log_in: Callable[..., KazooClient], user: str,
                                  password: str) -> None:
    # kazoo counts as started when it has a session, which is before it logs in.
    with pytest.raises(AuthFailedError):
        log_in(user, password).get("/")
