#!/usr/bin/env python3
"""Timelines of programs of the tutorial: pages, SVG, Perfetto files, running processes and cores.

    tests/scripts/trace.py forms      each form has what the program did
    tests/scripts/trace.py process    a flight recorder is read while the program runs, and from its core
    tests/scripts/trace.py deadlock   debug mode writes the flight recorder of a loop that is stuck
    tests/scripts/trace.py stall      the same for each turn that is long
    tests/scripts/trace.py held       a loop that is held for ever: its flight recorder is written once, and seen from outside
    tests/scripts/trace.py quit       SIGQUIT writes the flight recorders of all loops
    tests/scripts/trace.py abort      an abort after a wrong call writes them, also on the stack of a small task
    tests/scripts/trace.py crash      the core of a crash in a task has the flight recorder
    tests/scripts/trace.py probes     gdb stops at each static probe, with its arguments, and at none before it asks for them
    tests/scripts/trace.py exit       exit() writes the timeline; children of fork() have files of their own
    tests/scripts/trace.py hostile    damaged files end in a sentence
    tests/scripts/trace.py lanes      a page shows a turn that lasts at the end of the record as long: needs node

BUILD_DIR, CC and WRAPPER come from the suite.
"""

import base64
import os
import random
import re
import resource
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from xml.etree import ElementTree

from built import BUILD, COMPILER, ROOT, SKIPPED, WRAPPER, sanitizers

COMMAND = [*WRAPPER, str(BUILD / "asyncio")]
HEADER_BYTES = 9  # of a .trace file


def skip(why: str) -> None:
    print(why)
    sys.exit(SKIPPED)


def traced(program: str, trace: str, *arguments: str, **options) -> subprocess.Popen:
    # A task that calls exit() leaves its memory.
    surroundings = {**os.environ, "ASAN_OPTIONS": "detect_leaks=0", "ASYNCIO_TRACE": trace, **options.pop("more", {})}
    return subprocess.Popen([*WRAPPER, program, *arguments], env=surroundings, stdout=subprocess.DEVNULL,
                            stderr=subprocess.PIPE, text=True, **options)


