"""The frames of a task that does not run.

A thread of the program carries them: an unwinder says that its innermost frame was called from the place where the task
goes on, asyncp_switch_resume, with the task's stack pointer. The call frame information of asyncp_switch describes the
registers that lie there. No register is written, so it works on a core, too. A frame filter hides the thread's own
frame. All this is in force while a command for a task is executed, and ends when the program is resumed.
"""

from __future__ import annotations

from contextlib import contextmanager
from itertools import dropwhile
from typing import NamedTuple

import gdb
from gdb.unwinder import Unwinder, register_unwinder

from .memory import Refusal
from .tasks import Loop, Task, inner_number

MAX_FRAMES = 4096
MAX_WALKED = 64  # frames of a thread, in which a task's stack is looked for

# Names by which unwinders know the stack pointer and the program counter.
REGISTERS = {"i386:x86-64": ("rsp", "rip"), "aarch64": ("sp", "pc"), "riscv:rv64": ("sp", "pc")}


class FrameId(NamedTuple):
    """The stack pointer and program counter by which gdb knows a frame."""
    sp: int
    pc: int


class Carried(NamedTuple):
    """A task whose frames stand in for those of a thread."""
    innermost: FrameId  # of the thread
    resumed: FrameId    # of the task

    def is_at(self, frame: gdb.Frame) -> bool:
        return identity_of(frame, frame.pc()) == self.resumed


carried: Carried | None = None
resumptions = 0


def sp_of(frame: gdb.Frame | gdb.PendingFrame) -> int:
    return int(frame.read_register("sp")) & 0xffffffffffffffff


def identity_of(frame: gdb.Frame | gdb.PendingFrame, pc) -> FrameId | None:
    """None: its stack pointer cannot be read."""
    try:
        return FrameId(sp_of(frame), int(pc))
    except gdb.error:
        return None


def frames_from(frame: gdb.Frame | None, most: int):
    while frame is not None and most > 0:
        yield frame
        try:
            frame = frame.older()
        except gdb.error:
            return
        most -= 1


class TaskUnwinder(Unwinder):
    """Answers for one frame only. Not by its level: inlined functions have levels of their own."""

    def __init__(self):
        super().__init__("asyncio tasks")

    def __call__(self, pending: gdb.PendingFrame):
        if carried is None:
            return None
        try:
            sp, pc = pending.read_register("sp"), pending.read_register("pc")
        except gdb.error:
            return None
        if identity_of(pending, pc) != carried.innermost:
            return None
        # with the identity of a frame outside of the task's, gdb would take the stack for corrupt
        info = pending.create_unwind_info(FrameId(gdb.Value(carried.resumed.sp).cast(sp.type), pc))
        names = REGISTERS[pending.architecture().name()]
        for name, value, kind in zip(names, carried.resumed, (sp.type, pc.type)):
            info.add_saved_register(name, gdb.Value(value).cast(kind))
        return info


class HideThread:
    """Hides the frames of the thread that carries the task."""

    def __init__(self):
        self.name, self.priority, self.enabled = "asyncio tasks", 1000, False

    def filter(self, frames):
        if carried is None:
            return frames
        return dropwhile(lambda frame: not carried.is_at(frame.inferior_frame()), frames)


hide_thread = HideThread()


def carry(task: Carried | None):
    global carried
    carried, hide_thread.enabled = task, task is not None
    gdb.invalidate_cached_frames()


def on_resumed(_):
    """The thread's frames are its own again. It is not called where gdb calls a function of the program."""
    global carried, resumptions
    carried, hide_thread.enabled = None, False
    resumptions += 1


def times_resumed() -> int:
    return resumptions


def register():
    register_unwinder(None, TaskUnwinder(), replace=True)
    gdb.frame_filters[hide_thread.name] = hide_thread
    gdb.events.cont.connect(on_resumed)


# ---- threads ----------------------------------------------------------------------------------------------------


