"""Plays programs on queues in Redis, by the player, and on CPython, and compares their outcomes.

The player sleeps most of the time, so many of them play at once. On a busy machine something may be so late that a program
has another outcome: a program that differs is played again with longer units of time, and only what differs each time is
a difference.
"""

import contextlib
import itertools
import shutil
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import Pool
from pathlib import Path
from typing import NamedTuple

import rules
from redis_queues import RULES, expected_outcome, generate, outcome_of
from sides import Difference, play_on_library

UNITS = [0.03, 0.08, 0.2]  # seconds
PLAYERS, BATCH = 24, 4


class Side(NamedTuple):
    """The player's command, and the server."""

    player: list
    url: str


class Outcome(NamedTuple):
    """Of all programs. again: how many were played more than once."""

    programs: int
    again: int
    differences: list
    rules: rules.Rules


@contextlib.contextmanager
def server():
    """A private server: its URL."""
    with tempfile.TemporaryDirectory(prefix="redis-conformance-") as folder:
        path = Path(folder) / "socket"
        command = ["redis-server", "--port", "0", "--unixsocket", str(path), "--save", "", "--dir", folder]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        try:
            for _ in range(1000):
                if path.exists():
                    break
                time.sleep(0.01)
            yield f"unix://{path}"
        finally:
            process.kill()
            process.wait()


def is_installed() -> bool:
    return shutil.which("redis-server") is not None


def play(side, unit, texts) -> list[str]:
    """The outcomes on the library."""
    command = ["env", f"CONFORMANCE_REDIS={side.url}", f"CONFORMANCE_UNIT={unit}", *side.player]
    traces = play_on_library(command, texts)
    return [trace if "died with" in trace else outcome_of(trace.split("\n")) for trace in traces]


def differences_of(side, unit, programs) -> list[Difference]:
    """programs: texts with the expected outcomes."""
    batches = [programs[i:i + BATCH] for i in range(0, len(programs), BATCH)]
    with ThreadPoolExecutor(PLAYERS) as pool:
        outcomes = pool.map(lambda batch: play(side, unit, [text for text, _ in batch]), batches)
    return [Difference(text, outcome, expected) for (text, expected), outcome in zip(programs, itertools.chain(*outcomes))
            if outcome != expected]


def play_again(side, differences, units) -> list[Difference]:
    """Those that differ with these units, too."""
    for unit in units:
        programs = [(difference.text, expected_outcome(difference.text, rules.Rules(), unit)) for difference in differences]
        differences = differences_of(side, unit, [program for program in programs if program[1] is not None])
    return differences


def compare(side, texts) -> list[Difference]:
    """Of these programs, those that can be compared and differ."""
    programs = [(text, expected_outcome(text, rules.Rules(), UNITS[0])) for text in texts]
    clear = [program for program in programs if program[1] is not None]
    return play_again(side, differences_of(side, UNITS[0], clear), UNITS[1:2])


def draw(job):
    """A program with its outcome, or None, and the rules that it exercises."""
    rules.RULES.update(RULES)  # it is a process of its own
    counted, text = rules.Rules(), generate(*job)
    return text, expected_outcome(text, counted, UNITS[0]), counted


def draw_all(seed, count, jobs, counted) -> list:
    """The first programs of that seed that can be compared."""
    programs = []
    with Pool(jobs) as pool:
        for text, expected, here in pool.imap(draw, ((seed, number) for number in range(100 * count)), chunksize=8):
            if expected is not None:
                programs.append((text, expected))
                counted.add(here)
            if len(programs) == count:
                break
    return programs


def play_all(side, seed, count, jobs) -> Outcome:
    """Plays so many programs."""
    counted = rules.Rules()
    programs = draw_all(seed, count, jobs, counted)
    found = differences_of(side, UNITS[0], programs)
    return Outcome(len(programs), len(found), play_again(side, found, UNITS[1:]), counted)
