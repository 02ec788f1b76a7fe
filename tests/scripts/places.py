#!/usr/bin/env python3
"""Asks where in the program a task is, of programs and plugins that have the library in different files.

    places.py command   `asyncio ps`
    places.py report    the report of the process itself, after SIGQUIT
    places.py gdb       `info tasks` and `task 1 frame`
    places.py blocked   the first and the last, of a task that is blocked in libc
    places.py lent      debug mode, of an object in a frame of the program that is still there

The library is shared or in the file of the program; it has debug information, or, as in a distribution, has none.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import inspect  # tests/scripts/inspect.py
import programs
from built import BUILD, COMPILER, ROOT, finds_waits, sanitizers
from checks import Skip, expect, status_outside_emulators, tests_of
from inspect import SHARED, link

SOURCE = ROOT / "tests/tools/naps.c"
PLUGIN = ["-shared", "-fPIC", "-Wl,--exclude-libs,ALL"]
MODES = {False: ("naps", "/* the nap */"), True: ("blocks", "/* the block */")}


def line_of(words: str) -> int:
    line, = (number for number, line in enumerate(SOURCE.read_text().splitlines(), 1) if words in line)
    return line


def stripped(library: Path) -> bool:
    """Makes a copy of the static library without debug information. false: that cannot be done here."""
    if shutil.which("strip") is None:
        return False
    shutil.copy(BUILD / "libasyncio.a", library)
    return subprocess.run(["strip", "-g", library], capture_output=True).returncode == 0


def built(folder: Path) -> dict[str, Path]:
    """The programs by their shapes, as far as this build can link them."""
    archive, bare = BUILD / "libasyncio.a", folder / "bare.a"
    shapes = {"a shared library": SHARED, "a static one": [archive], "a plugin with a shared one": [*PLUGIN, *SHARED],
              "a plugin with a static one": [*PLUGIN, archive]}
    if stripped(bare):
        shapes |= {"a bare static one": [bare], "a plugin with a bare one": [*PLUGIN, bare]}
    found = {}
    for number, (name, arguments) in enumerate(shapes.items()):
        program = folder / f"program{number}"
        is_plugin = "-shared" in arguments
        if is_plugin and "musl" in COMPILER[-1]:  # it loads no file with thread-local variables at fixed offsets
            continue
        if not link(program.with_suffix(".so") if is_plugin else program, *arguments, source=SOURCE):
            continue
        if not is_plugin or link(program, f'-DPLUGIN="{program}.so"', "-ldl", source=SOURCE):
            found[name] = program
    return found


def has_stopped(task: dict, state: str) -> bool:
    """A task that runs has a place from when on it is in the kernel."""
    return task["state"] == state and (state == "waits" or "at" in task)


@contextmanager
def running(program: Path, *arguments, state="waits"):
    with subprocess.Popen([program, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            expect("the program", "ready\n", process.stdout.readline())
            while not has_stopped(inspect.look(process.pid)["tasks"][0], state):
                pass
            yield process
        finally:
            process.kill()


def ask_command(process) -> str:
    return inspect.run("ps", process.pid)[1]


def ask_process(process) -> str:
    process.send_signal(signal.SIGQUIT)
    return next((line for line in process.stderr if "#1 amain" in line), "")


def ask_gdb(process) -> str:
    answer = subprocess.run(["timeout", "60", BUILD / "asyncio", "gdb", f"{process.pid}", "-nx", "-batch", "-ex", "set width 0",
                             "-ex", "info tasks", "-ex", "task 1 frame"], text=True, capture_output=True)
    found = re.search(r"^#\d+ .*\b(\w+) \(\) at ", answer.stdout, re.MULTILINE)
    expect(f"the frame, in {answer.stdout}{answer.stderr}", True, found is not None and found[1] in ("naps", "blocks"))
    return answer.stdout


def check_places(folder: Path, ask, blocks=False):
    function, words = MODES[blocks]
    found = built(folder)
    expect("programs can be linked", True, "a static one" in found)
    for name, program in found.items():
        if blocks and "plugin" in name:
            continue
        with running(program, *["blocks"] * blocks, state="runs" if blocks else "waits") as process:
            answer = ask(process)
        place = re.search(rf"[ ,]{function} \S*naps\.c:{line_of(words)}$", answer, re.MULTILINE)
        expect(f"the place, with {name}, in\n{answer}", True, place is not None)


def need_lines():
    if not inspect.knows_lines() or sanitizers():
        raise Skip("the command does not know lines here, or a sanitizer is in the program")


def need_gdb():
    if reason := programs.reason_to_skip() or programs.reason_without_gdb():
        raise Skip(reason)


def test_command(folder: Path):
    need_lines()
    check_places(folder, ask_command)


def test_report(folder: Path):
    need_lines()
    if not finds_waits():
        raise Skip("reports have no places here")
    check_places(folder, ask_process)


def test_gdb(folder: Path):
    need_gdb()
    check_places(folder, ask_gdb)


def test_blocked(folder: Path):
    need_lines()
    check_places(folder, ask_command, blocks=True)
    need_gdb()
    check_places(folder, ask_gdb, blocks=True)


def test_lent(folder: Path):
    found = built(folder)
    expect("programs can be linked", True, "a static one" in found)
    for name, program in found.items():
        done = subprocess.run([program, "lends", "an event"], env={**os.environ, "ASYNCIO_DEBUG": "1"}, text=True,
                              capture_output=True, timeout=60)
        expect(f"the status, with {name}, after\n{done.stderr}", 0, done.returncode)


if __name__ == "__main__":
    sys.exit(status_outside_emulators(tests_of(globals()), *sys.argv[1:]))
