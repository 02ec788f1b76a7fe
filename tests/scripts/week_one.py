#!/usr/bin/env python3
"""Runs the programs of examples/week-one beside their counterparts in Python, and compares their output.

    week_one.py clock     programs that only sleep: lines and seconds on virtual clocks, to the end and to a Ctrl-C
    week_one.py cache     the unit tests of the cache
    week_one.py fetcher   with a server that answers, drops connections, sends garbage, or is silent

The programs in C are taken from the folder BUILD_DIR.
"""

import contextlib
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import tutorial
from built import BUILD, ROOT, SKIPPED, WRAPPER
from tutorial import Failure, Run

SOURCES = ROOT / "examples" / "week-one"
PROGRAMS = BUILD / "examples" / "week-one"

# To the end, and to a Ctrl-C in that second; not where CPython goes through a set and the order of lines is anyone's.
RUNS = {"workers": [Run(), Run(interrupt_at="3.05")], "mirrors": [Run(), Run(interrupt_at="1.05")], "pubsub": [Run()]}
BACKENDS = ["sim", "epoll", "uring"]
AT_ONCE = 10  # requests that the fetcher has under way
TIME_LIMIT = 10  # seconds until a test that hangs fails


def output_of(*command, **surroundings) -> list[str]:
    """The output of a program that must succeed."""
    with tutorial.Program([*map(str, command)], **surroundings) as program:
        lines, _ = program.finish(0)
    return lines


# ---- programs that only sleep ------------------------------------------------------------------------------------


def test_clock() -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name, runs in RUNS.items():
            stamped = tutorial.build_stamped(SOURCES / (name + ".c"), Path(folder))
            for run in runs:
                expected = tutorial.stamped_twin(SOURCES / (name + ".py"), run)
                tutorial.compare_seconds(stamped, run, expected)
                if not run.interrupt_at:
                    tutorial.compare_lines(PROGRAMS / name, run, tutorial.without_stamps(expected))


# ---- the cache ------------------------------------------------------------------------------------------------


def test_cache() -> None:
    expected = output_of(sys.executable, SOURCES / "cache_test.py")
    for backend in BACKENDS:
        lines = output_of(*WRAPPER, PROGRAMS / "cache_test", ASYNCIO_BACKEND=backend)
        passed = [line.partition(" - ")[2] for line in lines if line.startswith("ok ")]
        tutorial.expect_same(f"cache_test on {backend}", expected, passed)


# ---- the fetcher ----------------------------------------------------------------------------------------------


class Server(ThreadingHTTPServer):
    """Answers on a port of the kernel's choice, for as long as its block lasts."""
    daemon_threads = True
    request_queue_size = 64

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server_address[1]}"
        # One more than is allowed has a moment to come: a slow machine lets that mistake pass, and makes none up.
        self.together = threading.Barrier(AT_ONCE, action=lambda: time.sleep(0.05))
        self.lock = threading.Lock()
        self.seen, self.now, self.most = set(), 0, 0

    def __enter__(self):
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()

    def count(self, change):
        with self.lock:
            self.now += change
            self.most = max(self.most, self.now)

    def is_first(self, path):
        with self.lock:
            self.seen, is_first = self.seen | {path}, path not in self.seen
        return is_first


class Handler(BaseHTTPRequestHandler):
    """The first word of the path says how a request ends."""

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.server.count(1)
        kind = self.path.split("/")[1]
        if kind == "together":  # answered when that many have come, or not at all
            with contextlib.suppress(threading.BrokenBarrierError):
                self.server.together.wait(TIME_LIMIT)
            kind = "nonsense" if self.server.together.broken else kind
        self.server.count(-1)  # the next one may come before we are done here
        with contextlib.suppress(OSError):
            if kind == "silent":
                self.connection.recv(1)  # until the client closes
            elif kind == "nonsense":
                self.wfile.write(b"hello\r\n")
            elif kind != "flaky" or not self.server.is_first(self.path):
                self.answer(404 if kind == "missing" else 200)

    def answer(self, status):
        self.send_response(status)
        self.end_headers()
        self.wfile.write(self.path.encode() * 100)


def fetch(command, seconds, paths, **surroundings) -> list[str]:
    """Its lines, without the ports and what only C tells; at no time were there more requests than it is allowed."""
    with Server() as server, socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))  # and does not listen, so it refuses
        refusing = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        urls = [path if ":" in path else (refusing if path == "/refused" else server.address) + path for path in paths]
        lines = output_of(*command, seconds, *urls, **surroundings)
        if server.most > AT_ONCE:
            raise Failure(f"{server.most} requests at once")
    return [re.sub(r"(?<=127\.0\.0\.1):\d+", ":PORT", line.replace("connect to " + refusing[7:] + ": ", ""))
            for line in lines]


def test_fetcher() -> None:
    """What must time out has little time, what must not has much: how fast the machine is does not matter."""
    answered = [f"/together/{i}" for i in range(2 * AT_ONCE)] + \
        ["/page", "/missing", "/flaky/1", "/flaky/2", "/nonsense", "/refused", "ftp://elsewhere"]
    for seconds, paths in (60, answered), (0.05, ["/silent/1", "/silent/2"]):
        expected = fetch([sys.executable, SOURCES / "fetcher.py"], seconds, paths)
        for backend in BACKENDS:
            lines = fetch([*WRAPPER, PROGRAMS / "fetcher"], seconds, paths, ASYNCIO_BACKEND=backend)
            tutorial.expect_same(f"fetcher on {backend}", expected, lines)


def main(what: str) -> int:
    if sys.version_info < (3, 11):
        print("the counterparts in Python need version 3.11")
        return SKIPPED
    try:
        {"clock": test_clock, "cache": test_cache, "fetcher": test_fetcher}[what]()
    except (Failure, subprocess.CalledProcessError) as failure:
        print(failure)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
