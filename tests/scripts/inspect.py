#!/usr/bin/env python3
"""Looks into running programs with the command asyncio.

    inspect.py shapes     shared, static, stripped, deleted: the same rows
    inspect.py table      what `asyncio ps` prints
    inspect.py tree       what `asyncio tree` prints, and a deadlock
    inspect.py swaps      no cycle where tasks take two locks in one order, all the time: LOOKS=10000 in the environment
    inspect.py cores      the core of a program that crashes has the rows of the program
    inspect.py running    a task that runs has a place if its thread is blocked in the kernel
    inspect.py endings    a core says which signal has ended the process, in which task, and where that was
    inspect.py forged     cores whose notes lie
    inspect.py churn      many looks at a program whose tasks begin and end all the time
    inspect.py hostile    programs whose notes and lists lie: each look ends soon, and says something: LIES=1000
    inspect.py help       help that was asked for, and what is said of wrong calls
    inspect.py refusals   processes that cannot be looked at, and why
    inspect.py fork       a child of fork() has copies of its parent's loops

Ends with 77 where programs run in an emulator: its memory is not laid out as that of the program.
"""

import errno
import json
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

from built import BUILD, COMPILER, ROOT, names_variables, option, sanitizers
from checks import Failure, Skip, expect, status_outside_emulators, tests_of

COMMAND = BUILD / "asyncio"
SOURCE = ROOT / "tests/tools/watched.c"
SHARED = [f"-L{BUILD}", "-lasyncio", f"-Wl,-rpath,{BUILD}"]
WAITERS = 500
LIES = int(os.environ.get("LIES", 10 if sanitizers() else 40))
LOOKS = int(os.environ.get("LOOKS", 60))


def link(program: Path, *arguments, source=SOURCE) -> bool:
    """Whether it could be linked."""
    flags = [f"-fsanitize={sanitizers()}"] if sanitizers() else []
    flags += ["-flto"] if option("b_lto") else []
    command = [*COMPILER, *flags, "-g", "-O1", f"-I{ROOT / 'include'}", source, "-o", program, *arguments, "-pthread"]
    return subprocess.run(command, capture_output=True).returncode == 0


@contextmanager
def running(program: Path, *arguments, cwd=None):
    command = [str(program), *map(str, arguments)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=cwd) as process:
        expect("the program", "ready\n", process.stdout.readline())
        while look(process.pid)["tasks"][0]["state"] != "waits":
            pass
        yield process
        process.stdin.close()


def run(*arguments) -> tuple[int, str, str]:
    answer = subprocess.run([COMMAND, *map(str, arguments)], text=True, capture_output=True)
    return answer.returncode, answer.stdout, answer.stderr


def look(pid: int) -> dict:
    """The only loop of a process."""
    status, out, complaint = run("ps", "--json", pid)
    expect("ps", (0, ""), (status, complaint))
    library, = json.loads(out)
    loop, = library["loops"]
    return loop


def knows_lines() -> bool:
    """Whether it names variables, and stacks can be told apart: docs/decisions/inspect.md."""
    return names_variables() and option("switch") != "ucontext" and not option("b_lto")


def check_lines(loop: dict):
    """The functions and lines in which tasks wait."""
    found = {task["name"]: task["at"] for task in loop["tasks"] if "at" in task}
    source = SOURCE.read_text().splitlines()
    for name, words in (("has_lock", "async_event_wait(&never)"), ("wants_lock", "ASYNC_WITH(&lock)")):
        place = found.get(name, {})
        line = source[place.get("line", 1) - 1] if place.get("file", "").endswith(SOURCE.name) else place
        expect(f"the place of {name}", (name, True), (place.get("function"), words in line))


def rows(loop: dict) -> list:
    """What two programs of different shapes have in common, without the tasks that come and go."""
    return [(task["id"], task["name"], task["state"] == "waits", task.get("wait", {}).get("call"),
             task.get("wait", {}).get("owner")) for task in loop["tasks"] if task["name"] not in ("churns", "ends")]


# ---- shapes -----------------------------------------------------------------------------------------------------


