#!/usr/bin/env python3
"""Shows the command asyncio cores, processes and files that are made to mislead it, or to cost it too much.

    untrusted.py option     the path of a core's program is no option of gdb

Ends with 77 where programs run in an emulator: its memory is not laid out as that of the program.
"""

import os
import subprocess
import sys
from pathlib import Path

import inspect  # tests/scripts/inspect.py
from built import SKIPPED, WRAPPER, sanitizers
from checks import Skip, expect, status_of, tests_of
from inspect import COMMAND


def test_option(folder: Path):
    if sanitizers():
        raise Skip("a sanitizer's shadow makes a core of terabytes")
    program = inspect.link_runs(folder)
    core = inspect.core_of(program, "faults", folder)
    path = os.fsencode(program)
    (folder / "forged").write_bytes(core.read_bytes().replace(path + b"\0", b"-" + path[1:] + b"\0"))
    (folder / "gdb").write_text("#!/bin/sh\necho gdb \"$@\"\n")
    (folder / "gdb").chmod(0o755)
    environment = os.environ | {"PATH": f"{folder}:{os.environ['PATH']}"}
    for name, status, words in ((core, 0, f" {program} {core}"), (folder / "forged", 1, "it does not say which program it is of")):
        answer = subprocess.run([COMMAND, "gdb", name], text=True, capture_output=True, env=environment)
        expect(f"gdb {name}", (status, True), (answer.returncode, words in answer.stdout + answer.stderr))


TESTS = tests_of(globals())


def main(name: str) -> int:
    if WRAPPER:
        print("the programs run in an emulator")
        return SKIPPED
    return status_of(TESTS[name])


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
