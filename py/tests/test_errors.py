"""Errors: one class per code, and what they say about the write."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable

import pytest

import tenure
from tenure import _tenure
from tenure.errors import BY_CODE, of


def test_every_code_of_the_core_has_a_class() -> None:
    for name, number in _tenure.codes():
        found = BY_CODE[number].__name__
        stem = name.removesuffix("Error")
        # Two codes speak of a request that timed out, and one name is Python's own.
        alias = {"RequestTimeout": "OperationTimeoutError", "System": "ServerSystemError"}
        assert found == alias.get(stem, f"{stem}Error")


def test_every_error_class_is_public() -> None:
    for error in BY_CODE.values():
        assert getattr(tenure, error.__name__) is error


class FailureOfTheCore:
    """A failure as the core hands it out, of a kind that takes a long way to reach."""

    def __init__(self, kind: str, epoch: int = 0, is_certain: bool = True, seen: int = 0) -> None:
        self.kind, self.epoch, self.is_certain, self.seen = kind, epoch, is_certain, seen
        self.code = self.path = self.reason = self.index = None
        self.is_unknown, self.length, self.message = False, 0, "what happened"


def test_a_lost_lock_says_whether_that_is_certain() -> None:
    for certain in (True, False):
        error = of(FailureOfTheCore("LockLost", 3, certain))  # type: ignore[arg-type]
        assert isinstance(error, tenure.LockLostError)
        assert (error.epoch, error.certain) == (3, certain)
        assert error.outcome is tenure.Outcome.NOT_APPLIED


def test_lost_data_say_how_far_the_client_had_seen() -> None:
    error = of(FailureOfTheCore("EnsembleRegressed", seen=0x2A))  # type: ignore[arg-type]
    assert isinstance(error, tenure.EnsembleRegressedError)
    assert error.seen == 0x2A


def test_a_refused_write_was_not_applied(client: tenure.Client) -> None:
    client.create("/a/b", parents=True)
    refused: dict[type[tenure.TenureError], Callable[[], object]] = {
        tenure.NodeExistsError: lambda: client.create("/a"),
        tenure.NoNodeError: lambda: client.set("/missing", b""),
        tenure.NotEmptyError: lambda: client.delete("/a"),
        tenure.BadVersionError: lambda: client.set("/a", b"", version=9),
    }
    for kind, write in refused.items():
        with pytest.raises(kind) as caught:
            write()
        error = caught.value
        assert isinstance(error, tenure.ServerError)
        assert error.outcome is tenure.Outcome.NOT_APPLIED
        assert BY_CODE[error.code] is kind
        assert error.path in ("/a", "/missing")
        assert error.path in str(error)


def test_an_invalid_path_is_also_a_value_error(client: tenure.Client) -> None:
    with pytest.raises(ValueError) as caught:
        client.get("a")
    assert isinstance(caught.value, tenure.InvalidArgumentError)
    assert caught.value.outcome is tenure.Outcome.NOT_APPLIED


def test_invalid_options_are_refused_when_the_client_is_made() -> None:
    with pytest.raises(tenure.InvalidArgumentError):
        tenure.Client("127.0.0.1:notaport")
    with pytest.raises(ValueError):
        tenure.Client("127.0.0.1:1/a", chroot="/b")
    with pytest.raises(ValueError):
        tenure.Client(resume=b"not a token")


def test_a_mistyped_option_is_named_with_what_it_takes() -> None:
    with pytest.raises(tenure.InvalidArgumentError, match='when_disconnected.*"wait".*"fail"'):
        tenure.Client(when_disconnected="block")  # type: ignore[arg-type]
    with pytest.raises(tenure.InvalidArgumentError, match='host_order.*"shuffle".*"given"'):
        tenure.Client(host_order="random")  # type: ignore[arg-type]
    with pytest.raises(tenure.InvalidArgumentError, match='when_regressed.*"stop".*"forget"'):
        tenure.Client(when_regressed="ignore")  # type: ignore[arg-type]
    with pytest.raises(tenure.InvalidArgumentError, match='clock.*"real".*"manual"'):
        tenure.Server(clock="fake")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="host:port"):
        tenure.Client(2181)  # type: ignore[arg-type]


def test_a_credential_of_the_wrong_type_is_refused_and_not_shown() -> None:
    with pytest.raises(TypeError, match="bytes") as caught:
        tenure.Client(auth=[("digest", "user:secret")])  # type: ignore[list-item]
    assert "secret" not in str(caught.value)


def test_a_client_that_finds_no_server_says_where_it_looked() -> None:
    client = tenure.Client("127.0.0.1:1")
    with pytest.raises(tenure.OperationTimeoutError, match="127.0.0.1:1 "):
        client.connect(timeout=0.05)
    client.close(timeout=0)


def test_a_client_with_a_refused_identity_can_be_closed(server: tenure.Server) -> None:
    client = tenure.Client(server.hosts, auth=[("nosuch", b"x")])
    with pytest.raises(tenure.AuthFailedError):
        client.connect(timeout=10)
    client.close()


class SilentServer:
    """Answers the handshake, then reads and says nothing."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.hosts = "127.0.0.1:%d" % self._listener.getsockname()[1]
        self.connection: socket.socket | None = None
        self.has_request = threading.Event()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        try:
            while True:
                connection, _ = self._listener.accept()
                self.connection = connection
                connection.recv(1000)
                connection.sendall(bytes.fromhex(
                    "00000025" "00000000" "00002710" "0000000000000001" "00000010")
                    + bytes(17))
                while connection.recv(1000):
                    self.has_request.set()
        except OSError:
            pass

    def cut(self) -> None:
        assert self.connection is not None
        self.connection.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._listener.close()
        if self.connection is not None:
            self.connection.close()


