#!/usr/bin/env python3
"""Checks that every file keeps the rules of the house, which CONTRIBUTING.md tells in words.

    tests/tidy.py              prints each finding as file:line: sentence, and ends with 1 if there is any
    tests/tidy.py --self-test  breaks each rule in a small tree of its own and sees that this is found
    tests/tidy.py --measure    prints the words of comments, the lengths of functions and files, duplicate names

It looks at what git tracks or would offer to track. It reads lines and must not try to understand C: what it takes
for a function or a struct rests on the layout that clang-format gives.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Iterator, NamedTuple

MOST_LINES, MOST_HEADER_LINES, MOST_FUNCTION_LINES, MOST_COLUMNS = 600, 400, 70, 100

# From the ground up: a folder of src/ may include from itself and from what stands before it.
FLOORS = ["sys", "base", "inspect", "show", "timeline", "stack", "poll", "sched", "loop", "sync", "group", "thread", "io", "net", "proc", "tty",
          "top"]

SHARED_WITH_LIBC = {"sys", "net"}  # <sys/…> and <net/…> are the system's

WARNINGS = ["-Wall", "-Wextra", "-Wshadow", "-Wconversion", "-pedantic", "-Werror"]
COMPILERS = [("gcc", "c", "c11"), ("clang", "c", "c11"), ("g++", "c++", "c++17"), ("clang++", "c++", "c++17")]

# Another version lays out differently, so its opinion does not count.
CLANG_FORMAT_VERSION = "version 14."

# Public names that start a loop or stand for a piece of syntax: to say whether they switch would mean nothing.
NEITHER_SWITCHES_NOR_NOT = re.compile(r"async_(fn|main|main_with|run|run_with|auto_\w+)$")

# Public names that docs/cheatsheet.md may leave out; documents that list names which are no more.
NOT_IN_THE_SHEET: set[str] = set()
LISTS_OF_OLD_NAMES = {"docs/decisions/public-names.md"}

# In pieces, so that this file does not find itself.
FORBIDDEN = ["/" + folder + "/" for folder in ("work", "root")] + [
    ".".join(parts) for parts in (("pypi", "org"), ("pythonhosted", "org"), ("npmjs", "org"), ("crates", "io"),
                                  ("rubygems", "org"), ("proxy", "golang", "org"), ("deb", "debian", "org"))]

INCLUDE = re.compile(r'\s*#\s*include\s+([<"])([^>"]+)')
PUBLIC_FUNCTION = re.compile(r"(?:ASYNC_API|static inline)\b.*?\b(async_\w+)\(")
PUBLIC_MACRO = re.compile(r"#define (async_\w+)")
# What a compiler says (tests/misuse), and what a program of a man page prints, stand as they are.
COMMENT = re.compile(r'"(?:\\.|[^"\\\n])*"|(/\*.*?\*/|//[^\n]*)', re.DOTALL)
QUOTED_MESSAGE = re.compile(r" \*  (gcc|clang): | \*   #\d+ ")
SENTENCE = re.compile(r"[\w)\"'`]\.(?:\s|$)")


class Finding(NamedTuple):
    path: str
    line: int  # counted from 1
    sentence: str


# ---- the files ------------------------------------------------------------------------------------------------


def list_files(root: Path) -> list[str]:
    """What git tracks, and what it does not but would; everything, where there is no git."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    surroundings = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        answer = subprocess.run(command, cwd=root, env=surroundings, text=True, capture_output=True)
        names = answer.stdout.splitlines()
    except FileNotFoundError:
        names = []
    if not names:
        names = [str(path.relative_to(root)) for path in root.rglob("*") if "__pycache__" not in path.parts]
    built = re.compile(r"build(-|/|$)")
    return sorted(name for name in set(names) if not built.match(name) and (root / name).is_file())


class Tree:
    """The files of a source tree, read once."""

    def __init__(self, root: Path):
        self.root = root
        self.lines = {name: (root / name).read_text(errors="replace").splitlines() for name in list_files(root)}

    def select(self, endings: str, *folders: str) -> list[str]:
        """The files with one of these endings ("c h"), everywhere or in some folders of the top."""
        wanted = tuple("." + ending for ending in endings.split())
        return [name for name in self.lines
                if name.endswith(wanted) and (not folders or name.split("/")[0] in folders)]

    def public_headers(self) -> list[str]:
        return [name for name in self.select("h", "include", "ext") if "include" in name.split("/")]


