"""kazoo's own tests, as its registry hands them out, and the list of those that do not pass here."""

from __future__ import annotations

import os
import re
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path
from typing import Dict

from tools import tally
from tools.python_env import PythonEnv
from tools.suites.compat import build_server, server
from tools.tally import Tally
from tools.terminal import say
from tools.workshop import Suite, Workshop

FOLDER = "tests/compat/kazoo_suite"
LIMIT = 300.0
# More than there are cores: they wait most of the time.
PROCESSES = "6"
# A server that does not start fails them all, and each waits long before it does.
MOST_FAILURES = "30"
# The version that `tenure` gives for its own; CI has kazoo compare the two and wait longer.
ENVIRONMENT = {"CI": "1", "ZOOKEEPER_VERSION": "3.9.0", "ZOOKEEPER_CLUSTER_SIZE": "1",
               "ZOOKEEPER_CLASSPATH": "not-needed"}


@dataclass(frozen=True)
class Stated:
    """What docs/compatibility.md says: how many tests there are, and why some do not pass."""

    tests: int
    exceptions: Dict[str, str]


def kazoo_suite(shop: Workshop) -> Tally:
    """Every test of kazoo, with a stand-in for `java` that starts `tenure`."""
    env = PythonEnv(shop.target / "dev-venv-kazoo", shop.log, shop.packages,
                    shop.root / FOLDER / "requirements.txt")
    total = shop.step([env.python, f"{FOLDER}/unmodified.py"], tally.one("kazoo is unmodified"))
    broken = build_server(shop)
    if broken or total.failures:
        return broken or total
    report = shop.target / "dev" / "kazoo-suite.xml"
    report.parent.mkdir(parents=True, exist_ok=True)
    report.unlink(missing_ok=True)
    path = os.pathsep.join([str(shop.root / FOLDER / "bin"), str(env.python.parent),
                            os.environ["PATH"]])
    outcome = shop.run(
        [env.python, "-m", "pytest", "-q", "--color=no", "-p", "no:cacheprovider",
         "-p", "own_ports", "-n", PROCESSES, "--dist", "loadscope", "--timeout", "120", "--maxfail", MOST_FAILURES,
         "--tb", "short", "-W", "ignore", f"--junitxml={report}", "--pyargs", "kazoo.tests"],
        limit=LIMIT, env={**ENVIRONMENT, "PATH": path, "TENURE_BIN": str(server(shop)),
                          "PYTHONPATH": str(shop.root / FOLDER)})
    if not report.exists():
        total.failures.append(f"the run itself: {outcome.says()}")
    else:
        stated = read_stated((shop.root / "docs" / "compatibility.md").read_text())
        total.add(compared(read_report(report), stated))
        say(f"  kazoo has {stated.tests} tests; {len(stated.exceptions)} are known not to pass")
    if total.failures:
        total.evidence.append(outcome.text[-20_000:])
    return total


def read_stated(text: str) -> Stated:
    """Reads the section about kazoo's own tests."""
    section = text.split("## kazoo's own tests", 1)[1].split("\n## ", 1)[0]
    count = re.search(r"has (\d+) tests", section)
    rows = re.findall(r"^\| `(test_\S+)` \| (.+) \|$", section, re.M)
    return Stated(int(count[1]) if count else 0, dict(rows))


def read_report(report: Path) -> Dict[str, str]:
    """How each test went: `passed`, or why not in one line."""
    went: Dict[str, str] = {}
    for case in ElementTree.parse(report).iter("testcase"):
        module, _, name = case.get("classname", "").rpartition(".tests.")[2].partition(".")
        test = "::".join([f"{module}.py", *filter(None, [name]), case.get("name", "")])
        trouble = [part for part in case if part.tag in ("failure", "error", "skipped")]
        lines = (trouble[0].get("message", "") if trouble else "").splitlines()
        said = f"{trouble[0].tag}: {lines[0] if lines else ''}" if trouble else "passed"
        # A test can go wrong twice, by itself and when it is torn down.
        if went.get(test, "passed") == "passed":
            went[test] = said
    return went


def compared(went: Dict[str, str], stated: Stated) -> Tally:
    """Counts the passing tests; whatever the list did not say is a failure."""
    counted = Tally()
    for test, how in went.items():
        if how == "passed" and test in stated.exceptions:
            counted.failures.append(f"{test} passes, and docs/compatibility.md says it does not")
        elif how == "passed":
            counted.passed += 1
        elif test not in stated.exceptions:
            counted.failures.append(f"{test}: {how}")
    counted.failures += [f"{test} is listed in docs/compatibility.md and is not a test of kazoo"
                         for test in stated.exceptions if test not in went]
    if len(went) != stated.tests:
        counted.failures.append(
            f"{len(went)} tests ran, docs/compatibility.md says that there are {stated.tests}")
    return counted


SUITES = [Suite("kazoo-suite", "kazoo's own tests, unmodified", kazoo_suite)]
