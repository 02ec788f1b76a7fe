#!/usr/bin/env python3
"""Ten broken programs: each report names the line of the mistake, while the mistake lasts or as soon as it is known.

    broken.py             runs each program once and prints a table
    broken.py NAME...     only these: broken.py names busy

The programs are those of docs/tutorial/mistakes.md. `seconds` is the time from the start of the program, which comes
before the mistake, to the arrival of the line. A failure prints what the program said. Ends with 77 where programs run in
an emulator, or are not built as their readers would build them.
"""

import re
import subprocess
import sys
import tempfile
import threading
import time

from built import SKIPPED, WRAPPER, option
from misuse import FOLDER, Mistake, build_mistake, compilers, is_elsewhere, is_sanitized

# What the program does wrong, what the line of the mistake has, and words that may come only after the report: while a
# task holds its loop, it must not have gone on. All have -g; without it there are functions and offsets.
PROGRAMS = {
    "two_locks": ("two locks in two orders", ("ASYNC_WITH(to)",), "amain failed"),
    "full_queue": ("a queue that no task reads", ("async_queue_put(queue",), "amain failed"),
    "forgotten": ("a lost task", ("async_create_task(save",), "loop closes"),
    "names": ("a blocking getaddrinfo", ("getaddrinfo(host",), "held the loop for"),
    "busy": ("a busy loop", ("divisor", "is_prime(number)"), "held the loop for"),
    "ignores": ("an ignored cancellation", ("async_ignore(async_sleep(1))",), "loop closes"),
    "recursion": ("a stack overflow", ("sum_down_from(number - 1)", "char notes"), None),
    "task_done": ("a forgotten task_done", ("async_queue_join(jobs)",), "amain failed"),
    "leak": ("leaked handles", ("async_create_task(answer",), None),
    "circle": ("tasks that await each other", ("async_await(right)", "async_await(left)"), "ever end this process"),
}


class Failure(Exception):
    pass


def numbered_source(mistake: Mistake) -> list[str]:
    """As the compiler sees it: line 1 is at index 1."""
    return ["", *mistake.code.lstrip().splitlines()]


def culprit_in(line: str, mistake: Mistake, words: tuple) -> str:
    """The place and the source if the line of the report has that of the mistake; else an empty string."""
    source = numbered_source(mistake)
    for place, number in re.findall(rf"({re.escape(mistake.program.name)}:(\d+))", line):
        if any(word in source[int(number)] for word in words):
            return f"{place:25}  {source[int(number)].strip()}"
    return ""


def run(mistake: Mistake, folder: str) -> list[tuple[float, str]]:
    """The lines that the program says, with the seconds from its start."""
    surroundings = build_mistake(mistake, folder)
    begun = time.monotonic()
    with subprocess.Popen([f"{folder}/program"], env=surroundings, text=True, stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE) as process:
        limit = threading.Timer(60, process.kill)
        limit.start()
        lines = [(time.monotonic() - begun, line.rstrip()) for line in process.stderr]
        limit.cancel()
    return lines


def find_culprit(name: str, folder: str) -> tuple[float, str]:
    """When the line of the mistake was named, and that line."""
    mistake = Mistake(FOLDER / f"mistake_{name}.c")
    _, words, end = PROGRAMS[name]
    lines = run(mistake, folder)
    said = "\n".join(line for _, line in lines)
    for seconds, line in lines:
        if end is not None and end in line:
            raise Failure(f"{name}: {end!r} came before the line of the mistake:\n{said}")
        culprit = culprit_in(line, mistake, words)
        if culprit:
            return seconds, culprit
    raise Failure(f"{name}: the line of the mistake is not named:\n{said}")


def main(names: list[str]) -> int:
    if WRAPPER or is_elsewhere() or is_sanitized() or option("static_programs") or not compilers():
        print("programs are not built here as their readers would build them")
        return SKIPPED
    if option("switch") == "ucontext":
        print("stacks are not unwound here")
        return SKIPPED
    failures = []
    print(f"{'program':28} {'seconds':>7}  named")
    for name in names or PROGRAMS:
        with tempfile.TemporaryDirectory() as folder:
            try:
                seconds, culprit = find_culprit(name, folder)
                print(f"{PROGRAMS[name][0]:28} {seconds:7.3f}  {culprit}", flush=True)
            except Failure as failure:
                failures.append(str(failure))
    print("\n".join(failures), end="")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
