#!/usr/bin/env python3
"""Sees that the man pages are whole, and that the programs they show work.

    tests/man.py pages      every public name is on one page, whose program uses it; the pages that were built are those
    tests/man.py roff       mandoc and groff have nothing to say against them
    tests/man.py programs   each program prints what it says
    tests/man.py self-test  pages that are not whole are found

BUILD_DIR is where pages and programs were built.
"""

import difflib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Iterator

sys.path.insert(0, str(Path(__file__).resolve().parent / "scripts"))
from built import BUILD, ROOT, SKIPPED, WRAPPER  # noqa: E402

sys.path.insert(0, str(ROOT / "tools"))
import man  # noqa: E402
import tidy  # noqa: E402

FOLDER = BUILD / "docs" / "man"


# ---- pages ----------------------------------------------------------------------------------------------------


def complaints_about_pages() -> list[str]:
    """Names are found in two ways, that of the pages and that of tidy."""
    entries = man.read_headers()
    pages = man.read_pages(entries)
    names = {*entries, *(name for _, _, name in tidy.public_names(tidy.Tree(ROOT)))}
    stale = (f"{name} is not what the sources say: run ninja" for name in man.stale(FOLDER))
    return [*man.gaps(pages, sorted(names)), *man.nonsense(pages), *stale]


PROGRAM = """/*
 * async_run.c: run
 *
 * Pages: async_run
 *        async_main
 */
int async_run, async_main; /* async_sleep */

/* Prints:
 * one
 */
"""

# A change to that program, and a word of the complaint that it must lead to.
SPOILT = [("", "", ""), ("Pages: async_run", "Pages: async_time async_run", "does not use async_time"),
          (" *        async_main\n", "", "async_main has no page"), ("async_main\n", "async_no\n", "about async_no"),
          ("/* Prints", "/* Says", "does not begin and end"), ("async_run.c", "async_ran.c", "does not begin and end"),
          ("async_main;", "x" * 99 + ";", "more than 80 columns"),
          ("async_run, ", "", "does not use async_run"),
          ("       async_main", "       async_main async_run", "async_run is on 2 pages")]


# A comment, and what becomes of it: paragraphs of the description, the return value, and the errors by code.
SORTED = [("Returns it. 0; -EBUSY: taken. Switches.", ["Returns it."], ["0 on success."], [("-EBUSY", "taken")]),
          ("Does it (so.) Well. NULL: no memory.", ["Does it (so.) Well."], ["NULL: no memory."], []),
          ("-ENOMEM, -EMFILE and the like: no. -EIO, -EINVAL for NULL.", [], [],
           [("-ENOMEM", "no"), ("-EMFILE", "no"), ("-EIO", ""), ("-EINVAL", "for NULL")]),
          ("Does it.\n\n    like(this);", ["Does it.", "    like(this);"], [], []),
          ("Takes it; -EAGAIN: none. -EPIPE, -EIO…: gone.", ["Takes it."], [],
           [("-EAGAIN", "none"), ("-EPIPE", "gone"), ("-EIO", "gone")]),
          ("A try; -EBADF, -ENOMEM. 0 or -errno.", ["A try."], ["0 or -errno."], [("-EBADF", ""), ("-ENOMEM", "")]),
          ("-ENOMEM for a task, -EINVAL for a loop.", [], [],
           [("-ENOMEM", "for a task"), ("-EINVAL", "for a loop")])]

# A comment about async_x, and how one writes it with what else it says.
WRITTEN = [("async_x(a): does it.", "async_x(a)", "Does it."), ("Does it: well.", "", "Does it: well."),
           ("async_x *s = NULL; freed: after it.", "async_x *s = NULL;", "Freed: after it."),
           ("async_x(&a); takes it.", "async_x(&a);", "Takes it."), ("async_x *q = new(…): freed.", "async_x *q = new(…)", "Freed."),
           ("async_x(f) type v: f(&v) is called.", "async_x(f) type v", "f(&v) is called.")]

# A text, and what is written of it.
SET = [("with `if`.", "with \\%\\fBif\\fR\\&."), ("(async_time: x)", "\\%(\\fBasync_time\\fR(3): x)"),
       ("async_time(1) is", "\\%\\fBasync_time\\fR(1) is"), ("async_time.x is", "\\%\\fBasync_time\\fR\\&.x is"),
       ("see async_time().", "see \\%\\fBasync_time\\fR(3)\\&.")]

