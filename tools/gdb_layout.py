#!/usr/bin/env python3
"""Writes the names of src/inspect/layout.h as Python, for the commands of gdb: cmd/asyncio_gdb.

    tools/gdb_layout.py src/inspect/layout.h > layout.py

So the list of members is written once, in the header.
"""

import re
import sys
from pathlib import Path


def number(text: str, name: str) -> int:
    """The value of a constant."""
    return int(re.search(rf"\b{name} =? ?(?:UINT64_C\()?(\d\w*)", text)[1], 0)


def entries(text: str) -> list[tuple[str, str | None]]:
    """The name and the struct of each entry, in the order of the table; None: it is a number."""
    begin = text.index("    WHOLE(loops)")
    table = text[begin:text.index("\n\n", begin)]
    found = re.findall(r"\b(WHOLE|MEMBER|NUMBER)\(([^()]+)\)", table)
    if len(found) != len(re.findall(r"\w\(", table)):
        raise SystemExit("an entry of the table is not understood; those after it would be read from wrong places")
    named = {"WHOLE": lambda tag: (tag, tag), "NUMBER": lambda name: (name, None),
             "MEMBER": lambda tag, name, _: (f"{tag}_{name}", tag)}
    return [named[kind](*words.split(", ")) for kind, words in found]


def main(header: str) -> None:
    text = Path(header).read_text()
    print(f'"""Made from {Path(header).name} by {Path(__file__).name}."""\n')
    for name in ("MAJOR", "MAGIC"):
        print(f"{name} = {number(text, 'LAYOUT_' + name):#x}")
    for name in ("NOTE_LOOPS", "NOTE_LAYOUT"):
        print(f"{name} = {number(text, name)}")
    print(f"OWNER = {re.search('LAYOUT_OWNER (.*)', text)[1]}")
    print("\n# Each entry and its struct; None: it is a number.\nENTRIES = [")
    print("\n".join(f"    {entry!r}," for entry in entries(text)) + "\n]")


if __name__ == "__main__":
    main(sys.argv[1])
