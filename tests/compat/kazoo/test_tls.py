"""kazoo over TLS, on a port of its own and with certificates on both sides."""

from __future__ import annotations

import os
from typing import Any, Callable, Iterator

import pytest
from kazoo.client import KazooClient
from kazoo.exceptions import NoAuthError
from kazoo.handlers.threading import KazooTimeoutError
from kazoo.security import make_acl

import server_process
from certificates import Authority
from waiting import Recorder

if os.environ.get("TENURE_COMPAT_SERVER") == "apache":
    pytest.skip("Apache's server is started without TLS here", allow_module_level=True)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls") / "own")


@pytest.fixture(scope="module")
def secure(authority: Authority) -> Iterator[server_process.ServerProcess]:
    pair = authority.issue()
    with server_process.start_secure(pair.cert, pair.key, authority.file) as running:
        yield running


@pytest.fixture
def connect_securely(connect: Callable[..., KazooClient], authority: Authority,
                     secure: server_process.ServerProcess) -> Callable[..., KazooClient]:
    def make(common_name: str, **options: Any) -> KazooClient:
        own = authority.issue("", common_name=common_name, usage="clientAuth")
        return connect(secure.hosts, use_ssl=True, ca=str(authority.file), certfile=str(own.cert),
                       keyfile=str(own.key), **options)

    return make


def test_the_subject_of_a_certificate_is_an_identity(
        connect_securely: Callable[..., KazooClient]) -> None:
    bob = connect_securely("bob")
    bob.create("/bobs", b"x" * 500_000, acl=[make_acl("x509", "CN=bob", all=True)])
    assert len(bob.get("/bobs")[0]) == 500_000
    with pytest.raises(NoAuthError):
        connect_securely("alice").get("/bobs")


def test_watches_and_transactions_go_through(connect_securely: Callable[..., KazooClient]) -> None:
    zk = connect_securely("bob")
    seen = Recorder()
    zk.ensure_path("/watched")
    zk.get_children("/watched", watch=seen)
    transaction = zk.transaction()
    transaction.create("/watched/a")
    transaction.create("/watched/b")
    assert transaction.commit() == ["/watched/a", "/watched/b"]
    assert seen.next().type == "CHILD"
    assert sorted(zk.get_children("/watched")) == ["a", "b"]


def test_without_a_certificate_nobody_gets_in(secure: server_process.ServerProcess,
                                              authority: Authority) -> None:
    stranger = KazooClient(secure.hosts, use_ssl=True, ca=str(authority.file))
    with pytest.raises(KazooTimeoutError):
        stranger.start(timeout=2)
    stranger.stop()
    stranger.close()
