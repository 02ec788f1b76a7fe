#!/usr/bin/env python3
"""Runs the tutorial's programs beside Python programs that do the same, and compares what they print, line by line.

    tutorial.py virtual    every program, in both languages, on virtual clocks: the lines and their seconds
    tutorial.py real       on the real clock, all of them at once, which takes 8 seconds: the lines
    tutorial.py terminal   no program: a terminal that reports its end too early is read to the end

The programs in C are taken from the folder BUILD_DIR, their counterparts from tests/tutorial. No result depends on the
speed of the machine: only seconds of a virtual clock are compared; real ones are printed.
"""

import difflib
import errno
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from checks import without_holds

# In the background of a script SIGINT is ignored, and the programs that we start would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

SKIPPED = 77
INTERRUPTED = 128 + signal.SIGINT

ROOT = Path(__file__).resolve().parent.parent.parent
BUILD = Path(os.environ.get("BUILD_DIR", ROOT / "build")).resolve()
SOURCES = ROOT / "examples" / "tutorial"
TWINS = ROOT / "tests" / "tutorial"
WRAPPER = os.environ.get("WRAPPER", "").split()
TRANSCRIPTS = ROOT / "docs" / "tutorial" / "output"


class Run(NamedTuple):
    """One way to run a program."""
    arguments: tuple[str, ...] = ()
    interrupt_at: str = ""  # the second in which Ctrl-C ends it; empty: it ends by itself

    @property
    def status(self):
        """What the shell sees of the program in C."""
        return INTERRUPTED if self.interrupt_at else 0

    @property
    def plan(self):
        """The settings for stamp.h and virtual.py."""
        return {"INTERRUPT_AT": self.interrupt_at} if self.interrupt_at else {}


# The tutorial shows the first run of each.
RUNS = {"1_hello": [Run()], "2_await": [Run()], "3_tasks": [Run()], "4_gather": [Run()],
        "5_queue": [Run(("1",), "10"), Run(("2",), "50"), Run(("3",), "250")]}
BLOCKING = "4_gather"
BACKENDS = ["epoll", "uring"]

STAMP = len("   0 s  ")

# The last line of debug mode, where nothing was left behind.
CLEAN = re.compile(r"loop closes; tasks created: \d+ \(main included\), left: 0; stacks in use: 0; operations in flight: 0$")


class Failure(Exception):
    """A test failed; the text says why."""


def lines_of(read):
    """What is read from a terminal, line by line. EIO says that nobody writes to it any more, but Linux looks for what
    was written before it looks whether the writer is gone, and misses what came in between: only a read that began
    after the writer was gone has seen everything."""
    begun, ends = b"", 0
    while ends < 2:
        try:
            *lines, begun = (begun + read()).split(b"\r\n")
            yield from map(bytes.decode, lines)
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            ends += 1
    if begun:
        yield begun.decode()


class Program:
    """A program that runs. It writes to a terminal, so its lines arrive as they are written."""

    def __init__(self, command, **surroundings):
        ours, theirs = os.openpty()
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("ASYNCIO_")}
        self.name = " ".join(Path(part).name for part in command)
        self.errors = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=theirs, stderr=self.errors,
                                        env={**inherited, **surroundings})
        os.close(theirs)
        self.terminal = ours
        self.lines = lines_of(lambda: os.read(ours, 65536))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        os.close(self.terminal)
        self.errors.close()

    def take(self, count):
        return list(islice(self.lines, count))

    def interrupt(self):
        self.process.send_signal(signal.SIGINT)

    def finish(self, status):
        """Checks its exit status; returns the lines left to read, and its standard error."""
        rest = list(self.lines)
        actual = self.process.wait()
        self.errors.seek(0)
        said = self.errors.read()
        if actual != status:
            raise Failure(f"{self.name} ended with status {actual}, not {status}\n{said}")
        return rest, said


def in_c(program, run, backend, **surroundings):
    return Program([*WRAPPER, program, *run.arguments], ASYNCIO_BACKEND=backend, **surroundings)


def in_python(twin, run, *driver, **surroundings):
    return Program([sys.executable, *driver, twin, *run.arguments], **surroundings)


def build_stamped(source, folder):
    """Builds the program so that each line begins with its second, against the library as it was built."""
    program = folder / source.stem
    subprocess.run([*shlex.split(os.environ.get("CC", "cc")), *sanitizers(source.name), "-include", TWINS / "stamp.h",
                    "-I", ROOT / "include", source, "-o", program,
                    "-L", BUILD, "-lasyncio", f"-Wl,-rpath,{BUILD}"], check=True)
    return program


def sanitizers(source_name):
    """Those that the file was built with: a program without them cannot be linked with a library that has them."""
    commands = json.loads((BUILD / "compile_commands.json").read_text())
    command = next(entry["command"] for entry in commands if Path(entry["file"]).name == source_name)
    return [flag for flag in shlex.split(command) if flag.startswith("-fsanitize=")]


def without_stamps(lines):
    return [line[STAMP:] for line in lines]


def expect_same(what, expected, actual):
    if expected != actual:
        difference = difflib.unified_diff(expected, actual, "expected", "printed", lineterm="")
        raise Failure("\n".join([f"{what} does not print the expected lines:", *difference]))


def expect_clean(name, said):
    if not CLEAN.search(without_holds(said).rstrip("\n")):
        raise Failure(f"{name} left something behind:\n{said}")


def expect_transcript(name, stamped_lines):
    shown = (TRANSCRIPTS / (name + ".txt")).read_text().splitlines()
    expect_same(f"{name}, as the tutorial shows it,", shown, stamped_lines)


