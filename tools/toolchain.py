"""What the machine has: the Rust toolchain, which is required, and packages that can be added.

No host name of a registry or mirror is known here: cargo, pip and apt each have their own settings.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

from tools.commands import ask, run
from tools.terminal import say

ROOT = Path(__file__).resolve().parents[1]
APT_LIMIT = 600.0


class Missing(Exception):
    """Something required is not there; the text says what to type."""


def check_rust() -> None:
    """Raises `Missing` unless cargo and rustc are as new as the workspace demands."""
    wanted = _workspace_rust_version()
    for program in ("cargo", "rustc"):
        told = ask([program, "--version"], cwd=ROOT)
        if told is None:
            raise Missing(
                f"{program} is missing; install Rust {_dotted(wanted)} or newer with rustup "
                "(Debian's own package is too old)")
        found = re.search(r"(\d+)\.(\d+)", told)
        if found and (int(found[1]), int(found[2])) < wanted:
            raise Missing(
                f"{program} {found[0]} is too old, this needs {_dotted(wanted)} or newer; "
                "with rustup: rustup update stable")


def _workspace_rust_version() -> Tuple[int, int]:
    # Read as text: an old cargo refuses the manifest before it tells the version it wants.
    found = re.search(r'^rust-version *= *"(\d+)\.(\d+)', (ROOT / "Cargo.toml").read_text(), re.M)
    if not found:
        raise Missing("Cargo.toml names no rust-version")
    return int(found[1]), int(found[2])


def _dotted(version: Tuple[int, int]) -> str:
    return ".".join(map(str, version))


def metadata() -> Dict[str, Any]:
    """`cargo metadata` of the workspace, without its dependencies."""
    told = ask(["cargo", "metadata", "--format-version", "1", "--no-deps"], cwd=ROOT)
    if told is None:
        raise Missing("`cargo metadata` fails; run it to see why")
    found: Dict[str, Any] = json.loads(told)
    return found


def host_triple() -> str:
    found = re.search(r"^host: (\S+)$", ask(["rustc", "-vV"]) or "", re.M)
    if not found:
        raise Missing("`rustc -vV` does not name the host")
    return found[1]


class Packages:
    """Debian packages: added with apt when this user may, otherwise named for the reader."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._is_fresh = False
        self._refused: Dict[str, str] = {}

    def need(self, is_there: Any, *packages: str) -> Optional[str]:
        """Installs `packages` unless `is_there()`; the reason when it is still not there."""
        if is_there():
            return None
        names = " ".join(packages)
        if names not in self._refused:
            self._refused[names] = self._install(list(packages))
        if is_there():
            return None
        why = self._refused[names] or "installed, but it does not work"
        return f"{names} is missing ({why}); type: {self.line(*packages)}"

    @staticmethod
    def line(*packages: str) -> str:
        """What to type to get them."""
        return f"sudo apt-get install -y --no-install-recommends {' '.join(packages)}"

    def _install(self, packages: List[str]) -> str:
        prefix = _privileged()
        if prefix is None:
            return "not root, and sudo asks for a password or is not there"
        if shutil.which("apt-get") is None:
            return "no apt-get here"
        say(f"  installing {' '.join(packages)} with apt-get")
        command = [*prefix, "apt-get", "install", "-y", "--no-install-recommends", *packages]
        if self._apt(command):
            return ""
        if not self._is_fresh:
            # A fresh system has no package lists, and old lists name files that are gone.
            self._is_fresh = True
            self._apt([*prefix, "apt-get", "update"])
            if self._apt(command):
                return ""
        return f"apt-get failed, see {self._log}"

    def _apt(self, command: List[str]) -> bool:
        quiet = {"DEBIAN_FRONTEND": "noninteractive"}
        return run(command, self._log, cwd=ROOT, limit=APT_LIMIT, env=quiet).is_good


def _privileged() -> Optional[List[str]]:
    if os.geteuid() == 0:
        return []
    if shutil.which("sudo") and ask(["sudo", "-n", "true"]) is not None:
        return ["sudo", "-n"]
    return None


def has_program(name: str) -> bool:
    return shutil.which(name) is not None


def compiles(flags: List[str], source: str, compiler: str = "cc") -> bool:
    """Whether `source` compiles and links with `flags`: the only sure sign of a library."""

    with tempfile.TemporaryDirectory(prefix="dev-probe-") as folder:
        language = "c++" if compiler.endswith("++") else "c"
        try:
            done = subprocess.run(
                [compiler, "-x", language, "-", "-x", "none", "-o", f"{folder}/probe", *flags],
                input=source.encode(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        except OSError:
            return False
        return done.returncode == 0
