#!/usr/bin/env python3
"""Copies files into the fenced blocks of documents.

    tools/include_code.py              refreshes every marked block
    tools/include_code.py --check      prints the stale blocks, and ends with 1 if there are any
    tools/include_code.py --self-test  checks on generated documents that stale blocks are found and refreshed

In a document, a comment on a line of its own names a file, and the fenced block below it shows that file:

    <!-- code: examples/tutorial/1_hello.c -->
    ```c
    ```

`<!-- code: examples/tutorial/1_hello.c, without its comment -->` leaves out the comment at the head of the file.
"""

import re
import sys
import tempfile
from pathlib import Path

MARK = "<!-- code: "
BLOCK = re.compile(r"^(<!-- code: (?P<path>[^ ,]+)(?P<bare>, without its comment)? -->\n(?P<fence>```+)\w*\n)"
                   r"(?P<shown>.*?)(?=^(?P=fence)$)", re.MULTILINE | re.DOTALL)
HEAD_COMMENT = re.compile(r"\A/\*.*?\*/\n", re.DOTALL)


class Mistake(Exception):
    """A mark without a file or a block; the text is the reason."""


def documents(root):
    return sorted([*root.glob("*.md"), *root.glob("docs/**/*.md")])


def file_text(root, block):
    """The text for that block."""
    path = root / block["path"]
    if not path.is_file():
        raise Mistake(f"{block['path']} does not exist")
    text = path.read_text()
    return HEAD_COMMENT.sub("", text, count=1) if block["bare"] else text


def stale_blocks(root, text):
    return [block for block in BLOCK.finditer(text) if block["shown"] != file_text(root, block)]


def refresh(root, text):
    return BLOCK.sub(lambda block: block[1] + file_text(root, block), text)


def check_marks(text):
    """A misspelled mark would otherwise pass as a fresh block."""
    marks = sum(line.startswith(MARK) for line in text.splitlines())
    if marks != len(list(BLOCK.finditer(text))):
        raise Mistake("a mark is misspelled, or has no fenced block below it")


def complaints_about(root, document):
    text = document.read_text()
    try:
        check_marks(text)
        stale = stale_blocks(root, text)
    except Mistake as mistake:
        return [f"{document}: {mistake}"]
    return [f"{document}:{text.count(chr(10), 0, block.start()) + 1}: does not show {block['path']} as it is; "
            "run tools/include_code.py" for block in stale]


def check(root):
    return [complaint for document in documents(root) for complaint in complaints_about(root, document)]


def update(root):
    for document in documents(root):
        text = document.read_text()
        try:
            check_marks(text)
            fresh = refresh(root, text)
        except Mistake as mistake:
            sys.exit(f"{document}: {mistake}")
        if fresh != text:
            document.write_text(fresh)
            print(f"refreshed {document}")


# ---- the test of all this -------------------------------------------------------------------------------------

CODE = "/* one.c: counts. */\nint one(void);\n"
FRESH = (f"# One\n\n{MARK}one.c -->\n```c\n{CODE}```\n\n"
         f"{MARK}one.c, without its comment -->\n```c\nint one(void);\n```\n")

# Each is a change to the fresh document, and the expected number of complaints.
STALE = [("int one", "int two", 2), ("/* one.c", "/* two.c", 1), ("one(void);\n```", "one(void);\n\n```", 2)]
WRONG = [("one.c -->", "none.c -->", 1), ("```c\n", "\n```c\n", 1), ("without its", "without the", 1)]


def self_test():
    mistakes = []
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        document = root / "README.md"
        (root / "one.c").write_text(CODE)
        for old, new, expected in [("", "", 0), *STALE, *WRONG]:
            document.write_text(FRESH.replace(old, new) if old else FRESH)
            found = check(root)
            if len(found) != expected:
                mistakes.append(f"{old!r} became {new!r}: {expected} complaints expected, got {found}")
        for old, new, _ in STALE:
            document.write_text(refresh(root, FRESH.replace(old, new)))
            if document.read_text() != FRESH:
                mistakes.append(f"{old!r} became {new!r}, and was not corrected")
    return mistakes


def main(arguments):
    root = Path(__file__).resolve().parent.parent
    if arguments not in ([], ["--check"], ["--self-test"]):
        print(__doc__)
        return 2
    if not arguments:
        update(root)
        return 0
    complaints = check(root) if arguments == ["--check"] else self_test()
    print("\n".join(complaints).replace(f"{root}/", ""))
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
