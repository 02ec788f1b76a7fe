"""machine.py: the measurements of bench-machine on CPython's asyncio, and on uvloop. bench/README.md describes them;
the protocol is bench.h's.
"""
import asyncio
import os
import resource
import subprocess
import sys
import time

from bench import cpu, main, say

STARTS, STARTS_BEFORE = 1000, 100
HELD, HELD_BEFORE = 1000, 20
CHUNK, CHUNKS = 65536, 8192
LINES = 500000
LIMIT = 2 * CHUNK  # of the stream's buffer; with asyncio's default of 64 KiB a read stops the transport each time

wall = time.perf_counter


def helper(name):
    """A program in bench/helpers, built by bench/run.py."""
    return os.path.join(os.environ["BENCH_HELPERS"], name)


# ---- what the starting process has ----------------------------------------------------------------------------

kept = []


def add_descriptors():
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    kept.extend(os.open("/dev/null", os.O_RDONLY) for _ in range(10000))


def add_memory():
    kept.append(b"\1" * 2**30)


# ---- start and wait -------------------------------------------------------------------------------------------


def say_times(name, begun, count):
    begun_cpu, begun_wall = begun
    say(f"cpu/{name}", (cpu() - begun_cpu) * 1e6 / count)
    say(f"wall/{name}", (wall() - begun_wall) * 1e6 / count)


async def start_often(program, times):
    for _ in range(times):
        process = await asyncio.create_subprocess_exec(program)
        await process.wait()


async def measure_start(name, program, add=None):
    if add is not None:
        add()
    await start_often(program, STARTS_BEFORE)
    begun = cpu(), wall()
    await start_often(program, STARTS)
    say_times(name, begun, STARTS)


# ---- how long a start holds the loop --------------------------------------------------------------------------


class Watch:
    """The longest time between two turns of the loop; as in bench/child.h."""

    def __init__(self):
        self.last = self.longest = 0

    def turn(self):
        now = wall()
        self.longest = max(self.longest, now - self.last)
        self.last = now

    def begin(self):
        self.longest = 0
        self.last = wall()


def preempted():
    return resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw


async def tick(watch):
    while True:
        watch.turn()
        await asyncio.sleep(0)


async def measure_held(name, program, add=None):
    if add is not None:
        add()
    watch, held = Watch(), []
    ticker = asyncio.create_task(tick(watch))
    for number in range(HELD_BEFORE + HELD):
        before = preempted()
        watch.begin()
        process = await asyncio.create_subprocess_exec(program)
        watch.turn()
        if number >= HELD_BEFORE and preempted() == before:
            held.append(watch.longest)
        await process.wait()
    ticker.cancel()
    held.sort()
    say(f"{name} p50", held[len(held) // 2] * 1e6)
    say(f"{name} p99", held[len(held) * 99 // 100] * 1e6)
    say(f"{name} counted", 100 * len(held) / HELD)


# ---- chunks and lines -----------------------------------------------------------------------------------------


def make_file():
    """A file of zeros, once read."""
    path = helper("zeros")
    with open(path, "a+b") as file:
        file.truncate(CHUNK * CHUNKS)
        while file.read(CHUNK):
            pass
    return path


async def measure_chunk(name):
    path = make_file()
    begun = cpu(), wall()
    cat = await asyncio.create_subprocess_exec("cat", path, stdout=subprocess.PIPE, limit=LIMIT)
    size = 0
    while chunk := await cat.stdout.read(CHUNK):
        size += len(chunk)
    await cat.wait()
    assert size == CHUNK * CHUNKS
    say_times(name, begun, CHUNKS)


async def measure_line():
    with subprocess.Popen([helper("lines"), str(LINES)], stdout=subprocess.PIPE) as feeder:
        os.dup2(feeder.stdout.fileno(), 0)
        begun_cpu, begun_wall = cpu(), wall()
        reader = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        count = 0
        while await reader.readline():
            count += 1
        assert count == LINES
        say("cpu/line", (cpu() - begun_cpu) * 1e9 / LINES)
        say("rate/line", LINES / (wall() - begun_wall))


ALL = {
    "start/static": lambda: measure_start("static", helper("nothing")),
    "start/true": lambda: measure_start("true", "/bin/true"),
    "start/static 10k fds": lambda: measure_start("static 10k fds", helper("nothing"), add_descriptors),
    "start/static 1 GiB": lambda: measure_start("static 1 GiB", helper("nothing"), add_memory),
    "held/static": lambda: measure_held("held/static", helper("nothing")),
    "held/true": lambda: measure_held("held/true", "/bin/true"),
    "held/static 10k fds": lambda: measure_held("held/static 10k fds", helper("nothing"), add_descriptors),
    "held/static 1 GiB": lambda: measure_held("held/static 1 GiB", helper("nothing"), add_memory),
    "chunk": lambda: measure_chunk("chunk"),
    "chunk/1": lambda: measure_chunk("chunk/1"),
    "line": measure_line,
}


if __name__ == "__main__":
    main(ALL, *sys.argv[1:])
