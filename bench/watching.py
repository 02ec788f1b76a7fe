#!/usr/bin/env python3
"""What it costs a server to be looked at: bench/echo.c with 10,000 idle tasks and 50 busy connections, under full load.

    bench/watching.py FOLDER      the build folder of `make bench`: build-bench

Runs with `asyncio ps` once a second, or with `asyncio top`, stand between runs without; each is compared with the mean of
its two neighbours, so that other load of the machine counts for both. Prints the medians of the ratios with their
quartiles, and the processor time of the tool. The server has one processor, the load generator another one, and the tool
is on that of the load generator, or on that of the server: the worst case, where the kernel takes the tool's time from
the server. A load generator that shares its processor is late itself, and so are the answers that it measures: then the
server's processor time for a request tells the cost. ROUNDS=20 in the environment measures that many pairs of each kind,
in place of 10.
"""

import os
import resource
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

import programs

IDLE_TASKS = 10000
MEASUREMENT = "50x64"
ROWS = {"cpu": "processor time a request", "rate": "throughput", "p99": "p99"}
PS, IDLE, TOP = "asyncio ps once a second", "chrt -i 0 asyncio ps once a second", "asyncio top, 250 samples a second"
KINDS = [(PS, "load"), (TOP, "load"), (PS, "server"), (IDLE, "server"), (TOP, "server")]


def child_of(process: subprocess.Popen) -> int:
    """The server, which the load generator has started."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    while process.poll() is None:
        numbers = children.read_text().split()
        if numbers and Path(f"/proc/{numbers[0]}/comm").read_text().startswith("echo-ours"):
            return int(numbers[0])
        time.sleep(0.01)
    sys.exit("the load generator has ended")


def watch(tool: list[str], server: int, processor: int, over: threading.Event):
    """Runs the tool once a second until the server has ended."""
    while not over.is_set():
        begun = time.monotonic()
        subprocess.run([*tool, str(server)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False,
                       preexec_fn=lambda: os.sched_setaffinity(0, {processor}))
        over.wait(max(0, 1 - (time.monotonic() - begun)))


def run(load: list[str], program: Path, tool: list[str], processor: int) -> dict[str, float]:
    """The rows of a run, and the part of a processor that the tool used."""
    over = threading.Event()
    begun, used = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    with subprocess.Popen([*load, str(program), MEASUREMENT], text=True, stdout=subprocess.PIPE,
                          env={**os.environ, "IDLE_TASKS": str(IDLE_TASKS)}) as process:
        server = child_of(process)
        watcher = threading.Thread(target=watch, args=(tool, server, processor, over))
        if tool:
            watcher.start()
        lines = process.stdout.read().splitlines()
        over.set()
        if tool:  # before the load generator is waited for: until then only the tools are counted
            watcher.join()
            now = resource.getrusage(resource.RUSAGE_CHILDREN)
    rows = {line.split("\t")[0].partition("/")[0]: float(line.split("\t")[1]) for line in lines}
    if tool:
        rows["tool"] = (now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime) / (time.monotonic() - begun)
    return rows


def show(name: str, ratios: list[float]) -> str:
    low, middle, high = statistics.quantiles(ratios, n=4)
    return f"{name} {100 * (middle - 1):+5.1f} % ({100 * (low - 1):+.1f} to {100 * (high - 1):+.1f})"


def main(folder: Path) -> None:
    program, load = programs.build_ours("echo", folder), programs.build_load("echo", folder, [])
    command = str(folder / "asyncio")
    tools = {PS: [command, "ps"], IDLE: ["chrt", "-i", "0", command, "ps"],
             TOP: [command, "top", "--once", "--seconds", "1"]}
    allowed = sorted(os.sched_getaffinity(0))
    processors = {"server": allowed[-1], "load": allowed[-2:][0]}
    pairs = {kind: [] for kind in KINDS}
    before = run(load, program, [], 0)
    for _ in range(int(os.environ.get("ROUNDS", 10))):
        for tool, place in KINDS:
            during = run(load, program, tools[tool], processors[place])
            after = run(load, program, [], 0)
            ratios = {row: during[row] / ((before[row] + after[row]) / 2) for row in ROWS}
            pairs[tool, place].append({**ratios, "tool": during["tool"]})
            before = after
    print(f"{IDLE_TASKS} idle tasks, 50 busy connections; a run without a tool: "
          f"{before['rate']:.0f} requests a second, p99 {before['p99']:.0f} µs")
    for tool, place in KINDS:
        found = pairs[tool, place]
        texts = [show(name, [pair[row] for pair in found]) for row, name in ROWS.items()]
        used = statistics.median(pair["tool"] for pair in found)
        print(f"{tool}, on the processor of the {'load generator' if place == 'load' else place}: "
              f"{', '.join(texts)}; the tool uses {100 * used:.1f} % of a processor")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
