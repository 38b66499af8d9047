"""The Rust suites: form, lints, tests, documentation."""

from __future__ import annotations

import sys

from tools import tally
from tools.commands import ask
from tools.tally import Tally
from tools.workshop import Skip, Suite, Workshop

# The wheel's crate links against Python only as a wheel; its suites are in `python.py`.
RUST_PACKAGES = ["--workspace", "--exclude", "tenure-py"]
BUILD_LIMIT = 1500.0


def tools_themselves(shop: Workshop) -> Tally:
    return shop.step([sys.executable, "-m", "unittest", "discover", "--start-directory",
                      "tools/tests", "--top-level-directory", "."], tally.unittest)


def formatting(shop: Workshop) -> Tally:
    _need_component("fmt", "rustfmt")
    total = shop.step(["cargo", "fmt", "--all", "--", "--check"], tally.one("cargo fmt"))
    if (shop.root / "fuzz" / "Cargo.toml").exists():
        total.add(shop.step(["cargo", "fmt", "--manifest-path", "fuzz/Cargo.toml", "--",
                             "--check"], tally.one("cargo fmt in fuzz")))
    return total


def lints(shop: Workshop) -> Tally:
    _need_component("clippy", "clippy")
    return shop.step(["cargo", "clippy", *RUST_PACKAGES, "--all-targets", "--", "-D", "warnings"],
                     tally.one("cargo clippy"), limit=BUILD_LIMIT)


# They are suites of their own.
NEED_APACHE = ("differential", "moving")


def tests(shop: Workshop) -> Tally:
    # Without --show-output a test that skips itself could not say so.
    return shop.step(["cargo", "test", *RUST_PACKAGES, "--exclude", "tenure-tests",
                      "--no-fail-fast", "--lib", "--bins", "--tests", "--examples",
                      "--", "--show-output"],
                     tally.cargo, limit=BUILD_LIMIT)


def ensemble(shop: Workshop) -> Tally:
    """Members that agree by Raft: a cargo feature, so that nobody else compiles what it needs."""
    return shop.step(["cargo", "test", "--package", "tenure", "--features", "ensemble", "--lib",
                      "--", "replication::raft", "--show-output"],
                     tally.cargo, limit=BUILD_LIMIT)


def conformance(shop: Workshop) -> Tally:
    """Everything of the tests package but what needs Apache's server."""
    shop.need_member("tenure-tests")
    chosen = []
    for target in shop.members["tenure-tests"]["targets"]:
        if "test" in target["kind"] and target["name"] not in NEED_APACHE:
            chosen += ["--test", target["name"]]
    return shop.step(["cargo", "test", "--package", "tenure-tests", "--no-fail-fast", "--lib",
                      *chosen, "--", "--show-output"], tally.cargo, limit=BUILD_LIMIT)


def durable(shop: Workshop) -> Tally:
    """The conformance suite once more, against servers that have a data directory."""
    return shop.step(["cargo", "test", "--package", "tenure-tests", "--no-fail-fast",
                      "--test", "conformance", "--", "--show-output"],
                     tally.cargo, limit=BUILD_LIMIT, env={"TENURE_TEST_SERVER": "durable"})


def doctests(shop: Workshop) -> Tally:
    return shop.step(["cargo", "test", *RUST_PACKAGES, "--no-fail-fast", "--doc"],
                     tally.cargo, limit=BUILD_LIMIT)


def documentation(shop: Workshop) -> Tally:
    return shop.step(["cargo", "doc", "--package", "tenure", "--no-deps"],
                     tally.one("cargo doc"), limit=BUILD_LIMIT,
                     env={"RUSTDOCFLAGS": "-D warnings"})


def _need_component(subcommand: str, component: str) -> None:
    if ask(["cargo", subcommand, "--version"]) is None:
        raise Skip(f"cargo {subcommand} is missing; with rustup: rustup component add {component}")


SUITES = [
    Suite("tools", "the counters behind this command", tools_themselves),
    Suite("fmt", "Rust sources are formatted", formatting),
    Suite("clippy", "no lint of the workspace warns", lints),
    Suite("rust", "unit and integration tests", tests),
    Suite("ensemble", "three members in one process agree by Raft", ensemble),
    Suite("conformance", "the protocol statement by statement, and the rules of the house",
          conformance),
    Suite("durable", "the protocol once more, against servers with a data directory", durable),
    Suite("doctest", "the examples in the documentation", doctests),
    Suite("docs", "the documentation builds without a warning", documentation),
]
