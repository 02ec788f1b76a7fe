#!/usr/bin/env python3
"""Runs the examples that run other programs, on both backends.

    commands.py timeout      a program with a time limit
    commands.py pipeline     commands with pipes between them
    commands.py parallel     a command for each line
    commands.py build        compiles C files beside make, the same objects; failures; Ctrl-C
    commands.py supervise    programs that are started again, signals that are passed on, the end

The programs in C are taken from the folder BUILD_DIR. No result depends on the clock.
"""

import json
import os
import shlex
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from serving import BUILD, WRAPPER, Failure, expect, main, needs


def start(program, *arguments, backend, **options):
    command = [*WRAPPER, str(BUILD / program), *map(str, arguments)]
    environment = os.environ | {"ASYNCIO_BACKEND": backend, "LC_ALL": "C"}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, **options)


def run(program, *arguments, backend, text=None, **options):
    """Its exit status, and what it has printed on both outputs."""
    with start(program, *arguments, backend=backend, stdin=subprocess.PIPE, **options) as process:
        out, err = process.communicate(text)
        return process.returncode, out, err


def is_alive(pid: int) -> bool:
    """Whether it is there after a while: a process that was killed needs a moment, after the end of its output too."""
    for _ in range(1000):
        try:
            if Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z":
                return False
        except (FileNotFoundError, ProcessLookupError):
            return False
        time.sleep(0.01)
    return True


# ---- timeout ----------------------------------------------------------------------------------------------------


def test_timeout(backend):
    expect("the limit", (124, "", ""), run("timeout", "0.05", "sleep", "1000", backend=backend))
    expect("a status", (3, "", ""), run("timeout", "60", "sh", "-c", "exit 3", backend=backend))
    expect("a signal", (137, "", ""), run("timeout", "60", "sh", "-c", "kill -9 $$", backend=backend))
    status, _, complaint = run("timeout", "60", "no-such-program", backend=backend)
    expect("no program", (127, True), (status, complaint.startswith("timeout: -ENOENT: run no-such-program: ")))
    with start("timeout", "60", "sh", "-c", "echo $$; sleep 1000 & echo $!; wait", backend=backend) as process:
        pids = [int(process.stdout.readline()) for _ in range(2)]
        process.send_signal(signal.SIGINT)
        expect("Ctrl-C", 130, process.wait())
        process.stdout.read()  # the end comes when the whole group has ended
    expect("the group", [False, False], [is_alive(pid) for pid in pids])


# ---- pipeline ---------------------------------------------------------------------------------------------------


def test_pipeline(backend):
    status, out, err = run("pipeline", "yes", "head -3", "tr y n; exit 4", backend=backend)
    expect("the last status", (4, "n\nn\nn\n"), (status, out))
    expect("every status", ["yes", "head -3", "tr y n; exit 4"], [line.split(":")[0] for line in err.splitlines()])
    expect("input", (0, "abc"), run("pipeline", "cat", "cat", backend=backend, text="abc")[:2])


# ---- parallel ---------------------------------------------------------------------------------------------------


def test_parallel(backend):
    names = [str(i) for i in range(50)]
    status, out, _ = run("parallel", 5, "echo", "job", backend=backend, text="\n".join(names) + "\n")
    expect("the outputs", (0, sorted(f"job {name}" for name in names)), (status, sorted(out.splitlines())))
    status, out, err = run("parallel", 2, "sh", "-c", "echo $0; exit $0", backend=backend, text="0\n1\n2")
    expect("the failures", (2, ["0", "1", "2"], 2), (status, sorted(out.split()), len(err.splitlines())))


# ---- build ------------------------------------------------------------------------------------------------------


def make_sources(folder: Path, count: int) -> Path:
    """Sources that are compiled, one for each command."""
    commands = []
    for i in range(count):
        (folder / f"file{i}.c").write_text(f'const char *name{i} = "a \\"{i}\\"";\n')
        commands.append({"directory": str(folder), "file": f"file{i}.c", "output": f"file{i}.o",
                         "command": f'cc -DTEXT="\\"x y\\"" -c file{i}.c -o file{i}.o'})
    database = folder / "compile_commands.json"
    database.write_text(json.dumps(commands, indent=1))
    return database


