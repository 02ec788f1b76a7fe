"""The commands: info tasks, task, $_task."""

from __future__ import annotations

import errno
import re
from collections import defaultdict

import gdb

from .frames import Threads, carry, selection_kept, show, shown_frames, times_resumed, why_no_frames
from .memory import Refusal
from .tasks import MIN_OBJECT_ADDRESS, WAITS, Loop, Task, find_task, now_ns, own_loops, read_all_loops, read_loops
from .traces import Traces, own_frames

MAX_SHOWN_RUNS = 20  # of consecutive ids
ERRORS = errno.errorcode | {errno.EDEADLK: "EDEADLK", errno.EOPNOTSUPP: "EOPNOTSUPP"}  # as the library names them


def spoken(invoke):
    """Shows what cannot be done as a sentence, whatever the memory of the program holds."""
    def wrapped(*arguments):
        try:
            return invoke(*arguments)
        except gdb.GdbError:
            raise
        except Refusal as reason:
            raise gdb.GdbError(f"asyncio: {reason}")
        except gdb.error as reason:
            raise gdb.GdbError(str(reason))
        except Exception as mistake:
            raise gdb.GdbError(f"asyncio: {type(mistake).__name__} in the commands for tasks: {mistake}")
    return wrapped


# ---- the table --------------------------------------------------------------------------------------------------


def shown_time(ns: int) -> str:
    seconds = max(ns, 0) / 1e9
    return f"{seconds * 1e3:.1f} ms" if seconds < 1 else f"{seconds:.2f} s" if seconds < 100 else f"{seconds:.0f} s"


def shown_object(task: Task, number: int) -> str:
    """A descriptor, the task that is awaited, a lock and its owner, or an address."""
    loop = task.loop
    awaited = loop.task_at(number)
    if awaited:
        return f", #{awaited.label} {awaited.name}"
    if 0 < number < MIN_OBJECT_ADDRESS:
        return f", descriptor {number}"
    call, acquires_again = task.wait.call, not task.wait.cancellable
    is_lock = call == "async_lock_acquire" or (call == "async_condition_wait" and acquires_again)
    lock = loop.lib.read(number, "lock") if is_lock else None
    if lock is None:
        return f", {number:#x}" if number else ""
    owner = loop.lib.get(lock, "lock_owner")
    return f", lock {number:#x}" + (f", held by {shown_owner(loop, owner)}" if owner else "")


NO_TASK = 2**64 - 1  # of a lock that was acquired outside of tasks


def shown_owner(loop: Loop, id: int) -> str:
    owner = loop.tasks.get(id)
    if owner:
        return f"#{owner.label} {owner.name}"
    return "no task" if id == NO_TASK else f"#{id}, which has ended"


def shown_wait(task: Task, with_object: bool) -> str:
    if task.wait is None or task.state != WAITS:
        return ""
    return (task.wait.call + (shown_object(task, task.wait.object) if with_object else "")
            + (f"; requests to cancel: {task.requests}" if task.requests else "")
            + ("" if task.wait.cancellable else "; cannot be cancelled here"))


def shown_ids(label: str, count: int) -> str:
    return f"#{label}" + (f" and {count - 1} more" if count > 1 else "")


def shown_end(error: int) -> str:
    name = ERRORS.get(-error)
    return f"ended: -{name}" if name else f"ended: {error}" if error else "ended"


def kept_rows(loop: Loop) -> list[list[str]]:
    """A line for each place of the creation, and each error, of tasks that have ended while a handle is left."""
    places = defaultdict(list)
    for kept in loop.kept:
        places[kept.where, kept.error].append(kept)
    return [[shown_ids(loop.label_of(kept[0].id), len(kept)), shown_end(error), "", kept[0].name, where, "", ""]
            for (where, error), kept in places.items()]


def row_of(tasks: list[Task], place: str, now: int) -> list[str]:
    """The texts of a line, for tasks that do the same."""
    first = tasks[0]
    waits = [task.wait for task in tasks if task.wait]
    age = shown_time(now - min(wait.since_ns for wait in waits)) if first.state == WAITS else ""
    same_object = len({wait.object for wait in waits}) == 1
    return [shown_ids(first.label, len(tasks)), first.state, age, first.name, first.where, shown_wait(first, same_object), place]


def write_table(rows: list[list[str]]):
    widths = [max(map(len, column)) for column in zip(*rows)]
    for row in rows:
        cells = [cell.rjust(width) if number == 2 else cell.ljust(width)
                 for number, (cell, width) in enumerate(zip(row, widths))]
        gdb.write(("  " + "  ".join(cells)).rstrip() + "\n")


def write_loop(loop: Loop, each: bool, now: int, traces: Traces):
    gdb.write(f"loop {loop.label}, thread {loop.thread}, {loop.backend}{', virtual clock' if loop.is_virtual else ''}, "
              f"{'asleep' if loop.is_asleep else 'awake'}; tasks: {len(loop.tasks)}, created: {loop.created}, "
              f"timers: {loop.timers}, operations in flight: {loop.in_flight}, jobs on other threads: {loop.jobs}\n")
    groups = defaultdict(list)
    for task in loop.tasks.values():
        trace = traces.of(task)
        kind = (task.name, task.where, task.state, task.wait and (task.wait.call, task.wait.cancellable), task.requests)
        groups[task.id if each else kind, trace and trace.place].append(task)
    rows = [row_of(tasks, str(place or ""), loop.now_ns if loop.is_virtual else now)
            for (_, place), tasks in groups.items()] + kept_rows(loop)
    if rows:
        write_table([["TASK", "STATE", "FOR", "NAME", "CREATED AT", "WAITS IN", "AT"], *rows])
    if not loop.is_whole:
        gdb.write("a list of tasks could not be read to its end\n")


