#!/usr/bin/env python3
"""Compiles the programs of tests/cxx as C++17 against the library that was built, and runs them.

    cxx.py everyday          builds and runs tests/cxx/everyday.cc: it must print "fine" and end with 3
    cxx.py --dies uncaught   tests/cxx/uncaught.cc must be ended by SIGABRT, with the texts in its first comment
    cxx.py --passes testing  tests/cxx/testing.cc, tests of libasyncio-test, must end with 0
    cxx.py --refuses string  tests/cxx/string.cc must not compile, for a reason that names async_fn

With g++ and clang++, as far as they are installed; for another processor or libc with its g++. Ends with 77 without
a compiler.
"""

import re
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from built import BUILD, COMPILER, ROOT, SKIPPED, WRAPPER, sanitizers

FLAGS = ["-std=c++17", "-O1", "-g", "-Wall", "-Wextra", "-Wshadow", "-Wconversion", "-pedantic", "-Werror",
         "-fstack-clash-protection", f"-I{ROOT / 'include'}"]


def compilers() -> list[str]:
    """In a build with a sanitizer, only the compiler of the library: two sanitizers' runtimes do not mix."""
    names = ["g++", "clang++"]
    if sanitizers():
        names = ["clang++" if "clang" in COMPILER[-1] else "g++"]
    if WRAPPER or "musl" in COMPILER[-1]:
        names = [COMPILER[-1].replace("gcc", "g++")]
    return [name for name in names if shutil.which(name)]


def compile_program(compiler: str, name: str, output: Path) -> subprocess.CompletedProcess:
    extra = [f"-fsanitize={sanitizers()}"] if sanitizers() else []
    source = ROOT / "tests/cxx" / f"{name}.cc"
    if "asyncio/test.h" in source.read_text():
        folder = BUILD / "ext/test"
        extra += [f"-I{ROOT / 'ext/test/include'}", f"-L{folder}", "-lasyncio-test", f"-Wl,-rpath,{folder}"]
    command = [compiler, *FLAGS, str(source), "-o", str(output), *extra, f"-L{BUILD}", "-lasyncio",
               f"-Wl,-rpath,{BUILD}"]
    return subprocess.run(command, text=True, capture_output=True)


def complaint_about_running(compiler: str, name: str, output: Path) -> str:
    compiled = compile_program(compiler, name, output)
    if compiled.returncode != 0:
        return f"{compiler} does not compile it:\n{compiled.stderr}"
    answer = subprocess.run([*WRAPPER, output], text=True, capture_output=True)
    if (answer.returncode, answer.stdout, answer.stderr) != (3, "fine\n", ""):
        return f"by {compiler}, it ends with {answer.returncode} and says:\n{answer.stdout}{answer.stderr}"
    return ""


def complaint_about_passing(compiler: str, name: str, output: Path) -> str:
    compiled = compile_program(compiler, name, output)
    if compiled.returncode != 0:
        return f"{compiler} does not compile it:\n{compiled.stderr}"
    answer = subprocess.run([*WRAPPER, output], text=True, capture_output=True)
    passed = answer.returncode == 0 and "ok 1" in answer.stdout
    return "" if passed else f"by {compiler}, it ends with {answer.returncode} and says:\n{answer.stdout}"


def complaint_about_dying(compiler: str, name: str, output: Path) -> str:
    compiled = compile_program(compiler, name, output)
    if compiled.returncode != 0:
        return f"{compiler} does not compile it:\n{compiled.stderr}"
    answer = subprocess.run([*WRAPPER, output], text=True, capture_output=True)
    comment = (ROOT / "tests/cxx" / f"{name}.cc").read_text().split("*/")[0]
    missing = [words for words in re.findall(r'"(.+?)"', comment) if words not in answer.stderr]
    if answer.returncode != -signal.SIGABRT or missing:
        return f"by {compiler}, it ends with {answer.returncode} and without {missing} in\n{answer.stderr}"
    return ""


def complaint_about_compiling(compiler: str, name: str, output: Path) -> str:
    compiled = compile_program(compiler, name, output)
    if compiled.returncode == 0:
        return f"{compiler} compiles it"
    reasons = [line for line in compiled.stderr.splitlines() if "error:" in line]
    return "" if "async_fn(" in reasons[0] else f"{compiler} refuses it, but says:\n{compiled.stderr}"


def main(arguments: list[str]) -> int:
    symbols = subprocess.run(["nm", BUILD / "libasyncio.a"], text=True, capture_output=True).stdout
    if arguments[0] == "--dies" and "asyncp_switch_start" not in symbols:
        print("only switches in assembly detect it")
        return SKIPPED
    special = {"--refuses": complaint_about_compiling, "--dies": complaint_about_dying,
               "--passes": complaint_about_passing}
    complain = special.get(arguments[0], complaint_about_running)
    if not compilers():
        print("no C++ compiler is available for this build")
        return SKIPPED
    with tempfile.TemporaryDirectory() as folder:
        complaints = [complain(compiler, arguments[-1], Path(folder) / "program") for compiler in compilers()]
    for complaint in filter(None, complaints):
        print(f"tests/cxx/{arguments[-1]}.cc: {complaint}")
    return 1 if any(complaints) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
