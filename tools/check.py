#!/usr/bin/env python3
"""Runs the steps of `make check`; prints the result of each, the skipped tests, and the reasons.

    tools/check.py               all steps
    tools/check.py musl ucontext the steps with these names
    tools/check.py O             if no step has that name: the steps with this in their name
    tools/check.py --list        prints the names

A step is a target of the Makefile, mostly `test`, built in a folder of its own, with its output in check.log. All steps
are run, also after a failure; then the status is 1. Each step's make installs the packages that it needs.
"""

import os
import re
import shlex
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent

HARDENING = "-D_FORTIFY_SOURCE=3 -fcf-protection=full -fstack-clash-protection"
SANITIZERS = "-Db_sanitize=address,undefined -Db_lundef=false"
SURROUNDINGS = {"UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1", "TEST_TIME_LIMIT": "120"}


class Step(NamedTuple):
    name: str
    settings: str         # for make, as on its command line; BUILD= only for the folder of another step
    options: str = ""     # for meson, besides -Dwerror=true
    target: str = "test"

    def folder(self) -> str:
        """The build folder."""
        given = [setting[len("BUILD="):] for setting in shlex.split(self.settings) if setting.startswith("BUILD=")]
        return (given or ["build-check-" + re.sub(r"\W+", "-", self.name).strip("-")])[-1]


# One step per line. The default of meson.build is -O2 -g, with self-checks.
STEPS = [
    Step("gcc", "CC=gcc"),
    Step("clang", "CC=clang"),
    Step("gcc sanitizers", "CC=gcc", SANITIZERS),
    Step("clang sanitizers", "CC=clang", SANITIZERS),
    Step("clang threads", "CC=clang", "-Db_sanitize=thread -Db_lundef=false"),
    Step("valgrind", "CC=gcc", target="valgrind"),
    Step("gcc O0", "CC=gcc", "-Doptimization=0"),
    Step("gcc O1", "CC=gcc", "-Doptimization=1"),
    Step("gcc O3", "CC=gcc", "-Doptimization=3"),
    Step("gcc LTO", "CC=gcc", "-Db_lto=true"),
    Step("clang O0", "CC=clang", "-Doptimization=0"),
    Step("clang O1", "CC=clang", "-Doptimization=1"),
    Step("clang O3", "CC=clang", "-Doptimization=3"),
    Step("clang LTO", "CC=clang", "-Db_lto=true"),
    Step("as installed", "CC=gcc", "-Dchecks=false"),
    Step("hardened", "CC=gcc", f'-Dc_args="{HARDENING}"'),
    Step("ucontext", "CC=gcc", "-Dswitch=ucontext"),
    Step("static", "CC=gcc", "-Dstatic_programs=true"),
    Step("musl", "CC=musl-gcc"),
    Step("musl static", "CC=musl-gcc", "-Dstatic_programs=true"),
    Step("aarch64", "MACHINE=aarch64"),
    # The architecture's signature algorithm is ten times slower in qemu than qemu's own.
    Step("aarch64 signed", "MACHINE=aarch64 QEMU_CPU=max,pauth-impdef=on", "-Dc_args=-mbranch-protection=standard"),
    Step("riscv64", "MACHINE=riscv64"),
    Step("i386", "MACHINE=i386"),
    Step("armhf", "MACHINE=armhf"),
    Step("s390x", "MACHINE=s390x"),
    Step("pages of 16 KiB", "CC=gcc", "-Dpage_size=16384"),
    Step("pages of 64 KiB", "CC=gcc", "-Dpage_size=65536"),
    Step("Linux 5.10", "CC=gcc KERNEL=bullseye/cloud-amd64", target="vm"),
    Step("Linux 6.12, no io_uring", "CC=gcc KERNEL=trixie/cloud-amd64 VM=--without-uring", target="vm"),
    Step("Linux 6.12 for arm64", "MACHINE=aarch64 KERNEL=trixie/arm64-16k", target="vm"),
    Step("faults", "CC=gcc", target="faults"),
    Step("fuzz", "", target="fuzz"),  # ten minutes, or FUZZ_SECONDS
    Step("stress", "CC=gcc N=300000 BUILD=build-check-gcc", target="stress"),
    Step("chaos", "CC=gcc N=10000 SEED=1 BUILD=build-check-gcc", target="chaos"),
    Step("Redis servers", "CC=gcc BUILD=build-check-gcc", target="redis-servers"),
    Step("conformance", "CC=gcc N=20000 SEED=7 BUILD=build-check-gcc", target="conformance"),
    Step("mutations", "CC=gcc BUILD=build-check-gcc", target="mutations"),
    Step("first hour", "BUILD=build-check-first-hour", target="first-hour"),
    Step("gcc, 10 times", "CC=gcc REPEAT=10 BUILD=build-check-gcc"),
]


