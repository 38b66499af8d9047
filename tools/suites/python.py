"""The Python suites: the wheel, its types, its tests."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import List, Optional

from tools import tally
from tools.commands import Word
from tools.tally import Tally
from tools.workshop import Suite, Workshop

WHEEL_LIMIT = 1500.0
PYTEST = ["-m", "pytest", "-q", "-rfEs", "--color=no", "-p", "no:cacheprovider"]


def wheel(shop: Workshop) -> Tally:
    """`pip install ./py` works, and what it makes is an abi3 wheel."""
    shop.need_path("py/pyproject.toml")
    python = shop.python_env.python
    folder = shop.target / "dev" / "wheel"
    shutil.rmtree(folder, ignore_errors=True)
    total = shop.step([python, "-m", "pip", "wheel", "--no-deps", "--wheel-dir", folder, "./py"],
                      tally.one("the wheel builds"), limit=WHEEL_LIMIT)
    if total.failures:
        return total
    name = next(folder.glob("*.whl")).name
    if "-abi3-" in name:
        total.passed += 1
    else:
        total.failures.append(f"{name} is an abi3 wheel")
    return total.add(shop.step(
        [python, "-m", "pip", "install", "--force-reinstall", "--no-deps",
         "--disable-pip-version-check", folder / name], tally.one("the wheel installs")))


def install(shop: Workshop) -> Optional[Tally]:
    """`pip install ./py` for those who need the wheel; a failed Tally when that does not work."""
    shop.need_path("py/pyproject.toml")
    return shop.prepare(
        [shop.python_env.python, "-m", "pip", "install", "--disable-pip-version-check", "./py"],
        "pip install ./py", limit=WHEEL_LIMIT)


def types(shop: Workshop) -> Tally:
    """The stubs say what the module has, and the package is sound under `mypy --strict`."""
    shop.need_path("py/python/tenure/py.typed")
    missing = installed(shop)
    if missing is not None:
        return missing
    python = shop.python_env.python
    stubtest: List[Word] = [python, "-m", "mypy.stubtest", "tenure._tenure"]
    allowed = shop.root / "py" / "stubtest-allowlist.txt"
    if allowed.exists():
        stubtest += ["--allowlist", str(allowed)]
    # Away from the checkout, so that the installed package is what is looked at.
    total = shop.step(stubtest, tally.one("stubtest"), cwd=_elsewhere(shop))
    return total.add(shop.step(
        [python, "-m", "mypy", "--strict", "--cache-dir", shop.target / "dev" / "mypy",
         "py/python/tenure"], tally.one("mypy --strict")))


def tests(shop: Workshop) -> Tally:
    """The tests of the package, against the installed wheel."""
    folder = shop.need_path("py/tests")
    missing = installed(shop)
    if missing is not None:
        return missing
    return shop.step([shop.python_env.python, *PYTEST, folder], tally.pytest,
                     cwd=_elsewhere(shop))


def installed(shop: Workshop) -> Optional[Tally]:
    """The wheel of this checkout is in the environment; a failed Tally when it cannot be."""
    # Run alone, a suite makes the wheel it needs; after `wheel` it is there already.
    python = shop.python_env.python
    newest = max((path.stat().st_mtime for folder in ("core", "py") for path in
                  (shop.root / folder).rglob("*") if path.suffix in (".rs", ".py", ".pyi", ".toml")
                  ), default=0.0)
    stamp = next(python.parents[1].glob("lib/python3*/site-packages/tenure-*.dist-info"), None)
    if stamp is not None and stamp.stat().st_mtime > newest:
        return None
    return install(shop)


def _elsewhere(shop: Workshop) -> Path:
    folder = shop.target / "dev" / "elsewhere"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


SUITES = [
    Suite("wheel", "pip builds an abi3 wheel and installs it", wheel),
    Suite("types", "stubtest and mypy --strict", types),
    Suite("python", "the tests of the Python package", tests),
]
