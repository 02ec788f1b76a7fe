"""The calls of a task, and where in the program it is: its innermost function that is not one of the library.

The rules are those of cmd/lines.c: functions of the library are those of its file that are from its folder of sources,
or, without debug information, have no line. In a static program without any lines they are those up to the last public
one.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import dropwhile
from pathlib import PurePath
from typing import NamedTuple

import gdb

from .frames import Threads, show, shown_frames, sp_of, why_no_frames
from .memory import Refusal, read
from .tasks import RUNS, Task

REAL = (gdb.NORMAL_FRAME, gdb.SIGTRAMP_FRAME)  # neither inlined nor made up for a tail call
ENTER = "asyncp_enter_"  # async_fn(NAME): mostly NAME is inlined there
MAX_COPIED_BYTES = 1 << 20  # of a stack
BEGINNINGS = ("coroutine_begin", "asyncp_switch")


class Place(NamedTuple):
    function: str
    file: str
    line: int  # 0: unknown

    def __str__(self):
        return f"{self.function} {self.file}:{self.line}" if self.line else self.function


def folder_of_folder(path: str) -> str:
    return path.rpartition("/")[0].rpartition("/")[0]


def source_at(pc: int) -> str:
    """The whole path of the source, without what was included; an empty text: unknown."""
    symtab = gdb.find_pc_line(pc).symtab
    return symtab.fullname() if symtab else ""


def function_of(frame: gdb.Frame) -> str:
    name = frame.name() or ""
    if frame.function() is None:  # a symbol: a compiler appends a suffix to that of a copy, as in flush.constprop.0
        name = name.partition(".")[0]
    return name.removeprefix(ENTER)


def has_public_name(frame: gdb.Frame) -> bool:
    """Of the library, or an inline function of its headers."""
    name = frame.name() or ""
    return name.startswith(("async_", "asyncp_")) and not name.startswith(ENTER)


def has_line(frame: gdb.Frame) -> bool:
    return frame.find_sal().line > 0


def real_frame(frame: gdb.Frame) -> gdb.Frame:
    """That of the function into which a function is inlined."""
    while frame.type() == gdb.INLINE_FRAME and frame.older():
        frame = frame.older()
    return frame


def is_of_library(frame: gdb.Frame, resume: int) -> bool:
    """By its name, its file and its source. Where the library has no debug information, what has a line is not of it."""
    if has_public_name(frame):
        return True
    if gdb.solib_name(frame.pc()) != gdb.solib_name(resume):
        return False
    folder = folder_of_folder(source_at(resume))
    if not folder:
        return not has_line(frame)
    functions = filter(None, (frame.function(), real_frame(frame).function()))
    return any(function.symtab.fullname().startswith(folder + "/") for function in functions)


def is_of_libc(frame: gdb.Frame) -> bool:
    """In a shared file of libc."""
    return PurePath(gdb.solib_name(frame.pc()) or "").name.startswith(("libc.", "libc-", "libpthread", "ld-"))


def behind_public(frames: list[gdb.Frame]) -> list[gdb.Frame]:
    """Behind the last public function; without one, as after a tail call, from the task's own on."""
    public = [i + 1 for i, frame in enumerate(frames) if (frame.name() or "").startswith("async_")]
    entries = [i for i, frame in enumerate(frames) if (frame.name() or "").startswith(ENTER)]
    return frames[(public or entries)[-1]:] if public or entries else []


def behind_library(frames: list[gdb.Frame], resume: int) -> list[gdb.Frame]:
    own = list(dropwhile(lambda frame: is_of_library(frame, resume), frames))
    is_shared = PurePath(gdb.solib_name(resume) or "").name.startswith("libasyncio.so")
    return own or ([] if is_shared or source_at(resume) else behind_public(frames))


def behind_blocking(frames: list[gdb.Frame], resume: int) -> list[gdb.Frame]:
    """Of a task that runs: from a function with a line on, because other libraries mostly have none."""
    own = [i for i, frame in enumerate(frames) if not is_of_library(frame, resume) and not is_of_libc(frame)]
    with_line = [i for i in own if has_line(frames[i])]
    return frames[(with_line or own)[0]:] if own else []


def own_frames(task: Task, frames: list[gdb.Frame]) -> list[gdb.Frame]:
    """From the innermost one on that is the program's own. A task that does not run is in the library."""
    find = behind_blocking if task.state == RUNS else behind_library
    own = find(frames, task.loop.lib.resume)
    return [] if own and (own[0].name() or "").startswith(BEGINNINGS) else own


def place_of(frame: gdb.Frame) -> Place:
    sal = frame.find_sal()
    return Place(function_of(frame) or f"{frame.pc():#x}", sal.symtab.filename if sal.symtab else "", sal.line)


# ---- all calls --------------------------------------------------------------------------------------------------


class Trace(NamedTuple):
    calls: tuple[int, ...]  # where each of the program's own functions goes on, the innermost first; or all functions
    place: Place | None     # the innermost of these


class Traces:
    """The traces of many tasks. gdb takes milliseconds for one, and of ten thousand tasks most have the same.

    Two stacks that are equally deep, with the same return addresses at the same places, have the same calls. So the
    places of the return addresses are remembered for each trace, and gdb is asked only about a stack unlike all others.
    A very deep stack is not copied for that: gdb is asked about each.
    """

    def __init__(self, threads: Threads):
        self.threads = threads
        self.known = defaultdict(list)  # of a depth: the return addresses by their places, and the trace

    def of(self, task: Task) -> Trace | None:
        """None: it has no frames, or gdb cannot unwind them."""
        running = self.threads.running(task)
        if why_no_frames(task) and not running:
            return None
        depth = task.coroutine - task.sp
        stack = None if running or depth > MAX_COPIED_BYTES else read(task.sp, depth)
        known = self.known[task.loop.lib.loops, len(stack or b"")]
        for words, trace in known if stack else ():
            if all(stack.startswith(word, at) for at, word in words):
                return trace
        try:
            trace, words = self.unwind(task, stack)
        except (gdb.error, Refusal):
            return None
        if words:
            known.append((words, trace))
        return trace

    def unwind(self, task: Task, stack: bytes | None) -> tuple[Trace, list[tuple[int, bytes]]]:
        """With the places of its return addresses on the stack, if that was copied."""
        show(task, self.threads)
        frames = list(shown_frames())
        own = own_frames(task, frames)
        trace = Trace(tuple(frame.pc() for frame in own or frames), place_of(own[0]) if own else None)
        real = [frame for frame in frames if frame.type() in REAL]
        return trace, return_addresses(task, stack, real) if stack else []


def return_addresses(task: Task, stack: bytes, frames: list[gdb.Frame]) -> list[tuple[int, bytes]]:
    """Their places on the stack; an empty list if one is not found, as where they are signed."""
    library, found = task.loop.lib, []
    for inner, outer in zip(frames, frames[1:]):
        word = outer.pc().to_bytes(library.word, library.order)
        places = [at for at in range(sp_of(inner) - task.sp, sp_of(outer) - task.sp, library.word)
                  if stack.startswith(word, at)]
        if not places:
            return []
        found += [(at, word) for at in places]
    return found
