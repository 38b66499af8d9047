"""An authority, a server and a client with their certificates, made with the `openssl` program."""

from __future__ import annotations

import subprocess
from pathlib import Path

# Of the client's certificate, and so its identity of the scheme x509.
CLIENT = "CN=client"

_NAMES = "subjectAltName=DNS:localhost,IP:127.0.0.1"


def make(folder: Path) -> None:
    """Writes `ca.pem`, `server.pem` and `client.pem`, the latter two with their keys in front."""
    _openssl(folder, "req", "-x509", *_NEW_KEY, "ca.key", "-subj", "/CN=authority", "-days", "30",
             "-addext", "keyUsage=critical,keyCertSign", "-out", "ca.pem")
    for name, purpose in (("server", "serverAuth"), ("client", "clientAuth")):
        _openssl(folder, "req", *_NEW_KEY, f"{name}.key", "-subj", f"/CN={name}",
                 "-out", f"{name}.csr")
        extensions = folder / f"{name}.ext"
        extensions.write_text(f"basicConstraints=CA:FALSE\nextendedKeyUsage={purpose}\n{_NAMES}\n")
        _openssl(folder, "x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
                 "-CAcreateserial", "-days", "30", "-extfile", extensions.name,
                 "-out", f"{name}.crt")
        both = (folder / f"{name}.key").read_text() + (folder / f"{name}.crt").read_text()
        pem = folder / f"{name}.pem"
        pem.touch(mode=0o600)
        pem.write_text(both)


_NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout"]


def _openssl(folder: Path, *words: str) -> None:
    subprocess.run(["openssl", *words], cwd=folder, check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.PIPE)
