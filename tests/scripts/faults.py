#!/usr/bin/env python3
"""Fault driver: makes each system call and each allocation of the library fail in turn, while the suite runs.

    faults.py [--full] [--seconds 180] [--seed 1] [part of a name]...     BUILD_DIR: where the suite is
    faults.py --sample 200 faults_      that many, drawn at random
    faults.py --self-test               checks that each kind of harm is found

First it counts how often each case calls each site; then each case runs again and again, and each time one call, or
all from one on, fail with one of the errors they can have (tests/run/faults.c lists them). Cases whose names begin
with faults_ are written for this and run with every fault; for the others as many faults are drawn as time allows. A
check that fails because a call returned its error is fine; a crash, an assertion, a sanitizer's report, a hang and a
leak are not, and are printed with the command that repeats them.
"""

import argparse
import collections
import os
import platform
import random
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Iterator, NamedTuple

AT_ONCE = 1000  # faults that one process of the suite is given
SKIPPED = 77
RUNNING = "FAULTS_ARE_RUN"  # in the environment of the suite
FOREVER = float("inf")
QUICK = 0.5  # seconds; slower cases are left to --full
FEW = 3  # the first calls of a case, of which each fails in turn
VERDICTS = ["passed", "reported", "excused", "died", "hung", "leaked", "lost"]
BAD = {"died", "hung", "leaked", "lost"}

# Bad ends that are expected: the beginning of the fault, the verdict, the last line of the case, and the reason. None of
# these excuses a hang of a case that was written for faults.
EXCUSES = [
    ("", "died", r"the (queue|process|function|stream) is NULL",
     "the test uses an object that could not be created, and the library reports that"),
    (r"(accept|connect|epoll_ctl|poll|recv|recvfrom|recvmsg|send|sendmsg|sendto|sendfile|splice|shutdown|"
     r"stream_recv|stream_send|stream_write):",
     "hung", r" waits in async_|has no loop", "one end of a test fails and gives up, and the other end waits for it"),
    (r"uring_sqe:(EINTR|EAGAIN|ECANCELED):", "hung", r" be_caller +waits in async_",
     "the call that is begun again is behind the others, which take its data"),
    ("thread:", "hung", r" waits in async_", "the test waits for jobs on more threads than could be created"),
    ("(sigaction|eventfd_open):", "died", r"signal (1|2|10|12|15) ",
     "without the handler, or what it writes to, the signal ends the program, as without the library"),
    ("wait_process:ECHILD", "hung", "", "a process runs on that is gone by the kernel's word, and the test waits for its end"),
    ("socket_option:", "hung", r"subscriptions of Redis waits in async_sleep",
     "a subscription connects again until it can, and no socket can be prepared"),
    ("signal_process:", "hung", r" waits in async_process_", "a process that no signal reaches is waited for"),
]

SUITE = os.path.join(os.environ.get("BUILD_DIR", "build"), "suite")
WRAPPER = os.environ.get("WRAPPER", "").split()  # the emulator, if it is for another processor
# Separate exit statuses, so that a sanitizer's report is not taken for a failed check.
SURROUNDINGS = {
    "ASAN_OPTIONS": "exitcode=99:" + os.environ.get("ASAN_OPTIONS", ""),
    "UBSAN_OPTIONS": "exitcode=99:halt_on_error=1:print_stacktrace=1",
}


def is_thorough(case: str) -> bool:
    return case.startswith(("faults_", "selftest_faults_"))


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
        """The same, or excused; but in a program written for faults no task may wait for ever and no check may fail."""
        if self.word == "reported" and is_thorough(self.case):
            return self._replace(word="lost")
        if self.word == "hung" and is_thorough(self.case):
            return self
        for beginning, word, pattern, _ in EXCUSES:
            said = f"{self.reason} {self.last_line}"
            if re.match(beginning, self.fault) and self.word == word and re.search(pattern, said):
                return self._replace(word="excused")
        return self

    def repeat(self) -> str:
        return f"{SUITE} -v --fault {self.fault} '{self.case}'"