# ---- length ---------------------------------------------------------------------------------------------------


def file_length(tree: Tree) -> Iterator[Finding]:
    headers = tree.public_headers()
    for path in tree.select("c h S py"):
        most = MOST_HEADER_LINES if path in headers else MOST_LINES
        if len(tree.lines[path]) > most:
            yield Finding(path, most + 1, f"the file has {len(tree.lines[path])} lines, more than {most}")


def functions(lines: list[str]) -> Iterator[tuple[int, int]]:
    """The first and the last line of each function's body: braces in the first column enclose it."""
    begin = None
    for number, line in enumerate(lines, 1):
        if line == "{":
            begin = number
        elif line == "}" and begin is not None:
            yield begin, number
            begin = None


def function_length(tree: Tree) -> Iterator[Finding]:
    for path in tree.select("c h"):
        for begin, end in functions(tree.lines[path]):
            if end - begin + 1 > MOST_FUNCTION_LINES:
                yield Finding(path, begin, f"the function has {end - begin + 1} lines, more than {MOST_FUNCTION_LINES}")


def line_shape(tree: Tree) -> Iterator[Finding]:
    for path in tree.select("c h S"):
        for number, line in enumerate(tree.lines[path], 1):
            if len(line) > MOST_COLUMNS and not QUOTED_MESSAGE.match(line):
                yield Finding(path, number, f"the line has {len(line)} characters, more than {MOST_COLUMNS}")
            if "\t" in line:
                yield Finding(path, number, "there is a tab in the line")
            if line != line.rstrip():
                yield Finding(path, number, "the line ends in blanks")


def layout(tree: Tree) -> Iterator[Finding]:
    paths = tree.select("c h", "src", "include", "tests", "bench", "examples", "docs", "ext", "cmd")
    if not paths or not right_clang_format():
        return
    answer = subprocess.run(["clang-format", "--dry-run", "-Werror", *paths], cwd=tree.root, text=True,
                            capture_output=True)
    seen = set()
    for path, number in re.findall(r"^(.+?):(\d+):\d+: error:", answer.stderr, re.MULTILINE):
        if path not in seen:
            yield Finding(path, int(number), "not laid out as .clang-format says; `make format` does it")
        seen.add(path)


def right_clang_format() -> bool:
    if shutil.which("clang-format") is None:
        return False
    return CLANG_FORMAT_VERSION in subprocess.run(["clang-format", "--version"], text=True,
                                                  capture_output=True).stdout


# ---- floors ---------------------------------------------------------------------------------------------------


def floors(tree: Tree) -> Iterator[Finding]:
    for path in tree.select("c h S", "src", "include", "ext", "examples", "docs", "bench"):
        for number, line in enumerate(tree.lines[path], 1):
            include = INCLUDE.match(line)
            complaint = include and complaint_about_include(tree, path, include[1], include[2])
            if complaint:
                yield Finding(path, number, complaint)


def complaint_about_include(tree: Tree, path: str, quote: str, target: str) -> str:
    """Why that file must not include that, or an empty string."""
    folder, target_floor = path.split("/")[0], target.split("/")[0]
    if quote == "<":
        is_ours = target_floor in FLOORS and target_floor not in SHARED_WITH_LIBC
        return f'<{target}> is internal: only src/ may include it, in quotes' if is_ours else ""
    if folder == "src":
        return complaint_about_floor(path.split("/")[1], target, target_floor)
    beside = str(Path(path).parent / target)
    if folder == "include" or ".." in target or beside not in tree.lines:
        return f'"{target}" is not a public header; this folder may include only those'
    return ""


def complaint_about_floor(own: str, target: str, target_floor: str) -> str:
    if own not in FLOORS:
        return f"src/{own} is not one of the floors"
    if target_floor not in FLOORS or "/" not in target:
        return f'"{target}" does not begin with the name of a floor'
    if FLOORS.index(target_floor) > FLOORS.index(own):
        return f'"{target}" stands above src/{own}'
    return ""


# ---- comments -------------------------------------------------------------------------------------------------


