#!/usr/bin/env python3
"""Programs in which a task holds its loop, and what is reported of it.

    watchdog.py causes      each cause, with the function, and calls that are not disturbed
    watchdog.py callback    a callback that blocks
    watchdog.py page        a page of memory that comes late
    watchdog.py throttled   a control group that gives a tenth of a processor
    watchdog.py circle      tasks that wait for each other while others go on: once, in debug mode
    watchdog.py circles     many of them: 64, and a line about the others, once; in a tree 16
    watchdog.py switched    debug mode that is switched on, or off, later
    watchdog.py stopped     nothing is said of a process that was stopped
    watchdog.py debugger    nothing is said of a process that a debugger has stopped, steps or runs

Ends with 77 where programs run in an emulator: /proc then tells of the emulator; and where the machine does not have what
is needed, or forbids it.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

from built import BUILD, COMPILER, ROOT, SKIPPED, WRAPPER, option, sanitizers
from checks import Failure, Skip, status_of

TRIES = 10

# What is reported, by the way in which the loop is held. A busy machine may give the thread no processor.
CAUSES = {
    "spin": ("holds_by_spin", ("it computes:",), "spin"),
    "sleep": ("holds_by_sleep", ("it is blocked in the kernel, in ", "nanosleep(2)", ":     holds_by_sleep "), "hint: call async_sleep instead"),
    "fifo": ("holds_by_fifo", ("it is blocked in the kernel, in read(2) on descriptor", "pipe:"), "hint: use asyncio's call"),
    "name": ("holds_by_name", ("it is blocked in the kernel, in ", "poll(2)"), "hint: gethostbyname blocks; call async_getaddrinfo"),
    "mutex": (r"holds_by_\x1B[mutex", ("it is blocked in the kernel, in futex(2)",), "it waits for another thread"),
    "rests": ("holds_and_rests", ("it computes:", "loop 1 goes on; it was held for "), "spin"),
    "after": ("holds_by_sleep", (") has held loop 1 for", "nanosleep(2)"), "hint: call async_sleep instead"),
    "many": (None, ("and others have held loop 1", "together"), "spin"),
}


def build(folder: Path) -> Path:
    flags = [f"-fsanitize={sanitizers()}"] if sanitizers() else []
    flags += ["-flto"] if option("b_lto") else []
    subprocess.run([*COMPILER, *flags, "-g", "-O1", f"-I{ROOT / 'include'}", ROOT / "tests/tools/held.c", "-o",
                    folder / "held", f"-L{BUILD}", "-lasyncio", f"-Wl,-rpath,{BUILD}", "-pthread"], check=True)
    return folder / "held"


def check(answer: subprocess.CompletedProcess, how: str, task: str | None, *words: str):
    check_words(answer, how, *([f"'{task}' (created at"] if task else []), *words)


def check_words(answer: subprocess.CompletedProcess, how: str, *words: str):
    missing = [word for word in words if word not in answer.stderr]
    if answer.returncode != 0 or missing:
        raise Failure(f"{how}: status {answer.returncode}, {missing} missing from\n{answer.stderr}")


def check_names(answer: subprocess.CompletedProcess):
    """The calls are those of the task that is named, also if another one runs a moment later."""
    for name, calls in re.findall(r"task #\d+ '(spins_\w+)' .* held loop .*\n((?:asyncio:   .*\n)*)", answer.stderr):
        if re.search(r"^asyncio:     spins?", calls, re.MULTILINE) and f"     {name} " not in calls:
            raise Failure(f"the calls are those of another task:\n{answer.stderr}")


def causes(program: Path):
    for how, (task, words, place) in CAUSES.items():
        answer = subprocess.run([program, how], text=True, capture_output=True)
        check(answer, how, task, *words, *([place] if knows_calls(how) else []))
        check_names(answer)


def callback(program: Path):
    answer = subprocess.run([program, "callback"], text=True, capture_output=True)
    check_words(answer, "callback", "a callback has held loop 1 for ", ":     sleep_in_a_callback ",
                "hint: in a callback, start a task for it; call async_sleep instead")


def knows_calls(how: str) -> bool:
    """Calls are found by unwind tables of these processors; hints always. ThreadSanitizer calls the handler that takes the
    sample late, when the stack is no longer that of the registers."""
    is_asked = how not in ("sleep", "fifo", "name", "mutex")
    has_tables = os.uname().machine in ("x86_64", "aarch64", "riscv64")
    return not is_asked or (has_tables and sanitizers() != "thread")


# ---- the machine ------------------------------------------------------------------------------------------------


def page(program: Path):
    answer = subprocess.run([program, "page"], text=True, capture_output=True)
    if answer.returncode == SKIPPED:
        raise Skip("the kernel allows no userfaultfd(2)")
    place = ["holds_by_page"] if knows_calls("page") else []
    check(answer, "page", "holds_by_page", "in a page fault, for memory of a file or in swap", "mlock(2)", *place)


def writable_groups():
    """Folders in which a control group with a limit for processor time can be made, and the files of the limit."""
    own = [line[len("0::/"):] for line in Path("/proc/self/cgroup").read_text().splitlines() if line.startswith("0::/")]
    for path in ("", *own):
        folder = Path("/sys/fs/cgroup", path)
        control = folder / "cgroup.subtree_control"
        if control.exists() and "cpu" in control.read_text().split():
            yield folder, {"cpu.max": "10000 100000"}
    yield Path("/sys/fs/cgroup/cpu"), {"cpu.cfs_period_us": "100000", "cpu.cfs_quota_us": "10000"}


@contextmanager
def group_with_a_tenth():
    """The file into which a process of the group writes its number."""
    for folder, limits in writable_groups():
        group = folder / f"asyncio-test-{os.getpid()}"
        try:
            group.mkdir()
        except OSError:
            continue
        try:
            for name, limit in limits.items():
                (group / name).write_text(limit)
            yield group / "cgroup.procs"
        finally:
            group.rmdir()
        return
    raise Skip("no control group with a limit for processor time can be made")


def throttled(program: Path):
    if sanitizers():
        raise Skip("with sanitizers a look takes longer than the hold")
    with group_with_a_tenth() as members:
        command = f"echo $$ >{members}; exec {program} spin"
        for _ in range(TRIES):
            answer = subprocess.run(["sh", "-c", command], text=True, capture_output=True)
            if answer.stderr: # the thread that observes is in the group, too, and says nothing if it was late
                break
        check(answer, "throttled", "holds_by_spin", "the machine gives it no processor")


# ---- nothing is said --------------------------------------------------------------------------------------------


@contextmanager
def silent(program: Path, how: str):
    """A program that must end well, and say nothing."""
    with subprocess.Popen([program, how], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.readline()
        yield process
        complaint = process.stderr.read()
    if process.returncode != 0 or complaint:
        raise Failure(f"{how}: status {process.returncode}: {complaint}")


def stopped(program: Path):
    for how in ("idle", "busy"):
        with silent(program, how) as process:
            for _ in range(2):
                process.send_signal(signal.SIGSTOP)
                time.sleep(0.4)
                process.send_signal(signal.SIGCONT)
                time.sleep(0.05)


def debug(*arguments: str):
    command = ["gdb", "-nx", "-batch", "-iex", "set debuginfod enabled off", *arguments]
    answer = subprocess.run(command, text=True, capture_output=True)
    if answer.returncode != 0:
        raise Skip(f"gdb does not work here: {answer.stderr.strip().splitlines()[-1:]}")
    return answer


def debugger(program: Path):
    if shutil.which("gdb") is None:
        raise Skip("gdb is not installed")
    with silent(program, "busy") as process:
        steps = ["break spin", "continue", "shell sleep 0.4", "stepi 2000", "shell sleep 0.4", "delete", "detach"]
        debug("-p", str(process.pid), *(word for step in steps for word in ("-ex", step)))
    answer = debug("-ex", "run", "--args", str(program), "spin")
    if "has held loop" in answer.stderr + answer.stdout:
        raise Failure(f"spin in gdb: {answer.stderr}")


def circle(program: Path):
    answer = subprocess.run([program, "circle"], text=True, capture_output=True, env={**os.environ, "ASYNCIO_DEBUG": "1"})
    cycle = "cycle: #3 waits for #4 waits for #3\n"
    hint = "  hint: tasks hold a lock and wait for another one's; acquire the locks in the same order everywhere\n"
    if answer.returncode != 0 or any(answer.stderr.count(once) != 1 for once in ("2 tasks wait for each other", cycle, hint)):
        raise Failure(f"status {answer.returncode}: {answer.stderr}")


def circles(program: Path):
    answer = subprocess.run([program, "circles"], text=True, capture_output=True, env={**os.environ, "ASYNCIO_DEBUG": "1"})
    said = answer.stderr
    reports, others = said.count("2 tasks wait for each other"), said.count("more tasks wait for each other")
    if answer.returncode != 0 or (reports, others) != (64, 1):
        raise Failure(f"status {answer.returncode}, {reports} reports: {said[:2000]}")
    with subprocess.Popen([program, "circles"], stdout=subprocess.PIPE, text=True) as process:
        process.stdout.readline()
        tree = subprocess.run([BUILD / "asyncio", "tree", str(process.pid)], text=True, capture_output=True)
    if tree.stdout.count("\ncycle: ") != 16 or "\n… and 54 more cycles\n" not in tree.stdout:
        raise Failure(tree.stdout[-2000:] + tree.stderr)


def switched(program: Path):
    for how, is_reported in [("debug_on", True), ("debug_off", False)]:
        answer = subprocess.run([program, how], text=True, capture_output=True)
        if answer.returncode != 0 or ("'holds_after_change'" in answer.stderr and "has held loop 1" in answer.stderr) != is_reported:
            raise Failure(f"{how}: status {answer.returncode}: {answer.stderr}")


CASES = {case.__name__: case for case in (causes, callback, page, throttled, circle, circles, switched, stopped, debugger)}


def main(name: str) -> int:
    if WRAPPER:
        print("programs run in an emulator")
        return SKIPPED
    if option("static_programs"):
        print("programs are linked statically")
        return SKIPPED
    return status_of(lambda folder: CASES[name](build(folder)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
