"""Certificates for tests, made by OpenSSL's program."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest


class Pair(NamedTuple):
    """A certificate and its key."""

    cert: Path
    key: Path


class Authority:
    """An authority of its own, in a directory."""

    def __init__(self, folder: Path) -> None:
        if shutil.which("openssl") is None:
            pytest.skip("openssl is not installed")
        folder.mkdir(parents=True)
        self._folder = folder
        self._count = 0
        self.file = folder / "ca.pem"
        self._openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                      "-nodes", "-days", "2", "-subj", f"/CN=authority of {folder.name}",
                      "-keyout", "ca.key", "-out", "ca.pem")

    def issue(self, names: str = "IP:127.0.0.1,DNS:localhost", *, common_name: str = "test",
              usage: str = "serverAuth", days: int = 1) -> Pair:
        """A certificate for these names, as OpenSSL writes alternative names; none if empty."""
        self._count += 1
        stem = f"issued{self._count}"
        extensions = f"basicConstraints=CA:FALSE\nextendedKeyUsage={usage}\n"
        if names:
            extensions += f"subjectAltName={names}\n"
        (self._folder / f"{stem}.ext").write_text(extensions)
        self._openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                      "-subj", f"/CN={common_name}", "-keyout", f"{stem}.key",
                      "-out", f"{stem}.csr")
        self._openssl("x509", "-req", "-in", f"{stem}.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
                      "-CAcreateserial", "-days", str(days), "-extfile", f"{stem}.ext",
                      "-out", f"{stem}.pem")
        return Pair(self._folder / f"{stem}.pem", self._folder / f"{stem}.key")

    def _openssl(self, *words: str) -> None:
        made = subprocess.run(["openssl", *words], cwd=self._folder, timeout=60,
                              capture_output=True, text=True)
        assert made.returncode == 0, made.stderr
