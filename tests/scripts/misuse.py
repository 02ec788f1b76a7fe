#!/usr/bin/env python3
"""Checks that wrong programs are refused with helpful messages, and writes a page of these messages.

    misuse.py             compiles each program in tests/misuse with gcc and with clang: it must be refused with
                          the text in its first comment, and compile with -DRIGHT without a message
    misuse.py --document  writes docs/tutorial/mistakes.md again: the programs tests/misuse/mistake_*.c with
                          the present messages of gcc, clang or the library
    misuse.py --current   checks that the page equals the output of --document
    misuse.py --times     measures how soon programs that hang, stall or die name a line: for docs/decisions/reports.md

A compiler that is not installed is left out; ends with 77 without both. BUILD_DIR is where the library was built, and
build/ by default.
"""

import difflib
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Iterator

from built import BUILD, ROOT, SKIPPED, option
from checks import without_holds

FOLDER = ROOT / "tests/misuse"
PAGE = ROOT / "docs/tutorial/mistakes.md"
FLAGS = ["-std=c11", "-Wall", "-Wextra", "-Werror", "-O1", "-Iinclude"]

# Plain quotation marks, and no settings of the user.
SURROUNDINGS = {"PATH": os.environ["PATH"], "LC_ALL": "C"}


def compilers() -> list[str]:
    return [name for name in ("gcc", "clang") if shutil.which(name)]


def compile_program(compiler: str, program: Path, *options: str) -> subprocess.CompletedProcess:
    """From the top of the source, so that messages name tests/misuse/x.c."""
    command = [compiler, *FLAGS, *options, str(program.relative_to(ROOT))]
    return subprocess.run(command, cwd=ROOT, env=SURROUNDINGS, text=True, capture_output=True)


# ---- compilers refuse them ------------------------------------------------------------------------------------


def expected_words(program: Path, compiler: str) -> str:
    """The message of this compiler according to the first comment."""
    match = re.search(rf"^ \*  {compiler}: (.+)$", program.read_text(), re.MULTILINE)
    return match[1] if match else ""


def complaint_about(program: Path, compiler: str) -> str:
    words = expected_words(program, compiler)
    wrong = compile_program(compiler, program, "-c", "-o", os.devnull)
    right = compile_program(compiler, program, "-c", "-o", os.devnull, "-DRIGHT")
    place = f"{program.relative_to(ROOT)}, {compiler}"
    if not words:
        return f"{place}: its first comment does not say what to expect"
    if wrong.returncode == 0:
        return f"{place}: it is not refused"
    if words not in wrong.stderr:
        return f"{place}: expected\n    {words}\nbut it says\n{wrong.stderr}"
    if right.returncode != 0 or right.stderr:
        return f"{place}: with -DRIGHT it must compile, but it says\n{right.stderr}"
    return ""


def check_all() -> int:
    programs = sorted(path for path in FOLDER.glob("*.c") if not path.name.startswith("mistake_"))
    jobs = [(program, compiler) for program in programs for compiler in compilers()]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        complaints = [complaint for complaint in pool.map(lambda job: complaint_about(*job), jobs) if complaint]
    print("\n".join(complaints))
    return 1 if complaints or not jobs else 0


# ---- the messages for the mistakes -----------------------------------------------------------------------------


class Mistake:
    """A program whose first comment has a heading, an explanation, and the remedy."""

    def __init__(self, program: Path):
        comment, code = re.match(r"/\*\n(.*?) \*/\n(.*)", program.read_text(), re.DOTALL).groups()
        lines = re.sub(r"^ \* ?", "", comment, flags=re.MULTILINE)
        paragraphs = [" ".join(paragraph.split()) for paragraph in lines.split("\n\n")]
        self.program = program
        self.code = code
        self.number = int(paragraphs[0].split(".")[0])
        self.heading, *middle, self.instead = paragraphs
        self.debug = "Run with ASYNCIO_DEBUG=1." in middle
        self.silent_names = "Run with a silent name server." in middle
        self.explanation = [paragraph for paragraph in middle if not paragraph.startswith("Run with ")]


def all_mistakes() -> list[Mistake]:
    return sorted((Mistake(path) for path in FOLDER.glob("mistake_*.c")), key=lambda mistake: mistake.number)


def major_version(compiler: str) -> str:
    answer = subprocess.run([compiler, "-dumpversion"], text=True, capture_output=True)
    return answer.stdout.split(".")[0].strip()


def is_sanitized() -> bool:
    """Then what a program says at its end is not the library's word alone."""
    symbols = subprocess.run(["nm", "-D", BUILD / "libasyncio.so"], capture_output=True).stdout
    return b"__asan" in symbols or b"__tsan" in symbols


