"""multi through kazoo's transactions: all or nothing, one result per operation."""

from __future__ import annotations

import pytest
from kazoo.exceptions import (
    BadVersionError,
    NodeExistsError,
    NoNodeError,
    RolledBackError,
    RuntimeInconsistency,
)
from kazoo.protocol.states import EventType

from waiting import Recorder


def test_all_kinds_of_operation_in_one(zk, root):
    zk.create(root + "/old", b"old")
    transaction = zk.transaction()
    transaction.check(root + "/old", 0)
    transaction.create(root + "/new", b"new")
    transaction.set_data(root + "/new", b"newer", version=0)
    transaction.create(root + "/seq-", sequence=True)
    transaction.create(root + "/eph", ephemeral=True)
    transaction.delete(root + "/old", version=0)
    results = transaction.commit()
    assert results[0] is True
    assert results[1] == root + "/new"
    assert results[2].version == 1
    assert results[3].startswith(root + "/seq-")
    assert results[4] == root + "/eph"
    assert results[5] is True
    assert zk.exists(root + "/old") is None
    assert zk.exists(root + "/eph").ephemeralOwner == zk.client_id[0]


def test_one_zxid_for_all(zk, root):
    transaction = zk.transaction()
    for name in ("a", "b", "c"):
        transaction.create(f"{root}/{name}")
    transaction.commit()
    assert len({zk.exists(f"{root}/{name}").czxid for name in ("a", "b", "c")}) == 1


def test_a_failure_undoes_what_came_before(zk, root):
    zk.create(root + "/there")
    transaction = zk.transaction()
    transaction.create(root + "/first")
    transaction.create(root + "/there")
    transaction.delete(root + "/there")
    results = transaction.commit()
    assert isinstance(results[0], RolledBackError)
    assert isinstance(results[1], NodeExistsError)
    assert isinstance(results[2], RuntimeInconsistency)
    assert zk.exists(root + "/first") is None
    assert zk.exists(root + "/there")


def test_a_failed_check(zk, root):
    zk.create(root + "/a")
    transaction = zk.transaction()
    transaction.check(root + "/a", 3)
    transaction.set_data(root + "/a", b"changed")
    results = transaction.commit()
    assert isinstance(results[0], BadVersionError)
    assert zk.get(root + "/a")[0] == b""


def test_later_operations_see_earlier_ones(zk, root):
    transaction = zk.transaction()
    transaction.create(root + "/a")
    transaction.create(root + "/a/b")
    transaction.delete(root + "/a/b")
    transaction.delete(root + "/a")
    assert transaction.commit() == [root + "/a", root + "/a/b", True, True]


def test_a_missing_znode(zk, root):
    transaction = zk.transaction()
    transaction.delete(root + "/none")
    assert isinstance(transaction.commit()[0], NoNodeError)


def test_an_empty_transaction(zk):
    assert zk.transaction().commit() == []


def test_a_failed_transaction_wakes_no_watch(zk, root):
    heard = Recorder()
    zk.create(root + "/a")
    zk.get(root + "/a", watch=heard)
    transaction = zk.transaction()
    transaction.set_data(root + "/a", b"1")
    transaction.check(root + "/a", 9)
    transaction.commit()
    # Had the failure consumed the watch, its event would be DELETED's elder and of another type.
    zk.delete(root + "/a")
    assert heard.next().type == EventType.DELETED
    assert heard.is_drained
