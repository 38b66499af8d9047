"""TLS: whom clients trust, and what they say when they do not."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import tenure
import tenure.aio
from certificates import Authority, Pair
from conftest import reach


class Front:
    """A TLS server of Python's own in front of a plain one. Counts the bytes that clients sent."""

    def __init__(self, upstream: int, pair: Pair, clients: Authority | None = None) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(pair.cert, pair.key)
        if clients is not None:
            self._context.verify_mode = ssl.CERT_REQUIRED
            self._context.load_verify_locations(clients.file)
        self._upstream = upstream
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.received = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                plain, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(plain,), daemon=True).start()

    def _serve(self, plain: socket.socket) -> None:
        try:
            client = self._context.wrap_socket(plain, server_side=True)
        except OSError:
            plain.close()
            return
        server = socket.create_connection(("127.0.0.1", self._upstream))
        threading.Thread(target=_copy, args=(server, client), daemon=True).start()
        try:
            while data := client.recv(65536):
                self.received += len(data)
                server.sendall(data)
        except OSError:
            pass
        server.close()
        client.close()


def _copy(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            target.sendall(data)
    except OSError:
        pass


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls") / "own")


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls") / "other")


@pytest.fixture
def front(server: tenure.Server, authority: Authority) -> Iterator[Front]:
    front = Front(server.port, authority.issue())
    yield front
    front.close()


def test_a_trusted_server_is_served(front: Front, authority: Authority) -> None:
    for host in ("127.0.0.1", "localhost"):
        tls = tenure.Tls(ca=authority.file)
        with tenure.Client(f"{host}:{front.port}", tls=tls) as client:
            path = client.create("/n-", b"x" * 500_000, sequential=True).path
            assert len(client.get(path).data) == 500_000
    assert front.received > 1_000_000


@pytest.mark.parametrize(("names", "usage", "said"), [
    ("DNS:elsewhere", "serverAuth", "not for localhost"),
    ("IP:127.0.0.1", "serverAuth", "not for localhost"),
    ("", "serverAuth", "a common name does not count"),
    ("DNS:localhost", "clientAuth", "not made for servers"),
])
def test_another_certificate_is_refused_and_nothing_is_sent(
        server: tenure.Server, authority: Authority, names: str, usage: str, said: str) -> None:
    front = Front(server.port, authority.issue(names, common_name="localhost", usage=usage))
    client = tenure.Client(f"localhost:{front.port}", tls=tenure.Tls(ca=str(authority.file)))
    with pytest.raises(tenure.TlsError, match=said) as caught:
        client.connect()
    assert caught.value.outcome is tenure.Outcome.NOT_APPLIED
    assert client.state is tenure.State.CONNECTING
    client.close()
    front.close()
    assert front.received == 0


def test_another_authority_is_refused(front: Front, other: Authority) -> None:
    hosts = f"localhost:{front.port}"
    with pytest.raises(tenure.TlsError, match="not from a trusted authority"):
        tenure.connect(hosts, tls=tenure.Tls(ca=other.file))
    # Nor does this machine know the authority of a test, if it knows any.
    with pytest.raises((tenure.TlsError, tenure.InvalidArgumentError)):
        tenure.connect(hosts, tls=True)
    assert front.received == 0


def test_asyncio_takes_the_same_options(front: Front, authority: Authority,
                                        other: Authority) -> None:
    async def story() -> None:
        hosts = f"localhost:{front.port}"
        async with tenure.aio.Client(hosts, tls=tenure.Tls(ca=authority.file)) as client:
            await client.create("/async")
        with pytest.raises(tenure.TlsError):
            await tenure.aio.Client(hosts, tls=tenure.Tls(ca=other.file)).connect()

    asyncio.run(story())


def test_the_machines_authorities_are_trusted_unless_others_are_named(
        front: Front, authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    with tenure.Client(f"localhost:{front.port}", tls=True) as client:
        client.create("/trusted")


def test_a_client_proves_itself_where_that_is_required(
        server: tenure.Server, authority: Authority, tmp_path: Path) -> None:
    front = Front(server.port, authority.issue(), clients=authority)
    hosts = f"localhost:{front.port}"
    own = authority.issue("", usage="clientAuth")
    with tenure.Client(hosts, tls=tenure.Tls(ca=authority.file, cert=own.cert, key=own.key)) as c:
        c.create("/proven")
    both = tmp_path / "both.pem"
    both.write_text(own.cert.read_text() + own.key.read_text())
    with tenure.Client(hosts, tls=tenure.Tls(ca=authority.file, cert=both)) as c:
        assert c.exists("/proven")
    with pytest.raises((tenure.TlsError, tenure.OperationTimeoutError)):
        tenure.connect(hosts, tls=tenure.Tls(ca=authority.file), op_timeout=5)
    front.close()


def test_another_name_can_be_asked_for(server: tenure.Server, authority: Authority) -> None:
    front = Front(server.port, authority.issue("DNS:keeper.example"))
    tls = tenure.Tls(ca=authority.file, server_name="keeper.example")
    with tenure.Client(f"127.0.0.1:{front.port}", tls=tls) as client:
        client.create("/named")
    front.close()


def test_a_timeout_says_why_the_last_attempt_failed(server: tenure.Server,
                                                    authority: Authority) -> None:
    client = server.client(tls=tenure.Tls(ca=authority.file), backoff=(0.01, 0.02))
    with pytest.raises(tenure.OperationTimeoutError, match="not its TLS port"):
        client.connect(timeout=1)
    client.close()


@pytest.mark.parametrize("tls", [
    tenure.Tls(ca="/nowhere/ca.pem"),
    tenure.Tls(key="/nowhere/own.key"),
    tenure.Tls(server_name="no name"),
])
def test_what_cannot_be_used_is_refused_at_once(tls: tenure.Tls) -> None:
    with pytest.raises(tenure.InvalidArgumentError):
        tenure.Client(tls=tls)


def test_the_embedded_server_speaks_tls_and_knows_its_clients(authority: Authority) -> None:
    pair, own = authority.issue(), authority.issue("", common_name="bob", usage="clientAuth")
    tls = tenure.ServerTls(cert=pair.cert, key=pair.key, client_ca=authority.file)
    proof = tenure.Tls(ca=authority.file, cert=own.cert, key=own.key)
    with tenure.Server(tls=tls) as server:
        with server.client(tls=proof, backoff=(0.01, 0.1)) as client:
            assert tenure.Identity("x509", "CN=bob") in client.whoami()
            states = client.states()
            server.restart()
            reach(states, tenure.State.SUSPENDED)
            reach(states, tenure.State.CONNECTED)
            assert tenure.Identity("x509", "CN=bob") in client.whoami()
        stranger = server.client(tls=tenure.Tls(ca=authority.file), op_timeout=5)
        with pytest.raises((tenure.TlsError, tenure.OperationTimeoutError)):
            stranger.connect()
        stranger.close()


def test_users_log_in_over_tls_and_a_port_can_take_both(authority: Authority) -> None:
    pair = authority.issue()
    tls = tenure.ServerTls(cert=str(pair.cert), key=str(pair.key))
    with tenure.Server(tls=tls, plain_too=True, sasl_users={"bob": "bob's secret"}) as server:
        sasl = tenure.Sasl.scram_sha256("bob", "bob's secret")
        with server.client(tls=tenure.Tls(ca=authority.file), sasl=sasl) as client:
            assert tenure.Identity("sasl", "bob") in client.whoami()
        with server.client() as client:
            client.create("/plain")


@pytest.mark.parametrize("tls", [
    tenure.ServerTls(cert="/nowhere/server.pem"),
    tenure.ServerTls(cert=__file__),
])
def test_a_server_without_a_usable_certificate_does_not_start(tls: tenure.ServerTls) -> None:
    with pytest.raises(ValueError):
        tenure.Server(tls=tls)