def shapes(folder: Path, *chosen: str):
    """The programs by their shapes, as far as this build can link them; all unless some are chosen."""
    archive = BUILD / "libasyncio.a"
    found = {"shared": SHARED, "archive": [archive], "not a PIE": ["-no-pie", archive],
             "sections": ["-Wl,--gc-sections", "-ffunction-sections", archive], "static": ["-static", archive],
             "static PIE": ["-static-pie", archive], "stripped": ["-static", "-s", archive]}
    found = {name: arguments for name, arguments in found.items() if name in (chosen or found)}
    if sanitizers():  # they need their shared libraries
        found = {name: arguments for name, arguments in found.items() if "-static" not in " ".join(map(str, arguments))}
    return {name: folder / name.replace(" ", "-") for name, arguments in found.items()
            if link(folder / name.replace(" ", "-"), *arguments)}


def test_shapes(folder: Path):
    programs = shapes(folder)
    expect("shared programs can be linked", True, "shared" in programs)
    expected = None
    for name, program in programs.items():
        with running(program) as process:
            if name == "stripped":
                program.unlink()
            loop = look(process.pid)
            found = rows(loop)
            if name != "stripped" and knows_lines():
                check_lines(loop)
            expected = expected or found
            expect(f"the rows of a program, {name}", expected, found)
    expect("the rows", [(1, "amain", True, "async_wait_readable", None), (2, "has_lock", True, "async_event_wait", None)] +
           [(id, "wants_lock", True, "async_lock_acquire", 2) for id in (3, 4, 5)], expected)


# ---- the table --------------------------------------------------------------------------------------------------


def test_table(folder: Path):
    expect("the program can be linked", True, link(folder / "watched", *SHARED))
    lock = r"lock \(0x\w+\)" if names_variables() else r"0x\w+"
    with running(folder / "watched") as process:
        status, out, _ = run("ps", process.pid)
        expect("ps", 0, status)
        for pattern in (rf"loop 1, thread {process.pid}, \w+, a\w+; tasks: [67], created: \d+, timers: 0, operations in flight: 1,",
                        r"\n  #1 +waits +[\d.]+ m?s  amain +tests/tools/watched.c:\d+ +async_wait_readable, descriptor \d+.*\n",
                        rf"\n  #3 and 2 more +waits +[\d.]+ m?s  wants_lock +\S+ +async_lock_acquire, lock {lock}, held by "
                        r"#2 has_lock.*\n",
                        r"\n  #6 and 2 more +ended +ends +\S+/watched.c:\d+\n  #9 +ended: -ENOSPC +fails +\S+/watched.c:\d+\n"):
            if not re.search(pattern, out.replace(f"{ROOT}/", "")):
                raise Failure(f"no {pattern!r} in\n{out}")
        expect("handles that are kept", [(6, 3, "ends", 0), (9, 1, "fails", -errno.ENOSPC)],
               [(kept["first"], kept["count"], kept["name"], kept["error"]) for kept in look(process.pid)["kept"]])
        if knows_lines():
            expect("the name of a variable", "lock", task_named(look(process.pid), "wants_lock")["wait"]["object_name"])
            expect("the calls", True, re.search(r"\n {12}has_lock \S+watched.c:\d+\n", run("ps", "--stacks", process.pid)[1]) is not None)
        expect("a line each", 3, run("ps", "--each", process.pid)[1].count("  wants_lock  "))


# ---- trees ------------------------------------------------------------------------------------------------------

TREE = """\
  #1 amain: waits T in async_gather
  ├─ #3 takes_both: waits T in async_lock_acquire, lock L, held by #4 takes_both
  ├─ #4 takes_both: waits T in async_lock_acquire, lock L, held by #3 takes_both
  ├─ #5 has_group: waits T in async_group_wait
  │  └─ #7 and 2 more sleeps: waits T in async_sleep
  └─ #6 waits_for_one: waits T in async_wait
     └─ #10 and 1 more sleeps: waits T in async_sleep
  #2 reads_input: waits T in async_wait_readable
cycle: #3 waits for #4 waits for #3
  #3 takes_both: waits T in async_lock_acquire, lock L, held by #4 takes_both
  #4 takes_both: waits T in async_lock_acquire, lock L, held by #3 takes_both
  hint: tasks hold a lock and wait for another one's; acquire the locks in the same order everywhere
"""