class InfoTasks(gdb.Command):
    """List the tasks of libasyncio: info tasks [-each]

Tasks that do the same share a line; with -each every task has its own. Tasks that have ended while the program has a
handle to them are counted by the place of their creation and their error. The first column has the IDs for the
command `task`. AT is the innermost function of the program on the stack of the task."""

    def __init__(self):
        super().__init__("info tasks", gdb.COMMAND_STATUS)

    @spoken
    def invoke(self, argument: str, _):
        if argument.strip() not in ("", "-each"):
            raise Refusal("usage: info tasks [-each]")
        loops = read_all_loops()
        own, now = own_loops(loops), now_ns(loops)
        with selection_kept():
            carry(None)
            traces = Traces(Threads())
            for loop in own:
                write_loop(loop, argument.strip() == "-each", now, traces)
        for loop in loops:
            if loop not in own:
                gdb.write(f"loop {loop.number}: a copy of a loop of process {loop.process}, which has forked\n")
        if not loops:
            gdb.write("no loop is open\n")


# ---- commands for tasks -----------------------------------------------------------------------------------------


class TaskCommand(gdb.Command):
    """Execute a command of gdb for a task of libasyncio: task ID COMMAND

  task 3 bt             the calls of task 3, with the numbers that `frame` takes
  task 3 info locals    the variables of its innermost function that is not one of the library
  task 3 frame 5        any command; afterwards thread and frame are selected as before
  task all bt           the calls of all tasks; those with equal calls share them
  task apply all COMMAND

`info tasks` lists the IDs; with more than one loop an ID may be written LOOP.ID."""

    def __init__(self):
        super().__init__("task", gdb.COMMAND_STACK)

    @spoken
    def invoke(self, argument: str, _):
        words, command = argument.split(maxsplit=1) if len(argument.split()) > 1 else (argument.strip(), "")
        subject = re.fullmatch(r"apply\s+all\s+(.*)", argument.strip())
        with selection_kept():
            carry(None)
            if subject:
                execute_for_all(subject[1])
            elif words == "all" and re.fullmatch(r"(bt|backtrace|where)(\s.*)?", command):
                write_all_traces(command)
            elif words in ("", "all", "apply"):
                raise Refusal("usage: task ID COMMAND, task all bt, or task apply all COMMAND")
            elif not command:
                raise Refusal(f"write a command behind the ID, for example: task {words} bt")
            else:
                execute_for_one(words, command)


def execute_for_one(words: str, command: str):
    threads, loops = Threads(), read_loops()
    execute_for(find_task(words, loops, threads.selected_loop(loops)), threads, command)


def execute_for(task: Task, threads: Threads, command: str):
    """In the innermost frame of the program's own."""
    show(task, threads)
    shown = list(shown_frames())
    if not shown:
        raise Refusal(f"task {task.label}: its stack cannot be unwound")
    (own_frames(task, shown) or shown)[0].select()
    gdb.execute(command)


def execute_for_all(command: str):
    threads, before = Threads(), times_resumed()
    for task in all_tasks():
        gdb.write(f"\nTask {task.label} ({task.name}):\n")
        try:
            execute_for(task, threads, command)
        except (Refusal, gdb.error) as reason:
            gdb.write(f"{reason}\n")
        if times_resumed() != before:
            raise Refusal("the command has resumed the program, so it is not executed for more tasks")


def all_tasks() -> list[Task]:
    return [task for loop in read_loops() for task in loop.tasks.values()]


def shown_labels(tasks: list[Task]) -> str:
    """ "tasks 3-5, 9" """
    runs: list[list[Task]] = []
    for task in tasks:
        if runs and runs[-1][-1].id + 1 == task.id and runs[-1][-1].loop is task.loop:
            runs[-1].append(task)
        else:
            runs.append([task])
    shown = [run[0].label + (f"-{run[-1].id}" if len(run) > 1 else "") for run in runs[:MAX_SHOWN_RUNS]]
    left = sum(len(run) for run in runs[MAX_SHOWN_RUNS:])
    return f"task{'s' if len(tasks) > 1 else ''} {', '.join(shown)}" + (f" and {left} more" if left else "")


def write_all_traces(command: str):
    threads = Threads()
    traces, groups = Traces(threads), defaultdict(list)
    for task in all_tasks():
        trace = traces.of(task)
        groups[task.name, task.state, trace and trace.calls].append(task)
    for (name, state, _), tasks in groups.items():
        wait = f" in {tasks[0].wait.call}" if state == WAITS else ""
        gdb.write(f"\n{shown_labels(tasks)}: {name} {state}{wait}\n")
        try:
            show(tasks[0], threads)
            gdb.execute(command)
        except (Refusal, gdb.error) as reason:
            gdb.write(f"{why_no_frames(tasks[0]) or reason}\n")


class HandleOf(gdb.Function):
    """The address of a task's handle: $_task(ID), or $_task("LOOP.ID")."""

    def __init__(self):
        super().__init__("_task")

    @spoken
    def invoke(self, *ids: gdb.Value):
        if len(ids) != 1:
            raise Refusal('write $_task(ID) or $_task("LOOP.ID")')
        is_text = ids[0].type.strip_typedefs().code in (gdb.TYPE_CODE_ARRAY, gdb.TYPE_CODE_PTR)
        words = ids[0].string() if is_text else str(ids[0])
        loops = read_loops()
        task = find_task(words, loops, Threads().selected_loop(loops))
        return gdb.Value(task.address).cast(handle_type().pointer())


def handle_type() -> gdb.Type:
    try:
        return gdb.lookup_type("struct async_task")
    except gdb.error:  # there is no debug information
        return gdb.lookup_type("void")


def register():
    InfoTasks()
    TaskCommand()
    HandleOf()