def test_a_write_without_an_answer_has_an_unknown_outcome() -> None:
    silent = SilentServer()
    client = tenure.Client(silent.hosts).connect()
    with pytest.raises(tenure.OperationTimeoutError) as caught:
        client.set("/a", b"", timeout=0.2)
    assert caught.value.outcome is tenure.Outcome.UNKNOWN
    assert isinstance(caught.value, TimeoutError)
    client.close(timeout=0)
    silent.close()


def test_a_write_cut_off_has_an_unknown_outcome_and_an_epoch() -> None:
    silent = SilentServer()
    client = tenure.Client(silent.hosts, op_timeout=20).connect()
    silent.has_request.clear()

    def cut_when_it_has_arrived() -> None:
        if silent.has_request.wait(20):
            silent.cut()

    threading.Thread(target=cut_when_it_has_arrived).start()
    with pytest.raises(tenure.ConnectionLossError) as caught:
        client.create("/a")
    assert caught.value.outcome is tenure.Outcome.UNKNOWN
    assert caught.value.epoch == 1
    assert isinstance(caught.value, ConnectionError)
    client.close(timeout=0)
    silent.close()


def test_an_unsent_write_was_not_applied() -> None:
    nobody = socket.create_server(("127.0.0.1", 0))
    hosts = "127.0.0.1:%d" % nobody.getsockname()[1]
    nobody.close()
    waiting = tenure.Client(hosts)
    with pytest.raises(tenure.OperationTimeoutError) as timed_out:
        waiting.create("/a", timeout=0.1)
    assert timed_out.value.outcome is tenure.Outcome.NOT_APPLIED
    failing = tenure.Client(hosts, when_disconnected="fail")
    with pytest.raises(tenure.ConnectionLossError) as lost:
        failing.create("/a")
    assert lost.value.outcome is tenure.Outcome.NOT_APPLIED
    with pytest.raises(tenure.OperationTimeoutError):
        waiting.connect(timeout=0.1)
    waiting.close(timeout=0)
    failing.close(timeout=0)


def test_a_closed_client_says_so(server: tenure.Server) -> None:
    client = server.client()
    with client:
        assert client.exists("/") is not None
    with pytest.raises(tenure.ClosedError):
        client.exists("/")
    client.close()
