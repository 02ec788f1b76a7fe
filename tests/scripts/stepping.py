#!/usr/bin/env python3
"""Steps gdb through every instruction of a program that switches in every way: each backtrace must be right.

    stepping.py -O2            builds tests/tools/switches.c with the library and -O2; tests/tools/follow.py
                               does the stepping
    stepping.py --spoiled      the same with a wrong line of .cfi, which must be found
    stepping.py --spoiled all  leaves out each line of .cfi in turn, and prints those that are not needed: a minute

CC is the compiler, BUILD_DIR is where the library is. Ends with 77 where gdb or the switch does not allow it.
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import programs

SWITCH = programs.ROOT / "src/stack/switch_x86_64.S"
SUMMARY = re.compile(r"(\d+) instructions stepped, .*; (\d+) wrong\n\Z")


def reason_to_skip() -> str:
    """An empty string if there is none."""
    if os.uname().machine != "x86_64":
        return "only the switch for x86-64 is known here"
    return programs.reason_to_skip() or programs.reason_without_gdb()


def follow(level: str, *instead: str) -> str:
    """The output of follow.py for the program; the files in instead come before the library."""
    with tempfile.TemporaryDirectory() as folder:
        program = programs.build("tools/switches.c", Path(folder) / "switches", level, *instead)
        gdb = ["gdb", "-nx", "-batch", "-x", programs.ROOT / "tests/tools/follow.py", program]
        answer = subprocess.run(gdb, text=True, capture_output=True, env={**os.environ, "LD_BIND_NOW": "1"})
    return answer.stdout if SUMMARY.search(answer.stdout) else answer.stdout + answer.stderr


def complaint_about(said: str) -> str:
    summary = SUMMARY.search(said)
    if summary is None or int(summary[2]) > 0 or "never stepped" in said:
        return said
    return ""


def lines_of_cfi(source: str) -> list[int]:
    """Those that would be missed, numbered from 0. What was restored still lies below the stack pointer, at a ret gdb
    looks at the instruction, in rbx everybody who calls the switch has the loop, and whoever has no caller needs no CFA
    but for valgrind."""
    structure = r"\.cfi_(startproc|endproc|personality|remember_state|restore_state|restore )"
    harmless = re.compile(structure + r"|%rbx|cfa_offset (24|-?16)$")
    lines = source.splitlines()
    return [number for number, line in enumerate(lines)
            if ".cfi_" in line and not harmless.search(line) and "popq    %rbp" not in lines[number - 1]]


def is_missed(number: int) -> bool:
    """Whether the missing line of the switch is detected."""
    lines = SWITCH.read_text().splitlines(keepends=True)
    del lines[number]
    with tempfile.NamedTemporaryFile("w", suffix=".S") as spoiled:
        spoiled.write("".join(lines))
        spoiled.flush()
        return complaint_about(follow("-O2", spoiled.name)) != ""


def spoil(numbers: list[int]) -> int:
    source = SWITCH.read_text()
    unnoticed = [number for number in numbers if not is_missed(number)]
    for number in unnoticed:
        print(f"{SWITCH.relative_to(programs.ROOT)}:{number + 1} is not needed: {source.splitlines()[number].strip()}")
    print(f"{len(numbers) - len(unnoticed)} of {len(numbers)} lines are needed")
    return 1 if unnoticed else 0


def main(arguments: list[str]) -> int:
    reason = reason_to_skip()
    if reason:
        print(reason)
        return programs.SKIPPED
    if arguments[0] == "--spoiled":
        lines = lines_of_cfi(SWITCH.read_text())
        return spoil(lines if arguments[1:] else lines[-1:])
    said = follow(arguments[0])
    print(said, end="")
    return 1 if complaint_about(said) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