@contextmanager
def waiting(folder: Path, mode: str):
    """A program of waits.c that has got to its waits."""
    expect("the program can be linked", True, link(folder / "waits", *SHARED, source=ROOT / "tests/tools/waits.c"))
    with subprocess.Popen([folder / "waits", mode], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        expect("the program", "ready\n", process.stdout.readline())
        while next(task for task in look(process.pid)["tasks"] if task["name"] == "reads_input")["state"] != "waits":
            pass
        yield process.pid
        process.stdin.close()


def test_tree(folder: Path):
    with waiting(folder, "deadlock") as pid:
        status, out, complaint = run("tree", pid)
        found = re.sub(r"waits [\d.]+ m?s", "waits T", re.sub(r"lock (?:[\w+]+ \()?0x\w+\)?", "lock L", re.sub(r", at .*", "", out)))
        expect("the tree", (0, "", TREE), (status, complaint, found.partition("\n")[2]))
        expect("a line each", 3 + 2, run("tree", "--each", pid)[1].count(" sleeps: "))


def test_swaps(folder: Path):
    with waiting(folder, "swap") as pid:
        for _ in range(LOOKS):
            status, out, _ = run("tree", pid)
            expect("a cycle that never was", (0, False), (status, "cycle" in out))


def test_crowd(folder: Path):
    with waiting(folder, "crowd") as pid:
        knows = r"#3 and 99 more waits_for_event: waits [\d.]+ m?s in async_event_wait, 0x\w+, known to #1 crowd"
        expect("the task with the event on its stack", True, re.search(knows, run("tree", pid)[1]) is not None)
        edges = [task["edges"] for task in look(pid)["tasks"] if task["name"] == "waits_for_event"]
        expect("tasks with that edge", 100, sum({"to": 1, "how": "known"} in known for known in edges))
        for option in [], ["--stacks"]:
            expect("tasks in one line", 1, run("ps", *option, pid)[1].count("waits_for_event  "))


# ---- cores ------------------------------------------------------------------------------------------------------


def send_abort(process):
    process.send_signal(signal.SIGABRT)


def crash(process, folder: Path, end=send_abort) -> Path | None:
    """The core that the kernel writes when the process is ended; None where it writes none into the folder."""
    _, most = resource.getrlimit(resource.RLIMIT_CORE)
    resource.prlimit(process.pid, resource.RLIMIT_CORE, (most, most))
    end(process)
    process.wait()
    return next((path for path in folder.iterdir() if path.name.startswith("core")), None)


def check_core(core: Path, name: str, expected: dict):
    """All that does not depend on the moment."""
    library, = json.loads(run("ps", "--json", core)[1])
    loop, = library["loops"]
    expect("the rows of the core", rows(expected), rows(loop))
    expect("the process", expected["process"], library["process"]["id"])
    if knows_lines() and name != "stripped":
        check_lines(loop)


def test_cores(folder: Path):
    if sanitizers():
        raise Skip("a sanitizer's shadow makes a core of terabytes")
    found = 0
    for name, program in shapes(folder).items():
        with running(program, cwd=folder) as process:
            loop = look(process.pid)
            core = crash(process, folder)
        if core is not None:
            check_core(core, name, loop)
            core.unlink()
            found += 1
    if found == 0:
        raise Skip("the kernel writes no cores into the folder of a program")


# ---- tasks that run ---------------------------------------------------------------------------------------------

RUNS = ROOT / "tests/tools/runs.c"


def let_go(process):
    process.stdin.write("x")
    process.stdin.flush()


@contextmanager
def digging(program: Path, what: str, cwd=None):
    """A program of runs.c whose task has not got its byte yet."""
    with subprocess.Popen([program, what], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=cwd) as process:
        expect("the program", "ready\n", process.stdout.readline())
        yield process
        process.stdin.close()


def task_named(loop: dict, name: str) -> dict:
    return next(task for task in loop["tasks"] if task["name"] == name)


def line_of(words: str) -> int:
    """The only line of runs.c with these words."""
    line, = (number for number, line in enumerate(RUNS.read_text().splitlines(), 1) if words in line)
    return line


def expect_place(what: str, task: dict, function: str, words: str):
    found = task.get("at", {})
    expect(what, (function, line_of(words)), (found.get("function"), found.get("line")))


def link_runs(folder: Path, *arguments) -> Path:
    expect("the program can be linked", True, link(folder / "runs", *(arguments or SHARED), source=RUNS))
    return folder / "runs"


def test_running(folder: Path):
    if not knows_lines() or sanitizers():
        raise Skip("the command does not know lines here, or a sanitizer has its own read(2)")
    for name, arguments in {"shared": SHARED, "static": ["-static", BUILD / "libasyncio.a"]}.items():
        program = link_runs(folder, *arguments)
        with digging(program, "blocks") as process:
            let_go(process)
            while "at" not in task_named(look(process.pid), "digs"):
                pass
            expect_place(f"a task in the kernel, {name}", task_named(look(process.pid), "digs"), "read_all", "/* the read */")
            row = rf"  #2 +runs +[0-9.]+ m?s +digs +\S+ +read_all \S+:{line_of('/* the read */')}\n"
            while re.search(row, run("ps", process.pid)[1]) is None:
                pass
            tree = rf"#2 digs: runs, at read_all \S+:{line_of('/* the read */')}\n"
            expect(f"its tree, {name}", True, re.search(tree, run("tree", process.pid)[1]) is not None)
    with digging(program, "computes") as process:
        let_go(process)
        while task_named(look(process.pid), "digs")["state"] != "runs":
            pass
        for _ in range(5):
            expect("a task that computes", ("runs", None), tuple(map(task_named(look(process.pid), "digs").get, ("state", "at"))))


# Said of the end, and the function and the line of the task that ran.
ENDINGS = {
    "faults": (r"ended by SIGSEGV \(address 0x8\) in task #2 'digs'", "write_nowhere", "/* the fault */"),
    "aborts": (r"ended by SIGABRT in task #2 'digs'", "call_abort", "/* the abort */"),
    "handles": (r"ended by SIGABRT in task #2 'digs'", "write_nowhere", "/* the fault */"),
    "thread": (r"ended by SIGSEGV \(address 0x8\) in thread \d+, which runs no loop", "write_nowhere", "/* the fault */"),
    "calls": (r"ended by SIGSEGV \(address 0x8\) in a callback of loop 1", "write_nowhere", "/* the fault */"),
    "twice": (r"ended by SIGSEGV \(address 0x8\) in task #2 'digs' of loop \d", "write_nowhere", "/* the fault */"),
    "sleeps": (rf"ended by SIGABRT \(sent by process {os.getpid()}\) while loop 1 was asleep", None, None),
}


def core_of(program: Path, what: str, folder: Path) -> Path:
    with digging(program, what, cwd=folder) as process:
        if what == "sleeps":
            while not look(process.pid)["asleep"]:
                pass
        core = crash(process, folder, send_abort if what == "sleeps" else let_go)
    if core is None:
        raise Skip("the kernel writes no cores into the folder of a program")
    return core


def check_ending(what: str, core: Path):
    words, function, line = ENDINGS[what]
    said, place = run("ps", core), ("(, at .*)" + ("" if knows_lines() else "?")) if "in task" not in words and function else ""
    expect(f"the end, {what}", (True, 0), (re.match(words + place + r"\nloop \d, ", said[1]) is not None, said[0]))
    expect(f"the end above the tree, {what}", said[1].splitlines()[0], run("tree", core)[1].splitlines()[0])
    library, = json.loads(run("ps", "--json", core)[1])
    ran = "task" in (ending := library["ended_by"])
    expect(f"the end as JSON, {what}", ("in task" in words, words.split()[2].rstrip("\\"), True),
           (ran, ending["signal"], ending["is_final"]))
    tasks = [task for loop in library["loops"] for task in loop["tasks"] if (task["name"], task["state"]) == ("digs", "runs")]
    expect(f"tasks that ran, {what}", 0 if what in ("sleeps", "calls") else 1, len(tasks))
    if function and knows_lines():
        expect(f"the place at the end, {what}", place != "", f", at {function} " in said[1].splitlines()[0])
        expect_place(f"the place, {what}", tasks[0] if ran else ending, function, line)


def test_endings(folder: Path):
    if sanitizers():
        raise Skip("a sanitizer's shadow makes a core of terabytes")
    program = link_runs(folder)
    for what in ENDINGS:
        core = core_of(program, what, folder)
        check_ending(what, core)
        core.unlink()
    if link(folder / "runs", "-static", BUILD / "libasyncio.a", source=RUNS):
        check_ending("faults", core_of(program, "faults", folder))


def test_forged(folder: Path):
    """Random bytes in the first pages of a core, where its notes are: each look ends soon, and says something."""
    if sanitizers():
        raise Skip("a sanitizer's shadow makes a core of terabytes")
    core = core_of(link_runs(folder), "faults", folder)
    content, numbers, forged = core.read_bytes(), random.Random(1), folder / "forged"
    for _ in range(LIES // 2):
        changed = bytearray(content)
        for _ in range(numbers.randrange(1, 400)):
            changed[numbers.randrange(64, 20000)] = numbers.choice((0, 1, 8, 0x7f, 0xff, numbers.randrange(256)))
        forged.write_bytes(changed)
        look_at_liar(forged, "a forged core")


# ---- churn ------------------------------------------------------------------------------------------------------


def test_churn(folder: Path):
    expect("the program can be linked", True, link(folder / "watched", *SHARED))
    with running(folder / "watched", WAITERS) as process:
        for _ in range(LOOKS):
            loop = look(process.pid)
            ids = [task["id"] for task in loop["tasks"]]
            expect("each task once", sorted(set(ids)), ids)
            expect("tasks that wait", WAITERS, sum(task["name"] == "wants_lock" and task["state"] == "waits"
                                                  for task in loop["tasks"]))
            expect("their lock", {2}, {task["wait"]["owner"] for task in loop["tasks"] if task["name"] == "wants_lock"})
            if len(ids) > WAITERS + 5:  # rows are of different moments: one task has ended, and the next is read later
                raise Failure(f"{len(ids)} tasks")


# ---- lies -------------------------------------------------------------------------------------------------------


def limit_processor_time():
    seconds = 20 if sanitizers() else 2
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))