def run_suite(*arguments: str, plan: str = "") -> Iterator[list[str]]:
    """The lines of the suite's output, cut at tabs."""
    command = [*WRAPPER, SUITE, *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, errors="replace",
                          env=os.environ | SURROUNDINGS) as process:
        process.stdin.write(plan)
        process.stdin.close()
        for line in process.stdout:
            yield line.rstrip("\n").split("\t")


def can_fail_requests() -> bool:
    """Whether a test can choose the error of an io_uring request: Linux 6.10."""
    return tuple(map(int, re.findall(r"\d+", platform.release())[:2])) >= (6, 10)


class Case(NamedTuple):
    name: str
    seconds: float  # that it takes
    calls: dict[str, int]  # how often it calls each site

    def is_quick(self) -> bool:
        return self.seconds < QUICK


def record(filters: list[str]) -> tuple[dict[str, list[str]], list[Case]]:
    """The errors of each site, and the cases with their calls."""
    errors, cases = collections.defaultdict(list), []
    for kind, *parts in run_suite("--record", *filters):
        if kind == "error" and (parts[0] != "uring_sqe" or can_fail_requests()):
            errors[parts[0]].append(parts[1])
        elif kind == "calls":
            counts = (part.split("=") for part in parts[2].split())
            cases.append(Case(parts[0], float(parts[1]), {site: int(count) for site, count in counts}))
        elif kind.startswith("FAIL"):
            print(f"without any fault: {kind}")
    return errors, cases


def all_faults(cases: list[Case], errors: dict[str, list[str]], _seed: int = 0) -> Iterator[Fault]:
    """Each call of each site of each case, with each error: alone, and from it on."""
    for case in cases:
        for site, count in case.calls.items():
            for error in errors[site]:
                for number in range(1, count + 1):
                    yield Fault(case.name, site, error, number, False)
                    yield Fault(case.name, site, error, number, True)


def choose(cases: list[Case], errors: dict[str, list[str]], seed: int) -> Iterator[Fault]:
    """For each site of a case and each error: the first calls, the last one and one between; from one on likewise."""
    draw = random.Random(seed)
    for case in filter(Case.is_quick, cases):
        for site, count in case.calls.items():
            for error in errors[site]:
                numbers = {*range(1, min(FEW, count) + 1), count, draw.randint(1, count)}
                yield from (Fault(case.name, site, error, number, False) for number in numbers)
                yield from (Fault(case.name, site, error, number, True) for number in {1, draw.randint(1, count)})


def sweep(faults: list[Fault], deadline: float, *filters: str) -> Iterator[Verdict]:
    """Runs them, in that order, until the time is up. Cases that are hidden need a filter."""
    for begin in range(0, len(faults), AT_ONCE):
        if time.monotonic() > deadline:
            return
        plan = sorted(faults[begin:begin + AT_ONCE])
        left = {(fault.case, fault.text()) for fault in plan}
        for line in run_suite("--sweep", *filters, plan="".join(f"{fault.case}\t{fault.text()}\n" for fault in plan)):
            if line[0] == "verdict" and len(line) >= 6:
                left.discard((line[1], line[2]))
                yield Verdict(*line[1:6]).weighed()
        for case, fault in left:
            yield Verdict(case, fault, "died", "without a verdict", "")


class Table:
    """The verdicts at each site."""

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
    parser.add_argument("--seconds", type=float, default=180, help="for cases not written for this")
    parser.add_argument("--seed", type=int, default=1, help="of the draw")
    parser.add_argument("--sample", type=int, help="so many faults drawn from all there are, and no more")
    parser.add_argument("--self-test", action="store_true", help="checks that each kind of harm is found")
    parser.add_argument("filters", nargs="*", metavar="part of a name")
    return parser.parse_args()


