"""ACLs and identities: world, auth, digest and ip, through kazoo's add_auth."""

from __future__ import annotations

import pytest
from kazoo.exceptions import AuthFailedError, BadVersionError, InvalidACLError, NoAuthError
from kazoo.security import (
    CREATOR_ALL_ACL,
    OPEN_ACL_UNSAFE,
    READ_ACL_UNSAFE,
    Permissions,
    make_acl,
    make_digest_acl,
    make_digest_acl_credential,
)


def test_the_default_is_open(zk, root):
    zk.create(root + "/a")
    acls, stat = zk.get_acls(root + "/a")
    assert acls == OPEN_ACL_UNSAFE
    assert stat.aversion == 0


def test_auth_stands_for_the_creators_identities(zk, root, connect):
    owner = connect(auth_data=[("digest", "bob:pw")])
    owner.create(root + "/mine", b"secret", acl=CREATOR_ALL_ACL)
    acls, _ = owner.get_acls(root + "/mine")
    assert [(acl.id.scheme, acl.id.id) for acl in acls] == [
        ("digest", make_digest_acl_credential("bob", "pw"))]
    assert owner.get(root + "/mine")[0] == b"secret"
    for forbidden in (
        lambda: zk.get(root + "/mine"),
        lambda: zk.set(root + "/mine", b""),
        lambda: zk.get_children(root + "/mine"),
        lambda: zk.create(root + "/mine/child"),
        lambda: zk.set_acls(root + "/mine", OPEN_ACL_UNSAFE),
    ):
        with pytest.raises(NoAuthError):
            forbidden()


def test_add_auth_opens_the_door(zk, root, connect):
    zk.create(root + "/a", b"x", acl=[make_digest_acl("ann", "secret", all=True)])
    other = connect()
    with pytest.raises(NoAuthError):
        other.get(root + "/a")
    other.add_auth("digest", "ann:wrong")
    with pytest.raises(NoAuthError):
        other.get(root + "/a")
    other.add_auth("digest", "ann:secret")
    assert other.get(root + "/a")[0] == b"x"


def test_identities_are_renewed_after_a_lost_connection(zk, root, connect, proxy):
    zk.create(root + "/a", b"x", acl=[make_digest_acl("ann", "secret", all=True)])
    other = connect(hosts=proxy.hosts)
    other.add_auth("digest", "ann:secret")
    proxy.cut()
    assert other.retry(other.get, root + "/a")[0] == b"x"


def test_permissions_are_separate(zk, root):
    zk.create(root + "/a", b"x", acl=READ_ACL_UNSAFE)
    assert zk.get(root + "/a")[0] == b"x"
    assert zk.get_children(root + "/a") == []
    with pytest.raises(NoAuthError):
        zk.set(root + "/a", b"y")
    with pytest.raises(NoAuthError):
        zk.create(root + "/a/b")
    # Deleting asks the parent.
    zk.delete(root + "/a")


def test_delete_asks_the_parent(zk, root):
    keep = [make_acl("world", "anyone", read=True, create=True, write=True, admin=True)]
    zk.create(root + "/keep", acl=keep)
    zk.create(root + "/keep/child")
    with pytest.raises(NoAuthError):
        zk.delete(root + "/keep/child")


def test_set_acls_counts_and_checks_the_version(zk, root):
    zk.create(root + "/a")
    stat = zk.set_acls(root + "/a", OPEN_ACL_UNSAFE, version=0)
    assert stat.aversion == 1
    assert stat.version == 0
    with pytest.raises(BadVersionError):
        zk.set_acls(root + "/a", OPEN_ACL_UNSAFE, version=0)


def test_acls_by_address(zk, root):
    zk.create(root + "/here", b"x", acl=[make_acl("ip", "127.0.0.1", all=True)])
    zk.create(root + "/near", b"x", acl=[make_acl("ip", "127.0.0.0/8", all=True)])
    zk.create(root + "/far", b"x", acl=[make_acl("ip", "192.0.2.1", all=True)])
    assert zk.get(root + "/here")[0] == b"x"
    assert zk.get(root + "/near")[0] == b"x"
    with pytest.raises(NoAuthError):
        zk.get(root + "/far")


def test_invalid_acls(zk, root):
    for bad in (
        [make_acl("no-such-scheme", "x", all=True)],
        [make_acl("world", "somebody", all=True)],
        [make_acl("ip", "not-an-address", all=True)],
        CREATOR_ALL_ACL,
    ):
        with pytest.raises(InvalidACLError):
            zk.create(root + "/a", acl=bad)


def test_an_unknown_scheme_fails_authentication(connect):
    client = connect()
    with pytest.raises(AuthFailedError):
        client.add_auth("no-such-scheme", "x")


def test_permission_bits_survive_the_round_trip(zk, root):
    acl = [make_acl("world", "anyone", read=True, admin=True)]
    zk.create(root + "/a", acl=acl)
    assert zk.get_acls(root + "/a")[0][0].perms == Permissions.READ | Permissions.ADMIN
