"""The examples run as they stand, and are typed as strictly as the package."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples" / "python"

ENDS = {
    "members.py": "members: nobody",
    "settings.py": "settings: {'workers': 3}",
    "counter.py": "counted to 100 in 100 steps",
}


def test_every_example_is_run() -> None:
    assert sorted(path.name for path in EXAMPLES.glob("*.py")) == sorted(ENDS)


@pytest.mark.parametrize("name", ENDS)
def test_the_example_ends_well(name: str) -> None:
    done = subprocess.run([sys.executable, EXAMPLES / name], capture_output=True, text=True,
                          timeout=30)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == ENDS[name]


@pytest.mark.parametrize("what", [EXAMPLES, Path(__file__).parent])
def test_mypy_accepts_it(what: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", tmp_path, what],
        capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout
