"""The Python environment below the cargo target folder, for what comes from the registry."""

from __future__ import annotations

import hashlib
import shutil
import sys
from pathlib import Path

from tools.commands import ask, run
from tools.toolchain import ROOT, Missing, Packages

REQUIREMENTS = ROOT / "tools" / "requirements.txt"
PIP_LIMIT = 600.0


class PythonEnv:
    """A virtual environment that is made, mended and filled when it is first needed."""

    def __init__(self, folder: Path, log: Path, packages: Packages,
                 requirements: Path = REQUIREMENTS) -> None:
        self._folder = folder
        self._log = log
        self._packages = packages
        self._requirements = requirements
        self._is_ready = False

    @property
    def python(self) -> Path:
        """Its interpreter, with everything that is required installed."""
        if not self._is_ready:
            self._make()
            self._fill()
            self._is_ready = True
        return self._folder / "bin" / "python"

    def program(self, name: str) -> Path:
        return self.python.parent / name

    def _make(self) -> None:
        if self._is_sound():
            return
        if self._create():
            return
        # Debian's python3 has the module but not what it needs; this package has it.
        reason = self._packages.need(self._create, "python3-venv")
        if reason is not None:
            raise Missing(f"no virtual environment: {reason}")

    def _create(self) -> bool:
        for interpreter in dict.fromkeys([sys.executable, "/usr/bin/python3"]):
            # A failed attempt leaves a folder that looks finished.
            shutil.rmtree(self._folder, ignore_errors=True)
            run([interpreter, "-m", "venv", self._folder], self._log, cwd=ROOT, limit=PIP_LIMIT)
            if self._is_sound():
                return True
        shutil.rmtree(self._folder, ignore_errors=True)
        return False

    def _is_sound(self) -> bool:
        # Asks it to work: the folder may exist and be broken, by a half-made or a moved one.
        return ask([self._folder / "bin" / "python", "-m", "pip", "--version"]) is not None

    def _fill(self) -> None:
        wanted = hashlib.sha256(self._requirements.read_bytes()).hexdigest()
        stamp = self._folder / "requirements.sha256"
        if stamp.exists() and stamp.read_text() == wanted:
            return
        done = run(
            [self._folder / "bin" / "python", "-m", "pip", "install", "--upgrade",
             "--disable-pip-version-check", "--requirement", self._requirements],
            self._log, cwd=ROOT, limit=PIP_LIMIT)
        if not done.is_good:
            raise Missing(f"pip cannot install {self._requirements.name} ({done.says()}), "
                          f"see {self._log}")
        stamp.write_text(wanted)
