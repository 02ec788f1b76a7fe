#!/usr/bin/env python3
"""Checks that the man pages are complete, and that their programs work.

    tests/man.py pages           every public name is on one page, whose program uses it; the built pages are up to date
    tests/man.py roff            mandoc and groff report nothing
    tests/man.py programs        each program prints what its last comment says
    tests/man.py redis-programs  the same for the programs that start a redis-server; without those of queues, if the
                                 server has none
    tests/man.py self-test       incomplete pages are found

BUILD_DIR is the folder where pages and programs were built.
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
from redis_program import REDIS_SERVER, why_no_queues  # noqa: E402

sys.path.insert(0, str(ROOT / "tools"))
import man  # noqa: E402
import tidy  # noqa: E402

FOLDER = BUILD / "docs" / "man"
NEEDED = {"roff": ["mandoc", "groff"], "redis-programs": [REDIS_SERVER]}  # tools; without them the test is skipped


# ---- pages ----------------------------------------------------------------------------------------------------


def complaints_about_pages() -> list[str]:
    """Names are those that tools/man.py finds and those that tests/tidy.py finds."""
    entries = man.read_headers()
    pages = man.read_pages(entries)
    names = {*entries, *(name for _, _, name in tidy.public_names(tidy.Tree(ROOT)))}
    stale = (f"{name} differs from the sources: run ninja" for name in man.stale(FOLDER))
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

# A change of that program, and words of the expected complaint.
SPOILT = [("", "", ""), ("Pages: async_run", "Pages: async_time async_run", "does not use async_time"),
          (" *        async_main\n", "", "async_main has no page"), ("async_main\n", "async_no\n", "about async_no"),
          ("/* Prints", "/* Says", "does not begin and end"), ("async_run.c", "async_ran.c", "does not begin and end"),
          ("async_main;", "x" * 99 + ";", "more than 80 columns"),
          ("async_run, ", "", "does not use async_run"),
          ("       async_main", "       async_main async_run", "async_run is on 2 pages")]


# A comment, and its parts: the description, ownership, results without and with codes, and whether it switches.
SORTED = [("Returns it.\nReturns 0; -EBUSY if taken.\nSwitches.", ["Returns it."], [], ["Returns 0 on success."],
           [("-EBUSY", "taken"), ("-ECANCELED", "The calling task was cancelled")], "Switches."),
          ("Does it.\n\n    like(this);\n\nTakes it. NULL is ignored.\nNever switches.", ["Does it.", "    like(this);"],
           ["Takes it. NULL is ignored."], [], [], "Never switches."),
          ("Does it\nReturns so.\n\n-EIO, -EBADF and -EPIPE as for y.", ["Does it Returns so."], [], [],
           [("-EIO", "as for y"), ("-EBADF", "as for y"), ("-EPIPE", "as for y")], ""),
          ("Does it.\n\nReturns 1,\nor 2; -ENOMEM;\n-EINVAL if x; y.\n-EIO or another error of z if no.", ["Does it."],
           [], ["Returns 1, or 2."], [("-ENOMEM", ""), ("-EINVAL", "x; y"), ("-EIO, …", "no")], ""),
          ("Does it.\n\n-ECANCELED also if x.\n-EINVAL also if y.", ["Does it."], [], [],
           [("-ECANCELED", "The calling task was cancelled, or x"), ("-EINVAL", "also if y")], "")]

# A comment about the macro async_x, how it is written, and its description.
WRITTEN = [("int async_x(fn,\n            args…)\n\nDoes it.", "int async_x(fn, args…)", ["Does it."]),
           ("async_x *x = NULL;\n\nDoes it.", "async_x *x = NULL;", ["Does it."]),
           ("Does it.\n\nWell.", "", ["Does it.", "Well."])]

# A text, and its roff.
SET = [("with `if`.", "with \\%\\fBif\\fR\\&."), ("(async_time: x)", "\\%(\\fBasync_time\\fR(3): x)"),
       ("async_time(1) is", "\\%\\fBasync_time\\fR(1) is"), ("async_time.x is", "\\%\\fBasync_time\\fR\\&.x is"),
       ("see async_time().", "see \\%\\fBasync_time\\fR(3)\\&."),
       ("async_no(async_time()) is", "\\%\\fBasync_no\\fR(\\fBasync_time\\fR()) is")]

# What a header says, and a word of the complaint about a page that shows it.
CUT = [("void async_x(void);", "Does it.", ""), ("void async_x(void);", "The same again.", "refers to"),
       ("void async_x(asyncp_y *);", "Does it.", "shows asyncp_y"), ("async_x", "Does it.", "how async_x is written"),
       ("typedef struct async_x {", "Has it.", "cuts async_x off"), ("void async_x(void);", "See above.", "refers to"),
       ("int async_x(void);", "Does it.\n\n-EIO: gone.", "does not know")]

# A field of a struct, and how it is shown in a narrow page.
FIELD = [("    int x; /* it */", ["    int x; /* it */"]),
         ("    int x; /* " + "word " * 12 + "*/", ["    /* " + "word " * 12 + "*/", "    int x;"]),
         ("    /*\n     * " + "word " * 9 + "\n     * " + "word " * 9 + "\n     */\n    int x;",
          ["    /*", *("     * " + " ".join(["word"] * count) for count in (13, 5)), "     */", "    int x;"])]


def complaints_about_sorting() -> Iterator[str]:
    for text, *expected in SORTED:
        entry = man.entry_of("x", "async_x", "int async_x(void);", text)
        comment = entry.comment
        found = [comment.description, comment.ownership, man.results_of(entry), man.errors_of(entry), comment.switches]
        if found != expected:
            yield f"{text!r} was sorted as {found}"


def complaints_about_words() -> Iterator[str]:
    for text, *expected in WRITTEN:
        comment = man.entry_of("x", "async_x", "async_x", text).comment
        if [comment.form, comment.description] != expected:
            yield f"{text!r} was sorted as {comment}"
    for text, expected in SET:
        if man.words(text, [], ["async_time"]) != expected:
            yield f"{text!r} is set as {man.words(text, [], ['async_time'])!r}"
    for field, expected in FIELD:
        if man.declaration_of(field).splitlines() != expected:
            yield f"{field!r} is shown as {man.declaration_of(field)!r}"
    for signature, text, expected in CUT:
        page = man.Page("x", "x", [man.entry_of("run", "async_x", signature, text)], "", "")
        found = "\n".join(man.nonsense([page]))
        if expected not in found or bool(expected) != bool(found):
            yield f"the complaint about {signature!r}, {text!r} is {found!r}"


def complaints_about_rules() -> list[str]:
    """Complaints unless each way of spoiling a page is found, in a folder with one program."""
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
            complaints.append(f"{old!r} became {new!r}, and the complaint is {found!r}")
    return complaints


COMMAND_PAGE = ROOT / "cmd/asyncio.1"  # in mdoc, and written by hand


# ---- roff -----------------------------------------------------------------------------------------------------


def real_pages() -> list[Path]:
    """Without the files that refer to another page."""
    return [path for path in sorted(FOLDER.glob("man?/*")) if not path.read_text().startswith(".so ")]


def complaints_about_roff() -> list[str]:
    pages = real_pages()
    commands = [["mandoc", "-T", "lint", "-W", "warning", *pages, COMMAND_PAGE],
                ["groff", "-ww", "-z", "-mdoc", "-T", "utf8", COMMAND_PAGE],
                *(["groff", "-ww", "-z", "-man", "-T", "utf8", page] for page in pages)]
    answers = [subprocess.run(command, text=True, capture_output=True) for command in commands]
    return [line for answer in answers for line in (answer.stdout + answer.stderr).splitlines()]


# ---- programs -------------------------------------------------------------------------------------------------


def masked(text: str) -> list[str]:
    """Without addresses, which differ between runs, and without what an emulator lets tests skip."""
    return re.sub(r"0x[0-9a-f]+", "0x…", re.sub(r" # SKIP .*", "", text)).splitlines()


def complaint_about(page: man.Page) -> str:
    """The sim backend has a virtual clock, on which hours pass at once."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("ASYNCIO_")}
    surroundings = {**inherited, "ASYNCIO_BACKEND": "sim"}
    answer = subprocess.run([*WRAPPER, FOLDER / page.name], env=surroundings, text=True, capture_output=True)
    if answer.returncode == 0 and not answer.stderr and masked(answer.stdout) == masked(page.output):
        return ""
    difference = difflib.unified_diff(masked(page.output), masked(answer.stdout), "said", "printed", lineterm="")
    return "\n".join([f"docs/man/{page.name}.c ends with {answer.returncode}", *difference, answer.stderr])


def built_pages() -> list[man.Page]:
    """All pages, without the programs of a library that could not be built."""
    return [page for page in man.read_pages(man.read_headers())
            if (FOLDER / page.name).exists() or page.entries[0].header not in man.reference.EXTENSIONS]


def complaints_about_programs(of_redis: bool) -> list[str]:
    pages = [page for page in built_pages() if page.name.startswith("async_redis_") == of_redis]
    if of_redis and why_no_queues():
        pages = [page for page in pages if not page.name.startswith("async_redis_queue_")]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(filter(None, pool.map(complaint_about, pages)))


def main(what: str) -> int:
    missing = [tool for tool in NEEDED.get(what, []) if not shutil.which(tool)]
    if missing:
        print(f"{missing[0]} is not installed")
        return SKIPPED
    try:
        complaints = {"pages": complaints_about_pages, "roff": complaints_about_roff,
                      "programs": lambda: complaints_about_programs(of_redis=False),
                      "redis-programs": lambda: complaints_about_programs(of_redis=True),
                      "self-test": complaints_about_rules}[what]()
    except man.Mistake as mistake:
        complaints = [str(mistake)]
    print(*complaints, sep="\n", end="")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