def convert(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run([*COMMAND, "trace", *map(str, arguments)], text=True, capture_output=True, timeout=30)


def compile_program(folder: Path, text: str) -> str:
    """A program of the shared library of the build."""
    source, program = folder / "program.c", folder / "program"
    source.write_text(text)
    libraries = [path for path in BUILD.glob("libasyncio.so.0.*.*") if path.is_file()]
    if WRAPPER or not libraries:
        skip("programs are compiled with the shared library of this machine only")
    flags = [f"-fsanitize={sanitizers()}"] if sanitizers() else []
    subprocess.run([*COMPILER, *flags, "-g", "-fstack-clash-protection", f"-I{ROOT / 'include'}",
                    source, "-o", program, libraries[0], f"-Wl,-rpath,{BUILD}"], check=True)
    return str(program)


# ---- a reader of protocol buffers --------------------------------------------------------------------------------


def varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        value |= (data[at] & 127) << shift
        shift += 7
        at += 1
        if data[at - 1] < 128:
            return value, at


def fields(data: bytes) -> list[tuple[int, int | bytes]]:
    """The numbers and values of a message."""
    at, found = 0, []
    while at < len(data):
        key, at = varint(data, at)
        if key & 7 == 0:
            value, at = varint(data, at)
        elif key & 7 == 1:
            value, at = struct.unpack_from("<Q", data, at)[0], at + 8
        elif key & 7 == 2:
            length, at = varint(data, at)
            value, at = data[at:at + length], at + length
        else:
            raise ValueError(f"wire type {key & 7}")
        found.append((key >> 3, value))
    assert at == len(data)
    return found


def check_perfetto(data: bytes) -> None:
    """Tracks have names; slices of a track begin and end in turn; each flow has both ends."""
    tracks, depth, begun, ended, names = {}, {}, set(), set(), set()
    for number, packet in fields(data):
        assert number == 1
        message = dict(fields(packet))
        assert 8 in message and message[10] == 1
        if 60 in message:
            track = dict(fields(message[60]))
            tracks[track[1]] = track[2].decode()
            assert track.get(5, track[1]) in tracks
            continue
        event = dict(fields(message[11]))
        assert event[11] in tracks
        change = {1: 1, 2: -1, 3: 0}[event[9]]
        depth[event[11]] = depth.get(event[11], 0) + change
        assert depth[event[11]] in (0, 1)
        begun |= {event[47]} if 47 in event else set()
        ended |= {event[48]} if 48 in event else set()
        names |= {event[23].decode()} if 23 in event else set()
    assert set(depth.values()) == {0} and begun == ended and begun
    assert {"runs", "ready", "async_gather", "async_sleep", "wakes"} <= names, names
    assert sum("count (" in name for name in tracks.values()) == 3, tracks


# ---- the tests ---------------------------------------------------------------------------------------------------


def forms(folder: Path) -> None:
    assert traced(str(BUILD / "4_gather"), str(folder / "run.trace")).wait(30) == 0
    assert traced(str(BUILD / "4_gather"), str(folder / "run.html")).wait(30) == 0
    text = convert(folder / "run.trace").stdout
    assert "count (examples/tutorial/4_gather.c:" in text and "held the loop for 1" in text, text
    for ending in ("html", "svg", "pftrace", "trace"):
        assert convert(folder / "run.trace", "-o", folder / f"other.{ending}").returncode == 0
    assert (folder / "other.trace").read_bytes() == (folder / "run.trace").read_bytes()
    for page in ("run.html", "other.html"):
        html = (folder / page).read_text()
        section = re.search(r'class="timeline">([^<]*)<', html)
        assert base64.b64decode(section[1]).startswith(b"LOOP") and "held the loop for 1" in html
        assert "http:" not in html and "https:" not in html, "a page needs no network"
    svg = ElementTree.parse(folder / "other.svg").getroot()
    words = [element.text for element in svg.iter() if element.text]
    assert "#2 count" in words and "gather" in words and "holds the loop" in words, words
    check_perfetto((folder / "other.pftrace").read_bytes())
    if shutil.which("protoc"):
        with open(folder / "other.pftrace", "rb") as file:
            subprocess.run(["protoc", "--decode_raw"], stdin=file, stdout=subprocess.DEVNULL, check=True)
    assert convert(folder / "run.trace", "-o", folder / "x.json").returncode == 1
    assert convert("/dev/null").returncode == 1 and convert(folder / "none").returncode == 1


def process(folder: Path) -> None:
    if WRAPPER:
        skip("the command reads no process in an emulator")
    running = traced(str(BUILD / "5_queue"), f"flight:{folder}/run.html", "7", cwd=folder)
    time.sleep(3)
    for _ in range(20):
        seen = convert(str(running.pid), "-o", folder / "live.trace")
        if seen.returncode != 0 and "forbids" in seen.stderr:
            running.kill()
            skip("the kernel forbids to read other processes")
        assert seen.returncode == 0, seen.stderr
    assert "6 tasks" in convert(folder / "live.trace").stdout
    if any(b"__asan_" in path.read_bytes() for path in BUILD.glob("libasyncio.so.0.*.*") if path.is_file()):
        running.kill()
        skip("a sanitizer's shadow makes a core of terabytes")
    most = resource.getrlimit(resource.RLIMIT_CORE)[1]
    resource.prlimit(running.pid, resource.RLIMIT_CORE, (most, most))
    running.send_signal(signal.SIGABRT)
    assert running.wait(20) == -signal.SIGABRT
    assert not (folder / "run.html").exists()
    for core in folder.glob("core*"): # the kernel may write it elsewhere
        seen = convert(core)
        assert seen.returncode == 0 and "6 tasks" in seen.stdout, seen
    seen = convert(str(os.getpid()))
    assert seen.returncode == 1 and seen.stderr.startswith("asyncio"), seen


STUCK = r"""
#include <asyncio.h>
static async_lock first, second;
static int transfer(async_lock *from, async_lock *to)
{
    ASYNC_WITH(from);
    ASYNC_TRY(async_sleep(0.01));
    ASYNC_WITH(to);
    return 0;
}
async_fn(transfer, async_lock *, async_lock *);
static int amain(void)
{
    return async_gather(async_create_task(transfer, &first, &second), async_create_task(transfer, &second, &first));
}
async_fn(amain);
int main(void) { return async_main(amain); }
"""


def deadlock(folder: Path) -> None:
    program = compile_program(folder, STUCK)
    running = traced(program, f"flight:{folder}/run.trace", more={"ASYNCIO_DEBUG": "1", "ASYNCIO_DEADLOCK": "wait"})
    until = time.time() + 20
    while not (folder / "run.trace").exists() and time.time() < until:
        time.sleep(0.1)
    time.sleep(0.2)
    running.send_signal(signal.SIGINT)
    running.wait(10)
    text = convert(folder / "run.trace").stdout
    assert "nothing can wake a task any more" in text and "#2 transfer in async_lock_acquire" in text, text
    assert "3 tasks waited" in text, text
    # the same without debug mode, and where a deadlock is waited for: the sleep is long, and ends by Ctrl-C
    running = traced(program, f"{folder}/whole.trace", more={"ASYNCIO_DEADLOCK": "wait"})
    assert "deadlock" in running.stderr.readline()
    time.sleep(1.5)
    running.send_signal(signal.SIGINT)
    running.wait(10)
    text = convert(folder / "whole.trace").stdout
    assert re.search(r"for 1\.\d+ s nothing could wake a task", text), text


LONG_CALLBACK = r"""
#include <asyncio.h>
#include <time.h>
static void spins(void *unused)
{
    clock_t begin = clock();
    while (unused == NULL && clock() - begin < CLOCKS_PER_SEC / 5)
        continue;
}
static int amain(void)
{
    async_call_soon(spins, NULL);
    return async_sleep(0.01);
}
async_fn(amain);
int main(void) { return async_main(amain); }
"""


def stall(folder: Path) -> None:
    """A timeline while the loop is held, and one for each long turn after it, which is the last one in it."""
    assert traced(str(BUILD / "4_gather"), f"flight:{folder}/run.trace", more={"ASYNCIO_DEBUG": "1"}).wait(30) == 0
    text = convert(folder / "run.trace").stdout
    lengths = re.findall(r"^loop 1, (?:(\d)[0-9.]* s|\d+ ms)", text, re.MULTILINE)
    assert {"1", "2", "3"} <= set(lengths) and len(lengths) > 3, text
    first = r"held the loop for 1(\.\d+)? s; meanwhile up to 2 other tasks were ready: 2"
    assert re.search(first, text), text
    program = compile_program(folder, LONG_CALLBACK)
    assert traced(program, f"flight:{folder}/callback.trace", more={"ASYNCIO_DEBUG": "1"}).wait(30) == 0
    text = convert(folder / "callback.trace").stdout
    assert re.search(r"a callback held the loop for [0-9.]+ m?s at the end of the record", text), text


HOLDS = r"""
#include <asyncio.h>
static int waits(void) { return async_sleep(ASYNC_FOREVER); }
async_fn(waits);
static int holds(void)
{
    for (volatile int i = 0;; i++)
        continue;
}
async_fn(holds);
static int amain(void)
{
    async_create_task(waits);
    ASYNC_TRY(async_sleep(0.1));
    return async_gather(async_create_task(holds), async_create_task(waits));
}
async_fn(amain);
int main(void) { return async_main(amain); }
"""

# What is said of it. How long it lasts depends on the machine.
HELD = r"holds \(\S+program\.c:\d+\) held the loop for [0-9.]+ m?s; meanwhile up to 1 other task was ready"


def held(folder: Path) -> None:
    program = compile_program(folder, HOLDS)
    running = traced(program, f"flight:{folder}/run.trace", more={"ASYNCIO_WATCHDOG": "0.1"})
    said, goes_on = "", 0
    while goes_on < 2: # the second report is of the same stall
        said += running.stderr.readline()
        goes_on = said.count("has held loop 1")
    seen = convert(str(running.pid))
    running.kill()
    said += running.communicate(timeout=10)[1]
    text = convert(folder / "run.trace").stdout
    stalls = said.count("goes on") + 1 # it is said also after the observing thread itself was late
    assert text.count("loop 1, ") == stalls and re.search(HELD, text), (text, said)
    assert "forbids" in seen.stderr or re.search(HELD, seen.stdout), seen
    runs = r"\n  holds \(\S+program\.c:\d+\) still ran at the end of the record, for [0-9.]+ m?s, from [0-9.]+ ms on: task #3"
    assert re.search(runs, text) and (seen.returncode != 0 or re.search(runs, seen.stdout)), (text, seen)


LOOPS = r"""
#include <asyncio.h>
#include <pthread.h>
#include <stdio.h>
static int waits(void) { return async_sleep(ASYNC_FOREVER); }
async_fn(waits);
static void *runs(void *unused)
{
    async_run(waits);
    return unused;
}
static int amain(void)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, runs, NULL) != 0)
        return -EAGAIN;
    ASYNC_TRY(async_sleep(0.3));
    puts("runs");
    fflush(stdout);
    return async_sleep(ASYNC_FOREVER);
}
async_fn(amain);
int main(void) { return async_main(amain); }
"""


def quit_(folder: Path) -> None:
    program = compile_program(folder, LOOPS)
    running = subprocess.Popen([program], env={**os.environ, "ASYNCIO_TRACE": f"flight:{folder}/run.html"},
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert running.stdout.readline() == "runs\n"
    running.send_signal(signal.SIGQUIT)
    page, until = folder / "run.html", time.time() + 20
    while not (page.exists() and page.read_text().count("</section>") == 2) and time.time() < until:
        time.sleep(0.05)
    running.kill()
    running.wait(10)
    html = page.read_text()
    assert sorted(re.findall(r'id="loop-(\d)"', html)) == ["1", "2"], html[-4000:]


ABORTS = r"""
#include <asyncio.h>
static async_lock lock;
static int releases(void)
{
    async_lock_release(&lock); /* it is not locked */
    return 0;
}
async_fn(releases);
static int amain(void)
{
    const async_task_options options = {.stack_size = 16384};
    ASYNC_TRY(async_sleep(0.01));
    return async_await(async_create_task_with(&options, releases));
}
async_fn(amain);
int main(void) { return async_main(amain); }
"""


def aborts(folder: Path) -> None:
    program = compile_program(folder, ABORTS)
    running = traced(program, f"flight:{folder}/run.trace")
    said = running.communicate(timeout=20)[1]
    assert running.returncode == -signal.SIGABRT and "async_lock_release" in said, (running.returncode, said)
    text = convert(folder / "run.trace").stdout
    assert re.search(r"^loop 1, [0-9.]+ m?s, 2 tasks, ", text), (text, said)
    # without a flight recorder nothing is written, and the abort is the same
    running = traced(program, "")
    assert running.wait(20) == -signal.SIGABRT


CRASHES = r"""
#include <asyncio.h>
static int crashes(int *pointer) { return *pointer; }
async_fn(crashes, int *);
static int amain(void)
{
    ASYNC_TRY(async_sleep(0.01));
    return async_await(async_create_task(crashes, NULL));
}
async_fn(amain);
int main(void) { return async_main(amain); }
"""


def crash(folder: Path) -> None:
    if sanitizers():
        skip("a sanitizer handles the signal, and leaves no core")
    program = compile_program(folder, CRASHES)
    most = resource.getrlimit(resource.RLIMIT_CORE)[1]
    resource.setrlimit(resource.RLIMIT_CORE, (most, most))
    assert traced(program, f"flight:{folder}/run.trace", cwd=folder).wait(20) == -signal.SIGSEGV
    cores = list(folder.glob("core*"))
    if not cores:
        skip("the kernel writes cores elsewhere, or none")
    seen = convert(cores[0], "-o", folder / "core.trace")
    assert seen.returncode == 0, seen
    text = convert(folder / "core.trace").stdout
    assert re.search(r"^loop 1, [0-9.]+ m?s, 2 tasks, ", text), text


PROBED = r"""
#include <asyncio.h>
static int child(void) { return async_sleep(0); }
async_fn(child);
static int amain(void)
{
    ASYNC_TRY(async_sleep(0.01));
    const async_task_options options = {.name = "own name", .eager_start = true};
    ASYNC_TRY(async_await(async_create_task_with(&options, child)));
    return async_await(async_create_task(child));
}
async_fn(amain);
int main(void) { return async_main(amain); }
"""

# Each probe: its arguments as a format of gdb, and some of what is printed.
PROBES = {
    "run": ("%d %s", ["1 amain", "2 own name", "3 child"]),
    "wait": ("%d %s %s", ["1 amain async_sleep", "1 amain async_await"]),
    "wake": ("%d %s %s", ["1 amain async_sleep", "1 amain async_await"]),
    "create": ("%d %s", ["2 own name", "3 child"]),
    "yield": ("%d %s", ["2 own name", "3 child"]),
    "pause": ("%d %s", ["1 amain"]),
    "end": ("%d %s %d", ["2 child 0", "3 child 0", "1 amain 0"]),
}


def probes(folder: Path) -> None:
    if not shutil.which("gdb"):
        skip("there is no gdb")
    program = compile_program(folder, PROBED)
    commands = ["set breakpoint pending on", "set width 0", "break main", "run", "info probes stap asyncio"]
    for name, (form, _) in PROBES.items():
        values = [f"(char *)$_probe_arg{i}" if part == "%s" else f"(int)$_probe_arg{i}"
                  for i, part in enumerate(form.split())]
        commands += [f"break -probe-stap asyncio:{name}",
                     f'commands\nsilent\nprintf "{name}: {form}\\n", {", ".join(values)}\ncontinue\nend']
    (folder / "script").write_text("\n".join([*commands, "continue", ""]))
    seen = subprocess.run(["gdb", "-nx", "-batch", "-x", folder / "script", program], text=True, capture_output=True,
                          timeout=60, env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"})
    if "ptrace" in seen.stderr or "not supported" in seen.stderr:
        skip("gdb cannot start a program here, or knows no probes")
    said = seen.stdout.splitlines()
    for name, (_, expected) in PROBES.items():
        assert any(re.match(rf"stap +asyncio +{name} +0x\S+ +0x\S+ ", line) for line in said), (name, seen)
        missing = [words for words in expected if f"{name}: {words}" not in said]
        assert not missing, (name, missing, seen)
    assert any("exited normally" in line for line in said), seen


EXITS = r"""
#include <asyncio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
static int sleeps(void) { return async_sleep(0.02); }
async_fn(sleeps);
static int child(void) { return async_await(async_create_task(sleeps)); }
async_fn(child);
static int amain(void)
{
    ASYNC_TRY(async_sleep(0.01));
    exit(3);
}
async_fn(amain);
int main(void)
{
    if (fork() == 0)
        return async_main(child);
    wait(NULL);
    return async_main(amain);
}
"""


def exits(folder: Path) -> None:
    program = compile_program(folder, EXITS)
    running = traced(program, f"{folder}/run.trace")
    assert running.wait(10) == 3
    files = sorted(path.name for path in folder.glob("run*.trace"))
    assert len(files) == 2 and re.fullmatch(r"run\.\d+\.trace", files[0]) and files[1] == "run.trace", files
    for name, count in zip(files, (2, 1)):
        text = convert(folder / name).stdout
        assert re.search(rf"loop 1, [0-9.]+ m?s, {count} tasks", text), text


def hostile(folder: Path) -> None:
    assert traced(str(BUILD / "3_tasks"), str(folder / "run.trace")).wait(30) == 0
    content = (folder / "run.trace").read_bytes()
    dice = random.Random(1)
    for _ in range(150):
        damaged = bytearray(content)
        for _ in range(dice.randint(1, 4)):
            damaged[dice.randrange(9, len(damaged))] = dice.randrange(256)
        (folder / "damaged.trace").write_bytes(damaged[:dice.choice([len(damaged), dice.randrange(1, len(damaged))])])
        for ending in ("svg", "pftrace"):
            seen = convert(folder / "damaged.trace", "-o", folder / f"damaged.{ending}")
            is_told = "the end of" in seen.stderr if seen.returncode == 0 else seen.stderr != ""
            assert seen.returncode in (0, 1) and (is_told or (seen.returncode, seen.stderr) == (0, "")), seen
            if seen.returncode == 0 and ending == "svg":
                ElementTree.parse(folder / "damaged.svg")
    check_cut(folder, content)
    check_full_disk(folder)


def check_cut(folder: Path, content: bytes) -> None:
    """Two timelines, the second one without its end."""
    (folder / "cut.trace").write_bytes(content + content[HEADER_BYTES:-1])
    seen = convert(folder / "cut.trace")
    assert seen.returncode == 0 and seen.stdout.count("loop 1, ") == 1, seen
    assert "cut.trace is damaged or was cut off, behind 1 timeline\n" in seen.stderr, seen


def check_full_disk(folder: Path) -> None:
    """More than a buffer, so that an earlier write fails than the last one."""
    section = (folder / "run.trace").read_bytes()[HEADER_BYTES:]
    (folder / "long.trace").write_bytes((folder / "run.trace").read_bytes() + 200 * section)
    with open("/dev/full", "w") as full:
        seen = subprocess.run([*COMMAND, "trace", folder / "long.trace"], stdout=full,
                              stderr=subprocess.PIPE, text=True)
    assert seen.returncode == 1 and "the output cannot be written" in seen.stderr, seen


# Task 1 runs from 10 ms on; the record ends at 100 ms. Another one runs for the last millisecond.
LANES = """
const timeline = {length: 100e6, lost: 0, tasks: [{}, {live: true, wait: 0}, {live: true, wait: 0}], task: [1, 1, 2],
                  kind: [KIND.RUN, KIND.YIELD, KIND.RUN], at: [10e6, 99e6, 99e6, 100e6]};
const holds = (events) => new Lane(timeline, [timeline.task[events[0]]], events).holds;
console.log(JSON.stringify([holds([0]), holds([0, 1]), holds([2])]));
"""


def lanes(folder: Path) -> None:
    if not shutil.which("node"):
        skip("there is no node here")
    script = (ROOT / "src/timeline/page_data.js").read_text() + LANES
    seen = subprocess.run(["node", "-"], input=script, text=True, capture_output=True)
    assert seen.stdout == "[[10000000,100000000],[10000000,99000000],[]]\n", seen


def main(words: list[str]) -> int:
    tests = {"forms": forms, "process": process, "deadlock": deadlock, "stall": stall, "held": held,
             "quit": quit_, "abort": aborts, "crash": crash, "probes": probes, "exit": exits, "hostile": hostile,
             "lanes": lanes}
    with tempfile.TemporaryDirectory() as folder:
        tests[words[0]](Path(folder))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