def plain(comment: str) -> str:
    """The words of a comment without its frame."""
    return " ".join(re.sub(r"^\s*(/\*+|\*/|\*|//+)|\*/", " ", comment, flags=re.MULTILINE).split())


def first_comment(tree: Tree) -> Iterator[Finding]:
    for path in tree.select("c h S", "src", "include", "ext", "tests", "bench", "cmd"):
        comment = re.match(r"/\*.*?\*/|(?://[^\n]*\n)+", "\n".join(tree.lines[path]) + "\n", re.DOTALL)
        words = plain(comment[0]) if comment else ""
        if len(words.split()) < 5 or not SENTENCE.search(words):
            yield Finding(path, 1, "the file does not begin with a comment of at least one sentence")


# ---- the language of comments -----------------------------------------------------------------------------------


class Word(NamedTuple):
    name: str
    pattern: str
    most: float    # per 1,000 words of comment
    target: float  # the same in models: libuv's core.c, redis' ae.c, liburing's queue.c


class Phrase(NamedTuple):
    pattern: str  # a blank is any space, also the end of a line
    most: int     # occurrences; the target is 0


# Over the comments of src, include and ext. `most` is lowered to what is left after each change, until it is the target.
WORDS = [
    Word("what", r"what(ever)?", 1.5, 1.5),
    Word("who", r"who(ever|m)?", 0.5, 0.5),
    Word("nobody, somebody", r"(no|some|any|every)body", 0.5, 0.5),
    Word("that", r"that", 14, 14),
]
PHRASES = [
    Phrase(r"(that|which) (is|are) to be", 0),
    Phrase(r"of which", 0),
    Phrase(r"there (is|are) none", 0),
    Phrase(r"he|him|his", 0),
    Phrase(r"(who|whoever) (\w+s)", 0),
]
SPOKEN = ("src", "include", "ext", "cmd")


class Comment(NamedTuple):
    path: str
    line: int
    text: str  # as it stands in the file


def comments(tree: Tree, *folders: str) -> Iterator[Comment]:
    for path in tree.select("c h S", *folders):
        text = "\n".join(tree.lines[path])
        for match in COMMENT.finditer(text):
            if match[1]:
                yield Comment(path, text.count("\n", 0, match.start()) + 1, match[1])


def rate_of(word: Word, spoken: list[Comment]) -> float:
    """Occurrences per 1,000 words."""
    text = " ".join(plain(comment.text) for comment in spoken)
    return 1000 * len(re.findall(rf"\b{word.pattern}\b", text, re.IGNORECASE)) / max(1, len(text.split()))


def places_of(phrase: Phrase, spoken: list[Comment]) -> Iterator[tuple[str, int, str]]:
    """The file, the line and the words of each occurrence."""
    pattern = re.compile(r"\b(" + phrase.pattern.replace(" ", r"(?:\s|\*)+") + r")\b", re.IGNORECASE)
    for comment in spoken:
        for match in pattern.finditer(comment.text):
            yield comment.path, comment.line + comment.text.count("\n", 0, match.start()), plain(match[0])


def language(tree: Tree) -> Iterator[Finding]:
    spoken = list(comments(tree, *SPOKEN))
    for word in WORDS:
        rate = rate_of(word, spoken)
        if rate > word.most:
            yield Finding(" ".join(SPOKEN), 0, f"{rate:.2f} of 1,000 words of comment are '{word.name}', "
                                               f"more than {word.most}")
    for phrase in PHRASES:
        places = list(places_of(phrase, spoken))
        for path, line, words in places if len(places) > phrase.most else []:
            yield Finding(path, line, f"'{words}' in a comment; there are {len(places)} like it, "
                                      f"more than {phrase.most}")


# ---- public names ---------------------------------------------------------------------------------------------


def public_names(tree: Tree) -> Iterator[tuple[str, int, str]]:
    """The file, the index of the line, and the name of each function and macro that users may use."""
    for path in tree.public_headers():
        lines = tree.lines[path]
        for index, line in enumerate(lines):
            whole = line if line.endswith(";") else " ".join(lines[index:index + 2])
            match = PUBLIC_MACRO.match(line) or PUBLIC_FUNCTION.match(whole)
            if match and not match[1].startswith("asyncp_"):
                yield path, index, match[1]