# What the first two comments of a header say, and a word of the complaint about a page that shows the second alone.
CUT = [("void async_x(void);", "Does it.", ""), ("void async_x(void);", "The same again.", "which is not before it"),
       ("void async_x(void);", "The same as nothing.", ""), ("void async_x(asyncp_y *);", "Does it.", "shows asyncp_y"),
       ("typedef struct async_x {", "Has it.", "cuts async_x off"), ("void async_x(void);", "See above.", "nothing above")]


def complaints_about_sorting() -> list[str]:
    complaints = []
    for comment, *expected in SORTED:
        told = man.sort_out(comment)
        found = [told.paragraphs, told.results, [error for line in told.errors for error in man.errors_in(line)]]
        if found != expected:
            complaints.append(f"of {comment!r} became {found}")
    return complaints


def complaints_about_words() -> Iterator[str]:
    for comment, *expected in WRITTEN:
        entry = man.entry_of("x", "async_x", "async_x", comment)
        if [entry.form, entry.text] != expected:
            yield f"of {comment!r} became {entry}"
    for text, expected in SET:
        if man.words(text, [], ["async_time"]) != expected:
            yield f"{text!r} is set as {man.words(text, [], ['async_time'])!r}"
    for signature, comment, expected in CUT:
        page = man.Page("x", "x", [man.entry_of("run", "async_x", signature, comment, "async_w")], "", "")
        found = "\n".join(man.nonsense([page]))
        if expected not in found or bool(expected) != bool(found):
            yield f"of {signature!r}, {comment!r} is said {found!r}"


def complaints_about_rules() -> list[str]:
    """That each way of spoiling a page is found, in a folder with one program."""
    complaints = [*complaints_about_sorting(), *complaints_about_words()]
    for old, new, expected in SPOILT:
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "async_run.c").write_text(PROGRAM.replace(old, new) if old else PROGRAM)
            try:
                pages = man.read_pages(man.read_headers(), Path(folder))
                found = "\n".join(man.gaps(pages, ["async_run", "async_main"]))
            except man.Mistake as mistake:
                found = str(mistake)
        if expected not in found or bool(expected) != bool(found):
            complaints.append(f"{old!r} became {new!r}, and all that was found is {found!r}")
    return complaints


# ---- roff -----------------------------------------------------------------------------------------------------


def real_pages() -> list[Path]:
    """Without those that only point to another."""
    return [path for path in sorted(FOLDER.glob("man?/*")) if not path.read_text().startswith(".so ")]


def complaints_about_roff() -> list[str]:
    pages = real_pages()
    commands = [["mandoc", "-T", "lint", "-W", "warning", *pages],
                *(["groff", "-ww", "-z", "-man", "-T", "utf8", page] for page in pages)]
    answers = [subprocess.run(command, text=True, capture_output=True) for command in commands]
    return [line for answer in answers for line in (answer.stdout + answer.stderr).splitlines()]


# ---- programs -------------------------------------------------------------------------------------------------


def masked(text: str) -> list[str]:
    """Addresses differ from run to run."""
    return re.sub(r"0x[0-9a-f]+", "0x…", text).splitlines()


def complaint_about(page: man.Page) -> str:
    """The sim backend brings a virtual clock along, on which hours pass in no time."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("ASYNCIO_")}
    surroundings = {**inherited, "ASYNCIO_BACKEND": "sim"}
    answer = subprocess.run([*WRAPPER, FOLDER / page.name], env=surroundings, text=True, capture_output=True)
    if answer.returncode == 0 and not answer.stderr and masked(answer.stdout) == masked(page.output):
        return ""
    difference = difflib.unified_diff(masked(page.output), masked(answer.stdout), "said", "printed", lineterm="")
    return "\n".join([f"docs/man/{page.name}.c ends with {answer.returncode}", *difference, answer.stderr])


def built_pages() -> list[man.Page]:
    """All, but without the programs of a library that could not be built here."""
    return [page for page in man.read_pages(man.read_headers())
            if (FOLDER / page.name).exists() or page.entries[0].header not in man.reference.EXTENSIONS]


def complaints_about_programs() -> list[str]:
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(filter(None, pool.map(complaint_about, built_pages())))


def main(what: str) -> int:
    missing = [tool for tool in ("mandoc", "groff") if what == "roff" and not shutil.which(tool)]
    if missing:
        print(f"there is no {missing[0]}")
        return SKIPPED
    try:
        complaints = {"pages": complaints_about_pages, "roff": complaints_about_roff,
                      "programs": complaints_about_programs, "self-test": complaints_about_rules}[what]()
    except man.Mistake as mistake:
        complaints = [str(mistake)]
    print(*complaints, sep="\n", end="")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
