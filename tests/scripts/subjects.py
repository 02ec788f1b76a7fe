#!/usr/bin/env python3
"""Shows the command asyncio processes and cores that are harder to look at than others.

    subjects.py leaderless    a process whose first thread has ended
    subjects.py program       a process that executes another program during the look
    subjects.py rights        a process that root may not read
    subjects.py part          a core that is cut off
    subjects.py compressed    a core that is compressed

Ends with 77 where programs run in an emulator: its memory is not laid out as that of the program.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import inspect  # tests/scripts/inspect.py
from built import sanitizers
from checks import Failure, Skip, expect, status_outside_emulators, tests_of
from inspect import COMMAND, CUT_OFF, LOOKS, SHARED, run


@contextmanager
def started(folder: Path, text: str, *arguments, more={}):
    """A program of this source that has printed its line."""
    (folder / "program.c").write_text(text)
    expect("the program can be linked", True, inspect.link(folder / "program", *SHARED, source=folder / "program.c"))
    with inspect.lying(folder / "program", *arguments, more=more) as process:
        yield process


# ---- processes --------------------------------------------------------------------------------------------------

LEADERLESS = """#include <asyncio.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
static int waits_for_input(void)
{
    puts("ready");
    fflush(stdout);
    return async_wait_readable(0); /* the wait */
}
async_fn(waits_for_input);
static void *run_loop(void *argument)
{
    (void)argument;
    exit(async_main(waits_for_input)); /* a thread of ThreadSanitizer would stay */
}
static void ignore(int number) { (void)number; }
int main(int count, char **arguments)
{
    pthread_t thread;
    signal(SIGUSR1, ignore);
    pthread_create(&thread, NULL, run_loop, *arguments);
    if (count > 1)
        pause();
    pthread_exit(NULL);
}
"""


def wait_for_end_of_main(pid: int):
    while ") Z " not in Path(f"/proc/{pid}/stat").read_text():
        pass


def check_end_during_top(process):
    """The first thread ends while the process is looked at."""
    with subprocess.Popen([COMMAND, "top", "--json", "--seconds", "1", f"{process.pid}"], stdout=subprocess.PIPE) as top:
        time.sleep(0.3)
        process.send_signal(signal.SIGUSR1)
        loop, = json.loads(top.stdout.read())[0]["loops"]
    expect("a loop after the end of main", (0, True), (top.wait(), loop["asleep_ns"] > 0))


def test_leaderless(folder: Path):
    with started(folder, LEADERLESS, "pause") as process:
        check_end_during_top(process)
    with inspect.lying(folder / "program", more={"ASYNCIO_TRACE": f"flight:{folder / 'run.trace'}"}) as process:
        wait_for_end_of_main(process.pid)
        while (task := (loop := inspect.look(process.pid))["tasks"][0])["state"] != "waits":
            pass
        if inspect.knows_lines():
            line = next(number for number, text in enumerate(LEADERLESS.splitlines(), 1) if "/* the wait */" in text)
            expect("the place", ("waits_for_input", line), (task["at"]["function"], task["at"]["line"]))
        thread = loop["thread"]
        expect("its thread lives", True, thread != process.pid and Path(f"/proc/{process.pid}/task/{thread}").exists())
        for command in ("ps", "tree"):
            status, out, complaint = run(command, process.pid)
            expect(command, (0, "", True, True), (status, complaint, f"loop 1, thread {thread}, " in out, " waits_for_input" in out))
        status, out, complaint = run("top", "--json", "--seconds", "0.05", process.pid)
        expect("top", (0, "", [thread]), (status, complaint, [loop["thread"] for loop in json.loads(out)[0]["loops"]]))
        expect("trace", (0, ""), run("trace", process.pid)[::2])


PROGRAMS = """#include <asyncio.h>
#include <stdio.h>
#include <unistd.h>
static int naps(void) { return async_sleep(0.02); }
async_fn(naps);
int main(int count, char **arguments)
{
    static char again[] = "again";
    if (count == 1 && write(1, "ready\\n", 6) != 6)
        return 1;
    if (async_main(naps) == 0)
        execl("/proc/self/exe", *arguments, again, NULL);
    return 1;
}
"""
# What is said of one program at one moment, or of two.
ABOUT_PROGRAMS = ("it has loaded another program\n", "it does not use libasyncio, or has not loaded it yet\n",
                  "no loop is traced; start the program with ASYNCIO_TRACE, for example ASYNCIO_TRACE=flight:run.html\n")


def check_programs(pid: int, command: list[str]):
    status, out, complaint = run(*command, pid)
    if status != 0 and not complaint.endswith(ABOUT_PROGRAMS) or "?" in out:
        raise Failure(f"{command}: {out}{complaint}")


def test_program(folder: Path):
    commands = [["ps"], ["tree"], ["ps", "--json"], ["trace"], ["top", "--once", "--seconds", "0.05"]]
    with started(folder, PROGRAMS) as process:
        try:
            for i in range(LOOKS):
                check_programs(process.pid, commands[i % 5])
        finally:
            process.kill()


def test_rights(folder: Path):
    drop = ["setpriv", "--bounding-set=-sys_ptrace", "--inh-caps=-sys_ptrace"]
    if os.geteuid() != 0 or not shutil.which("setpriv") or subprocess.run([*drop, "true"], capture_output=True).returncode != 0:
        raise Skip("only root can run the command without a capability")
    with subprocess.Popen(["setpriv", "--reuid=65534", "--clear-groups", "cat"], stdin=subprocess.PIPE) as process:
        inspect.wait_for_program(process.pid, "cat")
        answer = subprocess.run([*drop, COMMAND, "ps", f"{process.pid}"], text=True, capture_output=True)
        process.stdin.close()
    expect("root without the capability", (1, f"asyncio: process {process.pid} (cat): it belongs to another user; run asyncio as that "
                                              "user, or with the capability SYS_PTRACE (docker run --cap-add SYS_PTRACE)\n"),
           (answer.returncode, answer.stderr))


# ---- cores ------------------------------------------------------------------------------------------------------

FALSE_OF_A_PART = ("no loop is open", "ran no task", "start the program with ASYNCIO_TRACE", "it is not a core")


def check_part(part: Path, size: int):
    for arguments in (["ps"], ["tree"], ["ps", "--json"], ["trace"]):
        status, out, complaint = run(*arguments, part)
        expect(f"{arguments} of {size} bytes says that they are a part", f"asyncio: {part}: {CUT_OFF}", complaint.partition("\n")[0])
        expect(f"{arguments} of {size} bytes", [], [words for words in FALSE_OF_A_PART if words in out + complaint])
        expect(f"what it knows of the thread, {arguments} of {size} bytes", True, "runs no loop" not in out or "\nloop 1, " in out)
        if status == 0 and "--json" in arguments:
            json.loads(out)


def test_part(folder: Path):
    """Each part of a core is one that was cut off, also if the file that was loaded has other memory in that place."""
    if sanitizers():
        raise Skip("a sanitizer's shadow makes a core of terabytes")
    program, part = inspect.link_runs(folder), folder / "part"
    os.environ["ASYNCIO_TRACE"] = f"flight:{folder / 'run.trace'}"
    for what in ("faults", "thread", "sleeps"):
        core = inspect.core_of(program, what, folder)
        content = core.read_bytes()
        core.unlink()
        for size in (100, 2000, 20000, *(len(content) * i // 20 & -4096 for i in range(1, 20, 2)), len(content) - 1):
            part.write_bytes(content[:size])
            check_part(part, size)


def test_compressed(folder: Path):
    name = folder / "core"
    for begin, tool in (("1f8b0800", "gzip"), ("28b52ffd", "zstd"), ("fd377a58", "xz"), ("04224d18", "lz4")):
        name.write_bytes(bytes.fromhex(begin) + bytes(10000))
        words = f": {name}: it is compressed; decompress it first ({tool} -d)\n"
        for command in ("ps", "tree", "trace", "gdb"):
            status, out, complaint = run(command, name)
            expect(f"{command} of {tool}", (1, "", True), (status, out, complaint.endswith(words)))


if __name__ == "__main__":
    sys.exit(status_outside_emulators(tests_of(globals()), *sys.argv[1:]))
