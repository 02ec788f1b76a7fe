#!/usr/bin/env python3
"""Runs programs under valgrind and perf, and checks that tasks do not confuse them.

    tools.py valgrind    mistakes inside tasks are reported with all callers, from the mistake to the task's first
                         function; a program without mistakes gives no report
    tools.py perf        every sample has a complete call chain to the task's first function, or main

CC is the compiler, BUILD_DIR is where the library is. Ends with 77 where the tool is not installed or may not be used.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import programs

# ---- valgrind -------------------------------------------------------------------------------------------------

FOUND = 9

# The last functions are those of every task.
TASK = ["blunder", "blunders", "asyncp_enter_blunders", "begin", "asyncp_switch_start"]


class Run(NamedTuple):
    """How the program runs, and the expected report with its functions, the innermost first."""
    backend: str
    mistake: str  # "kept": by a local variable of a task that waits, which is not lost
    heading: str
    functions: list[str]


RUNS = [Run("epoll", "fine", "", []), Run("uring", "fine", "", []), Run("epoll", "kept", "", []),
        Run("uring", "undecided", "Conditional jump or move depends on uninitialised value(s)", ["decide", *TASK]),
        Run("epoll", "beyond", "Invalid write of size 1", ["write_beyond", *TASK]),
        Run("epoll", "lost", "10 bytes in 1 blocks are definitely lost in loss record 1 of 1", ["malloc", *TASK])]


def complaint_about(run: Run, program: Path) -> str:
    command = ["valgrind", "-q", "--leak-check=full", f"--error-exitcode={FOUND}", program, run.backend, run.mistake]
    answer = subprocess.run(command, text=True, capture_output=True)
    said = re.sub(r"^==\d+== ?", "", answer.stderr, flags=re.MULTILINE).strip()
    heading, *lines = said.split("\n\n")[0].split("\n Address ")[0].splitlines() or [""]
    functions = [match[1] for line in lines for match in re.finditer(r"^\s+(?:at|by) 0x\w+: (\S+)", line)]
    if (heading, functions, answer.returncode) == (run.heading, run.functions, FOUND if run.heading else 0):
        return ""
    return f"{run.mistake} on {run.backend}: it ended with {answer.returncode}, and of it was said:\n{answer.stderr}"


def refusal_of_valgrind() -> str:
    if "musl" in programs.COMPILER[-1]:
        return "valgrind's header is not there for musl, so it is not told of stacks"
    return "valgrind 3.19 cannot read the DWARF 5 that clang writes" if "clang" in programs.COMPILER[-1] else ""


def complaints_of_valgrind(folder: Path) -> list[str]:
    program = programs.build("tools/mistakes.c", folder / "mistakes", "-O1")
    return [complaint_about(run, program) for run in RUNS]


# ---- perf -----------------------------------------------------------------------------------------------------

LEAST_SAMPLES = 30
CUT_SHORT = 0.01  # of the samples: perf copies the stack in an interrupt, where it waits for no page
ENDS = {"asyncp_switch_start", "_start", "main", "__libc_start_main"}


def samples_of(folder: Path, program: Path) -> list[list[str]]:
    """The functions of each sample, the innermost first."""
    data = folder / "data"
    subprocess.run(["perf", "record", "-q", "-e", "cpu-clock:u", "-F", "997", "--call-graph", "dwarf", "-o", data,
                    program], check=True, capture_output=True)
    script = subprocess.run(["perf", "script", "-i", data, "-F", "ip,sym"], text=True, capture_output=True, check=True)
    blocks = re.split(r"\n\s*\n", script.stdout.strip())
    return [[line.split()[1] for line in block.splitlines()] for block in blocks]


def complaints_of_perf(folder: Path) -> list[str]:
    samples = samples_of(folder, programs.build("tools/spins.c", folder / "spins", "-O2"))
    wrong = [sample for sample in samples if sample[-1].split("@")[0] not in ENDS]
    deep = [sample for sample in samples if sample.count("dive") == 8 and sample[-2:] == TASK[-2:]]
    print(f"{len(samples)} samples, {len(deep)} of them eight calls deep; {len(wrong)} wrong")
    complaints = []
    if len(wrong) > CUT_SHORT * len(samples):
        complaints = ["a sample that ends too early: " + " < ".join(sample) for sample in wrong]
    if len(deep) < LEAST_SAMPLES:
        complaints.append("too few samples were taken to say anything")
    return complaints


def refusal_of_perf() -> str:
    """Why perf may not be used, or a missing requirement."""
    if "musl" in programs.COMPILER[-1]:
        return "musl-gcc links no .eh_frame_hdr, where perf looks functions up"
    with tempfile.TemporaryDirectory() as folder:
        answer = subprocess.run(["perf", "record", "-q", "-e", "cpu-clock:u", "-o", Path(folder) / "data", "true"],
                                text=True, capture_output=True)
    return "" if answer.returncode == 0 else f"perf may not be used here: {answer.stderr.strip()}"


# ---- either ---------------------------------------------------------------------------------------------------


def main(arguments: list[str]) -> int:
    complaints_of, refusal = {"valgrind": (complaints_of_valgrind, refusal_of_valgrind),
                              "perf": (complaints_of_perf, refusal_of_perf)}[arguments[0]]
    missing = "" if shutil.which(arguments[0]) else f"there is no {arguments[0]}"
    reason = programs.reason_to_skip() or missing or refusal()
    if reason:
        print(reason)
        return programs.SKIPPED
    with tempfile.TemporaryDirectory() as folder:
        complaints = [complaint for complaint in complaints_of(Path(folder)) if complaint]
    print("\n".join(complaints), end="")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
