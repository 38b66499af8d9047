"""The counters must count failures: each is shown one of every kind."""

import unittest

from tools import tally
from tools.commands import Outcome


def ended(text: str, code: int = 0, overdue: bool = False) -> Outcome:
    return Outcome(code, text, 1.0, overdue)


CARGO = """\
     Running unittests src/lib.rs (target/debug/deps/tenure-1)
running 4 tests
test wire::a ... ok
test wire::b ... FAILED
test wire::c ... ignored, needs a disk
test wire::d - should panic ... ok

successes:

---- wire::a stdout ----
SKIPPED wire::a: no Java here

test result: FAILED. 2 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.1s

     Running tests/house.rs (target/debug/deps/house-1)
test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.0s
"""


class Cargo(unittest.TestCase):
    def test_every_kind(self) -> None:
        found = tally.cargo(ended(CARGO, 101))
        self.assertEqual((found.passed, found.failed, found.skipped), (4, 1, 2))
        self.assertEqual(found.failures, ["unittests src/lib.rs: wire::b"])
        self.assertEqual(found.skips, ["wire::c: needs a disk", "wire::a: no Java here"])

    def test_a_build_that_fails(self) -> None:
        found = tally.cargo(ended("error[E0425]: cannot find value", 101))
        self.assertEqual((found.passed, found.failed), (0, 1))

    def test_a_crash_between_results(self) -> None:
        found = tally.cargo(ended("test result: ok. 3 passed; 0 failed; 0 ignored;\n", 101))
        self.assertEqual((found.passed, found.failed), (3, 1))

    def test_a_torn_line_is_still_counted(self) -> None:
        text = "test a ... noise FAILED\ntest result: FAILED. 0 passed; 1 failed; 0 ignored;\n"
        self.assertEqual(tally.cargo(ended(text, 101)).failed, 1)

    def test_nothing_ran(self) -> None:
        self.assertEqual(tally.cargo(ended("")).failed, 1)

    def test_overdue(self) -> None:
        text = "test result: ok. 3 passed; 0 failed; 0 ignored;\n"
        self.assertEqual(tally.cargo(ended(text, -9, overdue=True)).failed, 1)


class Pytest(unittest.TestCase):
    def test_every_kind(self) -> None:
        text = (
            "..F.s\n"
            "SKIPPED [2] test_a.py:3: no server\n"
            "FAILED test_a.py::test_b - assert 1 == 2\n"
            "ERROR test_a.py::test_c\n"
            "1 failed, 3 passed, 2 skipped, 1 error in 76.06s (0:01:16)\n")
        found = tally.pytest(ended(text, 1))
        self.assertEqual((found.passed, found.failed, found.skipped), (3, 2, 2))
        self.assertEqual(found.failures, ["test_a.py::test_b", "test_a.py::test_c"])

    def test_a_decorated_summary(self) -> None:
        found = tally.pytest(ended("===== 5 passed in 0.10s =====\n"))
        self.assertEqual((found.passed, found.failed), (5, 0))

    def test_a_crash(self) -> None:
        self.assertEqual(tally.pytest(ended("Segmentation fault\n", -11)).failed, 1)

    def test_nothing_collected(self) -> None:
        self.assertEqual(tally.pytest(ended("no tests ran in 0.01s\n", 5)).failed, 1)


class Tap(unittest.TestCase):
    def test_every_kind(self) -> None:
        text = ("ok a\nnot ok b: 1 == 2 (x.c:3)\nSKIPPED c: no valgrind\n"
                "okay is no verdict\nok 2 - d\n")
        found = tally.tap(ended(text, 1))
        self.assertEqual((found.passed, found.failed, found.skipped), (2, 1, 1))
        self.assertEqual(found.failures, ["b: 1 == 2 (x.c:3)"])

    def test_a_crash_after_good_lines(self) -> None:
        found = tally.tap(ended("ok a\n", -11))
        self.assertEqual((found.passed, found.failed), (1, 1))
        self.assertIn("SIGSEGV", found.failures[0])


class Others(unittest.TestCase):
    def test_one(self) -> None:
        self.assertEqual(tally.one("fmt")(ended("", 0)).passed, 1)
        self.assertEqual(tally.one("fmt")(ended("", 1)).failures, ["fmt: exit code 1"])

    def test_unittest(self) -> None:
        text = "FAIL: test_x (a.B)\nRan 5 tests in 0.1s\nFAILED (failures=1)\n"
        found = tally.unittest(ended(text, 1))
        self.assertEqual((found.passed, found.failed), (4, 1))


if __name__ == "__main__":
    unittest.main()
