"""Smoke tests of clients in other languages; each is fetched with its language's own tool."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from pathlib import Path
from typing import List, Optional, Sequence

from tools import tally
from tools.commands import Word
from tools.suites.compat import build_server, server
from tools.tally import Tally
from tools.toolchain import has_program
from tools.workshop import Suite, Workshop

FETCH_LIMIT = 600.0


def go(shop: Workshop) -> Tally:
    """go-zookeeper/zk against the `tenure` program."""
    shop.need_program("go", "golang-go")
    program = _folder(shop, "go") / "smoke"
    broken = shop.prepare(["go", "build", "-C", "tests/compat/go", "-o", program, "."],
                          "the Go smoke test builds", limit=FETCH_LIMIT)
    return broken or _directed(shop, [program])


def node(shop: Workshop) -> Tally:
    """node-zookeeper-client against the `tenure` program."""
    shop.need(lambda: has_program("node") and has_program("npm"), "nodejs", "npm")
    folder = _folder(shop, "node")
    listed = [shop.root / "tests/compat/node" / name
              for name in ("package.json", "package-lock.json")]
    for path in listed:
        shutil.copy(path, folder)
    broken = _once(shop, folder, listed,
                   ["npm", "ci", "--no-audit", "--no-fund", "--prefix", folder],
                   "npm fetches node-zookeeper-client")
    return broken or _directed(shop, ["node", "tests/compat/node/smoke.js"],
                               NODE_PATH=str(folder / "node_modules"))


def curator(shop: Workshop) -> Tally:
    """Apache Curator and the Java client below it against the `tenure` program."""
    shop.need(lambda: has_program("mvn") and has_program("javac"),
              "maven", "default-jdk-headless")
    folder = _folder(shop, "curator")
    pom = shop.root / "tests/compat/curator/pom.xml"
    broken = _once(shop, folder, [pom],
                   ["mvn", "--quiet", "--batch-mode", "--file", pom, "dependency:copy-dependencies",
                    "-DincludeScope=runtime", f"-DoutputDirectory={folder / 'jars'}"],
                   "Maven fetches Curator")
    if broken:
        return broken
    classes = folder / "classes"
    broken = shop.prepare(
        ["javac", "-nowarn", "-cp", folder / "jars" / "*", "-d", classes,
         *sorted(pom.parent.glob("*.java"))], "the Curator smoke test compiles")
    path = os.pathsep.join([str(folder / "jars" / "*"), str(classes)])
    # Short-lived: what the better compiler would win is less than what it costs.
    return broken or _directed(shop, ["java", "-XX:TieredStopAtLevel=1", "-cp", path, "Smoke"])


def _directed(shop: Workshop, program: List[Word], **env: str) -> Tally:
    # It makes the certificates.
    shop.need_program("openssl")
    return build_server(shop) or shop.step(
        [sys.executable, "tests/compat/rig/directed.py", *program], tally.tap,
        env={"TENURE_BIN": str(server(shop)), **env})


def _folder(shop: Workshop, name: str) -> Path:
    folder = shop.target / "dev" / f"client-{name}"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _once(shop: Workshop, folder: Path, listed: Sequence[Path], command: List[Word],
          what: str) -> Optional[Tally]:
    """Fetches what the files list, unless it is there since they were last changed."""
    wanted = hashlib.sha256(b"".join(path.read_bytes() for path in listed)).hexdigest()
    stamp = folder / "fetched.sha256"
    if stamp.exists() and stamp.read_text() == wanted:
        return None
    broken = shop.prepare(command, what, limit=FETCH_LIMIT)
    if broken is None:
        stamp.write_text(wanted)
    return broken


SUITES = [
    Suite("go", "go-zookeeper/zk: operations, watches, sessions, locks", go),
    Suite("node", "node-zookeeper-client: operations, watches, sessions", node),
    Suite("curator", "Apache Curator, Apache's Java client and its zkCli", curator),
]