def comment_above(lines: list[str], index: int) -> str:
    end = index
    if end == 0 or not lines[end - 1].endswith("*/"):
        return ""
    while index > 0 and "/*" not in lines[index]:
        index -= 1
    return plain("\n".join(lines[index:end]))


def switching(tree: Tree) -> Iterator[Finding]:
    for path, index, name in public_names(tree):
        comment = comment_above(tree.lines[path], index)
        says = re.search(r"\bSwitches\.|\bNever switches\.|\bswitches itself\.", comment)
        if not says and not NEITHER_SWITCHES_NOR_NOT.match(name):
            yield Finding(path, index + 1, f"the comment above {name} does not say whether it switches")


def documented_and_tested(tree: Tree) -> Iterator[Finding]:
    places = [("docs/reference.md", ["docs/reference.md"]), ("docs/cheatsheet.md", ["docs/cheatsheet.md"]),
              ("tests/", tree.select("c h py", "tests"))]
    for place, paths in places:
        words = {word for path in paths for line in tree.lines.get(path, []) for word in re.findall(r"\w+", line)}
        for path, index, name in public_names(tree):
            if name not in words and not (place == "docs/cheatsheet.md" and name in NOT_IN_THE_SHEET):
                yield Finding(path, index + 1, f"{name} does not occur in {place}")


def errors_in_the_table(tree: Tree) -> Iterator[Finding]:
    """Every error code that a public header names has a row in docs/errors.md."""
    rows = {code for line in tree.lines.get("docs/errors.md", []) for code in re.findall(r"^\| `(-E\w+)` \|", line)}
    for path in tree.public_headers():
        for number, line in enumerate(tree.lines[path], 1):
            for code in set(re.findall(r"(?<!\w)-E[A-Z0-9]+\b", line)) - rows:
                yield Finding(path, number, f"{code} has no row in docs/errors.md")


def documents_name_what_exists(tree: Tree) -> Iterator[Finding]:
    """A name in a document occurs in a public header, except where old names are listed."""
    known = {word for path in tree.public_headers() for line in tree.lines[path] for word in re.findall(r"\w+", line)}
    pages = set(tree.select("md", "docs", "README.md", "CONTRIBUTING.md", "SECURITY.md")) - LISTS_OF_OLD_NAMES
    for path in sorted(pages):
        for number, line in enumerate(tree.lines[path], 1):
            for name in set(re.findall(r"\basync_(?!fn_of_)[a-z_]*[a-z]\b(?!_)", line)) - known:
                yield Finding(path, number, f"no public header has {name}")


def cancelled_everywhere(tree: Tree) -> Iterator[Finding]:
    """A call that switches has a row in the table of those that are cancelled at every moment."""
    text = "\n".join(line for path in tree.select("c", "tests") for line in tree.lines[path])
    rows = set(re.findall(r"^SWITCHING_CALL\(\s*\w+,\s*(\w+)", text, re.MULTILINE))
    for path, index, name in public_names(tree):
        if re.search(r"\bSwitches\.", comment_above(tree.lines[path], index)) and name not in rows:
            yield Finding(path, index + 1, f"{name} switches, and no SWITCHING_CALL in tests/ cancels it everywhere")


# ---- compiling, and words ------------------------------------------------------------------------------------


def compile_alone(root: Path, header: str, compiler: str, language: str, standard: str) -> list[Finding]:
    """Included twice: the second time must add nothing."""
    folder, name = re.fullmatch(r"(.*?\binclude)/(.*)", header).groups()
    source = f"#include <{name}>\n" * 2
    folders = ["-Iinclude", "-I" + folder]
    command = [compiler, "-x", language, "-std=" + standard, *WARNINGS, *folders, "-fsyntax-only", "-"]
    answer = subprocess.run(command, input=source, cwd=root, text=True, capture_output=True)
    if answer.returncode == 0:
        return []
    message = next((line for line in answer.stderr.splitlines() if "error:" in line), "no message")
    return [Finding(header, 1, f"does not compile alone as {standard} under {compiler}: {message}")]


