"""Exits 0 when the installed kazoo is, file by file, what its registry hands out."""

from __future__ import annotations

import base64
import hashlib
import sys
from importlib.metadata import PackagePath, files


def is_changed(file: PackagePath) -> bool:
    if file.hash is None:
        # Compiled copies and the list of files itself.
        return False
    digest = hashlib.new(file.hash.mode, file.read_binary()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != file.hash.value


def main() -> int:
    listed = files("kazoo") or []
    changed = [str(file) for file in listed if is_changed(file)]
    if not any(str(file).startswith("kazoo/tests/test_") for file in listed):
        changed.append("its tests are not there")
    print("\n".join(changed))
    return 1 if changed else 0


if __name__ == "__main__":
    sys.exit(main())
