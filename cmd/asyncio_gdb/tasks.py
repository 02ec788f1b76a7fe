"""The loops and tasks of the debugged program, read from its memory while it is stopped.

The meaning is that of src/inspect/snapshot.c. No list is trusted: each has a limit of steps.
"""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import NamedTuple

import gdb

from .memory import PAGE, Library, Refusal, Texts, libraries, read

MAX_LOOPS = 4096
MAX_TASKS = 1 << 20  # of a loop, with those that have ended
MAX_STACK_LOG = 30  # 1 GiB, as in stack/stack.h
MIN_OBJECT_ADDRESS = 4096  # a smaller object is a descriptor

RUNS, READY, WAITS, HELD_BACK, CHANGES, NO_STACK = "runs", "ready", "waits", "held back", "changes", "no stack"


class Wait(NamedTuple):
    call: str
    object: int  # an address or a descriptor; 0: none
    since_ns: int
    cancellable: bool


class Kept(NamedTuple):
    """A task that has ended, to which the program still has a handle."""
    id: int
    name: str
    where: str
    error: int  # -errno; 0: it has not failed


class Task:
    """A task that has not ended."""

    def __init__(self, loop: Loop, address: int, record: bytes, coroutine: int):
        library = loop.lib
        self.loop = loop
        self.address = address      # of its handle
        self.coroutine = coroutine  # the address of its control block, at the top of its stack
        self.id = library.get(record, "task_id")
        self.name = loop.texts.get(library.get(record, "task_name"))
        self.where = loop.texts.get(library.get(record, "task_where"))
        self.state = NO_STACK
        self.wait: Wait | None = None
        self.requests = 0           # to cancel
        self.sp = 0                 # while it does not run
        self.stack = range(0)       # its addresses
        self.is_too_large = False   # its stack is larger than any stack of the library
        self.has_begun = False

    @property
    def label(self) -> str:
        """As the user writes it."""
        return self.loop.label_of(self.id)

    def read_stack(self):
        """Reads the control block and the wait, which mostly are in one page."""
        library = self.loop.lib
        size = library.sizes["coroutine"]
        page = self.coroutine - self.coroutine % PAGE
        content = read(page, self.coroutine - page + size)
        block = content[-size:] if content else b""
        if not any(block):  # gdb takes for zeros what a core leaves out
            return
        sp = library.get(block, "coroutine_sp")
        self.sp, self.has_begun = sp & ~1, sp % 2 == 0
        self.requests = library.get(block, "coroutine_requests")
        log = library.get(block, "coroutine_stack_log")
        self.is_too_large = log > MAX_STACK_LOG
        self.stack = range(self.coroutine + size - (1 << min(log, MAX_STACK_LOG)), self.coroutine + size)
        is_whole = library.get(block, "coroutine_task") == self.address
        wait = library.get(block, "coroutine_wait")
        if wait:
            is_whole &= self.read_wait(wait, page, content)
        self.state = (RUNS if self.coroutine == self.loop.current else CHANGES if not is_whole else
                      HELD_BACK if library.get(block, "coroutine_throttled") else WAITS if self.wait else READY)

    def read_wait(self, address: int, page: int, content: bytes) -> bool:
        """Whether the wait is that of this task. `content` begins at `page`."""
        library = self.loop.lib
        offset, size = address - page, library.sizes["wait"]
        wait = content[offset:offset + size] if 0 <= offset <= len(content) - size else library.read(address, "wait")
        if wait is None or library.get(wait, "wait_coroutine") != self.coroutine:
            return False
        if not library.get(wait, "wait_claimed"):
            self.wait = Wait(self.loop.texts.get(library.get(wait, "wait_call")), library.get(wait, "wait_object"),
                             library.get(wait, "wait_since_ns"), library.get(wait, "wait_cancel") != 0)
        return True


def overlaps(starts: dict[int, int], address: int, size: int) -> bool:
    """Whether a chunk overlaps with one of those whose addresses are `starts`, by the part of memory of that size."""
    part = address // size
    return any(abs(starts[each] - address) < size for each in (part - 1, part, part + 1) if each in starts)


