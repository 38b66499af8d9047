"""The fuzz suite: each target for a while, on the stable compiler."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Dict, List

from tools import tally
from tools.tally import Tally
from tools.toolchain import compiles, host_triple
from tools.workshop import Suite, Workshop, seconds_from

# What cargo-fuzz would pass, spelled out: coverage counters, a table of their places, and the
# values comparisons see. `-Zsanitizer` would need another compiler; libFuzzer does not.
COVERAGE = [
    "--cfg fuzzing", "-Cpasses=sancov-module", "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table", "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Ccodegen-units=1",
]
BUILD_LIMIT = 900.0


def fuzz(shop: Workshop) -> Tally:
    """Every target runs for FUZZ_SECONDS (60) from the committed corpus."""
    shop.need_path("fuzz/Cargo.toml")
    shop.need(lambda: compiles([], "int main() { return 0; }", "g++"), "g++")
    broken = shop.prepare(build_command(shop), "the fuzz targets build", limit=BUILD_LIMIT,
                          env=build_env())
    if broken is not None:
        return broken
    total = Tally()
    for name in targets(shop.root):
        seconds = seconds_from("FUZZ_SECONDS", 60)
        total.add(shop.step(run_command(shop, name, seconds), tally.one(f"target {name}"),
                            limit=seconds + 120.0))
    return total


def targets(root: Path) -> List[str]:
    manifest = (root / "fuzz" / "Cargo.toml").read_text()
    return re.findall(r'^\[\[bin\]\]\nname = "(\w+)"', manifest, re.M)


def build_command(shop: Workshop, *extra: str) -> List[object]:
    # A target triple keeps the flags away from build scripts, which have no counters to link with.
    return ["cargo", "build", "--release", "--manifest-path", "fuzz/Cargo.toml",
            "--target", host_triple(), "--target-dir", shop.target / "fuzz", *extra]


def build_env() -> Dict[str, str]:
    return {"RUSTFLAGS": " ".join(COVERAGE)}


def run_command(shop: Workshop, name: str, seconds: int) -> List[object]:
    found = shop.target / "fuzz-corpus" / name
    found.mkdir(parents=True, exist_ok=True)
    crashes = shop.target / "fuzz-crashes" / name
    crashes.mkdir(parents=True, exist_ok=True)
    program = shop.target / "fuzz" / host_triple() / "release" / name
    # New inputs go to the first folder, so the committed corpus stays as it is.
    return [program, f"-max_total_time={seconds}", "-malloc_limit_mb=64", "-rss_limit_mb=1024",
            "-max_len=4096", "-timeout=10", "-print_final_stats=1",
            f"-artifact_prefix={crashes}/", found, shop.root / "fuzz" / "corpus" / name]


SUITES = [Suite("fuzz", "garbage to both decoders, 60 s each", fuzz)]
