#!/usr/bin/env python3
"""Makes every call that the library makes of the kernel and of its allocator fail in turn, while the suite runs.

    tests/faults.py [--full] [--seconds 420] [--seed 1] [part of a name]...     BUILD_DIR: where the suite is

First it counts how often each case calls what; then each case is run again and again, and each time one call, or all
from one on, fail with one of the errors they can have (tests/faults.c lists them). Cases whose names begin with
faults_ are written for this and are put through every fault there is; of the others as many are drawn as there is
time for. A check that does not hold because a call reported its error is fine; a crash, an assertion, a
sanitizer's report, a hang and a leak are not, and are printed with the command that repeats them.
"""

import argparse
import collections
import os
import random
import re
import subprocess
import sys
import time
from typing import Iterator, NamedTuple

AT_ONCE = 1000  # faults that one process of the suite is given
FEW = 3  # the first calls of a case, of which each fails in turn
VERDICTS = ["passed", "reported", "excused", "died", "hung", "leaked", "lost"]
BAD = {"died", "hung", "leaked", "lost"}

# Ends that are as they should be: the site, the verdict, what the case said last, and why.
EXCUSES = [
    ("", "died", r"(the queue|the function) is NULL; was there memory for it\?",
     "the test uses what it was not given, and is told so"),
    ("sigaction", "died", r"signal 2 ", "SIGINT is not ours then, and ends the program as if we were not there"),
]

SUITE = os.path.join(os.environ.get("BUILD_DIR", "build"), "suite")
# Statuses of their own, so that a report is not taken for a check that does not hold.
SURROUNDINGS = {
    "TEST_TIME_LIMIT": "10",
    "ASAN_OPTIONS": "exitcode=99:" + os.environ.get("ASAN_OPTIONS", ""),
    "UBSAN_OPTIONS": "exitcode=99:halt_on_error=1:print_stacktrace=1",
}


def is_thorough(case: str) -> bool:
    return case.startswith("faults_")


class Fault(NamedTuple):
    case: str
    site: str
    error: str
    number: int
    onwards: bool

    def text(self) -> str:
        return f"{self.site}:{self.error}:{self.number}{'+' if self.onwards else ''}"


class Verdict(NamedTuple):
    case: str
    fault: str
    word: str
    reason: str
    last_line: str

    def weighed(self) -> "Verdict":
        """The same with the last word: a check that fails where every error is an answer says that something is lost."""
        if self.word == "reported" and is_thorough(self.case):
            return self._replace(word="lost")
        for site, word, pattern, _ in EXCUSES:
            said = f"{self.reason} {self.last_line}"
            if self.fault.startswith(site) and self.word == word and re.search(pattern, said):
                return self._replace(word="excused")
        return self

    def repeat(self) -> str:
        return f"{SUITE} -v --fault {self.fault} '{self.case}'"


def run_suite(*arguments: str, plan: str = "") -> Iterator[list[str]]:
    """The lines of the suite's output, cut at tabs."""
    command = [SUITE, *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, errors="replace",
                          env=os.environ | SURROUNDINGS) as process:
        process.stdin.write(plan)
        process.stdin.close()
        for line in process.stdout:
            yield line.rstrip("\n").split("\t")


def record(filters: list[str]) -> tuple[dict[str, list[str]], dict[str, dict[str, int]]]:
    """The errors that each site can have, and how often each case calls each site."""
    errors, calls = collections.defaultdict(list), {}
    for kind, *parts in run_suite("--record", *filters):
        if kind == "error":
            errors[parts[0]].append(parts[1])
        elif kind == "calls":
            counts = (part.split("=") for part in parts[1].split())
            calls[parts[0]] = {site: int(count) for site, count in counts}
        elif kind.startswith("FAIL"):
            print(f"without any fault: {kind}")
    return errors, calls


def all_faults(calls: dict[str, dict[str, int]], errors: dict[str, list[str]]) -> Iterator[Fault]:
    for case, sites in calls.items():
        for site, count in sites.items():
            for error in errors[site]:
                for number in range(1, count + 1):
                    yield Fault(case, site, error, number, False)
                    yield Fault(case, site, error, number, True)


