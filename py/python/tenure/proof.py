"""Who trusts whom, and what they prove themselves with: TLS and SASL."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Literal, Self, TypeAlias, final

StrPath: TypeAlias = str | os.PathLike[str]
"""The path of a file."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """How a client speaks TLS: TLS 1.3 or 1.2, to servers whose certificate it has checked.

    The certificate has to be valid, made for servers, from a trusted authority, and to name what
    the host list names: a host name among its DNS names, an IP address among its IP addresses. A
    common name does not count, and none of these checks can be left out: to try things out, make an
    authority of your own and name it in `ca`.

    Files are PEM. They are read when the client is made, which raises `InvalidArgumentError` for
    one that cannot be used, and again before every later connection, so that a renewed certificate
    is used from then on.
    """

    ca: StrPath | None = None
    """The authorities to trust, and no others; None for those that this machine trusts."""
    cert: StrPath | None = None
    """The client's chain of certificates for servers that ask, its own first."""
    key: StrPath | None = None
    """Its private key, not encrypted; None if it stands in `cert` too."""
    server_name: str | None = None
    """What every server's certificate has to be for, instead of the name in the host list."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ServerTls:
    """How a server speaks TLS.

    Files are PEM. When they change, new connections have what is in them then.
    """

    cert: StrPath
    """The server's chain of certificates, its own first."""
    key: StrPath | None = None
    """Its private key, not encrypted; None if it stands in `cert` too."""
    client_ca: StrPath | None = None
    """The authorities whose certificates prove a client, by its subject in the scheme `x509`."""
    client_auth: Literal["none", "want", "need"] | None = None
    """Whether a client has to show a certificate; unless given "need" with `client_ca`."""


@final
@dataclass(frozen=True, slots=True)
class Sasl:
    """A user and a password, and how to prove to know it: `digest_md5` or `scram_sha256`."""

    mechanism: str
    user: str
    password: str = field(repr=False)

    @classmethod
    def digest_md5(cls, user: str, password: str) -> Self:
        """DIGEST-MD5, which Apache ZooKeeper's servers know.

        Whoever reads along can try passwords against what they saw: use it over TLS, or with a
        password that cannot be guessed.
        """
        return cls("DIGEST-MD5", user, password)

    @classmethod
    def scram_sha256(cls, user: str, password: str) -> Self:
        """SCRAM-SHA-256, which tenure's servers know and Apache ZooKeeper's do not.

        Guessing passwords costs thousands of hashes for each.
        """
        return cls("SCRAM-SHA-256", user, password)


_Files: TypeAlias = tuple[str | None, str | None, str | None, str | None]


def as_files(tls: Tls | bool | None) -> _Files | None:
    """TLS as the core takes it: authorities, certificate, key and server name."""
    if tls is None or tls is False:
        return None
    if tls is True:
        tls = Tls()
    ca, cert, key = (None if path is None else os.fspath(path)
                     for path in (tls.ca, tls.cert, tls.key))
    return ca, cert, key, tls.server_name


def as_server_files(tls: ServerTls | None) -> tuple[str, str | None, str | None, str] | None:
    """TLS of a server as the core takes it: certificate, key, authorities of clients, demand."""
    if tls is None:
        return None
    key, client_ca = (None if path is None else os.fspath(path)
                      for path in (tls.key, tls.client_ca))
    demand = tls.client_auth or ("none" if client_ca is None else "need")
    return os.fspath(tls.cert), key, client_ca, demand


def as_user(sasl: Sasl | None) -> tuple[str, str, str] | None:
    """A user as the core takes one: mechanism, name and password."""
    return sasl and (sasl.mechanism, sasl.user, sasl.password)