CUT_OFF = "it is cut off: the limit for cores, or the disk, was too small"


def look_at_liar(pid: int | Path, what: str):
    """Each command ends soon, with a table or a sentence. With the table of a core that is cut off stands one, too."""
    for arguments in (["ps", "--stacks"], ["ps", "--json"], ["tree"], ["top", "--json", "--seconds", "0.05"]):
        answer = subprocess.run([COMMAND, *arguments, str(pid)], capture_output=True, preexec_fn=limit_processor_time)
        complaint = answer.stderr.replace(f"asyncio: {pid}: {CUT_OFF}\n".encode(), b"")
        if answer.returncode not in (0, 1) or (answer.returncode == 0 and complaint) or (answer.returncode == 1 and not answer.stderr):
            raise Failure(f"{what}: {answer}")
        if answer.returncode == 0 and "--json" in arguments:
            json.loads(answer.stdout)


def link_hostile(folder: Path) -> Path:
    flags = ["-D_GNU_SOURCE", f"-iquote{ROOT / 'src'}", BUILD / "libasyncio.a"]
    expect("the program can be linked", True, link(folder / "hostile", *flags, source=ROOT / "tests/tools/hostile.c"))
    return folder / "hostile"


def test_hostile(folder: Path):
    program = link_hostile(folder)
    for seed in range(LIES):
        with lying(program, "note", seed) as process:
            look_at_liar(process.pid, f"hostile note {seed}")
    with lying(program, "memory") as process:
        for _ in range(LIES):
            look_at_liar(process.pid, "hostile memory")


