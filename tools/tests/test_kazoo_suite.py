"""What kazoo's tests did and what the docs say are compared in both directions."""

import tempfile
import unittest
from pathlib import Path

from tools.suites.kazoo_suite import Stated, compared, read_report, read_stated
from tools.toolchain import ROOT

REPORT = """<?xml version="1.0"?>
<testsuites><testsuite>
<testcase classname="lib.kazoo.tests.test_a.TestA" name="test_good"/>
<testcase classname="lib.kazoo.tests.test_a.TestA" name="test_bad">
  <failure message="assert 1 == 2&#10;more">trace</failure></testcase>
<testcase classname="lib.kazoo.tests.test_a.TestA" name="test_away">
  <skipped message="not here"/></testcase>
<testcase classname="lib.kazoo.tests.test_b" name="test_alone"/>
</testsuite></testsuites>
"""

WENT = {"test_a.py::TestA::test_good": "passed",
        "test_a.py::TestA::test_bad": "failure: assert 1 == 2",
        "test_a.py::TestA::test_away": "skipped: not here",
        "test_b.py::test_alone": "passed"}


class Reading(unittest.TestCase):
    def test_a_report_names_every_test_and_how_it_went(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "report.xml"
            path.write_text(REPORT)
            self.assertEqual(read_report(path), WENT)

    def test_the_docs_are_read(self) -> None:
        stated = read_stated((ROOT / "docs" / "compatibility.md").read_text())
        self.assertGreater(stated.tests, 400)
        self.assertTrue(stated.exceptions)
        self.assertTrue(all("::" in test for test in stated.exceptions))


class Comparing(unittest.TestCase):
    def judge(self, tests: int, *exceptions: str) -> "list[str]":
        return compared(WENT, Stated(tests, dict.fromkeys(exceptions, "a reason"))).failures

    def test_what_the_docs_say_is_no_failure(self) -> None:
        stated = Stated(4, {"test_a.py::TestA::test_bad": "x", "test_a.py::TestA::test_away": "x"})
        counted = compared(WENT, stated)
        self.assertEqual((counted.passed, counted.failures), (2, []))

    def test_an_unexpected_failure_or_skip_is_one(self) -> None:
        self.assertEqual(len(self.judge(4, "test_a.py::TestA::test_bad")), 1)
        self.assertEqual(len(self.judge(4, "test_a.py::TestA::test_away")), 1)

    def test_an_unexpected_pass_is_one(self) -> None:
        self.assertEqual(len(self.judge(4, *WENT)), 2)

    def test_lost_tests_are_noticed(self) -> None:
        both = ("test_a.py::TestA::test_bad", "test_a.py::TestA::test_away")
        self.assertEqual(len(self.judge(5, *both)), 1)
        self.assertEqual(len(self.judge(4, *both, "test_c.py::TestC::test_gone")), 1)


if __name__ == "__main__":
    unittest.main()
