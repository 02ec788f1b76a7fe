#!/usr/bin/env python3
"""Programs in which a task holds its loop, and what is reported of it.

    watchdog.py causes    each cause, with the function, and calls that are not disturbed
    watchdog.py circle    tasks that wait for each other while others go on: once, in debug mode
    watchdog.py stopped   nothing is said of a process that was stopped

Ends with 77 where programs run in an emulator: /proc then tells of the emulator.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from built import BUILD, COMPILER, ROOT, SKIPPED, WRAPPER, option, sanitizers

# What is reported, by the way in which the loop is held. A busy machine may give the thread no processor.
CAUSES = {
    "spin": ("holds_by_spin", ("it computes:",), "spin"),
    "sleep": ("holds_by_sleep", ("it is blocked in the kernel, in clock_nanosleep(2)",), "a task sleeps in async_sleep"),
    "fifo": ("holds_by_fifo", ("it is blocked in the kernel, in read(2) on descriptor", "pipe:"), "hint: use asyncio's call"),
    "mutex": ("holds_by_mutex", ("it is blocked in the kernel, in futex(2)",), "it waits for another thread"),
    "many": ("spins_shortly", ("and others have held loop 1", "together"), "spin"),
}


class Failure(Exception):
    pass


def build(folder: Path) -> Path:
    flags = [f"-fsanitize={sanitizers()}"] if sanitizers() else []
    flags += ["-flto"] if option("b_lto") else []
    subprocess.run([*COMPILER, *flags, "-g", "-O1", f"-I{ROOT / 'include'}", ROOT / "tests/tools/held.c", "-o",
                    folder / "held", f"-L{BUILD}", "-lasyncio", f"-Wl,-rpath,{BUILD}", "-pthread"], check=True)
    return folder / "held"


def causes(program: Path):
    for how, (task, words, place) in CAUSES.items():
        answer = subprocess.run([program, how], text=True, capture_output=True)
        missing = [word for word in (f"'{task}' (created at", *words) if word not in answer.stderr]
        if knows_calls(how) and place not in answer.stderr:
            missing.append(place)
        if answer.returncode != 0 or missing:
            raise Failure(f"{how}: status {answer.returncode}, {missing} missing from\n{answer.stderr}")


def knows_calls(how: str) -> bool:
    """Calls are found by unwind tables of these processors; hints always."""
    return os.uname().machine in ("x86_64", "aarch64", "riscv64") or how in ("sleep", "fifo", "mutex")


def stopped(program: Path):
    with subprocess.Popen([program, "idle"], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.readline()
        process.send_signal(signal.SIGSTOP)
        time.sleep(0.8)
        process.send_signal(signal.SIGCONT)
        complaint = process.stderr.read()
    if process.returncode != 0 or complaint:
        raise Failure(f"status {process.returncode}: {complaint}")


def circle(program: Path):
    answer = subprocess.run([program, "circle"], text=True, capture_output=True, env={**os.environ, "ASYNCIO_DEBUG": "1"})
    cycle = "cycle: #3 waits for #4 waits for #3\n"
    if answer.returncode != 0 or answer.stderr.count("2 tasks wait for each other") != 1 or cycle not in answer.stderr:
        raise Failure(f"status {answer.returncode}: {answer.stderr}")


def main(name: str) -> int:
    if WRAPPER:
        print("programs run in an emulator")
        return SKIPPED
    if option("static_programs"):
        print("programs are linked statically")
        return SKIPPED
    with tempfile.TemporaryDirectory() as folder:
        try:
            {"causes": causes, "circle": circle, "stopped": stopped}[name](build(Path(folder)))
        except Failure as failure:
            print(failure)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
