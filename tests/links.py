#!/usr/bin/env python3
"""Checks by the object files which part of the library uses which: what tidy.py cannot see in the includes.

    tests/links.py              prints each finding, and ends with 1 if there is any
    tests/links.py --numbers    prints the files that touch each room of struct async_loop

It checks that
  no symbol of a higher folder of src/ is used in a lower one;
  there is no circle among the object files of src/;
  what is inside a room of struct async_loop is touched by the files of that room only;
  only src/sys calls libc's wrappers of system calls;
  no two static functions of src/, or of a library of ext/, share a name, and no two structs a tag.

BUILD_DIR is the build folder; without symbols in its objects (link-time optimization) the first two are left out.
"""

import os
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SKIPPED = 77

# From the ground up.
FLOORS = ["sys", "base", "inspect", "show", "timeline", "stack", "poll", "sched", "loop", "sync", "group", "thread", "io", "net", "proc", "tty",
          "top"]

# The files of each room. src/sched/loop.h has the accessors that everything else uses.
ROOMS = {
    "sched": ["sched/loop.h", "sched/scheduler.h", "sched/park.h", "sched/park.c", "sched/burst.c", "sched/pace.h",
              "sched/task.c", "sched/current.c", "sched/mailbox.c", "sched/handler.c", "sched/tracer.c", "loop/iterate.c", "loop/fork.c",
              "top/host.c"],
    "clock": ["sched/loop.h", "sched/timer.c", "sched/tracer.c", "sched/burst.c", "sched/park.h", "sched/park.c", "loop/iterate.c"],
    "activity": ["sched/loop.h", "loop/iterate.c", "loop/lifecycle.c", "thread/offload.c"],
    "idle": ["sched/loop.h", "loop/iterate.c"],
    "tasks": ["sched/loop.h", "sched/tasks.c", "loop/metrics.c", "sched/task.c", "sched/future.h", "sched/future.c", "sched/record.h",
              "sched/record.c", "sched/lifetime.c", "top/inspect.c"],
    "callbacks": ["sched/loop.h", "sched/callback.c"],
    "cancel": ["sched/cancel.c"],
    "locals": ["sched/local.c", "sched/record.h"],
    "mailbox": ["sched/mailbox.c"],
    "metrics": ["sched/metrics.c", "loop/metrics.c"],
    "signals": ["sched/catch.c"],
    "interrupt": ["sched/interrupt.c"],
    "errors": ["sched/error.c", "sched/handler.c"],
    "deadlock": ["sched/loop.h", "loop/deadlock.c"],
    "debug": ["sched/loop.h", "loop/debug.c", "loop/iterate.c", "sched/ended.c", "sched/lifetime.c", "sched/program_frames.c",
              "sched/task.c"],
    "listing": ["loop/loops.c"],
    "tracer": ["sched/loop.h", "sched/tracer.c"],
    "inheritance": ["sched/loop.h", "sched/current.c", "sched/park.c", "loop/fork.c"],
    "closing": ["sched/loop.h", "sched/left.c", "loop/iterate.c", "loop/lifecycle.c"],
}

# Wrappers of system calls that only src/sys may call. (pthread and malloc are libc's affair; abort ends the program.)
SYSTEM_CALLS = set("""accept accept4 bind chmod clock_gettime clock_nanosleep close connect dup dup2 epoll_create1 epoll_ctl
    epoll_pwait epoll_wait eventfd fcntl fork fstat fstatat getpeername getsockname getsockopt if_indextoname if_nametoindex
    ioctl kill link listen lseek lstat madvise mmap mprotect mremap munmap nanosleep open openat pipe pipe2 poll ppoll pread
    pwrite raise read readlink recv recvfrom recvmsg rename sched_yield select send sendfile sendmsg sendto setsockopt
    shutdown sigaction sigaltstack signal socket socketpair splice stat syscall sysconf unlink usleep write writev""".split())


def without_comments(text: str) -> str:
    return re.sub(r'/\*.*?\*/|"(?:[^"\\\n]|\\.)*"', " ", text, flags=re.DOTALL)


def sources(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): without_comments(path.read_text())
            for path in sorted(folder.rglob("*.[ch]"))}


# ---- symbols --------------------------------------------------------------------------------------------------


