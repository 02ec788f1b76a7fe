#!/usr/bin/env python3
"""Sees that each of CPython's tests of processes has a row in tests/proc/cpython.md.

    cpython_process_tests.py              prints what is missing or wrong, and ends with 1 if anything is
    cpython_process_tests.py --write      adds the tests of this Python to tests/proc/cpython_names.txt
    cpython_process_tests.py --self-test  spoils a small table in every way and sees that this is found

Python is often installed without its tests, and each version has others. So the names are those of cpython_names.txt
and those of the Python that runs this script. A row is | CPython's | ours |: names without "test_", and names of tests
in tests/proc, or a dash and one sentence why C needs none.
"""

import ast
import re
import sys
import sysconfig
from pathlib import Path
from typing import Iterator

from built import ROOT

FOLDER = ROOT / "tests" / "proc"
NAMES = FOLDER / "cpython_names.txt"
TABLE = FOLDER / "cpython.md"
SOURCES = {"test_asyncio/test_subprocess.py": "asyncio", "test_subprocess.py": "popen"}
OF_WINDOWS = re.compile(r"skipUnless\((mswindows|sys\.platform == .win32|hasattr\(subprocess, ._winapi)")
OUR_TEST = re.compile(r"^(?:REAL_LOOP_|LOOP_|DEATH_)?TEST(?:_EACH_BACKEND)?\((\w+)", re.MULTILINE)


# ---- names ----------------------------------------------------------------------------------------------------


def is_of_windows(definition) -> bool:
    return any(OF_WINDOWS.search(ast.unparse(decorator)) for decorator in definition.decorator_list)


def tests_in(text: str) -> Iterator[str]:
    """The tests that run on POSIX, without "test_"."""
    for group in ast.walk(ast.parse(text)):
        if isinstance(group, ast.ClassDef) and not is_of_windows(group):
            for definition in group.body:
                is_function = isinstance(definition, (ast.FunctionDef, ast.AsyncFunctionDef))
                if is_function and definition.name.startswith("test_") and not is_of_windows(definition):
                    yield definition.name.removeprefix("test_")


def installed_names() -> set[str]:
    """Such as "popen args_string"; none where Python has no tests."""
    folder = Path(sysconfig.get_path("stdlib")) / "test"
    return {f"{section} {name}" for file, section in SOURCES.items() if (folder / file).exists()
            for name in tests_in((folder / file).read_text())}


def stored_names() -> set[str]:
    lines = NAMES.read_text().splitlines() if NAMES.exists() else []
    return {line for line in lines if line and not line.startswith("#")}


def write_names() -> None:
    names = sorted(stored_names() | installed_names())
    head = "# CPython's tests of processes on POSIX, of 3.11 and later: tests/scripts/cpython_process_tests.py --write"
    NAMES.write_text("\n".join([head, *names]) + "\n")


# ---- the table ------------------------------------------------------------------------------------------------


def rows_of(text: str) -> Iterator[tuple[int, str, list[str], str]]:
    """The line, the section, CPython's names and the other cell of each row."""
    section = ""
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("## "):
            section = next((short for file, short in SOURCES.items() if line == f"## {file}"), "")
        cells = re.fullmatch(r"\| (.+?) \| (.+) \|", line)
        if cells and not line.startswith(("| ---", "| CPython")):
            yield number, section, re.findall(r"`(\w+)`", cells[1]), cells[2]


def complaints(table: str, names: set[str], ours: set[str]) -> Iterator[str]:
    mapped = {}
    for number, section, theirs, cell in rows_of(table):
        mapped |= {f"{section} {name}": number for name in theirs}
        known = re.findall(r"`(\w+)`", cell)
        if cell.startswith("–") and len(cell) < len("– : a reason"):
            yield f"cpython.md:{number}: a sentence is missing: why does C need none?"
        if not cell.startswith("–") and not known:
            yield f"cpython.md:{number}: there is no test in it, and no dash"
        if not cell.startswith("–"):
            yield from (f"cpython.md:{number}: tests/proc has no test {name}" for name in known if name not in ours)
    yield from (f"CPython's {name} has no row in cpython.md" for name in sorted(names - mapped.keys()))
    yield from (f"cpython.md:{line}: CPython has no test {name}" for name, line in mapped.items() if name not in names)


def our_tests() -> set[str]:
    return {name for path in FOLDER.glob("*.c") for name in OUR_TEST.findall(path.read_text())}


# ---- the test of all this -------------------------------------------------------------------------------------

SOURCE = """
class Tests(unittest.TestCase):
    def test_one(self): pass
    async def test_two(self): pass
    @unittest.skipUnless(mswindows, "")
    def test_three(self): pass
    def helper(self): pass
"""
SMALL = """## test_subprocess.py
| CPython | ours |
| --- | --- |
| `one` | `process_one` |
| `two` | – : there is no such thing |
"""
SPOILT = [("", "", ""), ("`one`", "`once`", "popen one has no row"), ("`one`", "`one`, `ten`", "no test popen ten"),
          ("`process_one`", "`process_none`", "no test process_none"), ("`process_one`", "yes", "and no dash"),
          ("– : there is no such thing", "–", "a sentence is missing"), ("test_sub", "test_sup", "popen one has no row")]


def self_test() -> Iterator[str]:
    names = {f"popen {name}" for name in tests_in(SOURCE)}
    if names != {"popen one", "popen two"}:
        yield f"the names found are {names}"
    for old, new, expected in SPOILT:
        found = list(complaints(SMALL.replace(old, new, 1) if old else SMALL, names, {"process_one"}))
        if bool(found) != bool(expected) or not any(expected in one for one in found or [""]):
            yield f"{old!r} became {new!r}, and all that was found is {found}"


def main(arguments: list[str]) -> int:
    if arguments == ["--write"]:
        write_names()
        return 0
    found = list(self_test() if arguments == ["--self-test"] else
                 complaints(TABLE.read_text(), stored_names() | installed_names(), our_tests()))
    print(*found, sep="\n", end="")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