def expect_debug_transcript(name, said):
    """Times, the backend and the folder are made as in the transcript; a busy machine may add lines of its own."""
    shown = TRANSCRIPTS / (name + "_debug.txt")
    if not shown.exists():
        return
    said = re.sub(r"for \d+\.\d+ s", "for 1.000 s", said).replace("the sim loop", "the epoll loop")
    said = re.sub(r"created at \S*examples/", "created at examples/", said)
    for line in shown.read_text().splitlines():
        if line not in said.splitlines():
            raise Failure(f"{line}\nis in the tutorial for {name}, but the program printed:\n{said}")


def expect_report(name, said):
    """What a thread says while a task holds the loop: as in the tutorial, but for times and calls of the C library."""
    shown = [line for line in (TRANSCRIPTS / (name + "_held.txt")).read_text().splitlines() if " libc.so" not in line]
    said = re.sub(r"(created at |count )\S*examples/", r"\1examples/", re.sub(r"for \d+\.\d+ s", "for 0.11 s", said))
    said = said.replace("in nanosleep(2)", "in clock_nanosleep(2)")  # another libc's sleep
    said = re.sub(r" \?$", "", said, flags=re.MULTILINE)  # behind calls of a libc without unwind tables
    for line in shown:
        if line not in said.splitlines():
            raise Failure(f"{line}\nis in the tutorial for {name}, but the program printed:\n{said}")


# ---- what is run ----------------------------------------------------------------------------------------------


def stamped_twin(twin, run):
    """The output of the program in Python on a virtual clock."""
    with in_python(twin, run, TWINS / "virtual.py", **run.plan) as program:
        return list(program.lines)


def compare_seconds(program, run, expected):
    """To the end, also when that is Ctrl-C, for it comes in the same second of both clocks."""
    with in_c(program, run, "sim", **run.plan) as c:
        lines, _ = c.finish(run.status)
    expect_same(f"{c.name} with its seconds", expected, lines)


def compare_lines(program, run, expected):
    """Ctrl-C comes from outside, some time after the lines that are compared. Returns what debug mode said."""
    count = [*expected, "closing"].index("closing")
    with in_c(program, run, "sim", ASYNCIO_DEBUG="1") as c:
        lines = c.take(count)
        if run.interrupt_at:
            c.interrupt()
        rest, said = c.finish(run.status)
    expect_same(c.name, expected[:count], lines if run.interrupt_at else lines + rest)
    expect_clean(c.name, said)
    return said


def compare_virtually(name, run, stamped):
    """The simulating backend brings a virtual clock along."""
    expected = stamped_twin(TWINS / (name + ".py"), run)
    said = compare_lines(BUILD / name, run, without_stamps(expected))
    if name != BLOCKING:  # a loop's virtual clock stands still meanwhile, so the seconds differ
        compare_seconds(stamped, run, expected)
    if run is RUNS[name][0]:
        expect_transcript(name, expected)
        expect_debug_transcript(name, said)


def test_virtually(name):
    with tempfile.TemporaryDirectory() as folder:
        stamped = build_stamped(SOURCES / (name + ".c"), Path(folder))
        for run in RUNS[name]:
            compare_virtually(name, run, stamped)


def compare_really(name, run, backend):
    began = time.monotonic()
    debug = {"ASYNCIO_DEBUG": "1"} if name == BLOCKING else {}
    with in_c(BUILD / name, run, backend, **debug) as c, in_python(TWINS / (name + ".py"), run) as twin:
        lines, said = c.finish(0)
        print(f"{name} on {backend}: {time.monotonic() - began:.3f} s")
        expected, _ = twin.finish(0)
    expect_same(f"{name} on {backend}", expected, lines)
    if name == BLOCKING and not WRAPPER:
        expect_report(name, said)


def interrupt_really(name, run, backend):
    """When its lines come depends on the machine; how it begins and how it ends does not."""
    with in_c(BUILD / name, run, backend, ASYNCIO_DEBUG="1") as c:
        first = c.take(5)
        c.interrupt()
        rest, said = c.finish(run.status)
    expect_clean(c.name, said)
    if not first[0].startswith("producer ") or "closing" not in rest:
        raise Failure("\n".join([f"{name} on {backend} printed:", *first, *rest]))


def test_really(name, backend):
    run = RUNS[name][0]
    (interrupt_really if run.interrupt_at else compare_really)(name, run, backend)


def test_terminal():
    """Returns its text in pieces, and the first EIO before the last of them."""
    end = OSError(errno.EIO, os.strerror(errno.EIO))
    pieces = iter([b"one\r\ntw", b"o\r", end, b"\n", b"three\r\nfour", end, end])

    def read():
        piece = next(pieces)
        if piece is end:
            raise piece
        return piece

    expect_same("A terminal", ["one", "two", "three", "four"], list(lines_of(read)))


def main(clock):
    if clock == "terminal":
        return test_terminal()
    if sys.version_info < (3, 11):
        print("the counterparts in Python need version 3.11")
        return SKIPPED
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in the background, also by programs that we start
    with ThreadPoolExecutor(len(RUNS) * len(BACKENDS)) as pool:
        if clock == "virtual":
            results = [pool.submit(test_virtually, name) for name in RUNS]
        else:
            results = [pool.submit(test_really, name, backend) for name in RUNS for backend in BACKENDS]
    failures = [result.exception() for result in results if result.exception()]
    for failure in failures:
        traceback.print_exception(failure, limit=-1)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
