#!/usr/bin/env python3
"""Links programs with libasyncio.a, the first two without any shared library, and runs them.

    static.py c    a program of the tutorial, by the compiler that built the library; it resolves no names, so the
                   linker does not warn about glibc's getaddrinfo in static programs
    static.py c++  tests/cxx/catch.cc: the library's weak references must be resolved by libstdc++.a
    static.py name tests/tools/named.c: a report names its line, whatever name libc has for its file

Ends with 77 where no static program can be linked, not even an empty one, and `name` also where reports have no places.
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from built import BUILD, COMPILER, ROOT, SKIPPED, WRAPPER, finds_waits, option, sanitizers

# The source, its expected output, and its status.
C_PROGRAM = (ROOT / "examples/tutorial/3_tasks.c", "hello\nworld\n", 0)
CXX_PROGRAM = (ROOT / "tests/cxx/catch.cc", "fine\n", 3)


def cxx_compiler() -> list[str]:
    """The other half of the compiler of C: g++ of gcc, clang++ of clang."""
    *before, name = COMPILER
    return [*before, "g++" if name == "cc" else re.sub(r"clang\b", "clang++", name).replace("gcc", "g++")]


def link(compiler: list[str], source: str, output: Path, *libraries) -> subprocess.CompletedProcess:
    optimize = ["-flto"] if option("b_lto") else []
    command = [*compiler, *optimize, "-static", f"-I{ROOT / 'include'}", source, "-o", output, *libraries, "-pthread"]
    return subprocess.run(command, input="int main(void) { return 0; }\n", text=True, capture_output=True)


def cannot_link(compiler: list[str], language: str, folder: Path) -> str:
    """Why it cannot be linked, or an empty string."""
    if sanitizers():
        return "a sanitizer needs its shared libraries"
    try:
        answer = link([*compiler, "-x", language], "-", folder / "empty")
    except FileNotFoundError:
        return f"there is no {compiler[0]}"
    return f"{compiler[0]} cannot link without shared libraries here" if answer.returncode != 0 else ""


def complaint_about(compiler: list[str], program: tuple[Path, str, int], folder: Path) -> str:
    source, words, status = program
    linked = link(compiler, str(source), folder / "program", BUILD / "libasyncio.a")
    if linked.returncode != 0 or "statically linked" in linked.stderr:
        return f"{source} cannot be linked, or not without a warning:\n{linked.stderr}"
    answer = subprocess.run([*WRAPPER, folder / "program"], env={**os.environ, "ASYNCIO_BACKEND": "sim"}, text=True,
                            capture_output=True)
    if (answer.stdout, answer.returncode) != (words, status):
        return f"{source} ends with {answer.returncode} and says:\n{answer.stdout}{answer.stderr}"
    return ""


def complaint_about_place(folder: Path) -> str:
    flags = ["-g", "-pthread", f"-I{ROOT / 'include'}"]
    subprocess.run([*COMPILER, *flags, ROOT / "tests/tools/named.c", "-o", folder / "program", BUILD / "libasyncio.a"], check=True)
    answer = subprocess.run([folder / "program"], cwd="/", text=True, capture_output=True)
    place = re.search(r", at waits \S*named\.c:\d+$", answer.stderr, re.MULTILINE)
    return "" if place else f"the place of the wait is missing from:\n{answer.stderr}"


def check_name() -> int:
    if WRAPPER or sanitizers() or option("b_lto") or option("static_programs") or not finds_waits():
        print("this needs a program that is linked with the library as it is and with a shared libc")
        return SKIPPED
    with tempfile.TemporaryDirectory() as name:
        complaint = complaint_about_place(Path(name))
    print(complaint)
    return 1 if complaint else 0


def main(language: str) -> int:
    if language == "name":
        return check_name()
    compiler, program = (COMPILER, C_PROGRAM) if language == "c" else (cxx_compiler(), CXX_PROGRAM)
    with tempfile.TemporaryDirectory() as name:
        obstacle = cannot_link(compiler, language, Path(name))
        complaint = obstacle or complaint_about(compiler, program, Path(name))
    if complaint:
        print(complaint)
    return SKIPPED if obstacle else 1 if complaint else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
