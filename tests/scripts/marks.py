#!/usr/bin/env python3
"""Checks the hardening marks of the library's objects for the loader: exactly the true ones.

A linker marks a program for indirect branch tracking (IBT, BTI) or for shadow stacks (SHSTK) if all its objects are,
and the loader then turns that on. The switch returns to addresses that are not on the shadow stack in force, so it must
not be marked for that, while everything must be marked for landing pads where it was compiled with them. No object may
ask for a stack that can be executed. Needs readelf; ends with 77 where the objects cannot be read.
"""

import re
import shutil
import subprocess
import sys

from built import BUILD, SKIPPED, option

LIBRARY = BUILD / "libasyncio.a"
SWITCH = re.compile(r"switch_(?!ucontext).*\.S\.o$")


def objects(*options: str) -> dict[str, str]:
    """The output of readelf for each object of the library."""
    answer = subprocess.run(["readelf", *options, LIBRARY], text=True, capture_output=True, check=True)
    parts = re.split(r"^File: .*\((.*)\)$", answer.stdout, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2]))


def complaints() -> list[str]:
    marks = {name: set(re.findall(r"IBT|SHSTK|BTI", text)) for name, text in objects("-n").items()}
    sections = objects("-SW")
    landing = {mark for name, found in marks.items() if not SWITCH.search(name) for mark in found} - {"SHSTK"}
    wrong = [f"{name} is not marked for {mark}" for name, found in marks.items() for mark in landing - found]
    wrong += [f"{name} is marked for shadow stacks" for name, found in marks.items()
              if SWITCH.search(name) and "SHSTK" in found]
    wrong += [f"{name} asks for a stack that can be executed" for name, text in sections.items()
              if not re.search(r"\.note\.GNU-stack\s+PROGBITS\s+\w+\s+\w+\s+\w+\s+\w+\s+\d+\s+\d", text)]
    return wrong if sections else [f"{LIBRARY} has no objects"]


def main() -> int:
    if shutil.which("readelf") is None:
        print("readelf is not installed")
        return SKIPPED
    if option("b_lto"):
        print("with link-time optimization the objects are not machine code yet")
        return SKIPPED
    found = complaints()
    for complaint in found:
        print(complaint)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
