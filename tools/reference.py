#!/usr/bin/env python3
"""Writes docs/reference.md from the public headers, so that there is one text about each call: its comment.

    tools/reference.py           writes the page
    tools/reference.py --check   fails if the page is not what the headers say
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "reference.md"
# In the order of asyncio.h, but async_fn after the tasks it is for, and the words that all others use last.
INCLUDED = re.findall(r"#include <asyncio/(\w+)\.h>", (ROOT / "include" / "asyncio.h").read_text())
EXTENSIONS = {path.stem: path for path in sorted(ROOT.glob("ext/*/include/asyncio/*.h"))}
HEADERS = [name for header in INCLUDED[1:] for name in ([header, "fn"] if header == "task" else [header])]
HEADERS += [*EXTENSIONS, *INCLUDED[:1]]
# A struct goes on to its brace, whatever comments and blank lines are inside.
COMMENT = re.compile(r"/\*(.*?)\*/\n(typedef (?:struct|enum) \w+ \{\n.*?\n\} \w+;|.*?)(?=\n\n|\n/\*|\Z)", re.S)


def text_of(comment):
    """The words of a C comment, one paragraph a line."""
    lines = [re.sub(r"^\s*\*? ?", "", line).rstrip() for line in comment.strip().splitlines()]
    return "\n".join(lines).strip()


def name_of(declaration):
    """The public name that a declaration or macro introduces, or None."""
    macro = re.match(r"#define (async_\w+|ASYNC_[A-Z_]+)\b", declaration)
    if macro:
        return macro.group(1)
    if declaration.startswith("typedef") or declaration.startswith("enum"):
        name = re.search(r"\b(async_\w+)(?: \{|;|\()", declaration)
        return name.group(1) if name else None
    function = re.search(r"\b(async_\w+)\(", declaration.split("{")[0])
    return function.group(1) if function else None


def signature_of(declaration):
    """What a reader needs of a declaration: no attributes, no macro bodies, no bodies."""
    macro = re.match(r"#define (\w+(?:\([^)]*\))?)", declaration)
    if macro:
        return macro.group(1)
    plain = re.sub(r"\b(ASYNC_API|ASYNC_MUST|ASYNCP_ALIASES|static inline)\s+", "", declaration)
    plain = re.sub(r"\n\s*ASYNCP_RESERVED\(\d+\);", "", plain)
    plain = re.sub(r"\s+ASYNCP_PRINTF\([^)]*\)", "", plain)
    if not plain.startswith(("typedef", "enum")):
        plain = plain.split("\n{")[0]
    return re.sub(r"\n\s{8,}", " ", plain).strip()


def entries(source):
    """(name, signature, comment) of everything public in a header, in its order."""
    for match in COMMENT.finditer(source.split("*/", 1)[1]):
        comment, declaration = match.groups()
        name = name_of(declaration.strip())
        if name:
            yield name, signature_of(declaration.strip()), text_of(comment)


def source_of(header):
    return EXTENSIONS.get(header, ROOT / "include" / "asyncio" / f"{header}.h").read_text()


def about(source):
    """A header's name, and what its first comment says of it."""
    heading = text_of(source.split("/*", 1)[1].split("*/", 1)[0])
    title, _, text = heading.partition(": ")
    return title, text[:1].upper() + text[1:]


def section(header):
    source = source_of(header)
    title, text = about(source)
    parts = [f"## {title}\n\n{text}\n"]
    for name, signature, comment in entries(source):
        parts.append(f"### {name}\n\n```c\n{signature}\n```\n\n{comment}\n")
    return "\n".join(parts)


def error_meanings():
    """(symbol, meaning) of each error, from the one place where they stand."""
    source = (ROOT / "src" / "base" / "errors.c").read_text()
    return [(symbol, text + hint) for symbol, text, hint in
            re.findall(r'ERROR\((\w+), "([^"]+)", "([^"]*)"\)', source)]


def errors():
    table = "\n".join(f"| `-{symbol}` | {meaning} |" for symbol, meaning in error_meanings())
    return f"## Errors\n\nWhat `async_strerror` says of each code by itself.\n\n| code | meaning |\n| --- | --- |\n{table}\n"


def page():
    begin = ("# Reference\n\nMade from the comments in the public headers by `tools/reference.py`; change it there. "
             "What asyncio calls each of these: [asyncio-map.md](asyncio-map.md).\n")
    return "\n".join([begin] + [section(header) for header in HEADERS] + [errors()])


def main():
    if "--check" not in sys.argv:
        PAGE.write_text(page())
        return 0
    if PAGE.exists() and PAGE.read_text() == page():
        return 0
    print("docs/reference.md is not what the headers say: run tools/reference.py")
    return 1


if __name__ == "__main__":
    sys.exit(main())