def choose(calls: dict[str, dict[str, int]], errors: dict[str, list[str]], seed: int) -> Iterator[Fault]:
    """For each site of a case and each error: the first calls, the last one and one between; from one on likewise."""
    draw = random.Random(seed)
    for case, sites in calls.items():
        for site, count in sites.items():
            for error in errors[site]:
                numbers = {*range(1, min(FEW, count) + 1), count, draw.randint(1, count)}
                yield from (Fault(case, site, error, number, False) for number in numbers)
                yield from (Fault(case, site, error, number, True) for number in {1, draw.randint(1, count)})


def sweep(faults: list[Fault], deadline: float) -> Iterator[Verdict]:
    """Runs them, in that order, until the time is up."""
    for begin in range(0, len(faults), AT_ONCE):
        if time.monotonic() > deadline:
            return
        plan = sorted(faults[begin:begin + AT_ONCE])
        for line in run_suite("--sweep", plan="".join(f"{fault.case}\t{fault.text()}\n" for fault in plan)):
            if line[0] == "verdict":
                yield Verdict(*line[1:6]).weighed()


class Table:
    """What came of the faults at each site."""

    def __init__(self):
        self.rows = collections.defaultdict(collections.Counter)
        self.bad = []

    def add(self, verdict: Verdict):
        self.rows[verdict.fault.split(":")[0]][verdict.word] += 1
        if verdict.word in BAD:
            self.bad.append(verdict)
            print(f"{verdict.word}: {verdict.repeat()}   ({verdict.reason}: {verdict.last_line.strip()})", flush=True)

    def total(self) -> collections.Counter:
        return sum(self.rows.values(), collections.Counter())

    def print(self, possible: collections.Counter):
        print(f"\n{'site':14} {'possible':>9} {'failed':>8} " + " ".join(f"{word:>9}" for word in VERDICTS))
        for site, row in [*sorted(self.rows.items()), ("all", self.total())]:
            reached = sum(row[word] for word in VERDICTS)
            many = possible[site] if site != "all" else sum(possible.values())
            print(f"{site:14} {many:9} {reached:8} " + " ".join(f"{row[word]:9}" for word in VERDICTS))


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--full", action="store_true", help="every fault in every case, which takes hours")
    parser.add_argument("--seconds", type=float, default=420, help="for cases not written for this")
    parser.add_argument("--seed", type=int, default=1, help="of the draw")
    parser.add_argument("filters", nargs="*", metavar="part of a name")
    return parser.parse_args()


def main() -> int:
    options = read_arguments()
    errors, calls = record(options.filters)
    possible = collections.Counter()
    for sites in calls.values():
        for site, count in sites.items():
            possible[site] += 2 * count * len(errors[site])
    thorough = {case: sites for case, sites in calls.items() if is_thorough(case)}
    others = {case: sites for case, sites in calls.items() if not is_thorough(case)}
    drawn = list(all_faults(others, errors) if options.full else choose(others, errors, options.seed))
    random.Random(options.seed).shuffle(drawn)
    table = Table()
    for verdict in sweep(list(all_faults(thorough, errors)), float("inf")):
        table.add(verdict)
    every = sum(table.total().values())
    for verdict in sweep(drawn, float("inf") if options.full else time.monotonic() + options.seconds):
        table.add(verdict)
    table.print(possible)
    total = table.total()
    run = sum(total.values())
    print(f"\n{len(table.rows)} sites, {sum(map(len, errors.values()))} errors, seed {options.seed}: {run} faults were "
          f"run of {sum(possible.values())} possible in {len(calls)} cases ({total['unreached']} of them were not reached);\n"
          f"all {every} in the {len(thorough)} cases written for them, {run - every} of {len(drawn)} chosen in the "
          f"others. {sum(total[word] for word in BAD)} did harm.")
    return 1 if table.bad else 0


if __name__ == "__main__":
    sys.exit(main())
