"""What is typed behind a verb arrives where it belongs."""

import unittest

from tools import verbs


class Words(unittest.TestCase):
    def test_the_words_of_other_programs_are_passed_on(self) -> None:
        for typed in (["serve", "--listen", "127.0.0.1:2181"], ["serve", "--help"],
                      ["bench", "-h"], ["bench", "echo", "--seconds", "5"]):
            found = verbs._parser().parse_args(typed)
            self.assertEqual(found.rest, typed[1:])
