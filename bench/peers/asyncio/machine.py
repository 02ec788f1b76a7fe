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

STARTS, STARTS_BEFORE = 300, 30
HELD, HELD_BEFORE = 300, 20
UNSUSPICIOUS = 20e-6  # seconds
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
    """The longest time between two turns of the loop, as in bench/child.h."""

    def __init__(self):
        self.delays = os.open("/proc/thread-self/schedstat", os.O_RDONLY)
        self.begin()

    def delay(self):
        return int(os.pread(self.delays, 128, 0).split()[1]) / 1e9

    def begin(self):
        self.longest = self.longest_wall = 0
        self.last_delay = self.delay()
        self.last = wall()

    def turn(self):
        took = held = wall() - self.last
        if took > UNSUSPICIOUS:
            delay = self.delay()
            held -= delay - self.last_delay
            self.last_delay = delay
        self.longest_wall = max(self.longest_wall, took)
        self.longest = max(self.longest, held)
        self.last = wall()


async def tick(watch):
    while True:
        watch.turn()
        await asyncio.sleep(0)


def percentile(values, percent):
    return sorted(values)[len(values) * percent // 100] * 1e6


async def measure_held(name, program, add=None):
    if add is not None:
        add()
    watch, held, held_wall = Watch(), [], []
    ticker = asyncio.create_task(tick(watch))
    for number in range(HELD_BEFORE + HELD):
        watch.begin()
        process = await asyncio.create_subprocess_exec(program)
        watch.turn()
        if number >= HELD_BEFORE:
            held.append(watch.longest)
            held_wall.append(watch.longest_wall)
        await process.wait()
    ticker.cancel()
    say(f"{name} p50", percentile(held, 50))
    say(f"{name} p99", percentile(held, 99))
    say(f"{name} p99 wall", percentile(held_wall, 99))


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
    "start/fds": lambda: measure_start("static 10k fds", helper("nothing"), add_descriptors),
    "start/memory": lambda: measure_start("static 1 GiB", helper("nothing"), add_memory),
    "held/static": lambda: measure_held("held/static", helper("nothing")),
    "held/true": lambda: measure_held("held/true", "/bin/true"),
    "held/fds": lambda: measure_held("held/static 10k fds", helper("nothing"), add_descriptors),
    "held/memory": lambda: measure_held("held/static 1 GiB", helper("nothing"), add_memory),
    "chunk": lambda: measure_chunk("chunk"),
    "chunk/1": lambda: measure_chunk("chunk/1"),
    "line": measure_line,
}


if __name__ == "__main__":
    main(ALL, *sys.argv[1:])
