#!/usr/bin/env python3
"""Counts the lines of the programs in examples/week-one and of their twins in Python, for docs/week-one.md.

    tools/week_one.py           writes the table in the document
    tools/week_one.py --check   fails if the table is stale

Lines with comments only do not count; a docstring is a comment.
"""
import ast
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROGRAMS = ROOT / "examples" / "week-one"
PAGE = ROOT / "docs" / "week-one.md"
TABLE = re.compile(r"(?<=<!-- lines -->\n).*?(?=\n\n|\Z)", re.S)

# The name in the table, and the files in C and in Python.
ROWS = [("fetcher", ["fetcher.c"], ["fetcher.py"]),
        ("cache", ["cache.c", "cache.h"], ["cache.py"]), ("test of the cache", ["cache_test.c"], ["cache_test.py"]),
        ("workers", ["workers.c"], ["workers.py"]), ("mirrors", ["mirrors.c"], ["mirrors.py"]),
        ("pubsub", ["pubsub.c"], ["pubsub.py"])]


def lines_of_c(text):
    code = re.sub(r'("(?:\\.|[^"\\])*")|/\*.*?\*/|//[^\n]*', lambda found: found[1] or "", text, flags=re.S)
    return sum(bool(line.strip()) for line in code.splitlines())


def lines_of_python(text):
    comments = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            comments.update(range(node.lineno, node.end_lineno + 1))
    return sum(number not in comments and not re.match(r"\s*(#|$)", line)
               for number, line in enumerate(text.splitlines(), 1))


def lines_of(names):
    count = {".py": lines_of_python, ".c": lines_of_c, ".h": lines_of_c}
    return sum(count[pathlib.Path(name).suffix]((PROGRAMS / name).read_text()) for name in names)


def table():
    rows = [(name, lines_of(ours), lines_of(theirs)) for name, ours, theirs in ROWS]
    rows.append(("all", sum(row[1] for row in rows), sum(row[2] for row in rows)))
    lines = [f"| {name} | {ours} | {theirs or '–'} | {f'{ours / theirs:.1f}' if theirs else ''} |"
             for name, ours, theirs in rows]
    return "\n".join(["| program | C | Python | C / Python |", "| --- | --- | --- | --- |", *lines])


def main():
    text = PAGE.read_text()
    fresh = TABLE.sub(lambda _: table(), text)
    if "--check" not in sys.argv:
        PAGE.write_text(fresh)
        return 0
    if text != fresh or not TABLE.search(text):
        print("the table in docs/week-one.md is stale: run tools/week_one.py")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
