"""The README and the changelog say what is true."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Dict, List

from tools import tally
from tools.suites import c, python
from tools.tally import Tally
from tools.workshop import Suite, Workshop

# A program of the README that needs longer than this does not fit into five minutes.
LIMIT = 60.0


def readme(shop: Workshop) -> Tally:
    """Each program of the README is run as it stands there, and each link leads somewhere."""
    text = shop.need_path("README.md").read_text()
    folder = shop.target / "dev" / "readme"
    folder.mkdir(parents=True, exist_ok=True)
    blocks = _programs(text)
    total = _links(shop.root, text)
    total.add(_rust(shop, blocks["rust"]))
    total.add(_c(shop, blocks["c"], folder))
    total.add(_python(shop, blocks["python"], folder))
    return total


def changelog(shop: Workshop) -> Tally:
    """One heading for what is coming, and no release above the version of the workspace."""
    text = shop.need_path("CHANGELOG.md").read_text()
    headings: List[str] = re.findall(r"^## \[(.+?)\]", text, re.M)
    version = shop.members["tenure"]["version"]
    return _claims({
        "the first heading is Unreleased": headings[:1] == ["Unreleased"],
        "Unreleased is there once": headings.count("Unreleased") == 1,
        f"the newest release is {version} or none": headings[1:2] in ([], [version]),
    })


def _programs(text: str) -> Dict[str, str]:
    return {language: code for language, code in
            re.findall(r"^```(rust|c|python)\n(.*?)^```$", text, re.M | re.S)}


def _links(root: Path, text: str) -> Tally:
    targets = sorted(set(re.findall(r"\]\(([^)#:]+)\)", text)))
    return _claims({f"README.md leads to {target}": (root / target).exists()
                    for target in targets})


def _rust(shop: Workshop, code: str) -> Tally:
    example = (shop.root / "core" / "examples" / "registry.rs").read_text()
    total = _claims({"the Rust program is core/examples/registry.rs": code.strip() in example})
    return total.add(shop.step(
        ["cargo", "run", "--quiet", "--package", "tenure", "--example", "registry"],
        tally.one("the Rust program runs"), limit=600.0))


def _c(shop: Workshop, code: str, folder: Path) -> Tally:
    source, program = folder / "program.c", folder / "program"
    source.write_text(code)
    failed = c.build_library(shop) or shop.prepare(
        c.compile_against_library(shop, source, program, []), "the C program compiles")
    return failed or shop.step([program], tally.one("the C program runs"), limit=LIMIT)


def _python(shop: Workshop, code: str, folder: Path) -> Tally:
    program = folder / "program.py"
    program.write_text(code)
    failed = python.installed(shop)
    return failed or shop.step([shop.python_env.python, program],
                               tally.one("the Python program runs"), limit=LIMIT, cwd=folder)


def _claims(claims: Dict[str, bool]) -> Tally:
    return Tally(passed=sum(claims.values()),
                 failures=[claim for claim, holds in claims.items() if not holds])


SUITES = [
    Suite("readme", "the programs of the README run as they stand", readme),
    Suite("changelog", "the changelog fits the version", changelog),
]