def headers_alone(tree: Tree) -> Iterator[Finding]:
    jobs = [(tree.root, header, *compiler) for header in tree.public_headers()
            for compiler in COMPILERS if shutil.which(compiler[0])]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for findings in pool.map(lambda job: compile_alone(*job), jobs):
            yield from findings


# Below the messages, outside every task, or with a message of their caller or their own.
WITHOUT_MESSAGE = ("src/sys/", "src/top/host.c", "src/base/", "src/poll/", "src/loop/lifecycle.c", "src/net/addrinfo.c",
                   "src/net/reader.c", "src/sched/tasks.c")


def wrong_arguments_named(tree: Tree) -> Iterator[Finding]:
    """A caller that gets -EINVAL must learn which argument it was."""
    for path in tree.select("c", "src", "ext"):
        for number, line in enumerate(tree.lines[path], 1):
            if re.search(r"return -EINVAL;|[?:] -EINVAL\b", line) and not path.startswith(WITHOUT_MESSAGE):
                yield Finding(path, number, "-EINVAL without a message; use async_fail and name the argument")


def forbidden_words(tree: Tree) -> Iterator[Finding]:
    for path, lines in tree.lines.items():
        for number, line in enumerate(lines, 1):
            for word in FORBIDDEN:
                if word in line:
                    yield Finding(path, number, f"{word} means something only where this was written")


CHECKS = [file_length, function_length, line_shape, layout, floors, first_comment, language, switching,
          cancelled_everywhere, documented_and_tested, errors_in_the_table, documents_name_what_exists,
          headers_alone, forbidden_words, wrong_arguments_named]


# ---- the test of all this -------------------------------------------------------------------------------------

ABOUT = "/* heap.c: a small file without any mistake. */\n"
HEADER = "include/asyncio/one.h"

# A tree in which nothing is to be found. What the header declares covers each way of declaring.
GOOD = {
    HEADER: ABOUT + "#include <stddef.h>\n#ifndef ONE_H\n#define ONE_H\n#define ASYNC_API\n"
            "/* Does one thing. -EBUSY. Never\n * switches. */\nASYNC_API int async_one(void);\n"
            "/* Never switches itself. */\n#define async_two(call) (call)\n"
            "ASYNC_API int asyncp_three(void);\n#define async_auto_one int\n"
            "/* Waits.\n * Switches. */\nASYNC_API int async_four(void);\n#endif\n",
    "docs/reference.md": "`async_one`, `async_two`, `async_four`, `async_auto_one`\n",
    "docs/cheatsheet.md": "`async_one`, `async_two`, `async_four`, `async_auto_one`\n",
    "docs/errors.md": "| `-EBUSY` | Device or resource busy |\n",
    "src/base/heap.c": ABOUT + '#include "base/heap.h"\n#include <sys/time.h>\n',
    "src/base/heap.h": ABOUT + "struct heap {\n    int size; /* of it */\n    /* The smaller one comes first. */\n"
                       "    int (*compare)(const void *the_one_that_may_come_first, const void *the_other,\n"
                       "                   void *what_the_caller_wants_to_know);\n};\n",
    "src/loop/iterate.c": ABOUT + '#include <asyncio/one.h>\n#include "base/heap.h"\n',
    "tests/test_one.c": ABOUT + "/* async_one async_two async_auto_one */\nSWITCHING_CALL(one, async_four);\n",
    "examples/one.c": '#include "two.h"\n',
    "examples/two.h": "#include <asyncio/one.h>\n",
}

# Only a compiler of C++ objects.
NO_CXX = "typedef int class;\n"

