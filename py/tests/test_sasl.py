"""Users who prove themselves by SASL."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

import tenure
import tenure.aio

from conftest import reach

BOB = tenure.Identity("sasl", "bob")


@pytest.fixture
def server() -> Iterator[tenure.Server]:
    with tenure.Server(sasl_users={"bob": "bob's secret"}) as server:
        yield server


def both(user: str, password: str) -> list[tenure.Sasl]:
    return [tenure.Sasl.digest_md5(user, password), tenure.Sasl.scram_sha256(user, password)]


@pytest.mark.parametrize("sasl", both("bob", "bob's secret"))
def test_a_proven_user_keeps_the_name_on_every_connection(server: tenure.Server,
                                                          sasl: tenure.Sasl) -> None:
    with server.client(sasl=sasl, backoff=(0.01, 0.1)) as client:
        assert BOB in client.whoami()
        states = client.states()
        server.faults.drop_connection(client)
        reach(states, tenure.State.SUSPENDED)
        reach(states, tenure.State.CONNECTED)
        assert BOB in client.whoami()


def test_asyncio_takes_the_same_options(server: tenure.Server) -> None:
    async def story() -> None:
        sasl = tenure.Sasl.scram_sha256("bob", "bob's secret")
        async with tenure.aio.Client(server.hosts, sasl=sasl) as client:
            assert BOB in await client.whoami()

    asyncio.run(story())


@pytest.mark.parametrize("sasl", both("bob", "guessed") + both("nobody", "bob's secret"))
def test_a_wrong_password_ends_the_client(server: tenure.Server, sasl: tenure.Sasl) -> None:
    client = tenure.Client(server.hosts, sasl=sasl)
    with pytest.raises(tenure.AuthFailedError):
        client.connect()
    with pytest.raises(tenure.AuthFailedError):
        client.get("/")
    assert client.state is tenure.State.LOST
    client.close()


def test_who_has_not_proven_itself_may_be_refused() -> None:
    users = {"bob": "bob's secret"}
    with tenure.Server(sasl_users=users, require_auth=["sasl"]) as server:
        with server.client(sasl=tenure.Sasl.scram_sha256(*users.popitem())) as client:
            client.create("/mine")
        with tenure.Client(server.hosts, op_timeout=5) as stranger:
            with pytest.raises(tenure.AuthRequiredError):
                stranger.get("/mine")


def test_the_password_stands_in_no_text() -> None:
    for sasl in both("bob", "bob's secret"):
        assert "bob" in repr(sasl)
        assert "secret" not in repr(sasl)


def test_what_scram_cannot_use_is_refused_at_once() -> None:
    with pytest.raises(tenure.InvalidArgumentError, match="password"):
        tenure.Client(sasl=tenure.Sasl.scram_sha256("bob", ""))


def test_users_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError):
        tenure.Server(sasl_users={"": "x"})