def unknown_names() -> list[str]:
    """The sites in EXCUSES that the source does not have."""
    known = set(re.findall(r'^    \[SITE_\w+\] = \{"(\w+)"', Path("tests/run/faults.c").read_text(), re.MULTILINE))
    sites = {name for beginning, *_ in EXCUSES for name in re.findall(r"[a-z_]+(?=[|):])", beginning)}
    return sorted(sites - known)


def self_test() -> int:
    """Runs cases that each end in a different way (tests/faults/test_faults_driver.c)."""
    if unknown_names():
        print("EXCUSES name sites that do not exist:", *unknown_names())
        return 1
    expected = {
        "selftest_fault_is_reported": "reported",
        "selftest_fault_kills": "died",
        "selftest_fault_stops_everything": "hung",
        "selftest_fault_leaves_a_descriptor": "leaked",
        "selftest_fault_does_no_harm": "passed",
        "selftest_faults_lose_an_item": "lost",
    }
    errors, cases = record(["selftest_fault"])
    SURROUNDINGS["TEST_TIME_LIMIT"] = "1"
    faults = list(all_faults(cases, errors))
    verdicts = {verdict.case: verdict.word for verdict in sweep(faults, FOREVER, "selftest_fault")}
    print(verdicts)
    return 0 if verdicts == expected else 1


class Plan:
    """The faults to run, and how many are possible."""

    def __init__(self, options: argparse.Namespace):
        self.errors, self.cases = record(options.filters)
        self.thorough = [case for case in self.cases if is_thorough(case.name)]
        self.others = [case for case in self.cases if not is_thorough(case.name)]
        draw = random.Random(options.seed)
        self.written = list(all_faults(self.thorough, self.errors))
        self.chosen = list((all_faults if options.full else choose)(self.others, self.errors, options.seed))
        draw.shuffle(self.chosen)
        if options.sample is not None:
            self.written, self.chosen = draw.sample(self.written, min(options.sample, len(self.written))), []
        self.possible = collections.Counter()
        for case in self.cases:
            for site, count in case.calls.items():
                self.possible[site] += 2 * count * len(self.errors[site])

    def run(self, seconds: float, table: Table):
        for verdict in sweep(self.written, FOREVER):
            table.add(verdict)
        for verdict in sweep(self.chosen, time.monotonic() + seconds):
            table.add(verdict)


def print_summary(plan: Plan, table: Table, options: argparse.Namespace):
    table.print(plan.possible)
    total = table.total()
    others = sum(total.values()) - len(plan.written)
    slow = 0 if options.full else sum(not case.is_quick() for case in plan.others)
    possible, errors = sum(plan.possible.values()), sum(map(len, plan.errors.values()))
    print(f"""
{len(table.rows)} sites with {errors} errors; {possible} failures are possible in {len(plan.cases)} cases
{len(plan.written)} were run in the {len(plan.thorough)} programs written for them
{others} of {len(plan.chosen)} chosen ones were run in the other cases (seed {options.seed})
{slow} cases that take longer than {QUICK} s were left out; {total['unreached']} runs ended before that call
{sum(total[word] for word in BAD)} did harm""")
    if total["excused"]:
        print("\n".join(["excused:", *(f"    {reason}" for *_, reason in EXCUSES)]))


def main() -> int:
    options = read_arguments()
    if RUNNING in os.environ:
        return SKIPPED  # the suite that runs here contains this test
    SURROUNDINGS[RUNNING] = "1"
    if options.self_test:
        return self_test()
    plan, table = Plan(options), Table()
    SURROUNDINGS["TEST_TIME_LIMIT"] = "15"  # a hang would take the time of all others
    plan.run(FOREVER if options.full else options.seconds, table)
    print_summary(plan, table, options)
    return 1 if table.bad or not table.rows else 0


if __name__ == "__main__":
    sys.exit(main())