@contextmanager
def lying(program: Path, *arguments, more={}):
    """A program that has printed its line. `more` is for its environment."""
    with subprocess.Popen([program, *map(str, arguments)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                          env={**os.environ, **more}) as process:
        expect("the program", "ready\n", process.stdout.readline())
        yield process
        process.stdin.close()


# ---- help -------------------------------------------------------------------------------------------------------

COMMANDS = ["ps", "tree", "top", "trace", "gdb"]


def test_help(folder: Path):
    """Help that was asked for is no mistake; a mistake says what is wrong and how it is right."""
    for words in (["--help"], ["-h"], ["help"]):
        status, out, complaint = run(*words)
        expect(f"asyncio {words}", (0, ""), (status, complaint))
        for command in COMMANDS:
            expect(f"an example of {command}", 1, len(re.findall(rf"^  {command} +\S.*  asyncio {command} \S+$", out, re.MULTILINE)))
    expect("without a word", (2, "", run("help")[1]), run())
    for command in COMMANDS:
        about = run("help", command)
        expect(f"help {command}", (0, "", True), (about[0], about[2], about[1].startswith(f"usage: asyncio {command} ")))
        expect(f"an example of {command}", True, f"\nExample: asyncio {command} " in about[1])
        expect(f"{command} --help", about, run(command, "--help"))
        expect(f"{command} -h", about, run(command, "-h"))
        mistake = run(command)
        expect(f"{command} alone", (2, ""), mistake[:2])
        for words in (f"asyncio {command}: give ", f", for example: asyncio {command} ", f"usage: asyncio {command} ",
                      f"`asyncio help {command}` says more\n"):
            expect(f"{command} alone: {words}", True, words in mistake[2])
        expect(f"{command} -x", (2, "", f"asyncio {command}: there is no option '-x'"),
               (*run(command, "-x")[:2], run(command, "-x")[2].splitlines()[0]))
    for arguments, words in ((("pss", "1"), "asyncio: there is no command 'pss'; there are ps, tree, top, trace, gdb"),
                             (("help", "pss"), "asyncio: there is no command 'pss'; there are ps, tree, top, trace, gdb"),
                             (("4711",), "asyncio: a command is missing before 4711; to list its tasks: asyncio ps 4711"),
                             (("ps", "1", "2"), "asyncio ps: only one is looked at: '1' or '2'"),
                             (("ps", "--json", "--each", "1"), "asyncio ps: --json prints each task with its calls: leave --each out"),
                             (("tree", "--json", "1"), "asyncio tree: there is no option '--json'"),
                             (("trace", "x", "-o"), "asyncio trace: -o needs the name of one file behind it"),
                             (("top", "--seconds", "0", "1"), "asyncio top: --seconds needs a number from 0.02 to 3600")):
        expect(f"{arguments}", (2, "", words), (*run(*arguments)[:2], run(*arguments)[2].splitlines()[0]))
    version = re.search(r"version: '([\d.]+)'", (ROOT / "meson.build").read_text())[1]
    expect("the version", (0, f"asyncio {version}\n", ""), run("--version"))


# ---- refusals ---------------------------------------------------------------------------------------------------


def check_refusal(pid, words: str, **options):
    answer = subprocess.run([COMMAND, "ps", str(pid)], text=True, capture_output=True, **options)
    if answer.returncode != 1 or words not in answer.stderr or answer.stdout:
        raise Failure(f"no {words!r} in {answer}")


def wait_for_program(pid: int, name: str):
    while name not in Path(f"/proc/{pid}/comm").read_text():
        pass


def other_thread() -> int:
    """The number of a thread that ends with this process."""
    thread = threading.Thread(target=threading.Event().wait, daemon=True)
    thread.start()
    return thread.native_id


def test_refusals(folder: Path):
    check_refusal("7x", "asyncio: 7x: it is neither the number of a process nor a file\n")
    check_refusal("99999999999999999999", "asyncio: '99999999999999999999' is not the number of a process\n")
    check_refusal(folder, f"asyncio: {folder}: it is a directory\n")
    check_refusal(SOURCE, f"asyncio: {SOURCE}: it is not a core\n")
    check_refusal(COMMAND, "it is not a core")
    check_refusal(0x7ffffff0, "there is no such process")
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as process:
        wait_for_program(process.pid, "cat")
        check_refusal(process.pid, f"process {process.pid} (cat): it does not use libasyncio, or has not loaded it yet")
        process.stdin.close()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        check_refusal(process.pid, "it has ended, and its parent has not waited for it yet")
    check_refusal(other_thread(), f"it is a thread of process {os.getpid()}; give that number")
    red = folder / "\x1b[31mred"
    shutil.copy(shutil.which("sleep"), red)
    with subprocess.Popen([red, "1000"]) as process:
        wait_for_program(process.pid, "red")
        check_refusal(process.pid, r"(\x1B[31mred): it does not use libasyncio")
        process.terminate()
    os.mkfifo(folder / "fifo")
    check_refusal(folder / "fifo", "it is not a core", timeout=10)
    if Path("/proc/2/comm").exists() and Path("/proc/2/comm").read_text() == "kthreadd\n":
        check_refusal(2, "it is a thread of the kernel")
    if os.geteuid() == 0 and shutil.which("setpriv"):
        command = folder / "asyncio"
        shutil.copy(COMMAND, command)
        folder.chmod(0o755)
        answer = subprocess.run(["setpriv", "--reuid=65534", "--clear-groups", command, "ps", str(os.getpid())], text=True,
                                capture_output=True)
        expect("another user", True, "it belongs to another user; run asyncio as that user or as root" in answer.stderr)


# ---- fork -------------------------------------------------------------------------------------------------------


FORKS = """
#include <asyncio.h>
#include <stdio.h>
#include <unistd.h>
static int amain(void)
{
    if (fork() == 0) {
        printf("%d\\n", (int)getpid());
        fflush(stdout);
        for (char byte; read(0, &byte, 1) > 0;)
            ;
        _exit(0);
    }
    return async_sleep(1000);
}
async_fn(amain);
int main(void) { return async_main(amain); }
"""


def test_fork(folder: Path):
    source = folder / "forks.c"
    source.write_text(FORKS)
    expect("the program can be linked", True, link(folder / "forks", *SHARED, source=source))
    with subprocess.Popen([folder / "forks"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        child = int(process.stdout.readline())
        out = run("ps", child)[1]
        expect("the child", (True, False), (f": a copy of a loop of process {process.pid}, which has forked\n" in out, "amain" in out))
        expect("the parent", True, "amain" in run("ps", process.pid)[1])
        process.stdin.close()
        process.terminate()


NAMED = """#include <asyncio.h>\n#include <errno.h>\n#include <unistd.h>\nasm(".globl label\\n.pushsection .data.lock, \\"aw\\"\\nlabel:\\n.popsection");\nstatic async_lock lock __attribute__((section(".data.lock")));\nstatic int waits(void) { ASYNC_WITH(&lock); return 0; }\nasync_fn(waits);
static int amain(void)
{
    ASYNC_TRY(async_lock_acquire(&lock));
    for (int i = 0; i < 20000; i++)
        async_task_detach(async_create_task(waits));
    ASYNC_TRY(async_sleep(0));
    return write(1, "ready\\n", 6) == 6 ? async_wait_readable(0) : -EIO;
}
async_fn(amain);\nint main(void) { return async_main(amain); }\n"""


def test_names(folder: Path):
    """A variable with a global label, as the linker makes some, is looked up once, however many tasks wait for it."""
    (source := folder / "named.c").write_text(NAMED + "".join(f"int v{i} = 1;\n" for i in range(20000)))
    expect("the program can be linked", True, link(folder / "named", *SHARED, source=source))
    with lying(folder / "named") as process:
        answer = subprocess.run([COMMAND, "ps", "--json", f"{process.pid}"], text=True, capture_output=True, preexec_fn=limit_processor_time)
        process.terminate()
    expect("the variable", 20000 if names_variables() else 0, answer.stdout.count('"object_name":"lock"'))


if __name__ == "__main__":
    sys.exit(status_outside_emulators(tests_of(globals()), *sys.argv[1:]))
