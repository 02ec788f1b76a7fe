#!/usr/bin/env python3
"""Watches running programs with `asyncio top`, and reads their metrics as Prometheus does.

    top.py shares     two tasks share a loop 3 to 1: the table says so, within the errors that it prints
    top.py loops      two loops, one of them asleep; a loop that a task or a callback blocks
    top.py json       the counters add up
    top.py ends       the program ends meanwhile
    top.py screen     on a terminal: a table each second, another size, Ctrl-Z, Ctrl-C, the key q
    top.py unsized    on a terminal that does not know its size
    top.py slow       it ends by Ctrl-C though a look takes longer than its interval
    top.py refusals   what cannot be watched, and why
    top.py text       the metrics of a program are valid in the text format of Prometheus

Ends with 77 where programs run in an emulator: its memory is not laid out as that of the program.
"""

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from contextlib import contextmanager
from pathlib import Path

from built import BUILD, COMPILER, ROOT, SKIPPED, WRAPPER, option, sanitizers
from checks import Failure, Skip, expect, status_of, tests_of

COMMAND = BUILD / "asyncio"
SOURCE = ROOT / "tests/tools/measured.c"
TRIES = 5  # a sample is wrong one time in twenty
ENTER, LEAVE = "\033[?1049h", "\033[?1049l"


def build(folder: Path) -> Path:
    program = folder / "measured"
    flags = [f"-fsanitize={sanitizers()}"] if sanitizers() else []
    flags += ["-flto"] if option("b_lto") else []
    subprocess.run([*COMPILER, *flags, "-g", "-O1", f"-I{ROOT / 'include'}", SOURCE, "-o", program, f"-L{BUILD}",
                    "-lasyncio", f"-Wl,-rpath,{BUILD}", "-pthread"], check=True)
    return program