def is_elsewhere() -> bool:
    """An emulator says a word of its own when a program dies; another libc prints in another order."""
    return bool(os.environ.get("WRAPPER")) or "musl" in os.environ.get("CC", "")


def split_diagnostics(output: str) -> Iterator[tuple[str, str, list[str]]]:
    """The file and the kind of each message, and its lines: the text, and the source below it."""
    block = None
    for line in output.splitlines():
        head = re.match(r"(\S.*?):\d+:\d+: (error|warning|note): ", line)
        if block and not head and not line.startswith((" ", "\t")):
            yield block
            block = None
        if head:
            if block:
                yield block
            block = (head[1], head[2], [])
        if block:
            block[2].append(line)
    if block:
        yield block


def essence_of(output: str, name: str) -> str:
    """The first complaint; if it is about the inside of a macro, also where the program uses that."""
    blocks = list(split_diagnostics(output))
    first = next(index for index, block in enumerate(blocks) if block[1] != "note")
    lines = blocks[first][2]
    if blocks[first][0] != name:
        use = next(block for block in blocks[first:] if block[0] == name)
        lines = lines[:1] + use[2]
    return "\n".join(lines).replace(f"{ROOT / 'include'}/", "")


def compile_mistake(mistake: Mistake, compiler: str, folder: str, *options: str) -> subprocess.CompletedProcess:
    """In that folder, and without the comment, so that messages count the lines as a reader of the page does."""
    (Path(folder) / mistake.program.name).write_text(mistake.code.lstrip())
    command = [compiler, "-std=gnu11", "-g", "-Wall", "-Wextra", "-fstack-clash-protection", f"-I{ROOT / 'include'}",
               mistake.program.name, *options]
    return subprocess.run(command, cwd=folder, env=SURROUNDINGS, text=True, capture_output=True)


def words_of_compiler(mistake: Mistake, compiler: str) -> str:
    """The messages; an empty string without any."""
    with tempfile.TemporaryDirectory() as folder:
        output = compile_mistake(mistake, compiler, folder, "-c").stderr
    return essence_of(output, mistake.program.name) if output else ""


def build_mistake(mistake: Mistake, folder: str) -> dict:
    """Makes folder/program. The environment in which it is run."""
    surroundings = {**SURROUNDINGS, "ASYNCIO_DEBUG": "1"} if mistake.debug else SURROUNDINGS
    library = [f"-L{BUILD}", "-lasyncio", f"-Wl,-rpath,{BUILD}", "-pthread"]
    compile_mistake(mistake, compilers()[0], folder, "-o", "program", *library).check_returncode()
    if not mistake.silent_names:
        return surroundings
    silent = Path(folder) / "silent.so"
    subprocess.run([compilers()[0], "-shared", "-fPIC", "-D_GNU_SOURCE", ROOT / "tests/tools/silent.c", "-o", silent,
                    "-lresolv"], check=True)
    return {**surroundings, "LD_PRELOAD": str(silent)}


def words_of_library(mistake: Mistake) -> str:
    """The command, the program's output, and the shell's message about its end."""
    ends = {-signal.SIGABRT: "Aborted\n", -signal.SIGSEGV: "Segmentation fault\n",
            -signal.SIGALRM: "Alarm clock\n"}
    with tempfile.TemporaryDirectory() as folder:
        surroundings = build_mistake(mistake, folder)
        answer = subprocess.run(f"{folder}/program", env=surroundings, text=True, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT)
    typed = f"$ {'ASYNCIO_DEBUG=1 ' if mistake.debug else ''}./{mistake.program.stem}\n"
    return (typed + answer.stdout + ends.get(answer.returncode, "")).rstrip()


# ---- how soon it is said --------------------------------------------------------------------------------------

# Programs that hang, stall or die; those of the others end with a message at once, or are refused by the compiler.
SYMPTOMS = ["two_locks", "full_queue", "forgotten", "names", "busy", "ignores", "recursion", "task_done", "leak", "circle"]


def seconds_to_line(mistake: Mistake) -> float:
    """From the start of the program to the message that names a line of it."""
    with tempfile.TemporaryDirectory() as folder:
        surroundings = build_mistake(mistake, folder)
        began = time.monotonic()
        with subprocess.Popen(f"{folder}/program", env=surroundings, text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT) as process:
            lines = iter(process.stdout.readline, "")
            named = next((line for line in lines if re.search(rf"{mistake.program.name}:\d+", line)), "")
            seconds = time.monotonic() - began
            process.communicate()
    return seconds if named else float("nan")


