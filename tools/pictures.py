#!/usr/bin/env python3
"""Runs the five programs of the tutorial with ASYNCIO_TRACE, all at once, and draws their timelines.

    tools/pictures.py BUILD_DIR    writes docs/tutorial/pictures/*.svg; `make pictures` builds first

5_queue runs until Ctrl-C, which it gets after some seconds.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PICTURES = ROOT / "docs/tutorial/pictures"
PROGRAMS = {"1_hello": [], "2_await": [], "3_tasks": [], "4_gather": [], "5_queue": ["7"]}
INTERRUPTED, SECONDS, MOST_SECONDS = "5_queue", 14, 60


def start(build: Path, name: str, folder: Path) -> subprocess.Popen:
    surroundings = {**os.environ, "ASYNCIO_TRACE": str(folder / f"{name}.trace")}
    return subprocess.Popen([build / name, *PROGRAMS[name]], env=surroundings, stdout=subprocess.DEVNULL)


def draw(build: Path, folder: Path) -> None:
    running = {name: start(build, name, folder) for name in PROGRAMS}
    time.sleep(SECONDS)
    running[INTERRUPTED].send_signal(signal.SIGINT)
    for name, process in running.items():
        status = process.wait(MOST_SECONDS)
        if status != (130 if name == INTERRUPTED else 0):
            sys.exit(f"{name} has ended with status {status}")
        subprocess.run([build / "asyncio", "trace", folder / f"{name}.trace", "-o", PICTURES / f"{name}.svg"],
                       check=True)


def main(arguments: list[str]) -> int:
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        draw(Path(arguments[0]).resolve(), Path(folder))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
