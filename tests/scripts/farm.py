#!/usr/bin/env python3
"""Runs the checksum farm: in one process, with a queue in Redis, and with several processes.

    farm.py local      the queue of one process
    farm.py shared     the same with a queue in Redis: a failed file is tried again
    farm.py processes  producers and workers that end in order on SIGTERM and Ctrl-C, and by SIGKILL
    farm.py texts      paths that a program in another language has put

The program is taken from the folder BUILD_DIR.
"""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
import zlib
from pathlib import Path

import tutorial
from built import ROOT, SKIPPED
from redis_program import REDIS_SERVER, why_no_queues
from serving import BUILD, WRAPPER, expect, main, needs, output_of

PROGRAM = "examples/farm/farm"
MISSING = "farm: -ENOENT: open {}: No such file or directory"


def make_files(folder: Path, count: int) -> list[str]:
    """The lines that the farm prints for them, sorted."""
    lines = []
    for i in range(count):
        path, content = folder / f"file{i}", bytes([i]) * i * 1000
        path.write_bytes(content)
        lines.append(f"{zlib.crc32(content):08x}  {path}")
    return sorted(lines)


def paths_of(lines):
    return [line.split("  ")[1] for line in lines]


def start(*arguments, backend, url=""):
    command = [*WRAPPER, str(BUILD / PROGRAM), *map(str, arguments)]
    surroundings = {"REDIS_URL": url} if url else {}
    return tutorial.Program(command, ASYNCIO_BACKEND=backend, ASYNCIO_DEBUG="1", **surroundings)


def run(*arguments, backend, url="", status=0):
    """
    The sorted lines of its output, and its own errors. The library's last line says that all is clean; it may have said
    before that a busy machine is slow, or that io_uring is not available.
    """
    with start(*arguments, backend=backend, url=url) as program:
        lines, said = program.finish(status)
    tutorial.expect_clean("farm", said)
    return sorted(lines), [line for line in said.splitlines() if line.startswith("farm: ")]


@contextlib.contextmanager
def redis_server(folder: Path):
    """Its URL, and a function that gives what redis-cli prints."""
    path = folder / "socket"
    command = [REDIS_SERVER, "--port", "0", "--unixsocket", path, "--save", "", "--dir", folder]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        ask = lambda *words: output_of("redis-cli", "-s", path, *words, status={0, 1}).decode().strip()
        wait_until(lambda: ask("PING") == "PONG")
        yield f"unix://{path}", ask
    finally:
        server.kill()
        server.wait()


def wait_until(holds):
    ends = time.monotonic() + 60
    while not holds():
        expect("something comes in time", True, time.monotonic() < ends)
        time.sleep(0.02)


def test_local(backend):
    with tempfile.TemporaryDirectory() as folder:
        lines = make_files(Path(folder), 20)
        expect("its output", (lines, []), run("local", *paths_of(lines), backend=backend))
        missing = Path(folder, "none")
        expect("a failure", (lines[:1], [MISSING.format(missing)]),
               run("local", missing, *paths_of(lines[:1]), backend=backend))


def test_shared(backend):
    with tempfile.TemporaryDirectory() as folder:
        lines = make_files(Path(folder), 20)
        missing = Path(folder, "none")
        expect("its output", (lines, [MISSING.format(missing)] * 3),
               run("shared", missing, *paths_of(lines), backend=backend))


@needs("redis-cli")
def test_processes(backend):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lines = make_files(folder, 20)
        with redis_server(folder) as (url, ask):
            expect("a producer", ([], []), run("put", *paths_of(lines), backend=backend, url=url))
            expect("the items", "20", ask("XLEN", "{farm}:s"))
            check_workers(lines, ask, backend, url)
            check_one_that_is_killed(folder, ask, backend, url)


def check_workers(lines, ask, backend, url):
    """Two of them; each ends in order. One may do all before the other has begun, and has a handler for signals."""
    readers = lambda: ask("CLIENT", "LIST").count("cmd=xreadgroup")
    with start("work", backend=backend, url=url) as one, start("work", backend=backend, url=url) as other:
        wait_until(lambda: ask("XLEN", "{farm}:s") == "0" and readers() == 2)
        one.process.send_signal(signal.SIGTERM)
        other.process.send_signal(signal.SIGINT)
        first, said = one.finish(128 + signal.SIGTERM)
        second, also_said = other.finish(128 + signal.SIGINT)
    expect("what they print", lines, sorted(first + second))
    tutorial.expect_clean("farm", said)
    tutorial.expect_clean("farm", also_said)
    expect("consumers that are left", "", ask("XINFO", "CONSUMERS", "{farm}:s", "w"))


def check_one_that_is_killed(folder, ask, backend, url):
    """Its job is a pipe that no other process writes to: it comes back when the lease has run out."""
    pipe = folder / "pipe"
    os.mkfifo(pipe)
    run("put", pipe, backend=backend, url=url)
    with start("work", backend=backend, url=url) as worker:
        wait_until(lambda: ask("XPENDING", "{farm}:s", "w").startswith("1\n"))
        worker.process.kill()
        worker.finish(-signal.SIGKILL)
    expect("the job is there", "1", ask("XLEN", "{farm}:s"))
    pipe.unlink()
    pipe.write_bytes(b"")
    with start("work", backend=backend, url=url) as worker:
        expect("the job", [f"00000000  {pipe}"], worker.take(1))
        worker.process.send_signal(signal.SIGTERM)
        worker.finish(128 + signal.SIGTERM)


def can_import_redis():
    return subprocess.run([sys.executable, "-c", "import redis"], capture_output=True).returncode == 0


@needs("redis-cli")
def test_texts(backend):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lines = make_files(folder, 5)
        with redis_server(folder) as (url, ask), start("texts", backend=backend, url=url) as worker:
            if can_import_redis():
                output_of(sys.executable, ROOT / "examples/farm/put.py", *paths_of(lines),
                          env={**os.environ, "REDIS_URL": url})
            else:  # the same command
                for path in paths_of(lines):
                    ask("XADD", "{farm-texts}:s", "*", "b", path)
            expect("what it prints", lines, sorted(worker.take(5)))
            worker.process.send_signal(signal.SIGTERM)
            _, said = worker.finish(128 + signal.SIGTERM)
            tutorial.expect_clean("farm", said)


if __name__ == "__main__":
    if sys.argv[1] != "local" and why_no_queues():
        print(why_no_queues())
        sys.exit(SKIPPED)
    main({"local": test_local, "shared": test_shared, "processes": test_processes, "texts": test_texts})