def print_times() -> None:
    mistakes = {mistake.program.stem.removeprefix("mistake_"): mistake for mistake in all_mistakes()}
    for name in SYMPTOMS:
        mistake = mistakes[name]
        seconds = statistics.median(seconds_to_line(mistake) for _ in range(5))
        print(f"| {mistake.heading} | {'debug mode' if mistake.debug else ''} | {seconds:.2f} |", flush=True)


# ---- the page -------------------------------------------------------------------------------------------------

INTRODUCTION = """\
# Common mistakes

Programs, each with one mistake, and what the compiler or the library says of it. The words are real: this page is
written by `tests/scripts/misuse.py --document`, and a test fails when it is no longer true. They are those of
gcc {gcc} and clang {clang}, without their notes about the insides of macros.
"""


def wrap(text: str, width: int = 100) -> str:
    lines, line = [], ""
    for word in text.split():
        if line and len(line) + 1 + len(word) > width:
            lines.append(line)
            line = ""
        line += (" " if line else "") + word
    return "\n".join([*lines, line])


class Page:
    """The present page, for messages that cannot be produced here."""

    def __init__(self):
        self.text = PAGE.read_text() if PAGE.exists() else ""
        match = re.search(r"gcc (\d+) and clang (\d+)", self.text)
        self.versions = {"gcc": match[1], "clang": match[2]} if match else {}

    def words(self, mistake: Mistake, speaker: str) -> str:
        section = self.text.partition(f"## {mistake.heading}\n")[2].partition("\n## ")[0]
        match = re.search(rf"^{re.escape(speaker)}:\n\n```\n(.*?)\n```$", section, re.MULTILINE | re.DOTALL)
        return match[1] if match else ""


def words(mistake: Mistake, speaker: str, page: Page, anew: bool) -> str:
    """anew: also where another version of the compiler is at hand than the one whose words the page has."""
    if speaker == "The library":
        others = is_sanitized() or is_elsewhere()
        return page.words(mistake, speaker) if others and not anew else words_of_library(mistake)
    at_hand = speaker in compilers() and (anew or page.versions.get(speaker) == major_version(speaker))
    return words_of_compiler(mistake, speaker) if at_hand else page.words(mistake, speaker)


def section(mistake: Mistake, page: Page, anew: bool) -> str:
    said = [(compiler, words(mistake, compiler, page, anew)) for compiler in ("gcc", "clang")]
    said = [pair for pair in said if pair[1]] or [("The library", words(mistake, "The library", page, anew))]
    parts = [f"## {mistake.heading}", *map(wrap, mistake.explanation), f"```c\n{mistake.code.strip()}\n```"]
    for speaker, text in said:
        parts += [f"{speaker}:", f"```\n{text}\n```"]
    return "\n\n".join([*parts, wrap(f"**Instead:** {mistake.instead}")])


def document(anew: bool) -> str:
    page = Page()
    at_hand = {name: major_version(name) for name in compilers()} if anew else {}
    parts = [INTRODUCTION.format(**{"gcc": "?", "clang": "?", **page.versions, **at_hand}).rstrip()]
    with ThreadPoolExecutor(1 if anew else os.cpu_count()) as pool:  # one by one, so that each has a processor
        parts += pool.map(lambda mistake: section(mistake, page, anew), all_mistakes())
    return "\n\n".join(parts) + "\n"


def steady(text: str) -> list[str]:
    """Without what differs from machine to machine, or whenever a header gains a line."""
    text = re.sub(r"\+0x[0-9a-f]+", "+0x…", text)
    text = re.sub(r"\d+ times on the stack", "… times on the stack", text)
    text = re.sub(r"for \d\.\d+ s", "for … s", text)
    text = re.sub(r"\b0x[0-9a-f]+", "0x…", text)
    text = re.sub(r"thread \d+", "thread …", text)
    text = without_holds(text)
    text = re.sub(r"waits \d+\.\d+ m?s", "waits …", text)
    return re.sub(r"(asyncio/\w+\.h):\d+:\d+", r"\1:…", text).splitlines()


def check_page() -> int:
    difference = list(difflib.unified_diff(steady(Page().text), steady(document(anew=False)), str(PAGE), "now",
                                           lineterm=""))
    if difference:
        print("\n".join(difference))
        print("If the new messages are better: tests/scripts/misuse.py --document")
    return 1 if difference else 0


def main(arguments: list[str]) -> int:
    if not compilers():
        print("neither gcc nor clang is installed")
        return SKIPPED
    if arguments == ["--current"] and option("switch") == "ucontext":
        print("contexts are switched by libc here")  # so reports have no places
        return SKIPPED
    if arguments == ["--times"]:
        print_times()
        return 0
    if arguments == ["--document"]:
        PAGE.write_text(document(anew=True))
        return 0
    return check_page() if arguments == ["--current"] else check_all()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
