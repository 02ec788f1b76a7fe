#!/usr/bin/env python3
"""Executes the commands of gdb for tasks (cmd/asyncio_gdb) on programs and cores.

    gdb_commands.py table       `info tasks` has each state
    gdb_commands.py frames      the frames of a task are right, and commands are executed in them
    gdb_commands.py selection   afterwards the thread and the frame are selected as before
    gdb_commands.py resuming    a command that resumes the program
    gdb_commands.py groups      `task all bt` and `task apply all`
    gdb_commands.py refusals    tasks that are not there, and other mistakes
    gdb_commands.py loops       ids where two loops are open
    gdb_commands.py shapes      static and stripped programs, by `asyncio gdb`
    gdb_commands.py cores       cores of the kernel, and of gcore
    gdb_commands.py damage      random bytes in the memory of the library: no traceback of Python is shown: LIES=400
    gdb_commands.py deep        tasks that seem to have stacks as large as the memory
    gdb_commands.py overlaps    a program that shows a million tasks in some KB
    gdb_commands.py many        ten thousand tasks
    gdb_commands.py installed   gdb loads the installed commands together with the library, and writes nothing there
    gdb_commands.py emulated    frames on another processor, in qemu, by gdb-multiarch

Ends with 77 where gdb cannot be used.
"""

import os
import re
import shutil
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import inspect  # tests/scripts/inspect.py
import programs
from built import BUILD, ROOT, SKIPPED, option, sanitizers
from checks import Failure, Skip, expect, status_of, tests_of
from inspect import SHARED, link

STATES = ROOT / "tests/tools/states.c"
DAMAGE = ROOT / "tests/tools/damage.py"
LOADER = BUILD / "cmd/asyncio_gdb/load.py"
FLAGS = ["-fno-optimize-sibling-calls"]  # a function that ends with a call keeps its frame
MANY, MOST_SECONDS = 10000, 8
IN_DIVE = ["dive", "dive", "dive", "waits", "asyncp_enter_waits", "coroutine_begin", "asyncp_switch_start"]
NOT_BEGUN = "it has not begun, so it has no frames"
USAGE = "asyncio: usage: task ID COMMAND, task all bt, or task apply all COMMAND"


# ---- gdb --------------------------------------------------------------------------------------------------------


def execute(command: list, commands, **options) -> list[str]:
    """What gdb says to each command."""
    arguments = [word for each in ("set width 0", *commands) for word in ("-ex", r"echo \n@@\n", "-ex", each)]
    answer = subprocess.run([*map(str, command), "-nx", "-batch", *arguments], text=True, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, **options)
    if "ptrace: Operation not permitted" in answer.stdout:
        raise Skip("gdb may not attach to a process here")
    if "Traceback" in answer.stdout or "Python Exception" in answer.stdout:
        raise Failure(f"a traceback of Python:\n{answer.stdout}")
    return [part.strip("\n") for part in answer.stdout.split("\n@@\n")][2:]


def execute_in(folder: Path, *commands, arguments="", lines=(), until="reached") -> list[str]:
    """What gdb says in a program of states.c that has called reached()."""
    program = folder / "states"
    expect("the program can be linked", True, program.exists() or link(program, *FLAGS, *SHARED, source=STATES))
    start = [f"break {until}", f"run {arguments}"]
    reading, writing = os.pipe()  # the program does not end while its input is open
    try:
        command = ["gdb", "-ix", LOADER, program]
        return execute(command, [*start, *lines, *commands], stdin=reading)[len(start) + len(lines):]
    finally:
        os.close(reading)
        os.close(writing)


def called(backtrace: str) -> list[str]:
    """The functions of a backtrace, the innermost first."""
    return re.findall(r"^#\d+ +(?:0x\w+ in )?(\w+) \(", backtrace, re.MULTILINE)


def program_calls(backtrace: str) -> list[str]:
    """From the innermost function of the program on."""
    calls = called(backtrace)
    first = next((i for i, name in enumerate(calls) if name in ("dive", "wants_lock")), len(calls))
    return calls[first:]


