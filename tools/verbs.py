"""The verbs of `./dev`, and what each takes."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from typing import Any, Dict, List

from tools.commands import replace_by
from tools.suite_run import Strictness, run_suites
from tools.suites import ALL, crash, demo, fuzz
from tools.terminal import say
from tools.toolchain import ROOT, Missing, check_rust
from tools.workshop import Skip, Workshop

INTERRUPTED = 130

# For verbs that hand their words to another program, `--help` among them: no word on a command line
# begins with this character, so none is taken for an option of `./dev`.
_ALL_PASSED_ON: Dict[str, Any] = {"prefix_chars": "\0", "add_help": False}


def main(words: List[str]) -> int:
    arguments = _parser().parse_args(words)
    for number in (signal.SIGTERM, signal.SIGHUP):
        # As an exception, so that a step under way ends what it started.
        signal.signal(number, lambda got, _frame: sys.exit(128 + got))
    try:
        check_rust()
        return int(arguments.verb(arguments))
    except (Missing, Skip) as missing:
        say(f"dev: {missing}")
        return 2
    except KeyboardInterrupt:
        say("dev: interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read along has had enough; there is nobody to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="./dev", description="Builds, tests and shows tenure; sets up what that needs.")
    verbs = parser.add_subparsers(required=True, metavar="VERB")

    verb = verbs.add_parser("demo", help="one session from birth to expiry, under three clients")
    verb.add_argument("rest", nargs=argparse.REMAINDER, help="passed to the story")
    verb.set_defaults(verb=demo.tell)

    verb = verbs.add_parser("test", help="every suite; ends with one line of counts")
    verb.add_argument("--strict", action="store_true", help="a skip is a failure")
    verb.add_argument("--allow-skip", action="append", default=[], metavar="WORDS",
                      help="with --strict: not one that begins with these words")
    verb.add_argument("--only", nargs="+", metavar="SUITE", help="only these suites")
    verb.add_argument("--list", action="store_true", help="name the suites and stop")
    verb.set_defaults(verb=_test)

    verb = verbs.add_parser("bench", help="what it costs: all, memory, durable, views, or crash",
                            **_ALL_PASSED_ON)
    verb.add_argument("rest", nargs=argparse.REMAINDER, help="passed to the benchmarks")
    verb.set_defaults(verb=_bench)

    verb = verbs.add_parser("serve", help="a server in the foreground, release build",
                            **_ALL_PASSED_ON)
    verb.add_argument("rest", nargs=argparse.REMAINDER, help="passed to `tenure serve`")
    verb.set_defaults(verb=_serve)

    verb = verbs.add_parser("soak", help="a suite at length, in the foreground")
    verb.add_argument("what", choices=["crash"], help="crash: 1,000 kills and 1,000 power cuts")
    verb.add_argument("--rounds", type=int, help="that many of each instead")
    verb.add_argument("--seed", type=int, help="what everything is decided by (default: 1)")
    verb.set_defaults(verb=crash.soak)

    verb = verbs.add_parser("fuzz", help="garbage at length, to all decoders or to some")
    verb.add_argument("targets", nargs="*", metavar="TARGET", help="only these")
    verb.add_argument("--seconds", type=int, default=600, help="so long for a target (600)")
    verb.set_defaults(
        verb=lambda words: fuzz.at_length(Workshop(), words.seconds, words.targets))

    verb = verbs.add_parser("planted", help="plants a bug in each fuzz target; each must be found")
    verb.add_argument("--seconds", type=int, default=120, help="at most so long for a target")
    verb.set_defaults(verb=lambda words: fuzz.find_planted(Workshop(), words.seconds))

    verb = verbs.add_parser("fmt", help="formats the Rust sources")
    verb.set_defaults(verb=_fmt)
    verb = verbs.add_parser("lint", help="clippy, warnings are errors")
    verb.set_defaults(verb=lambda _: _suites(["fmt", "clippy"]))
    verb = verbs.add_parser("headers", help="writes include/tenure.h anew")
    verb.set_defaults(verb=lambda _: replace_by(
        ["cargo", "run", "--quiet", "--package", "tenure-ffi", "--features", "headers",
         "--bin", "headers"], ROOT))
    return parser


def _test(arguments: argparse.Namespace) -> int:
    if arguments.list:
        for suite in ALL:
            say(f"{suite.name:<14} {suite.about}")
        return 0
    return _suites(arguments.only, Strictness(arguments.strict, arguments.allow_skip))


def _suites(names: "List[str] | None", strictness: Strictness = Strictness()) -> int:
    known = {suite.name for suite in ALL}
    unknown = set(names or ()) - known
    if unknown:
        raise Missing(f"no suite {', '.join(sorted(unknown))}; `./dev test --list` names them")
    chosen = [suite for suite in ALL if not names or suite.name in names]
    return run_suites(chosen, Workshop(), strictness)


def _bench(arguments: argparse.Namespace) -> int:
    return replace_by(["cargo", "run", "--release", "--quiet", "--package", "tenure-bench", "--",
                       *arguments.rest], ROOT)


def _serve(arguments: argparse.Namespace) -> int:
    return replace_by(["cargo", "run", "--release", "--quiet", "--package", "tenure",
                       "--bin", "tenure", "--", "serve", *arguments.rest], ROOT)


def _fmt(_arguments: argparse.Namespace) -> int:
    shop = Workshop()
    codes = [shop.run(["cargo", "fmt", *where]).code
             for where in (["--all"], ["--manifest-path", "fuzz/Cargo.toml"])]
    return max(codes)
