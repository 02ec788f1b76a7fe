#!/usr/bin/env python3
"""Shows the command asyncio cores, processes and files that are made to mislead it, or to cost it too much.

    untrusted.py option     the path of a core's program is no option of gdb
    untrusted.py segments   a core that claims to have more segments than fit into its file
    untrusted.py headers    a core that has as many segments, or bytes of notes, as no process has
    untrusted.py size       `asyncio trace` does not read a whole core in order to find out that it is one
    untrusted.py joins      tasks that seem to await each other in millions of handles
    untrusted.py chunks     chunks of tasks that overlap: a million tasks in some KB
    untrusted.py rings      loops with the same ring
    untrusted.py hidden     a process that /proc does not show
    untrusted.py file       a file that a process has mapped becomes shorter while it is read
    untrusted.py cut        so does a core
    untrusted.py mapped     a core is not mapped, because the command would follow each change of it

Ends with 77 where programs run in an emulator: its memory is not laid out as that of the program.
"""

import json
import os
import random
import resource
import shutil
import struct
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

import inspect  # tests/scripts/inspect.py
from built import sanitizers
from checks import Failure, Skip, expect, status_outside_emulators, tests_of
from inspect import COMMAND, CUT_OFF, LIES, run

WORD = struct.calcsize("P")


def test_option(folder: Path):
    if sanitizers():
        raise Skip("a sanitizer's shadow makes a core of terabytes")
    program = inspect.link_runs(folder)
    core = inspect.core_of(program, "faults", folder)
    path = os.fsencode(program)
    (folder / "forged").write_bytes(core.read_bytes().replace(path + b"\0", b"-" + path[1:] + b"\0"))
    (folder / "gdb").write_text("#!/bin/sh\necho gdb \"$@\"\n")
    (folder / "gdb").chmod(0o755)
    environment = os.environ | {"PATH": f"{folder}:{os.environ['PATH']}"}
    for name, status, words in ((core, 0, f" {program} {core}"), (folder / "forged", 1, "it does not say which program it is of")):
        answer = subprocess.run([COMMAND, "gdb", name], text=True, capture_output=True, env=environment)
        expect(f"gdb {name}", (status, True), (answer.returncode, words in answer.stdout + answer.stderr))


def elf_header(kind: int, segments: int, section: int) -> bytes:
    """The header of a file of this word size; one section is behind it, in the order of bytes of this machine."""
    order, long = (1 if sys.byteorder == "little" else 2), "Q" if WORD == 8 else "I"
    size, phdr, shdr = (64, 56, 64) if WORD == 8 else (52, 32, 40)
    ident = bytes([0x7f, *b"ELF", WORD // 4, order, 1]).ljust(16, b"\0")
    header = ident + struct.pack(f"=HHI{long}{long}{long}IHHHHHH", kind, 62, 1, 0, size, size, 0, size, phdr, segments, shdr, 1, 0)
    return header + struct.pack(f"=II{long}{long}{long}{long}II{long}{long}", 0, 0, 0, 0, 0, 0, 0, section, 0, 0)


def test_segments(folder: Path):
    """As many that their size does not fit into 32 bits."""
    et_core, pn_xnum, count = 4, 0xffff, 1 << 27
    (folder / "core").write_bytes(elf_header(et_core, pn_xnum, count))
    expect("a core without its segments", (1, "", f"asyncio: {folder / 'core'}: {CUT_OFF}\n"), run("ps", folder / "core"))


def note_segment(offset: int, size: int) -> bytes:
    """The program header of a segment of notes."""
    pt_note = 4
    if WORD == 8:
        return struct.pack("=IIQQQQQQ", pt_note, 0, offset, 0, 0, size, 0, 4)
    return struct.pack("=IIIIIIII", pt_note, offset, 0, 0, size, 0, 0, 4)


def allow_large_files():
    """The suite limits the sizes of files."""
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))