def rows(table: str) -> dict[str, list[str]]:
    """The cells of `info tasks`, without empty ones, by the first one."""
    lines = [re.split(r"  +", line.strip()) for line in table.splitlines() if line.startswith("  ")]
    return {cells[0]: cells[1:] for cells in lines}


def line_with(words: str) -> str:
    """The place in states.c."""
    number = next(i for i, line in enumerate(STATES.read_text().splitlines(), 1) if words in line)
    return f"{STATES}:{number}"


def has_frames() -> bool:
    """Whether the switch is in assembly."""
    return b"asyncp_switch_start" in (BUILD / "libasyncio.a").read_bytes()


def need_frames():
    if not has_frames():
        raise Skip("with contexts of libc the frames of tasks are unknown")


@contextmanager
def running(program: Path, *arguments, cwd=None):
    """A program that has got to its waits."""
    with subprocess.Popen([program, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                          cwd=cwd) as process:
        expect("the program", "ready\n", process.stdout.readline())
        while inspect.look(process.pid)["tasks"][0]["state"] != "waits":
            pass
        yield process
        process.stdin.close()


# ---- a program that has stopped ---------------------------------------------------------------------------------


def test_table(folder: Path):
    table, each, mistake = execute_in(folder, "info tasks", "info tasks -each", "info tasks -all")
    head = r"loop 1, thread \d+, \w+, awake; tasks: 9, created: 11, timers: 0, operations in flight: 0, jobs on other "
    expect("the loop", True, re.match(head, table) is not None)
    found = rows(table)
    expect("the tasks", ["TASK", "#1", "#2", "#3", "#6", "#7", "#8", "#9", "#10", "#11", "#4"], list(found))
    expect("a handle that is kept", ["ended", "ends"], found["#4"][:2])
    dive = [f"dive {line_with('dive(depth - 1, event)')}"] if has_frames() else []
    expect("a task that runs", ["runs", "amain", line_with("return async_main(amain")], found["#1"][:3])
    expect("a task that waits", ["waits", "waits", line_with("async_create_task(waits, 3)")],
           [found["#2"][0], *found["#2"][2:4]])
    expect("where it waits", ("async_event_wait, 0x", dive), (found["#2"][4][:20], found["#2"][5:]))
    expect("a task that is held back", ["held back", "ends", line_with("&group, ends")], found["#9"])
    expect("a task that is ready", ["ready", "becomes_ready", line_with("async_create_task(becomes_ready)"), *dive],
           found["#10"])
    expect("a task that has not begun", ["ready", "ends"], found["#11"][:2])
    expect("-each", 11, len(rows(each)))
    expect("a mistake", "asyncio: usage: info tasks [-each]", mistake)


def test_frames(folder: Path):
    waits, ready, runs, local, up, frame, register, call, back = execute_in(
        folder, "task 2 bt", "task #10 bt", "task 1 bt", "task 2 print kept", "task 2 up",
        "task 2 frame function waits", "task 2 info registers pc", "task 2 print twice(kept) + kept", "frame",
        lines=("frame 1",))
    if not has_frames():
        expect("without frames", "asyncio: task 2: its registers are unknown, because the library switches with "
                                 "contexts of libc (-Dswitch=ucontext)", waits)
        return
    expect("the thread's own frames are hidden", "asyncp_switch", called(waits)[0])
    expect("a task that waits", IN_DIVE, program_calls(waits))
    expect("a task that is ready", ["dive", "becomes_ready"], program_calls(ready)[:2])
    expect("a task that runs", ["reached", "amain", "asyncp_enter_amain"], called(runs)[:3])
    expect("a local variable", "$1 = 101", local)
    expect("the frame above", ["dive"], called(up))
    expect("another frame", ["waits"], called(frame))
    expect("a register of its frame", True, "<dive+" in register)
    expect("a call with a local variable", "$2 = 303", call)
    expect("afterwards", (True, ["amain"]), (back.startswith("#1 "), called(back)))


def test_selection(folder: Path):
    need_frames()
    frame, thread, other, last = execute_in(folder, "frame", "thread", "bt 1", "frame", arguments="loops", lines=(
        "frame 1", "task 1.2 bt", "task all bt", "info tasks", "task 99 bt"))
    expect("the frame", True, frame.startswith("#1 "))
    expect("the thread", True, thread.startswith("[Current thread is 2 "))
    expect("the thread's own frames", False, "asyncp_switch" == called(other)[0])
    expect("the frame, again", frame, last)


def test_resuming(folder: Path):
    need_frames()
    finished, frames, others = execute_in(folder, "task 10 finish", "bt", "task apply all stepi", lines=("delete",))
    expect("the value of the function", True, "Value returned is" in finished)
    expect("its caller", True, called(frames)[0] in ("becomes_ready", "asyncp_enter_becomes_ready"))
    expect("the frames of the thread", False, "asyncp_switch" in called(frames))
    expect("it goes on only once", True, others.endswith(
        "asyncio: the command has resumed the program, so it is not executed for more tasks"))


def test_groups(folder: Path):
    need_frames()
    all_calls, each, mistakes = execute_in(folder, "task all bt", "task apply all frame", "task apply all print kept")
    groups = {head: lines for head, lines in re.findall(r"^(tasks? .*)\n((?:.+\n?)*)", all_calls, re.MULTILINE)}
    expect("the groups", ["task 1: amain runs", "tasks 2-3: waits waits in async_event_wait",
                          "task 6: waits waits in async_event_wait", "task 7: has_group waits in async_group_wait",
                          "task 8: waits waits in async_event_wait", "task 9: ends held back",
                          "task 10: becomes_ready ready", "task 11: ends ready"], list(groups))
    expect("the calls of two", IN_DIVE, program_calls(groups["tasks 2-3: waits waits in async_event_wait"]))
    expect("a task that has not begun", NOT_BEGUN, groups["task 11: ends ready"].strip())
    expect("the heads", ["1 (amain)", "2 (waits)", "3 (waits)", "6 (waits)", "7 (has_group)", "8 (waits)", "9 (ends)",
                         "10 (becomes_ready)", "11 (ends)"], re.findall(r"^Task (.*):$", each, re.MULTILINE))
    expect("the frames", ["reached", "dive", "dive", "dive", "has_group", "dive", "dive"], called(each))
    expect("a mistake does not end it", 9, len(re.findall(r"^Task ", mistakes, re.MULTILINE)))


def test_refusals(folder: Path):
    expected = {"task 4 bt": "asyncio: task 4 has ended", "task 5 bt": "asyncio: 5 is a future, which has no frames",
                "task 9 bt": f"asyncio: task 9: {NOT_BEGUN}", "task 11 bt": f"asyncio: task 11: {NOT_BEGUN}",
                "task 12 bt": "asyncio: there is no task 12; `info tasks` lists the tasks",
                "task 0 bt": "asyncio: there is no task 0; `info tasks` lists the tasks",
                "task 3.1 bt": "asyncio: there is no loop 3; `info tasks` lists the loops",
                "task x bt": "asyncio: 'x' is not the number of a task; write ID or LOOP.ID",
                "task 2": "asyncio: write a command behind the ID, for example: task 2 bt",
                "task": USAGE, "task all": USAGE, "task apply all": USAGE, "task all print 1": USAGE,
                "print $_task(12)": "asyncio: there is no task 12; `info tasks` lists the tasks",
                "print $_task()": 'asyncio: write $_task(ID) or $_task("LOOP.ID")',
                "print $_task(2)->id": "$1 = 2", 'print $_task("1.3")->id': "$2 = 3"}
    expected = {key: value for key, value in expected.items() if has_frames() or NOT_BEGUN not in value}
    for command, answer in zip(expected, execute_in(folder, *expected)):
        expect(command, expected[command], answer)
    nothing, = execute(["gdb", "-ix", LOADER], ["info tasks"])
    expect("no program", "asyncio: no program is being debugged; start one, attach to one, or open a core", nothing)
    _, other = execute(["gdb", "-ix", LOADER, "/bin/true"], ["starti", "info tasks"])
    expect("another program", "asyncio: the program does not use libasyncio, or has not loaded it yet", other)


def test_loops(folder: Path):
    table, plain, labelled, only, calls, unknown = execute_in(
        folder, "info tasks", "print $_task(2)->where", 'task 1.2 print $_task("1.2")->where', "print $_task(9)->id",
        "task 1.2 bt", "task 2.9 bt", arguments="loops")
    expect("the loops", ["1", "2"], re.findall(r"^loop (\d+), thread", table, re.MULTILINE))
    expect("the tasks of the second loop", ["runs", "waits"], [rows(table)[id][0] for id in ("#2.1", "#2.2")])
    expect("a task that only one loop has", True, only.startswith("$") and only.endswith(" = 9"))
    expect("a task that is not there", "asyncio: there is no task 2.9; `info tasks` lists the tasks", unknown)
    if has_frames():
        expect("the loop of the selected thread", True, line_with("create_task(waits, 1));") in plain)
        expect("a loop by its number", True, line_with("async_create_task(waits, 3)") in labelled)
        expect("while the thread is on its own stack", IN_DIVE, program_calls(calls))


# ---- programs of every shape, and cores -------------------------------------------------------------------------


def expected_rows(found: dict) -> list:
    return [(id, cells[0], next(cell for cell in cells if cell in ("amain", "has_lock", "wants_lock")))
            for id, cells in found.items() if id in ("#1", "#2", "#3 and 2 more")]


WATCHED = [("#1", "waits", "amain"), ("#2", "waits", "has_lock"), ("#3 and 2 more", "waits", "wants_lock")]


def check_watched(name: str, answers: list[str]):
    """What is said of a program of watched.c to `info tasks` and `task 3 bt`."""
    table, calls = answers
    expect(f"the tasks, {name}", WATCHED, expected_rows(rows(table)))
    kept = rows(table).get("#6 and 2 more", [])
    expect(f"a handle of a task that has failed, {name}", ["ended: -ENOSPC", "fails"], rows(table).get("#9", [])[:2])
    expect(f"handles that are kept, {name}", ("ended", "ends", True), (*kept[:2], len(kept) == 3 and "watched.c:" in kept[2]))
    if "stripped" in name or not has_frames():
        return
    expect(f"the calls, {name}", ["wants_lock", "asyncp_enter_wants_lock"], program_calls(calls)[:2])


def command_of(*arguments) -> list:
    return [BUILD / "asyncio", "gdb", *arguments]


def test_shapes(folder: Path):
    for name, program in inspect.shapes(folder, "static", "stripped").items():
        with running(program) as process:
            *watched, handle, both = execute(command_of(process.pid), ["info tasks", "task 3 bt", "print $_task(3)",
                                                                       "task all bt"])
        check_watched(name, watched)
        expect("equal calls", True, "tasks 3-5: wants_lock waits in async_lock_acquire" in both)
        if name == "stripped":
            expect("the handle has no type", True, handle.startswith("$1 = (void *) 0x"))
            expect("the frames", has_frames(), len(re.findall(r"^#\d+ ", watched[1], re.MULTILINE)) >= 5)
    answer = subprocess.run(command_of("1"), text=True, capture_output=True, env={**os.environ, "PATH": str(folder)})
    expect("without gdb", (1, "asyncio: gdb cannot be executed: No such file or directory\n"),
           (answer.returncode, answer.stderr))


def test_cores(folder: Path):
    for name, program in inspect.shapes(folder, "shared", "stripped").items():
        with running(program, cwd=folder) as process:
            core = inspect.crash(process, folder)
        if core is None:
            raise Skip("the kernel writes no cores into the folder of a program")
        check_watched(f"core, {name}", execute(command_of(core), ["info tasks", "task 3 bt"]))
        core.unlink()


def test_gcore(folder: Path):
    """gcore leaves stacks out on Linux 6.13 and later, and says why a task has no frames."""
    expect("the program can be linked", True, link(folder / "watched", *SHARED))
    with running(folder / "watched") as process:
        execute(["gdb", "-p", process.pid], [f"gcore {folder / 'core'}"])
    if not (folder / "core").exists():
        raise Skip("gdb writes no core here")
    table, calls = execute(command_of(folder / "core"), ["info tasks -each", "task 3 bt"])
    cells = rows(table)["#3"]
    if cells[0] != "no stack":
        expect("the task", "waits", cells[0])
        return
    expect("the row", ["no stack", "wants_lock"], cells[:2])
    expect("the frames", "asyncio: task 3: its stack cannot be read; `gcore` of gdb leaves stacks out on Linux 6.13 "
                         "and later", calls)


# ---- damage, and many tasks -------------------------------------------------------------------------------------


def test_damage(folder: Path):
    rounds = int(os.environ.get("LIES", 12))
    said, = execute_in(folder, f"source {DAMAGE}", lines=(f"python rounds = {rounds}",))
    expect("all rounds", f"{rounds} rounds", said.splitlines()[-1])


FORGE = """python
import gdb
from asyncio_gdb import tasks, traces
read, most = traces.read, 0
def counted(address, size):
    global most
    most = max(most, size)
    return read(address, size)
traces.read = counted
loop, = tasks.read_loops()
for id, log, depth in (2, 40, 1 << 39), (3, 30, 1 << 29):
    for name, value in ("stack_log", log), ("sp", loop.tasks[id].coroutine - depth & -16):
        address = loop.tasks[id].coroutine + loop.lib.offsets["coroutine_" + name]
        gdb.selected_inferior().write_memory(address, value.to_bytes(loop.lib.sizes["coroutine_" + name], loop.lib.order))
"""


def test_deep(folder: Path):
    """A stack of 2^40 bytes is none of libasyncio. One of 2^29 could be, and is unwound without being copied."""
    need_frames()
    expect("the program can be linked", True, link(folder / "watched", *SHARED))
    (folder / "forge.gdb").write_text(FORGE)
    with inspect.lying(folder / "watched") as process:
        said = execute(command_of(process.pid), [f"source {folder / 'forge.gdb'}", "info tasks -each", "task 2 bt", "python print(most)"],
                       cwd=folder)
    if len(said) < 4:
        raise Failure(f"gdb has ended: {said[-1]}")
    _, table, calls, most = said
    expect("the tasks", ["waits", "waits"], [rows(table).get(id, [""])[0] for id in ("#2", "#3")])
    expect("a stack that is too large", "asyncio: task 2: its stack seems to be larger than 1 GiB, as no stack of libasyncio is",
           calls)
    expect("what was copied of a stack", True, int(most.split()[0]) <= 1 << 20)


def test_overlaps(folder: Path):
    with inspect.lying(inspect.link_hostile(folder), "chunks") as process:
        table, = execute(command_of(process.pid), ["info tasks"], timeout=20)
    expect("a list that was not read to its end", True, "\na list of tasks could not be read to its end" in table)
    expect("the tasks of the first chunk", True, "; tasks: 1, " in table)


def test_many(folder: Path):
    expect("the program can be linked", True, link(folder / "watched", *SHARED))
    timed = "python import time; t = time.process_time(); gdb.execute('{}', to_string=True); print(time.process_time() - t)"
    with running(folder / "watched", str(MANY)) as process:
        table, calls, lines = execute(command_of(process.pid), [timed.format("info tasks"), timed.format("task all bt"),
                                                                "info tasks"])
    print(f"info tasks: {float(table):.2f} s, task all bt: {float(calls):.2f} s for {MANY} tasks")
    expect("the tasks", True, f"#3 and {MANY - 1} more" in rows(lines))
    if max(float(table), float(calls)) > MOST_SECONDS:
        raise Failure(f"more than {MOST_SECONDS} s of a processor")


# ---- another processor ------------------------------------------------------------------------------------------


def free_port() -> int:
    with socket.create_server(("localhost", 0)) as server:
        return server.getsockname()[1]


def test_emulated(folder: Path):
    """As in qemu: gdb then knows neither the mappings nor the number of the process."""
    program, port = folder / "states", free_port()
    expect("the program can be linked", True, link(program, *FLAGS, "-static", BUILD / "libasyncio.a", source=STATES))
    with subprocess.Popen([programs.WRAPPER[0], "-g", str(port), program], stdin=subprocess.PIPE) as process:
        answers = execute(["gdb-multiarch", "-ix", LOADER, program],
                          [f"target remote :{port}", "break reached", "continue", "info tasks", "task 2 bt",
                           "task 2 print kept", "task 10 finish", "kill"])
        process.kill()
    expect("the tasks", ["#1", "#2", "#3", "#6", "#7", "#8", "#9", "#10", "#11", "#4"], list(rows(answers[3]))[1:])
    expect("a task that waits", IN_DIVE, program_calls(answers[4]))
    expect("a local variable", "$1 = 101", answers[5])
    expect("the value of a function", True, "Value returned is" in answers[6])


# ---- the installed commands -------------------------------------------------------------------------------------


def files_of(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.is_file()}


def test_installed(folder: Path):
    """gdb looks below its folder for a file by the path of the library, and executes that without a question."""
    if shutil.which("meson") is None:
        raise Skip("there is no meson")
    root = folder / "root"
    subprocess.run(["meson", "install", "-C", BUILD, "--no-rebuild", "--quiet", "--destdir", root], check=True,
                   capture_output=True)
    library = next(path for path in root.rglob("libasyncio.so.*.*.*") if path.suffix != ".py")
    script, = (path for path in root.rglob("libasyncio.so.*-gdb.py"))
    expect("the name of the script", f"{library.name}-gdb.py", script.name)
    if option("gdb_autoload_dir") == "":
        place = library.parent.relative_to(root)
        expect("the place of the script", root / option("prefix")[1:] / option("datadir") / "gdb/auto-load" / place,
               script.parent)
    package = next(root.rglob("load.py")).parent
    scripts = folder / "auto-load"
    copy = scripts / str(library.resolve().parent)[1:] / script.name
    copy.parent.mkdir(parents=True)
    installed = script.read_text().replace(str(package.relative_to(root)), str(package)[1:])
    copy.write_text(installed)
    before = files_of(root)
    expect("the program can be linked", True, link(folder / "states", f"-L{library.parent}", "-lasyncio",
                                                   f"-Wl,-rpath,{library.parent}", source=STATES))
    answers = execute(["gdb", "-iex", f"set auto-load scripts-directory {scripts}", "-iex",
                       f"add-auto-load-safe-path {scripts}", folder / "states"], ["break reached", "run", "info tasks"],
                      env={name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"})
    expect("the tasks", True, "#2" in rows(answers[2]))
    expect("the files", before, files_of(root))


TESTS = tests_of(globals())


def reason_to_skip(name: str) -> str:
    if sanitizers():
        return "a sanitizer is inside already"
    if option("b_lto"):
        return "with link-time optimization functions of the library are not where this test looks for them"
    if name != "emulated":
        return "gdb does not work on an emulated program" if programs.WRAPPER else programs.reason_without_gdb()
    if not "".join(programs.WRAPPER).startswith("qemu-") or not has_frames():
        return "no switch in assembly is emulated"
    return "" if shutil.which("gdb-multiarch") else "there is no gdb-multiarch"


def main(name: str) -> int:
    reason = reason_to_skip(name)
    if reason:
        print(reason)
        return SKIPPED
    return status_of(TESTS[name])


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
