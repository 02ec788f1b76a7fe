#!/usr/bin/env python3
"""Differential test: plays random programs on libasyncio and on CPython's asyncio, and prints where they differ.

    compare.py N SEED        programs 0 to N - 1 of that seed; status 1 if there is a difference
    compare.py --play FILE   one program, and both traces if they differ
    compare.py --queues redis …  the queues are in a private Redis server; see redis_queues.py

The last line has the number of programs and of differences. docs/decisions/conformance.md explains what is compared and
why it must be equal.
"""

import argparse
import os
import shlex
import sys
from collections import Counter
from multiprocessing import Pool
from pathlib import Path
from typing import NamedTuple

import redis_queues
import redis_sides
from generate import generate
from language import ARGUMENTS
from rules import RULES, Rules
from shrink import indented, shrink
from sides import compare

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "scripts"))
from built import BUILD, SKIPPED, WRAPPER  # noqa: E402

BATCH, MAX_SHOWN = 500, 3


class Outcome(NamedTuple):
    """The differences in a batch of programs."""

    programs: int
    differences: list
    rules: Rules


def play_batch(job) -> Outcome:
    """Plays programs first to last - 1."""
    player, seed, first, last = job
    rules = Rules()
    differences = compare(player, [generate(seed, number) for number in range(first, last)], rules)
    return Outcome(last - first, differences, rules)


def batches(player, seed, count):
    for first in range(0, count, BATCH):
        yield player, seed, first, min(first + BATCH, count)


def play_all(player, seed, count, jobs, stop_after) -> Outcome:
    """Plays all programs, or until stop_after differences were found."""
    total, rules, differences = 0, Rules(), []
    with Pool(jobs) as pool:
        for outcome in pool.imap_unordered(play_batch, batches(player, seed, count)):
            total += outcome.programs
            differences += outcome.differences
            rules.add(outcome.rules)
            if len(differences) >= stop_after:
                break
    return Outcome(total, differences, rules)


def first_difference(difference) -> str:
    """Both traces, from a little before where they part."""
    library, python = difference.of_library.split("\n"), difference.of_python.split("\n")
    same = next((i for i, (a, b) in enumerate(zip(library, python)) if a != b), min(len(library), len(python)))
    width = max([len(line) for line in library] + [10]) + 2
    rows = [f"  {'libasyncio':{width}}CPython with rules"]
    for i in range(max(0, same - 6), max(len(library), len(python))):
        a, b = (side[i] if i < len(side) else "" for side in (library, python))
        rows.append(f"{' ' if a == b else '!'} {a:{width}}{b}")
    return "\n".join(rows[:40])


def show(difference):
    print(indented(difference.text))
    print()
    print(first_difference(difference))
    print()


def report(outcome, names=RULES):
    """How often each rule and each operation was exercised, in percent of the programs."""
    print(f"{'rule':28}{'programs':>10}{'uses':>10}")
    for name in names:
        print(f"{name:28}{outcome.rules.programs[name]:10}{outcome.rules.uses[name]:10}")
    words = Counter({word: outcome.rules.words[word] for word in [*ARGUMENTS, "(stuck)"] if outcome.rules.words[word]})
    print("\noperations, in percent of the programs that perform them:")
    print(", ".join(f"{word} {100 * number / outcome.programs:.1f}" for word, number in words.most_common()))
    print()


def play_one(side, text, compare) -> int:
    found = compare(side, [text])
    for difference in found:
        show(difference)
    return 1 if found else 0


def options():
    parser = argparse.ArgumentParser()
    parser.add_argument("--player", type=shlex.split, default=[*WRAPPER, str(BUILD / "conformance-player")])
    parser.add_argument("count", type=int, nargs="?", default=1000)
    parser.add_argument("seed", nargs="?", default="1")
    parser.add_argument("--play", type=Path)
    parser.add_argument("--queues", choices=["local", "redis"], default="local")
    parser.add_argument("--quiet", action="store_true")
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1))
    return parser.parse_args()


def run_local(chosen) -> int:
    if chosen.play:
        return play_one(chosen.player, chosen.play.read_text().strip("\n"), compare)
    outcome = play_all(chosen.player, chosen.seed, chosen.count, chosen.jobs, MAX_SHOWN if chosen.quiet else 20)
    if not chosen.quiet:
        report(outcome)
    for difference in outcome.differences[:MAX_SHOWN]:
        show(shrink(chosen.player, difference))
    print(f"{outcome.programs} programs, {len(outcome.differences)} differences")
    return 1 if outcome.differences else 0


def run_in_redis(chosen) -> int:
    if not redis_sides.is_installed():
        print("redis-server is not installed")
        return SKIPPED
    RULES.update(redis_queues.RULES)
    with redis_sides.server() as url:
        side = redis_sides.Side(chosen.player, url)
        if chosen.play:
            return play_one(side, chosen.play.read_text().strip("\n"), redis_sides.compare)
        outcome = redis_sides.play_all(side, chosen.seed, chosen.count, chosen.jobs)
        if not chosen.quiet:
            report(outcome, redis_queues.RULES)
        for difference in outcome.differences[:1]:  # it takes the time of a hundred programs
            show(shrink(side, difference, redis_sides.compare))
    print(f"{outcome.programs} programs on queues in Redis, {outcome.again} played again, "
          f"{len(outcome.differences)} differences")
    return 1 if outcome.differences else 0


def main() -> int:
    if sys.version_info < (3, 11):
        print("this Python is older than 3.11, and its asyncio lacks too much")
        return SKIPPED
    chosen = options()
    return run_in_redis(chosen) if chosen.queues == "redis" else run_local(chosen)


if __name__ == "__main__":
    sys.exit(main())
