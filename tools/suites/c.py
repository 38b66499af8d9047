"""The C suites: the header by itself, and C programs against the library, plain and watched.

Every `ffi-c/tests/*.c` is a program of its own. It prints `ok NAME` and `not ok NAME` lines and
exits non-zero when a claim failed.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import List, Optional, Sequence

from tools import tally
from tools.commands import ask, Word
from tools.tally import Tally
from tools.toolchain import compiles, has_program
from tools.workshop import Suite, Workshop

STRICT = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"]
# What a Rust static library needs from the system on Linux.
STATIC_NEEDS = ["-lgcc_s", "-lutil", "-lrt", "-lpthread", "-lm", "-ldl", "-lc"]
PROGRAM_LIMIT = 180.0


def header(shop: Workshop) -> Tally:
    """The committed header is what the sources generate, and both languages accept it."""
    shop.need_member("tenure-ffi")
    total = shop.step(["cargo", "run", "--quiet", "--package", "tenure-ffi", "--features",
                       "headers", "--bin", "headers", "--", "--check"],
                      tally.one("include/tenure.h is up to date"))
    folder = shop.target / "dev" / "header"
    folder.mkdir(parents=True, exist_ok=True)
    for language, standard, compiler in (("c", "c99", "cc"), ("c", "c17", "cc"),
                                         ("c++", "c++17", "g++")):
        if language == "c++":
            shop.need_program("g++")
        source = folder / f"alone.{'cc' if language == 'c++' else 'c'}"
        source.write_text("#include <tenure.h>\nint main(void) { return 0; }\n")
        total.add(shop.step(
            [compiler, f"-std={standard}", *STRICT, f"-I{shop.root / 'include'}",
             "-fsyntax-only", source], tally.one(f"the header alone as {standard}")))
        pins = shop.need_path("ffi-c/tests") / ("header.cpp" if language == "c++" else "header.c")
        total.add(shop.step(
            [compiler, f"-std={standard}", *STRICT, f"-I{shop.root / 'include'}",
             "-fsyntax-only", pins], tally.one(f"numbers and sizes as {standard}")))
    return total.add(exported_symbols(shop))


def exported_symbols(shop: Workshop) -> Tally:
    """The shared library exports exactly the functions of the header."""
    broken = build_library(shop)
    if broken is not None:
        return broken
    listed = ask(["nm", "-D", "--defined-only", shop.target / "debug" / "libtenure.so"]) or ""
    exported = {line.split()[-1] for line in listed.splitlines() if " T " in line}
    text = (shop.root / "include" / "tenure.h").read_text()
    declared = set(re.findall(r"\b(tenure_\w+)\s*\([^;{]*\)\s*;", _without_comments(text)))
    # Names in parentheses of a typedef are types of callbacks, not functions.
    declared -= set(re.findall(r"\(\*\s*(tenure_\w+)\s*\)", text))
    if exported == declared:
        return Tally(passed=1)
    return Tally(
        failures=["exported symbols are those of the header"],
        evidence=[f"only exported: {sorted(exported - declared)}\n"
                  f"only declared: {sorted(declared - exported)}"])


def plain(shop: Workshop) -> Tally:
    """Each program against the shared library, and each example against both."""
    return _run_programs(shop, "plain", [], []).add(_run_examples(shop))


def sanitized(shop: Workshop) -> Tally:
    """The C side under AddressSanitizer and UndefinedBehaviorSanitizer; leaks are errors."""
    flags = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all",
             "-fno-omit-frame-pointer"]
    shop.need(lambda: compiles(flags, "int main(void) { return 0; }"), "libasan8", "libubsan1")
    return _run_programs(shop, "sanitized", flags, [])


def valgrind(shop: Workshop) -> Tally:
    """Memory errors and definite leaks, seen from outside."""
    # Debian's valgrind does nothing without the debug symbols of the C library.
    shop.need(lambda: has_program("valgrind") and ask(["valgrind", "--quiet", "true"]) is not None,
              "valgrind", "libc6-dbg")
    suppressions = shop.root / "ffi-c" / "tests" / "valgrind.supp"
    under = ["valgrind", "--quiet", "--error-exitcode=99", "--leak-check=full",
             "--errors-for-leak-kinds=definite", "--show-leak-kinds=definite",
             "--fair-sched=try"]
    if suppressions.exists():
        under.append(f"--suppressions={suppressions}")
    return _run_programs(shop, "valgrind", [], under)


def build_library(shop: Workshop) -> Optional[Tally]:
    """Builds the C library; a failed Tally when that does not work."""
    shop.need_member("tenure-ffi")
    broken = shop.prepare(["cargo", "build", "--package", "tenure-ffi"], "the C library builds")
    if broken is None:
        _link_soname(shop.target / "debug" / "libtenure.so")
    return broken


def compile_against_library(shop: Workshop, source: Path, program: Path, flags: Sequence[str],
                            profile: str = "debug") -> List[Word]:
    """The command that compiles one C program and links it with the shared library."""
    folder = shop.target / profile
    program.parent.mkdir(parents=True, exist_ok=True)
    return ["cc", "-std=gnu99", "-g", *STRICT, *flags, f"-I{shop.root / 'include'}", source,
            "-o", program, f"-L{folder}", "-ltenure", f"-Wl,-rpath,{folder}", "-lpthread"]


def _run_programs(shop: Workshop, kind: str, flags: Sequence[str], under: Sequence[str]) -> Tally:
    broken = build_library(shop)
    if broken is not None:
        return broken
    sources = sorted(shop.need_path("ffi-c/tests").glob("*.c"))
    total = Tally()
    for source in sources:
        program = shop.target / "dev" / kind / source.stem
        failed = shop.prepare(compile_against_library(shop, source, program, flags),
                              f"{source.name} compiles")
        total.add(failed or shop.step([*under, program], tally.tap, limit=PROGRAM_LIMIT))
    return total if sources else Tally(failures=["ffi-c/tests has no C program"])


def _run_examples(shop: Workshop) -> Tally:
    broken = build_library(shop)
    if broken is not None:
        return broken
    total = Tally()
    for source in sorted(shop.need_path("examples/c").glob("*.c")):
        shared = shop.target / "dev" / "examples" / source.stem
        static = shared.with_name(f"{source.stem}-static")
        statically: List[Word] = [
            "cc", "-std=c99", *STRICT, f"-I{shop.root / 'include'}", source,
            shop.target / "debug" / "libtenure.a", "-o", static, *STATIC_NEEDS]
        for kind, program, command in (
                ("shared", shared, compile_against_library(shop, source, shared, [])),
                ("static", static, statically)):
            failed = shop.prepare(command, f"{source.name} compiles, {kind}")
            total.add(failed or shop.step([program], tally.one(f"{source.name} runs, {kind}"),
                                          limit=PROGRAM_LIMIT))
    return total


def _link_soname(library: Path) -> None:
    """The loader looks for the SONAME, cargo writes the plain name only."""
    dynamic = ask(["readelf", "-d", library]) or ""
    found = re.search(r"\(SONAME\).*\[(.+)\]", dynamic)
    if found and found[1] != library.name:
        link = library.with_name(found[1])
        if not link.is_symlink():
            link.unlink(missing_ok=True)
            link.symlink_to(library.name)


def _without_comments(text: str) -> str:
    return re.sub(r"/\*.*?\*/|//[^\n]*", "", text, flags=re.S)


SUITES = [
    Suite("header", "include/tenure.h is generated, complete, C99, C17 and C++17", header),
    Suite("c", "C programs against the library", plain),
    Suite("c-asan", "the same under AddressSanitizer and UBSan", sanitized),
    Suite("c-valgrind", "the same under valgrind, no definite leak", valgrind),
]