class Selection:
    """The selected thread and frame. They are selected again unless the program was resumed."""

    def __init__(self):
        self.resumptions = resumptions
        self.carried = carried
        self.thread = gdb.selected_thread()
        self.frame = gdb.selected_frame() if self.thread else None

    def restore(self):
        if self.resumptions != resumptions:
            carry(None)
            return
        if self.thread and self.thread.is_valid():
            self.thread.switch()
        carry(self.carried)
        if self.frame and self.frame.is_valid():
            self.frame.select()


class Threads:
    """Which thread has which task on its stack. It is made, and asked about loops, while no task is carried."""

    def __init__(self):
        pid = gdb.selected_inferior().pid
        self.selected = gdb.selected_thread()
        self.numbers = {thread.num: inner_number(pid, f"task/{thread.ptid[1]}/")
                        for thread in gdb.selected_inferior().threads()}
        self.known: dict[int, list[tuple[gdb.InferiorThread, list[int]]]] = {}  # by the address of the loop

    def of_loop(self, loop: Loop) -> list[tuple[gdb.InferiorThread, list[int]]]:
        """Its thread, or, if that is unknown, all threads. With the stack pointers of their frames."""
        if loop.address not in self.known:
            threads = gdb.selected_inferior().threads()
            own = [thread for thread in threads if self.numbers.get(thread.num) == loop.thread]
            self.known[loop.address] = [(thread, pointers_of(thread)) for thread in own or threads]
        return self.known[loop.address]

    def running(self, task: Task) -> gdb.InferiorThread | None:
        """The thread that is on the task's stack, in a signal handler perhaps."""
        return next((thread for thread, pointers in self.of_loop(task.loop)
                     if any(sp in task.stack for sp in pointers)), None)

    def carrier(self, task: Task) -> gdb.InferiorThread:
        """The loop's thread, so that thread-local variables are right."""
        threads = self.of_loop(task.loop)
        return threads[0][0] if len(threads) == 1 or self.selected is None else self.selected

    def selected_loop(self, loops: list[Loop]) -> Loop | None:
        """The loop of the selected thread."""
        number = self.numbers.get(self.selected.num) if self.selected else None
        return next((loop for loop in loops if loop.thread == number), None)


def pointers_of(thread: gdb.InferiorThread) -> list[int]:
    thread.switch()
    return [sp_of(frame) for frame in frames_from(gdb.newest_frame(), MAX_WALKED)]


# ---- the frames of a task ---------------------------------------------------------------------------------------


def why_no_frames(task: Task) -> str | None:
    """A sentence, if the frames of a task that does not run cannot be shown."""
    if task.stack == range(0):
        return "its stack cannot be read; `gcore` of gdb leaves stacks out on Linux 6.13 and later"
    if task.is_too_large:
        return "its stack seems to be larger than 1 GiB, as no stack of libasyncio is"
    if not task.has_begun:
        return "it has not begun, so it has no frames"
    if task.loop.lib.resume == 0:
        return "its registers are unknown, because the library switches with contexts of libc (-Dswitch=ucontext)"
    if task.sp not in task.stack or task.sp % task.loop.lib.word:
        return "its stack pointer is damaged"
    return None


def show(task: Task, threads: Threads):
    """Selects a thread that shows the frames of the task: the one on its stack, or one that carries it."""
    carry(None)
    thread = threads.running(task)
    reason = why_no_frames(task)
    if thread is None and reason:
        raise Refusal(f"task {task.label}: {reason}")
    (thread or threads.carrier(task)).switch()
    if thread is None:
        frame = gdb.newest_frame()
        if frame.architecture().name() not in REGISTERS:
            raise Refusal(f"frames of tasks cannot be shown on {frame.architecture().name()}")
        carry(Carried(FrameId(sp_of(frame), frame.pc()), FrameId(task.sp, task.loop.lib.resume)))


def shown_frames():
    """Those of the task, the innermost first."""
    frames = frames_from(gdb.newest_frame(), MAX_FRAMES)
    return frames if carried is None else dropwhile(lambda frame: not carried.is_at(frame), frames)


@contextmanager
def selection_kept():
    """Afterwards the thread, the frame and the carried task are as before."""
    before = Selection()
    try:
        yield
    finally:
        before.restore()