def check_sparse(what: str, core: Path, size: int, begin: bytes, complaint: str):
    """A core of zeros behind its begin: `asyncio trace` refuses it, in a few MB."""
    most_kib = 96 << 10
    core.write_bytes(begin)
    allow_large_files()
    os.truncate(core, size)
    process = subprocess.Popen([COMMAND, "trace", core], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    expect(what, (1, f"asyncio: {core}: {complaint}\n"), (process.returncode, said))
    if usage.ru_maxrss > most_kib and not sanitizers():
        raise Failure(f"{usage.ru_maxrss} KiB for {what} of {size >> 10} KiB")


def test_size(folder: Path):
    check_sparse("a core without notes", folder / "core", 200 << 20, elf_header(4, 0, 0),
                 "it does not use libasyncio, or has not loaded it yet")


def test_headers(folder: Path):
    et_core, pn_xnum, segments = 4, 0xffff, 1 << 22
    core, refusal = folder / "core", "it has more segments or notes than any process"
    check_sparse("a core of many segments", core, 1 << 28, elf_header(et_core, pn_xnum, segments), refusal)
    header = elf_header(et_core, 1, 0)
    begin = header[:52 if WORD == 4 else 64]
    check_sparse("a core of many notes", core, 1 << 30, begin + note_segment(4096, (1 << 30) - 4096), refusal)


def test_joins(folder: Path):
    with inspect.lying(inspect.link_hostile(folder), "joins") as process:
        inspect.look_at_liar(process.pid, "long joins")
        expect("the tree", True, "lists that could not be read to their ends: " in run("tree", process.pid)[1])
        library, = json.loads(run("ps", "--json", process.pid)[1])
        expect("joins that were left out", True, 0 < library["unreadable"] < 40)
        joins = [task["edges"] for task in library["loops"][0]["tasks"] if task["name"] == "joins"]
        expect("the edges of a join", {0, 40}, {sum(edge["how"] == "awaits" for edge in edges) for edges in joins})


def test_chunks(folder: Path):
    with inspect.lying(inspect.link_hostile(folder), "chunks") as process:
        inspect.look_at_liar(process.pid, "chunks that overlap")
        library, = json.loads(run("ps", "--json", process.pid)[1])
        expect("a list that was not read to its end", 1, library["unreadable"])
        expect("the tasks of the first chunk", 256, len(library["loops"][0]["tasks"]))


def test_rings(folder: Path):
    environment = {"ASYNCIO_TRACE": f"flight:{folder / 'run.trace'}"}
    with inspect.lying(inspect.link_hostile(folder), "rings", more=environment) as process:
        status, said, _ = run("trace", process.pid)
        expect("the rings", (0, 1), (status, said.count("loop 1, ")))


def test_hidden(folder: Path):
    hide = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /proc && exec "$@"', "sh"]
    if sanitizers():
        raise Skip("a sanitizer complains of /proc, too")
    if not shutil.which("unshare") or subprocess.run([*hide, "true"], capture_output=True).returncode != 0:
        raise Skip("/proc cannot be hidden here")
    for pid, words in ((os.getpid(), "/proc does not show it; mount /proc, or run asyncio as root if /proc is mounted with hidepid"),
                       (0x7ffffff0, "there is no such process")):
        answer = subprocess.run([*hide, COMMAND, "ps", str(pid)], text=True, capture_output=True)
        expect("a hidden process", (1, "", f"asyncio: process {pid}: {words}\n"), (answer.returncode, answer.stdout, answer.stderr))


# ---- files that change while they are read ----------------------------------------------------------------------


def test_file(folder: Path):
    with inspect.lying(inspect.link_hostile(folder), "file", folder / "code") as process:
        for _ in range(LIES // 4):
            inspect.look_at_liar(process.pid, "a file that becomes shorter")


@contextmanager
def changing(file: Path):
    """The file becomes shorter by some pages or all, and is as before again, all the time."""
    content, numbers, over = file.read_bytes(), random.Random(1), threading.Event()

    def change():
        with file.open("r+b") as opened:
            while not over.is_set():
                size = numbers.randrange(len(content)) & -4096
                os.truncate(file, size)
                os.pwrite(opened.fileno(), content[size:], size)

    thread = threading.Thread(target=change)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def test_cut(folder: Path):
    if sanitizers():
        raise Skip("a sanitizer's shadow makes a core of terabytes")
    core = inspect.core_of(inspect.link_runs(folder), "faults", folder)
    with changing(core):
        for _ in range(LIES // 4):
            inspect.look_at_liar(core, "a core that becomes shorter")


def test_mapped(folder: Path):
    """The command waits for the reader of its output while it is looked at."""
    if sanitizers():
        raise Skip("a sanitizer's shadow makes a core of terabytes")
    expect("the program can be linked", True, inspect.link(folder / "watched", *inspect.SHARED))
    allow_large_files()
    with inspect.running(folder / "watched", inspect.WAITERS, cwd=folder) as process:
        core = inspect.crash(process, folder)
    if core is None:
        raise Skip("the kernel writes no cores into the folder of a program")
    with subprocess.Popen([COMMAND, "ps", "--json", core], stdout=subprocess.PIPE) as process:
        start = os.read(process.stdout.fileno(), 1)
        maps = Path(f"/proc/{process.pid}/maps").read_text()
        json.loads(start + process.stdout.read())
    expect("the core is mapped", False, str(core) in maps)


if __name__ == "__main__":
    sys.exit(status_outside_emulators(tests_of(globals()), *sys.argv[1:]))