# Each check with changes to that tree that it must complain about, one at a time.
BAD = {
    file_length: [("src/base/long.c", ABOUT + "\n" * 600), (HEADER, ABOUT + "\n" * 400),
                  ("tests/long.py", "\n" * 601)],
    function_length: [("src/base/long.c", ABOUT + "int f(void)\n{\n" + "    f();\n" * 69 + "}\n")],
    line_shape: [("src/base/wide.c", ABOUT + "/* " + "x" * 120 + " */\n"), ("bench/tab.c", "\tint x;\n"),
                 ("src/stack/blank.S", ABOUT + "ret \n")],
    layout: [("src/base/heap.c", ABOUT + "int  x;\n")],
    floors: [("src/base/up.c", ABOUT + '#include "sched/loop.h"\n'), ("src/sched/near.c", '#include "loop.h"\n'),
             ("src/attic/old.c", '#include "base/heap.h"\n'), ("src/sched/angle.c", "#include <base/heap.h>\n"),
             (HEADER, '#include "base/heap.h"\n'), ("examples/in.c", '#include "sched/loop.h"\n'),
             ("bench/in.c", '#include "../src/base/heap.h"\n')],
    first_comment: [("src/base/bare.c", "int x;\n"), ("tests/terse.c", "/* A list. */\n"),
                    ("bench/open.c", "/* this comment has no end to its sentence */\n")],
    language: [("src/base/he.c", ABOUT + "/* It waits for him. */\n" * 200),
               ("src/base/to.c", ABOUT + "/* A list that\n * is to be sorted. */\n" * 200),
               ("src/base/what.c", ABOUT + "/* " + "what " * 200 + " */\n"),
               ("ext/tls/that.h", ABOUT + "// " + "that " * 200 + "\n")],
    switching: [(HEADER, "/* Mute. */\nASYNC_API int async_one(void);\n"),
                (HEADER, "/* Switches. */\n\nASYNC_API int\nasync_one(void);\n"),
                (HEADER, "#define async_two(call) (call)\n")],
    cancelled_everywhere: [(HEADER, "/* Switches. */\nASYNC_API int async_five(void);\n"),
                           (HEADER, "/* Switches. */\n#define async_two(call) (call)\n"),
                           ("tests/test_one.c", ABOUT + "/* SWITCHING_CALL(one, async_four); */\n")],
    documented_and_tested: [("docs/reference.md", "async_one async_two_more async_auto_one\n"),
                            ("docs/cheatsheet.md", "async_one async_two async_auto_one\n"),
                            ("tests/test_one.c", ABOUT + "/* async_one async_auto_one */\n")],
    errors_in_the_table: [("docs/errors.md", "| -EBUSY | `-EIO` |\n"), (HEADER, "/* 0; -EPIPE. */\n")],
    documents_name_what_exists: [("docs/decisions/one.md", "`async_on` is old\n")],
    headers_alone: [(HEADER, "size_t one;\n"), (HEADER, NO_CXX), (HEADER, "int one = 1;\n")],
    wrong_arguments_named: [("src/net/bare.c", ABOUT + "int f(void)\n{\n    return -EINVAL;\n}\n"),
                            ("src/net/either.c", ABOUT + "int f(void *p)\n{\n    return p != NULL ? 0 : -EINVAL;\n}\n")],
    forbidden_words: [("README.md", "see " + word + "here\n") for word in FORBIDDEN],
}


def findings_in(check, files: dict[str, str]) -> list[Finding]:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name, text in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
        return list(check(Tree(root)))


def mistakes_of(check, good: dict[str, str]) -> Iterator[str]:
    """What that check finds and should not, and the other way round."""
    for finding in findings_in(check, good):
        yield f"{check.__name__} complains about {finding.path}: {finding.sentence}"
    for path, text in BAD[check]:
        if text == NO_CXX and not (shutil.which("g++") or shutil.which("clang++")):
            continue
        if not findings_in(check, {**good, path: text}):
            yield f"{check.__name__} finds nothing in {path}: {text[:200]!r}"


def measures():
    """The module that prints numbers; it imports this one."""
    import measure  # pylint: disable=import-outside-toplevel
    return measure


def self_test(root: Path) -> int:
    good = {**GOOD, ".clang-format": (root / ".clang-format").read_text()}
    able = [check for check in CHECKS if check is not layout or right_clang_format()]
    mistakes = [mistake for check in able for mistake in mistakes_of(check, good)]
    mistakes += measures().self_test()
    print("\n".join(mistakes))
    return 1 if mistakes else 0


def main(arguments: list[str]) -> int:
    root = Path(__file__).resolve().parent.parent
    if arguments == ["--self-test"]:
        return self_test(root)
    tree = Tree(root)
    if arguments == ["--measure"]:
        measures().measure(tree)
        return 0
    findings = sorted(finding for check in CHECKS for finding in check(tree))
    for finding in findings:
        print(f"{finding.path}:{finding.line}: {finding.sentence}")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