class Objects:
    """What each object file of src/ defines and what it needs."""

    def __init__(self, build: Path):
        self.defined, self.needs, self.static = {}, {}, defaultdict(set)
        paths = list(build.glob("libasyncio.so.*.p/src_*.o")) or list(build.glob("libasyncio.a.p/src_*.o"))
        self.read({str(path): re.sub(r"\.[cS]\.o$", "", path.name).removeprefix("src_").replace("_", "/", 1) for path in sorted(paths)})

    def read(self, names: dict[str, str]) -> None:
        """By one nm for all: it may load a whole compiler as a plugin before it reads a file."""
        self.needs = {name: set() for name in names.values()}
        for line in subprocess.run(["nm", "-A", *names], text=True, capture_output=True).stdout.splitlines():
            path, rest = line.rsplit(":", 1)
            *_, kind, symbol = rest.split()
            name = names[path]
            if kind in "Uw":
                self.needs[name].add(symbol)
            elif kind == "t":
                self.static[re.sub(r"\.(constprop|part|isra|cold|lto_priv).*", "", symbol)].add(name)
            elif kind.isupper():
                self.defined[symbol] = name

    def uses(self) -> dict[str, dict[str, list[str]]]:
        """For each file, the other files that it uses, with the symbols."""
        result = {name: defaultdict(list) for name in self.needs}
        for name, symbols in self.needs.items():
            for symbol in sorted(symbols):
                if self.defined.get(symbol, name) != name:
                    result[name][self.defined[symbol]].append(symbol)
        return result


def upward_uses(uses) -> list[str]:
    def floor(name: str) -> int:
        return FLOORS.index(name.split("/")[0])
    return [f"{name} uses {', '.join(symbols)} of {other}, which is in a higher folder"
            for name, others in uses.items() for other, symbols in others.items() if floor(other) > floor(name)]


def circles(uses) -> list[str]:
    """Sets of files that use each other, directly or by way of others (Tarjan's algorithm)."""
    index, low, stack, found = {}, {}, [], []

    def visit(name: str) -> None:
        index[name] = low[name] = len(index)
        stack.append(name)
        for other in uses[name]:
            if other not in index:
                visit(other)
            if other in stack:
                low[name] = min(low[name], low[other])
        if low[name] == index[name]:
            members = [stack.pop()]
            while members[-1] != name:
                members.append(stack.pop())
            if len(members) > 1:
                found.append(f"a circle goes through {', '.join(sorted(members))}")

    for name in uses:
        if name not in index:
            visit(name)
    return found


def system_calls(objects: Objects) -> list[str]:
    return [f"{name} calls {symbol}; only src/sys enters the kernel" for name, symbols in objects.needs.items()
            if not name.startswith("sys/") for symbol in sorted(symbols & SYSTEM_CALLS)]


# ---- the source -----------------------------------------------------------------------------------------------


def touched(texts: dict[str, str]) -> dict[str, dict[str, set[str]]]:
    """For each room, the files that name something inside it."""
    result = {room: defaultdict(set) for room in ROOMS}
    pattern = re.compile(r"\b(?:loop|asyncp_current)\)?->(%s)\.(\w+)" % "|".join(ROOMS))
    for name, text in texts.items():
        for room, member in pattern.findall(text):
            result[room][name].add(member)
    return result


def trespassers(texts: dict[str, str]) -> list[str]:
    return [f"src/{name} touches {', '.join(sorted(members))} in the room '{room}' of struct async_loop"
            for room, files in touched(texts).items() for name, members in files.items() if name not in ROOMS[room]]


def homonyms(texts: dict[str, str]) -> list[str]:
    """Static functions of the same name in different .c files."""
    places = defaultdict(set)
    for name, text in texts.items():
        if name.endswith(".c"):
            for function in re.findall(r"^(?:\w+ )*static [\w \*]*?\b(\w+)\([^;{]*\)\n\{", text, re.MULTILINE):
                places[function].add(name)
    return [f"the static function {function} is in {', '.join(sorted(files))}"
            for function, files in sorted(places.items()) if len(files) > 1]


def tags(texts: dict[str, str]) -> list[str]:
    places = defaultdict(list)
    for name, text in texts.items():
        for tag in re.findall(r"^\s*(?:struct|union|enum) (\w+) \{", text, re.MULTILINE):
            places[tag].append(name)
    return [f"the tag {tag} is defined in {', '.join(files)}" for tag, files in sorted(places.items()) if len(files) > 1]


def main(words: list[str]) -> int:
    texts = sources(ROOT / "src")
    if words == ["--numbers"]:
        for room, files in touched(texts).items():
            print(f"{room:12} {len(files):2} files: {', '.join(sorted(files))}")
        return 0
    objects = Objects(Path(os.environ.get("BUILD_DIR", "build")))
    findings = [*trespassers(texts), *homonyms(texts), *tags(texts)]
    for library in sorted((ROOT / "ext").iterdir()):
        own = sources(library / "src")
        findings += [f"{library.name}: {finding}" for finding in homonyms(own) + tags(own)]
    if objects.defined:
        uses = objects.uses()
        findings += [*upward_uses(uses), *circles(uses), *system_calls(objects)]
    print(*findings, sep="\n")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