class Loop:
    """An open loop. Ids of tasks are unique in it."""

    def __init__(self, library: Library, address: int, content: bytes, texts: Texts):
        self.lib = library
        self.address = address
        self.texts = texts
        for name in ("number", "process", "thread", "current", "now_ns", "is_virtual", "timers", "chunks", "created",
                     "in_flight", "jobs", "next"):
            setattr(self, name, library.get(content, "loop_" + name))
        self.is_asleep = library.get(content, "loop_attention") & library.offsets["attention_sleeping"] != 0
        backend = library.read(library.get(content, "loop_backend"), "backend")
        self.backend = texts.get(library.get(backend, "backend_name")) if backend else ""
        self.label = str(self.number)
        self.is_labelled = False  # more than one loop is open
        self.tasks: dict[int, Task] = {}
        self.by_address: dict[int, Task] | None = None
        self.futures: set[int] = set()  # ids
        self.kept: list[Kept] = []      # by their ids
        self.is_whole = True            # all lists were read to their ends

    def label_of(self, id: int) -> str:
        """A task of the loop, as the user writes it."""
        return f"{self.label}.{id}" if self.is_labelled else str(id)

    def task_at(self, address: int) -> Task | None:
        """By the address of its handle."""
        if self.by_address is None:
            self.by_address = {task.address: task for task in self.tasks.values()}
        return self.by_address.get(address)

    def read_tasks(self, future: int):
        """A chunk is added for as many new tasks at least, so the list cannot be longer, and no two chunks overlap."""
        library, records = self.lib, self.lib.offsets["chunk_records"]
        size, first = library.sizes["task"], library.sizes["chunk"]
        whole, address, starts, found = first + records * size, self.chunks, {}, []
        while address and len(starts) <= self.created // records and not overlaps(starts, address, whole) and \
                len(found) + len(self.kept) + len(self.futures) < MAX_TASKS:
            starts[address // whole] = address
            chunk = read(address, whole)
            if chunk is None:
                break
            for at in range(first, whole, size):
                self.read_record(address + at, chunk[at:at + size], future, found)
            address = library.get(chunk, "chunk_next")
        self.is_whole = address == 0
        self.kept.sort(key=lambda kept: kept.id)
        self.tasks = {task.id: task for task in sorted(found, key=lambda task: task.id)}

    def read_record(self, address: int, record: bytes, future: int, found: list[Task]):
        library = self.lib
        coroutine = library.get(record, "task_coroutine")
        if library.get(record, "task_loop") != self.address:
            return
        if coroutine == 0:
            self.add_kept(record)
            return
        if coroutine == future:
            self.futures.add(library.get(record, "task_id"))
            return
        task = Task(self, address, record, coroutine)
        task.read_stack()
        found.append(task)

    def add_kept(self, record: bytes):
        """Handles that a running join or callback has are reserved, and do not count."""
        library = self.lib
        handles = library.get(record, "task_references") & ~(1 << library.offsets["task_borrowed_bit"])
        if handles > library.get(record, "task_reserved"):
            self.kept.append(Kept(library.get(record, "task_id"), self.texts.get(library.get(record, "task_name")),
                                  self.texts.get(library.get(record, "task_where")),
                                  min(library.get_signed(record, "task_result"), 0)))


# ---- the process ------------------------------------------------------------------------------------------------


def connection() -> str:
    """"native", "core", "remote"…; an empty text: this gdb does not tell it."""
    found = getattr(gdb.selected_inferior(), "connection", None)
    return found.type if found else ""


def inner_number(pid: int, thread: str) -> int:
    """The number of the process or thread in its own namespace; `thread` is empty or "task/NUMBER/"."""
    try:
        status = Path(f"/proc/{pid}/{thread}status").read_text() if connection() == "native" else ""
    except OSError:
        status = ""
    found = re.search(r"^NSpid:.*\t(\d+)$", status, re.MULTILINE)
    return int(found[1]) if found else int(thread.split("/")[1]) if thread else pid


def read_all_loops() -> list[Loop]:
    """The oldest first; also copies of a parent's loops, which a child of fork() has, and which never run again."""
    if gdb.selected_inferior().pid == 0:
        raise Refusal("no program is being debugged; start one, attach to one, or open a core")
    copies, texts = libraries(), Texts()
    if not copies:
        raise Refusal("the program does not use libasyncio, or has not loaded it yet")
    return [loop for library in copies for loop in reversed(list(loops_of(library, texts)))]


def own_loops(loops: list[Loop]) -> list[Loop]:
    """Those of the process, with their labels. A remote target may not tell the number of the process."""
    process = inner_number(gdb.selected_inferior().pid, "")
    own = [loop for loop in loops if loop.process == process]
    if not own and connection().endswith("remote"):
        own = loops
    labels: set[str] = set()
    for loop in own:
        while loop.label in labels:  # two copies of the library count by themselves
            loop.label += "b"
        labels.add(loop.label)
        loop.is_labelled = len(own) > 1
    return own


def read_loops() -> list[Loop]:
    return own_loops(read_all_loops())


def loops_of(library: Library, texts: Texts):
    """The newest first."""
    listed = library.read(library.loops, "loops")
    address = library.get(listed, "loops_first") if listed else 0
    future, seen = library.get(listed, "loops_future") if listed else 0, set()
    while address and address not in seen and len(seen) < MAX_LOOPS:
        seen.add(address)
        content = library.read(address, "loop")
        if content is None:
            return
        loop = Loop(library, address, content, texts)
        loop.read_tasks(future)
        yield loop
        address = loop.next


def now_ns(loops: list[Loop]) -> int:
    """The monotonic clock of this machine; of a core or another machine the last time that a loop has read it."""
    if connection() == "native":
        return time.monotonic_ns()
    return max((loop.now_ns for loop in loops if not loop.is_virtual), default=0)


# ---- finding a task ---------------------------------------------------------------------------------------------


def find_task(words: str, loops: list[Loop], preferred: Loop | None) -> Task:
    """The task that the user means by ID or LOOP.ID. `preferred` is the loop of the selected thread."""
    match = re.fullmatch(r"#?(?:(\w+)\.)?(\d+)", words)
    if match is None:
        raise Refusal(f"'{words}' is not the number of a task; write ID or LOOP.ID")
    label, id = match[1], int(match[2])
    chosen = [loop for loop in loops if label in (None, loop.label)]
    if not chosen:
        raise Refusal(f"there is no loop {label}; `info tasks` lists the loops" if label else "no loop is open")
    if preferred in chosen and id in preferred.tasks:
        chosen = [preferred]
    found = [loop.tasks[id] for loop in chosen if id in loop.tasks]
    if len(found) > 1:
        raise Refusal(f"more than one loop has a task {id}; write " + " or ".join(task.label for task in found))
    if not found:
        raise Refusal(why_no_task(words.lstrip("#"), id, chosen))
    return found[0]


def why_no_task(words: str, id: int, loops: list[Loop]) -> str:
    if any(id in loop.futures for loop in loops):
        return f"{words} is a future, which has no frames"
    if any(0 < id <= loop.created for loop in loops):
        return f"task {words} has ended"
    return f"there is no task {words}; `info tasks` lists the tasks"
