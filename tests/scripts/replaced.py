#!/usr/bin/env python3
"""A program reports a deadlock after another file was renamed to the name of a library that it has loaded.

    replaced.py same       the file is still the same: the report has the function and the line
    replaced.py other      another version, whose lines are others: the report has the offset alone
    replaced.py unnamed    another version, and no file has a build id: the same
    replaced.py stripped   the same version without debug information: the report has the function

Ends with 77 where reports have no places, or a program cannot be run.
"""

import os
import subprocess
import sys
from pathlib import Path

import inspect  # tests/scripts/inspect.py
from built import COMPILER, ROOT, finds_waits, option, sanitizers
from checks import Failure, Skip, expect, status_outside_emulators, tests_of
from inspect import SHARED

LIBRARY = """#include <asyncio.h>
int wait_in_library(void)
{
    async_event never = {0};
    return async_event_wait(&never);
}
"""

PROGRAM = """#include <asyncio.h>
#include <unistd.h>
int wait_in_library(void);
static int amain(void)
{
    char byte;
    return read(0, &byte, 1) == 1 ? wait_in_library() : -EIO;
}
async_fn(amain);
int main(void) { return async_main(amain); }
"""


def build_library(folder: Path, name: str, text: str, id: str) -> Path:
    """The source has the same name each time, so that only the text differs."""
    (folder / "app.c").write_text(text)
    subprocess.run([*COMPILER, "-g", "-O1", "-fPIC", "-shared", f"-Wl,--build-id={id}", f"-I{ROOT / 'include'}", "app.c", "-o", name],
                   cwd=folder, check=True)
    return folder / name


def report_of(folder: Path, replace=lambda library: None, id="sha1") -> str:
    """What the program says of its deadlock after replace() was called with the path of its library."""
    if not finds_waits() or option("b_lto") or sanitizers():
        raise Skip("reports have no places, or a sanitizer is in the way")
    library = build_library(folder, "libapp.so", LIBRARY, id)
    (folder / "main.c").write_text(PROGRAM)
    linked = inspect.link(folder / "program", library, *SHARED, f"-Wl,-rpath,{folder}", source=folder / "main.c")
    expect("the program can be linked", True, linked)
    with subprocess.Popen([folder / "program"], stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        while str(library) not in Path(f"/proc/{process.pid}/maps").read_text():
            if process.poll() is not None:
                raise Failure(f"the program has ended: {process.stderr.read()}")
        replace(library)
        process.stdin.write("x")
        process.stdin.close()
        return process.stderr.read()


def expect_place(words: str, report: str):
    if words not in report:
        raise Failure(f"no {words!r} in\n{report}")


def check_other(folder: Path, text: str, id: str):
    """A library of this text comes into the place."""
    def replace(library: Path):
        os.replace(build_library(folder, "new.so", text, id), library)
    expect_place(", at ? libapp.so+0x", report_of(folder, replace, id))


def test_same(folder: Path):
    expect_place(", at wait_in_library app.c:5", report_of(folder))


def test_other(folder: Path):
    check_other(folder, "\n\n\n" + LIBRARY, "sha1")


def test_unnamed(folder: Path):
    check_other(folder, "int three(void) { return 3; }\n" + LIBRARY, "none")


def test_stripped(folder: Path):
    def replace(library: Path):
        subprocess.run(["strip", library, "-o", folder / "new.so"], check=True)
        os.replace(folder / "new.so", library)
    expect_place(", at wait_in_library libapp.so+0x", report_of(folder, replace))


if __name__ == "__main__":
    sys.exit(status_outside_emulators(tests_of(globals()), *sys.argv[1:]))
