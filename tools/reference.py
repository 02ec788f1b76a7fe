#!/usr/bin/env python3
"""Writes docs/reference.md from the comments in the public headers.

    tools/reference.py           writes the page
    tools/reference.py --check   fails if the page differs from what the headers say

A public comment has these parts; all but the description may be missing:

    /*
     * int async_x(TYPE *object, fn, args…)          how a macro is written; only macros have this part
     *
     * Does something.                               the description, in paragraphs; indented lines are code
     *
     * Takes the object.                             ownership: Takes, Borrows, Copies, The caller owns
     * Returns 0; -EINVAL if object is NULL.         the result and errors; there may be one error per line:
     * -EBADF if the object was closed.
     * Switches.                                     or "Never switches."
     */
"""
import pathlib
import re
import sys
from typing import NamedTuple

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "reference.md"
# For authors of queues, so asyncio.h does not include it.
APART = ["queue_kind"]
# The order of asyncio.h, but async_fn after the tasks, and the rules for all calls at the end.
INCLUDED = re.findall(r"#include <asyncio/(\w+)\.h>", (ROOT / "include" / "asyncio.h").read_text())
EXTENSIONS = {path.stem: path for path in sorted(ROOT.glob("ext/*/include/asyncio/*.h"))}
FOLLOWED = {"task": ["fn"], "queue": APART}
HEADERS = [name for header in INCLUDED[1:] for name in [header, *FOLLOWED.get(header, [])]]
HEADERS += [*EXTENSIONS, *INCLUDED[:1]]
# The declaration after a comment. A struct extends to its closing brace, including comments and blank lines.
COMMENT = re.compile(r"/\*(.*?)\*/\n(typedef (?:struct|enum) (?:ASYNCP_ALIASES )?\w+ \{\n.*?\n\} \w+;|.*?)"
                     r"(?=\n\n|\n/\*|\Z)", re.S)
OWNERSHIP = re.compile(r"(Takes|Borrows|Copies|The caller owns)\b")
SWITCHING = ("Switches.", "Never switches.", "Never switches itself.")
PART = re.compile(rf"(?:{OWNERSHIP.pattern}|Returns\b|-E[A-Z0-9]+\b|Switches\.|Never switches\b)")


def package_of(header):
    """The library that a header belongs to: asyncio/redis_reply.h is one of asyncio-redis."""
    return f"asyncio-{EXTENSIONS[header].relative_to(ROOT).parts[1]}" if header in EXTENSIONS else "asyncio"


class Comment(NamedTuple):
    """A public comment, by its parts. Lines of one sentence or paragraph are joined."""
    form: str  # how a macro is written, or ""
    description: list[str]  # paragraphs; one that begins with blanks is code
    ownership: list[str]
    results: list[str]  # "Returns …" and "-E…" lines
    switches: str  # one of SWITCHING, or ""


# ---- headers --------------------------------------------------------------------------------------------------


def text_of(comment):
    """The text of a C comment without its frame."""
    lines = [re.sub(r"^\s*\*? ?", "", line).rstrip() for line in comment.strip().splitlines()]
    return "\n".join(lines).strip()


def name_of(declaration):
    """The public name that a declaration or macro introduces, or None."""
    macro = re.match(r"#define (async_\w+|ASYNC_[A-Z_]+)\b", declaration)
    if macro:
        return macro.group(1)
    if declaration.startswith("#"):
        return None
    if declaration.startswith("typedef") or declaration.startswith("enum"):
        name = re.search(r"\b(async_\w+)(?: \{|;|\()", declaration)
        return name.group(1) if name else None
    function = re.search(r"\b(async_\w+)\(", declaration.split("{")[0])
    return function.group(1) if function else None


def without_private_fields(struct):
    """A struct as users see it."""
    struct = re.sub(r"\n[^;\n]*\basyncp_\w+[^;\n]*;[^\n]*", "", struct)
    struct = re.sub(r" +/\*", " /*", struct) if "{\n}" in struct else struct
    return struct.replace("{\n}", "{ /* private */ }")