@contextmanager
def running(folder: Path, mode: str):
    with subprocess.Popen([build(folder), mode], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        expect("the program", "ready\n", process.stdout.readline())
        yield process
        process.stdin.close()


def wait_for_loops(pid: int, *asleep: bool):
    """Until the process has so many loops in these states."""
    found = None
    while found != asleep:
        library, = json.loads(subprocess.run([COMMAND, "ps", "--json", str(pid)], capture_output=True, check=True).stdout)
        found = tuple(loop["asleep"] for loop in library["loops"])


def run(*arguments) -> tuple[int, str, str]:
    answer = subprocess.run([COMMAND, "top", *map(str, arguments)], text=True, capture_output=True)
    return answer.returncode, answer.stdout, answer.stderr


def table(*arguments) -> str:
    status, out, complaint = run("--once", *arguments)
    expect("top", (0, ""), (status, complaint))
    return out


def loops(pid: int, *arguments) -> tuple[dict, list]:
    status, out, complaint = run("--json", *arguments, pid)
    expect("top", (0, ""), (status, complaint))
    library, = json.loads(out)
    return library, library["loops"]


# ---- shares -----------------------------------------------------------------------------------------------------

ROW = re.compile(r"^ +([\d.]+) % ± +([\d.]+) +([\d.]+) % ± +([\d.]+)  (.*)$", re.MULTILINE)


def test_shares(folder: Path):
    """The two columns differ where the machine gives the loop no processor for a while."""
    with running(folder, "busy") as process:
        for _ in range(TRIES):
            out = table("--seconds", 1, process.pid)
            rows = {name: tuple(map(float, numbers)) for *numbers, name in ROW.findall(out)}
            if not {"heavy", "light\\x1B[31m"} <= set(rows):
                continue
            heavy, error, *_ = rows["heavy"]
            light, *_ = rows["light\\x1B[31m"]
            if abs(heavy - 0.75 * (heavy + light)) <= error + 0.1 and heavy + light > 0:  # one decimal is printed
                return
    raise Failure(f"tasks that share 3 to 1:\n{out}")


def test_loops(folder: Path):
    with running(folder, "two") as process:
        wait_for_loops(process.pid, True, False)
        _, (asleep, busy) = loops(process.pid)
        expect("the numbers", (1, 2), (asleep["number"], busy["number"]))
        expect("the threads", (process.pid, True), (asleep["thread"], busy["thread"] != process.pid))
        expect("the loop that is asleep", (0, []), (asleep["turns"], asleep["shares"]))
        expect("the busy loop", True, "parses" in [share.get("name") for share in busy["shares"]])
        if asleep["busy_ns"] != 0 or busy["asleep_ns"] != 0 or busy["turns"] == 0:
            raise Failure(f"{asleep}\n{busy}")
        out = table(process.pid)
        expect("loops", 2, len(re.findall(r"^loop \d+, thread \d+, \w+: \d", out, re.MULTILINE)))
        expect("the loop that is asleep", True, f"loop 1, thread {process.pid}, " in out and ": 0.0 % busy" in out)
    with running(folder, "blocks") as process:
        out = table("--seconds", 0.5, process.pid)
        (processor, _, holds, _, name), = ROW.findall(out)
        expect("the task that blocks", ("blocks", 100.0, True), (name, float(holds), float(processor) < 50))
        expect("since when", True, re.search(r"\n  held for [\d.]+ m?s now\n", out) is not None)
    with running(folder, "calls") as process:
        _, (loop,) = loops(process.pid, "--seconds", 0.1)
        expect("a callback", [(None, True)], [(share.get("name"), share.get("callbacks")) for share in loop["shares"]])
        expect("its row", ["(callbacks)"], [row[-1] for row in ROW.findall(table("--seconds", 0.1, process.pid))])


def test_json(folder: Path):
    with running(folder, "busy") as process:
        library, (loop,) = loops(process.pid, "--seconds", 0.5)
        expect("schema", (1, process.pid, "measured"), (library["schema"], library["process"]["id"], library["process"]["name"]))
        interval = library["interval_ns"]
        if interval < 500_000_000 or not 0 < library["samples"] <= 125:
            raise Failure(f"{library}")
        # the looks are not of one moment, and a loop without a processor does not count its time yet
        if abs(loop["busy_ns"] + loop["asleep_ns"] - interval) > interval / 10 + loop.get("delay_ns", 0):
            raise Failure(f"busy and asleep: {loop}")
        if abs(sum(loop["hold"]) - loop["polls"]) > 1 or loop["turns"] < loop["polls"] or len(loop["hold"]) != 26:
            raise Failure(f"polls: {loop}")
        expect("tasks", (3, 0, 0), (loop["tasks"], loop["created"], loop["ended"]))
        if sum(share["samples"] for share in loop["shares"]) > library["samples"]:
            raise Failure(f"samples: {loop}")
    with running(folder, "asleep") as process:
        wait_for_loops(process.pid, True)
        library, (loop,) = loops(process.pid, "--seconds", 0.2)
        expect("a loop that is asleep", (0, 0, 0, [], True),
               (loop["turns"], loop["polls"], loop["busy_ns"], loop["shares"], loop["asleep_ns"] == library["interval_ns"]))


def test_ends(folder: Path):
    with running(folder, "asleep") as process:
        with subprocess.Popen([COMMAND, "top", "--once", "--seconds", "1000", str(process.pid)], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True) as top:
            time.sleep(0.1)  # either it watches now, or it finds no program
            process.kill()
            process.wait()
            out, complaint = top.communicate(timeout=60)
        expect("the end", (1, ""), (top.returncode, out))
        if "it has ended" not in complaint and "there is no such process" not in complaint:
            raise Failure(complaint)


# ---- on a terminal ----------------------------------------------------------------------------------------------


class Terminal:
    def __init__(self, *arguments, environment=None, rows=24, columns=80):
        self.own, theirs = pty.openpty()
        self.resize(rows, columns)
        self.before = termios.tcgetattr(theirs)
        self.theirs, self.shown = theirs, ""
        self.process = subprocess.Popen([COMMAND, "top", *map(str, arguments)], stdin=theirs, stdout=theirs, stderr=theirs,
                                        start_new_session=True, env=environment,
                                        preexec_fn=lambda: fcntl.ioctl(theirs, termios.TIOCSCTTY, 0))

    def resize(self, rows: int, columns: int):
        fcntl.ioctl(self.own, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def wait_for(self, words: str):
        """What was shown until there."""
        deadline = time.monotonic() + 60
        while words not in self.shown:
            if time.monotonic() > deadline:
                raise Failure(f"no {words!r} in {self.shown!r}")
            if select.select([self.own], [], [], 1)[0]:
                self.shown += os.read(self.own, 65536).decode(errors="replace")
        before, _, self.shown = self.shown.partition(words)
        return before + words

    def end(self, status: int):
        self.wait_for(LEAVE)
        expect("the status", status, self.process.wait(60))
        expect("the modes of the terminal", self.before, termios.tcgetattr(self.theirs))
        os.close(self.own)
        os.close(self.theirs)


def test_screen(folder: Path):
    with running(folder, "busy") as process:
        terminal = Terminal("--seconds", 0.2, process.pid)
        terminal.wait_for(ENTER)
        terminal.wait_for("  heavy")
        terminal.resize(1, 12)
        terminal.wait_for("\033[H")  # the rest of the table before
        for _ in range(3):
            frame = terminal.wait_for("\033[J")
        shown = re.sub(r"\033\[\??\w+", "", frame.rpartition("\033[H")[2])
        expect("a line of twelve columns", f"process {process.pid} "[:12], shown)
        terminal.resize(24, 80)
        os.killpg(terminal.process.pid, signal.SIGTSTP)
        terminal.wait_for(LEAVE)
        expect("stopped", True, os.WIFSTOPPED(os.waitpid(terminal.process.pid, os.WUNTRACED)[1]))
        expect("the modes while it is stopped", terminal.before, termios.tcgetattr(terminal.theirs))
        os.killpg(terminal.process.pid, signal.SIGCONT)
        terminal.wait_for(ENTER)
        terminal.wait_for("  heavy")
        os.write(terminal.own, b"xq")
        terminal.end(0)
        terminal = Terminal(process.pid)
        terminal.wait_for(ENTER)
        os.write(terminal.own, b"\x03")
        terminal.end(0)
        terminal = Terminal("--seconds", 0.1, process.pid)
        terminal.wait_for("  heavy")
    terminal.end(1)


def test_unsized(folder: Path):
    with running(folder, "busy") as process:
        terminal = Terminal("--seconds", 0.1, process.pid, rows=0, columns=0)
        terminal.wait_for("  heavy")
    terminal.end(1)


SLOW = """#define _GNU_SOURCE
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>
ssize_t process_vm_readv(pid_t id, const struct iovec *here, unsigned long count, const struct iovec *there,
                         unsigned long there_count, unsigned long flags)
{
    nanosleep(&(struct timespec){.tv_nsec = 30000000}, NULL);
    return syscall(SYS_process_vm_readv, id, here, count, there, there_count, flags);
}
"""


def test_slow(folder: Path):
    if sanitizers() or option("static_programs"):
        raise Skip("no library can be loaded before that of a sanitizer, or into a static program")
    (folder / "slow.c").write_text(SLOW)
    subprocess.run([*COMPILER, "-shared", "-fPIC", folder / "slow.c", "-o", folder / "slow.so"], check=True)
    with running(folder, "busy") as process:
        terminal = Terminal("--seconds", 0.02, process.pid, environment=os.environ | {"LD_PRELOAD": str(folder / "slow.so")})
        terminal.wait_for(ENTER)
        terminal.wait_for("loop 1, ")
        os.write(terminal.own, b"\x03")
        terminal.end(0)


# ---- refusals ---------------------------------------------------------------------------------------------------


def test_refusals(folder: Path):
    for arguments in ((), ("1", "2"), ("--seconds", "1"), ("--seconds", "0", "1"), ("--seconds", "x", "1"), ("--each", "1")):
        expect(f"usage {arguments}", (2, ""), run(*arguments)[:2])
    expect("no process", (1, "", "asyncio: process 2147483632: there is no such process\n"), run("--once", 0x7ffffff0))
    with running(folder, "asleep") as process:
        expect("no terminal", (1, "", "asyncio: standard output is no terminal; give --once for one table\n"), run(process.pid))
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as process:
        while "cat" not in Path(f"/proc/{process.pid}/comm").read_text():
            pass
        status, out, complaint = run("--once", process.pid)
        expect("another program", (1, "", True), (status, out, "it does not use libasyncio" in complaint))
        process.stdin.close()


# ---- the text of Prometheus -------------------------------------------------------------------------------------

NUMBER = r"[+-]?(?:\d+(?:\.\d+)?(?:e[+-]?\d+)?|Inf|NaN)"
SAMPLE = re.compile(rf"([a-zA-Z_:][a-zA-Z0-9_:]*)\{{((?:[a-z_]+=\"[^\"\\]*\",?)+)\}} ({NUMBER})")


def parse(text: str) -> dict:
    """The metrics by name: their type and samples. As strict as promtool, and more: each line is in its place."""
    metrics, name = {}, None
    lines = text.split("\n")
    expect("the end of the last line", "", lines.pop())
    for line in lines:
        if match := re.fullmatch(r"# HELP ([a-z_]+) (\S.*\.)", line):
            name = match[1]
            expect("a metric once", False, name in metrics)
            metrics[name] = {"type": None, "samples": []}
        elif match := re.fullmatch(r"# TYPE ([a-z_]+) (counter|gauge|histogram)", line):
            expect("the place of TYPE", (name, None), (match[1], metrics[name]["type"]))
            metrics[name]["type"] = match[2]
        elif match := SAMPLE.fullmatch(line):
            suffixes = ("_bucket", "_sum", "_count") if metrics[name]["type"] == "histogram" else ("",)
            expect("the place of a sample", True, match[1] in [name + suffix for suffix in suffixes])
            labels = dict(re.findall(r'([a-z_]+)="([^"]*)"', match[2]))
            metrics[name]["samples"].append((match[1].removeprefix(name), labels, float(match[3])))
        else:
            raise Failure(f"no line of the format: {line!r}")
    return metrics


def check_histogram(name: str, samples: list):
    buckets = [(float(labels["le"]), value) for suffix, labels, value in samples if suffix == "_bucket"]
    expect(f"the bounds of {name}", sorted({bound for bound, _ in buckets}), [bound for bound, _ in buckets])
    expect(f"the last bound of {name}", float("inf"), buckets[-1][0])
    expect(f"the counts of {name}", sorted(value for _, value in buckets), [value for _, value in buckets])
    expect(f"the count of {name}", [buckets[-1][1]], [value for suffix, _, value in samples if suffix == "_count"])
    expect(f"the sum of {name}", 1, len([value for suffix, _, value in samples if suffix == "_sum" and value >= 0]))


def test_text(folder: Path):
    text = subprocess.run([*WRAPPER, build(folder), "text"], text=True, capture_output=True, check=True).stdout
    metrics = parse(text)
    for name, metric in metrics.items():
        expect(f"the name of {name}", metric["type"] == "counter", name.endswith("_total"))
        expect(f"the loop of {name}", {"1"}, {labels["loop"] for _, labels, _ in metric["samples"]})
        if metric["type"] == "histogram":
            check_histogram(name, metric["samples"])
    values = {name: metric["samples"][0][2] for name, metric in metrics.items() if metric["type"] != "histogram"}
    expect("tasks", (1, 2, 1, 1, 0), tuple(values[f"asyncio_{name}"] for name in (
        "tasks", "created_total", "ended_total", "jobs_total", "worker_queue")))
    if not (values["asyncio_asleep_seconds_total"] > 0 and values["asyncio_turns_total"] >= 2):
        raise Failure(text)
    lateness = metrics["asyncio_timer_lateness_seconds"]["samples"]
    expect("timers that fired", [1], [value for suffix, _, value in lateness if suffix == "_count"])


TESTS = tests_of(globals())


def main(name: str) -> int:
    if WRAPPER and name != "text":
        print("the programs run in an emulator")
        return SKIPPED
    return status_of(TESTS[name])


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