class Result(NamedTuple):
    step: Step
    passes: bool
    seconds: float
    cases: str                      # the summary line of the step
    omissions: dict[str, int]       # number of skipped cases, by reason


def run(step: Step) -> Result:
    log = ROOT / step.folder() / "check.log"
    log.parent.mkdir(exist_ok=True)
    surroundings = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    command = ["make", "--no-print-directory", step.target, f"BUILD={step.folder()}",
               f"OPTIONS=-Dwerror=true {step.options}".rstrip(), "TARGETS=all", *shlex.split(step.settings)]
    began = time.monotonic()
    with open(log, "w") as output:
        status = subprocess.run(command, cwd=ROOT, env={**surroundings, **SURROUNDINGS}, stdin=subprocess.DEVNULL,
                                stdout=output, stderr=subprocess.STDOUT).returncode
    said = log.read_text(errors="replace")
    omissions = {reason: int(count) for reason, count in re.findall(r"^skipped: (.*) \((\d+)\)$", said, re.MULTILINE)}
    cases = re.findall(r"^\d+ (?:passed, |programs, |mutations, |inputs, |did harm).*$", said, re.MULTILINE)
    return Result(step, status == 0, time.monotonic() - began, (cases or [""])[-1], omissions)


def line_of(result: Result) -> str:
    word = "passes" if result.passes else "FAILS"
    return f"{result.step.name:18} {word:7} {result.seconds:5.0f} s   {result.cases}"


def print_failure(result: Result) -> None:
    """Prints the end of the log, which has the messages of the suite or the compiler."""
    log = ROOT / result.step.folder() / "check.log"
    lines = log.read_text(errors="replace").splitlines()
    print(*("    " + line for line in lines[-40:]), f"    (whole log: {log.relative_to(ROOT)})", sep="\n", flush=True)


def print_omissions(results: list[Result]) -> None:
    """Grouped by reason, because many steps share one."""
    steps = defaultdict(list)
    for result in results:
        for reason, count in result.omissions.items():
            steps[reason].append(f"{result.step.name} {count}")
    print("\nSkipped cases, by reason and step:\n")
    for reason, places in steps.items():
        print(f"{reason}:\n    {', '.join(places)}")


def main(words: list[str]) -> int:
    steps = [step for step in STEPS if step.name in words]
    steps = steps or [step for step in STEPS if not words or any(word in step.name for word in words)]
    if words == ["--list"] or not steps:
        print(*(step.name for step in STEPS), sep="\n")
        return 0 if words == ["--list"] else 2
    results = []
    for step in steps:
        print(f"{step.name} …", end="\r" if sys.stdout.isatty() else "\n", flush=True)
        results.append(run(step))
        print(line_of(results[-1]), flush=True)
        if not results[-1].passes:
            print_failure(results[-1])
    print("\nIn all:\n", *map(line_of, results), sep="\n")
    print_omissions(results)
    return 0 if all(result.passes for result in results) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