def signature_of(declaration):
    """A declaration without attributes, bodies and private fields; the name of a macro."""
    macro = re.match(r"#define (\w+)", declaration)
    if macro:
        return macro.group(1)
    plain = re.sub(r"\b(ASYNC_API|ASYNC_MUST|ASYNCP_ALIASES|static inline)\s+", "", declaration)
    plain = re.sub(r"\n\s*ASYNCP_RESERVED\(\d+\);", "", plain)
    plain = re.sub(r"\s+ASYNCP_PRINTF\([^)]*\)", "", plain)
    if plain.startswith(("typedef", "enum")):
        plain = without_private_fields(plain)
    else:
        plain = plain.split("\n{")[0]
        plain = plain.rstrip(";") + ";"
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
    """A header's name, and the text of its first comment."""
    heading = text_of(source.split("/*", 1)[1].split("*/", 1)[0])
    title, _, text = heading.partition(": ")
    return title, text[:1].upper() + text[1:]


# ---- comments -------------------------------------------------------------------------------------------------


def pieces(paragraph):
    """A paragraph, divided where a line begins a part such as "Returns"."""
    found = []
    for line in paragraph.splitlines():
        if not found or PART.match(line) and re.search(r"[.:]$", found[-1]):
            found.append(line)
        else:
            found[-1] += " " + line.strip()
    return found


def parse(text, is_macro=False):
    """A Comment from its text. Its first paragraph always describes, also if it begins with "Returns"."""
    form, description, ownership, results, switches = "", [], [], [], ""
    paragraphs = re.split(r"\n *\n", text)
    if is_macro and len(paragraphs) > 1 and not paragraphs[0].endswith("."):
        form = re.sub(r"\n *", " ", paragraphs.pop(0))
    for paragraph in paragraphs:
        if paragraph.startswith("    ") or re.search(r"\n    ", paragraph):
            description.append(paragraph)
            continue
        for piece in pieces(paragraph):
            if piece in SWITCHING:
                switches = piece
            elif not description or not PART.match(piece):
                description.append(piece)
            elif OWNERSHIP.match(piece):
                ownership.append(piece)
            else:
                results.append(piece)
    return Comment(form, description, ownership, results, switches)


# ---- the page -------------------------------------------------------------------------------------------------


def markdown(text):
    """Text that Markdown shows unchanged, except code, which is indented or in backquotes."""
    if text.startswith("    "):
        return text
    return re.sub(r"(`[^`]*`)|([*<])", lambda found: found[1] or "\\" + found[2], text)


def entry(name, signature, text):
    comment = parse(text, signature == name)
    tail = "\n".join(f"- {markdown(part)}" for part in [*comment.ownership, *comment.results, comment.switches] if part)
    written = text.split("\n\n")[0] if comment.form else signature
    paragraphs = [f"### {name}", f"```c\n{written}\n```", *map(markdown, comment.description), tail]
    return "\n\n".join(filter(None, paragraphs)) + "\n"


def section(header):
    source = source_of(header)
    title, text = about(source)
    text = "\n\n".join(map(markdown, text.split("\n\n")))
    return "\n".join([f"## {title}\n\n{text}\n", *(entry(*found) for found in entries(source))])


def error_meanings():
    """(symbol, meaning) of each error, from the one place where they stand."""
    source = (ROOT / "src" / "base" / "errors.c").read_text()
    return [(symbol, text + hint) for symbol, text, hint in
            re.findall(r'ERROR\((\w+), "([^"]+)", "([^"]*)"\)', source)]


def errors():
    table = "\n".join(f"| `-{symbol}` | {meaning} |" for symbol, meaning in error_meanings())
    return ("## Errors\n\nThe texts that `async_strerror` returns for errors without an error message of their own.\n\n"
            f"| code | text |\n| --- | --- |\n{table}\n")


def page():
    begin = ("# Reference\n\nMade from the comments in the public headers by `tools/reference.py`; change it there. "
             "The names in Python's asyncio: [asyncio-map.md](asyncio-map.md). The rules that hold for all calls are "
             "in asyncio/base.h, at the end of this page.\n")
    return "\n".join([begin] + [section(header) for header in HEADERS] + [errors()])


def main():
    if "--check" not in sys.argv:
        PAGE.write_text(page())
        return 0
    if PAGE.exists() and PAGE.read_text() == page():
        return 0
    print("docs/reference.md differs from the headers: run tools/reference.py")
    return 1


if __name__ == "__main__":
    sys.exit(main())