@needs("cc")
def test_build(backend):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        database = make_sources(folder, 12)
        status, out, err = run("build", "-j3", database, backend=backend)
        expect("the build", (0, ""), (status, err))
        expect("the progress", [f"[{i}/12]" for i in range(1, 13)], [line.split()[0] for line in out.splitlines()])
        ours = [(folder / f"file{i}.o").read_bytes() for i in range(12)]
        for i in range(12):
            subprocess.run(["cc", '-DTEXT="x y"', "-c", f"file{i}.c", "-o", f"file{i}.o"], cwd=folder, check=True)
        expect("the objects", ours, [(folder / f"file{i}.o").read_bytes() for i in range(12)])
        check_failures(folder, database, backend)
        check_interruption(folder, database, backend)
        check_jobserver(folder, database, backend)
        database.write_text('[{"directory": 1}]')
        expect("no database", 1, run("build", database, backend=backend)[0])


def check_failures(folder: Path, database: Path, backend):
    (folder / "file7.c").write_text("this is not C\n")
    status, out, _ = run("build", "-j2", "-k", database, backend=backend)
    expect("a failure", (1, True, True), (status, "FAILED: file7.c" in out, "[12/12]" in out))
    status, out, err = run("build", "-j1", database, backend=backend)
    expect("a failure ends the build", (1, False, True), (status, "[12/12]" in out, "-ECHILD" in err))


def check_interruption(folder: Path, database: Path, backend):
    """Ctrl-C ends what the commands have started."""
    command = "echo $$ > pid; sleep 1000 & echo $! >> pid; echo ready > ready; wait"
    database.write_text(json.dumps([{"directory": str(folder), "file": "x", "command": command}]))
    os.mkfifo(folder / "ready")
    with start("build", database, backend=backend) as process:
        (folder / "ready").read_text()
        pids = [int(pid) for pid in (folder / "pid").read_text().split()]
        process.send_signal(signal.SIGINT)
        expect("Ctrl-C", 130, process.wait())
    (folder / "ready").unlink()
    expect("what it has started", [False, False], [is_alive(pid) for pid in pids])


def check_jobserver(folder: Path, database: Path, backend):
    """A make that we start below another make takes its jobs from that one; a make alone has its own."""
    if shutil.which("make") is None:
        return
    (folder / "inner.mk").write_text("all: a b\na b: ; @echo made $@\n")
    command = "make --no-print-directory -f inner.mk"
    database.write_text(json.dumps([{"directory": str(folder), "file": "x", "command": command}]))
    program = shlex.join([*WRAPPER, str(BUILD / "build"), str(database)])
    (folder / "outer.mk").write_text(f"all: ; +@{program} 2>&1\n")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    for arguments in (["-j3"], []):
        said = subprocess.run(["make", *arguments, "-s", "-f", "outer.mk"], cwd=folder, text=True, capture_output=True,
                              env=environment | {"ASYNCIO_BACKEND": backend}, check=True)
        expect("the inner make", ([], True, True), ([line for line in (said.stdout + said.stderr).splitlines() if "jobserver" in line],
                                                    "made a" in said.stdout, "made b" in said.stdout))


# ---- supervise --------------------------------------------------------------------------------------------------


def test_supervise(backend):
    forwards = "trap 'echo hup' HUP; echo ready $$; while :; do sleep 0.01; done"
    with start("supervise", "echo again; exit 2", forwards, backend=backend) as process:
        seen, pid = [], 0
        while seen.count("again") < 2 or not pid:
            word = process.stdout.readline().split()
            if not word:
                raise Failure("supervise has ended")
            seen.append(word[0])
            pid = int(word[1]) if word[0] == "ready" else pid
        process.send_signal(signal.SIGHUP)
        while "hup" not in process.stdout.readline():
            pass
        process.send_signal(signal.SIGTERM)
        expect("SIGTERM", 0, process.wait())
        complaints = process.stderr.read()
    expect("the ends", True, "supervise: echo again; exit 2: exit status 2\n" in complaints)
    expect("the program", False, is_alive(pid))


if __name__ == "__main__":
    main({name.removeprefix("test_"): test for name, test in globals().items() if name.startswith("test_")})
