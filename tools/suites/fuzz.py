"""The fuzz suite: each target from the committed corpus, on the stable compiler.

Every target runs twice, one for each core at a time. First fast, for FUZZ_SECONDS (60), to find
paths; then under AddressSanitizer over everything that was found and a little further, because only
there the limit on a single allocation is enforced. How often each was executed is printed.
"""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path
from typing import Dict, List, Optional

from tools import tally
from tools.commands import ask, side_by_side, Outcome, Word
from tools.tally import Tally
from tools.terminal import say
from tools.toolchain import compiles, host_triple, Missing
from tools.workshop import Suite, Workshop, seconds_from

# What cargo-fuzz would pass, spelled out: coverage counters, a table of their places, and the
# values comparisons see.
COVERAGE = [
    "--cfg fuzzing", "-Cpasses=sancov-module", "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table", "-Cllvm-args=-sanitizer-coverage-trace-compares",
]
# The stable compiler ships the sanitizer's runtime, but takes the flag only with this variable.
ADDRESS = ["-Zsanitizer=address"]
UNLOCK = {"RUSTC_BOOTSTRAP": "1"}
BUILD_LIMIT = 900.0
# The seconds under AddressSanitizer, where an execution costs five times as much.
WATCHED_SECONDS = 10


def fuzz(shop: Workshop) -> Tally:
    """All targets, fast and then watched."""
    _need_compiler(shop)
    total = _run_all(shop, "fast", seconds_from("FUZZ_SECONDS", 60), [])
    if _has_address_sanitizer():
        return total.add(_run_all(shop, "watched", WATCHED_SECONDS, []))
    total.skips.append("fuzz: the limit on allocations is not watched, for this compiler has no "
                       "AddressSanitizer; toolchains installed by rustup have it")
    return total


def find_planted(shop: Workshop, seconds: int) -> int:
    """Plants one bug in each target and demands that each is found; an exit code."""
    shop.begin("fuzz-planted")
    _need_compiler(shop)
    planted = ["--features", "planted"]
    found = [*_run_all(shop, "fast", seconds, planted).failures,
             *_run_all(shop, "watched", WATCHED_SECONDS, planted).failures]
    missed = [name for name in _targets(shop) if not any(f" {name}:" in line for line in found)]
    for line in found:
        say(f"found: {line}")
    for name in missed:
        say(f"NOT FOUND: the bug planted in {name}, see {shop.log}")
    return 1 if missed else 0


def at_length(shop: Workshop, seconds: int, only: List[str]) -> int:
    """The same for as long as asked for, from what earlier runs found; an exit code."""
    shop.begin("fuzz")
    _need_compiler(shop)
    unknown = set(only) - set(_targets(shop))
    if unknown:
        raise Missing(f"no target {', '.join(sorted(unknown))}; there are "
                      f"{', '.join(_targets(shop))}")
    counted = _run_all(shop, "fast", seconds, [], only)
    if _has_address_sanitizer():
        counted.add(_run_all(shop, "watched", max(WATCHED_SECONDS, seconds // 10), [], only))
    for failure in counted.failures:
        say(f"found: {failure}; the input is below {shop.target / 'fuzz-crashes'}")
    return 1 if counted.failures else 0


def _run_all(shop: Workshop, kind: str, seconds: int, features: List[str],
             only: Optional[List[str]] = None) -> Tally:
    broken = _build(shop, kind, features)
    if broken is not None:
        return broken
    names = only or _targets(shop)
    with tempfile.TemporaryDirectory(prefix="dev-fuzz-") as scratch:
        # What a planted bug leaves behind must not be taken for a finding, nor for a corpus.
        place = Path(scratch) if features else shop.target
        commands = [_run_command(shop, kind, name, seconds, place) for name in names]
        logs = [shop.log.with_name(f"fuzz-{kind}-{name}.log") for name in names]
        for log in logs:
            log.unlink(missing_ok=True)
        ended = side_by_side([lambda command=command, log=log: shop.run(  # type: ignore[misc]
            command, limit=seconds + 180.0, log=log) for command, log in zip(commands, logs)],
            os.cpu_count() or 1)
    total = Tally()
    executions = [_executions(outcome) for outcome in ended]
    for command, outcome, name in zip(commands, ended, names):
        total.add(shop.count(command, outcome, tally.one(f"{kind} {name}")))
    said = ", ".join(f"{name} {count:,}" for name, count in zip(names, executions))
    say(f"    {sum(executions):,} executions {kind}: {said}")
    return total


def _executions(outcome: Outcome) -> int:
    found = re.findall(r"^stat::number_of_executed_units:\s+(\d+)", outcome.text, re.M)
    return int(found[-1]) if found else 0


def _build(shop: Workshop, kind: str, features: List[str]) -> Optional[Tally]:
    flags = COVERAGE + (ADDRESS if kind == "watched" else [])
    env = {"RUSTFLAGS": " ".join(flags), **(UNLOCK if kind == "watched" else {})}
    # A target triple keeps the flags away from build scripts, which have no counters to link with.
    return shop.prepare(
        ["cargo", "build", "--profile", kind, "--bins", "--manifest-path", "fuzz/Cargo.toml",
         "--target", host_triple(), "--target-dir", _folder(shop, kind), *features],
        f"the fuzz targets build ({kind})", limit=BUILD_LIMIT, env=env)


def _run_command(shop: Workshop, kind: str, name: str, seconds: int, place: Path) -> List[Word]:
    found = place / "fuzz-corpus" / name
    crashes = place / "fuzz-crashes" / name
    for folder in (found, crashes):
        folder.mkdir(parents=True, exist_ok=True)
    # New inputs go to the first folder, so the committed corpus stays as it is.
    return [_folder(shop, kind) / host_triple() / kind / name,
            f"-max_total_time={seconds}", "-malloc_limit_mb=64", "-rss_limit_mb=2048",
            "-max_len=4096", "-timeout=10", "-print_final_stats=1", "-verbosity=0",
            f"-artifact_prefix={crashes}/", found, shop.root / "fuzz" / "corpus" / name]


def _folder(shop: Workshop, kind: str) -> Path:
    return shop.target / f"fuzz-{kind}"


def _targets(shop: Workshop) -> List[str]:
    manifest = (shop.root / "fuzz" / "Cargo.toml").read_text()
    return re.findall(r'^\[\[bin\]\]\nname = "(\w+)"', manifest, re.M)


def _need_compiler(shop: Workshop) -> None:
    shop.need_path("fuzz/Cargo.toml")
    shop.need(lambda: compiles([], "int main() { return 0; }", "g++"), "g++")


def _has_address_sanitizer() -> bool:
    library = ask(["rustc", "--print", "target-libdir"])
    return library is not None and any(Path(library.strip()).glob("librustc*_rt.asan.a"))


SUITES = [Suite("fuzz", "garbage to all decoders, 60 s each, then under AddressSanitizer", fuzz)]
