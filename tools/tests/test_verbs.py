"""What is typed behind a verb arrives where it belongs."""

import unittest

from tools import verbs
from tools.suite_run import Strictness


class Words(unittest.TestCase):
    def test_the_words_of_other_programs_are_passed_on(self) -> None:
        for typed in (["serve", "--listen", "127.0.0.1:2181"], ["serve", "--help"],
                      ["bench", "-h"], ["bench", "echo", "--seconds", "5"]):
            found = verbs._parser().parse_args(typed)
            self.assertEqual(found.rest, typed[1:])


class Skips(unittest.TestCase):
    def test_a_strict_run_refuses_skips_but_the_allowed_ones(self) -> None:
        strict = Strictness(True, ["power cuts"])
        self.assertTrue(strict.refuses("kazoo: no wheel"))
        self.assertFalse(strict.refuses("power cuts: only root can mount"))
        self.assertFalse(Strictness().refuses("kazoo: no wheel"))
