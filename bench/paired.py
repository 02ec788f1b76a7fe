"""Compares our program with others that run in turn with it: other commits of the library, or peers.

On a busy machine two runs of one program differ by a quarter, so medians of separate runs cannot show a difference of
a few percent. Here each program runs for a slice of about half a second, pinned to the same processor, then the next
one does: a pair of neighbouring slices had the same load. For each row the median of the pairs' ratios is printed, with
the quartiles, and a verdict if a sign test with a level of 1 % finds a difference: 13 of 15 pairs must agree.

count_all counts the instructions of one operation with callgrind instead; the load does not matter then.
"""
import math
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import programs
import report

SLICE_S = 0.5
PAIRS = 15
LONGEST_COUNT_S = 1800  # under callgrind, on a busy machine
LEVEL = 0.01  # of the sign test


class Variant(NamedTuple):
    """What a benchmark's program is built from."""
    about: str
    bench: Path | None  # the folder of its sources; None: a peer of this tree
    folder: Path


def build_variants(words, folder, temporary):
    """{name: variant}, ours first. Each word names a peer or a commit, which is built in the temporary folder."""
    compiler = programs.output_of([*programs.compiler(), "--version"]).splitlines()[0]
    variants = {programs.OURS: Variant(f"this tree; {compiler}", programs.BENCH, folder)}
    for word in words:
        commit = programs.commit_of(word)
        if (programs.BENCH / "peers" / word / "build.sh").exists():
            variants[word] = Variant("", None, folder)
        elif commit is None:
            sys.exit(f"bench/run.py: {word} is neither a peer in bench/peers nor a commit")
        else:
            report.show_progress(f"building {word}")
            place = Path(temporary) / commit
            place.mkdir(exist_ok=True)
            about = programs.output_of(["git", "-C", str(programs.BENCH), "log", "-1", "--format=%h %s", commit])
            variants[word] = Variant(about, *programs.build_commit(commit, folder, place))
    return variants


# ---- ratios of pairs ------------------------------------------------------------------------------------------


def run_slice(program, measurement, rows):
    """{row: value}: the best of as many runs as begin within the time of a slice. Interference makes a run worse only."""
    values = {}
    end = time.monotonic() + SLICE_S
    while True:
        for row, (value, _) in programs.measure_once(program, measurement).items():
            values.setdefault(row, []).append(value)
        if time.monotonic() >= end:
            return {row: min(several) if better_of(rows.get(row, {})) == "lower" else max(several)
                    for row, several in values.items()}


def better_of(row):
    return row.get("better", "lower")


def take_turns(commands, measurement, pairs, rows):
    """The slices of each turn: [{name: {row: value}}]. Every other turn goes backwards, against drift."""
    turns = []
    for number in range(pairs):
        report.show_progress(f"{measurement}, pair {number + 1} of {pairs}")
        names = list(commands) if number % 2 == 0 else list(reversed(commands))
        turns.append({name: run_slice(commands[name], measurement, rows) for name in names})
    return turns


def compare(row, name, turns):
    """(our median, the other's median, ratios of the pairs); None if no pair has both."""
    pairs = [(turn[programs.OURS][row], turn[name][row]) for turn in turns
             if name in turn and row in turn[programs.OURS] and row in turn[name]]
    ratios = [ours / other for ours, other in pairs if other != 0]
    if not ratios:
        return None
    ours, others = (statistics.median(values) for values in zip(*pairs))
    return ours, others, ratios


def quartiles_of(ratios):
    return statistics.quantiles(ratios, n=4, method="inclusive") if len(ratios) > 1 else ratios * 3


def chance_of(ratios):
    """The probability that at least as many pairs agree if there is no difference: the two-sided sign test."""
    below, above = sum(ratio < 1 for ratio in ratios), sum(ratio > 1 for ratio in ratios)
    count = below + above
    tail = sum(math.comb(count, number) for number in range(max(below, above), count + 1))
    return min(1, 2 * tail / 2 ** count)


def verdict(ratios, better):
    """The difference, if the ratios ours / other show one."""
    median = statistics.median(ratios)
    if chance_of(ratios) > LEVEL:
        return "not clearly different"
    word = "better" if (median < 1) == (better == "lower") else "worse"
    return f"{word} by {abs(median - 1):.1%}"


def pairs_of(measurement, spec):
    """PAIRS, and fewer of a measurement that the table measures less often because it takes long."""
    pairs, rounds = int(os.environ.get("PAIRS", PAIRS)), spec["rounds"]
    return max(1, pairs * spec.get("rounds_of", {}).get(measurement, rounds) // rounds)


def build_commands(name, variants):
    """The command of each variant that builds: {name: words}."""
    folder = variants[programs.OURS].folder
    load = programs.build_load(name, folder, programs.read_spec(name).get("libraries", []))
    commands = {}
    for word, variant in variants.items():
        if variant.bench is not None:
            program = programs.build_ours(name, variant.folder, variant.bench)
        else:
            program, about = programs.build_peer(word, name, folder)
            variants[word] = variant._replace(about=about)
        if program is not None:
            commands[word] = [*load, str(program)]
    return commands


class Table:
    """Prints each row as soon as it is measured: one line for each other program."""

    def __init__(self, spec, names):
        self.spec, self.names = spec, names
        self.widths = [max(map(len, spec["rows"])), 6, 9, 9, max(map(len, names)), 6, 13, 5, 0]
        self.print_line(["row", "unit", programs.OURS, "other", "", "ratio", "quartiles", "pairs", "ours is"])

    def print_line(self, cells):
        report.print_line(cells, self.widths, left={0, 1, 4, 8})

    def print_rows(self, turns):
        for row, fields in self.spec["rows"].items():
            for name in self.names:
                compared = compare(row, name, turns)
                if compared is not None:
                    ours, other, ratios = compared
                    low, median, high = quartiles_of(ratios)
                    self.print_line([row, fields["unit"], report.short(ours), report.short(other), name,
                                     f"{median:.3f}", f"{low:.3f}..{high:.3f}", str(len(ratios)),
                                     verdict(ratios, better_of(fields))])


def compare_one(name, variants, wanted):
    """Measures one benchmark and prints its table."""
    spec = programs.read_spec(name)
    commands = build_commands(name, variants)
    report.print_machine({word: variant.about for word, variant in variants.items()})
    measurements = {word: programs.measurements_of(command) for word, command in commands.items()}
    allowed = sorted(os.sched_getaffinity(0))
    table = Table(spec, [word for word in variants if word != programs.OURS])
    for measurement in (one for one in measurements[programs.OURS] if not wanted or one in wanted):
        able = {word: commands[word] for word in commands if measurement in measurements[word]
                and measurement not in spec.get("without", {}).get(word, [])}
        if programs.OURS in able and len(able) > 1:
            programs.pin(spec.get("processors_of", {}).get(measurement, spec.get("processors", 1)), allowed)
            turns = take_turns(able, measurement, pairs_of(measurement, spec), spec["rows"])
            report.show_progress("")
            table.print_rows(turns)
    os.sched_setaffinity(0, allowed)


def compare_all(names, folder, words, wanted):
    """Measures the benchmarks of these names against the commits and peers that the words name; prints tables."""
    with tempfile.TemporaryDirectory(prefix="bench-") as temporary:
        variants = build_variants(words, folder, temporary)
        for name in names:
            compare_one(name, variants, wanted)
    return 0


# ---- instructions ---------------------------------------------------------------------------------------------


def count_instructions(program, measurement):
    """Instructions of one operation.

    The program reads the clock twice, and callgrind writes its counters before each reading, so its second file has
    the measured part. In a build that counts (bench.h) the row's value is 1 / operations.
    """
    with tempfile.TemporaryDirectory(prefix="bench-") as place:
        command = ["valgrind", "--quiet", "--tool=callgrind", "--dump-before=bench_cpu",
                   f"--callgrind-out-file={place}/out", str(program), measurement]
        values = programs.measure_once(command[:-1], measurement, LONGEST_COUNT_S)
        if len(values) != 1:
            sys.exit(f"bench/run.py: {measurement} was not counted")
        (value, _), = values.values()
        totals = re.search(r"^totals: (\d+)", Path(place, "out.2").read_text(), re.MULTILINE)
    return int(totals[1]) * value


def count_rows(name, variants, wanted):
    """(row, [instructions, ours first]) of each row that the benchmark's file lists as `count`."""
    counting = {word: programs.build_ours(name, variant.folder, variant.bench, counts=True)
                for word, variant in variants.items()}
    for row in (row for row in programs.read_spec(name).get("count", []) if not wanted or row in wanted):
        report.show_progress(f"counting {row}")
        yield row, [count_instructions(program, row) for program in counting.values()]


def difference(ours, other):
    return "the same" if round(ours, 2) == round(other, 2) else f"{ours - other:+.2f} ({ours / other - 1:+.1%})"


def count_all(names, folder, words, wanted):
    """Prints the instructions of one operation, of ours and of the commits that the words name."""
    with tempfile.TemporaryDirectory(prefix="bench-") as temporary:
        variants = build_variants(words, folder, temporary)
        peers = [word for word, variant in variants.items() if variant.bench is None]
        if peers:
            sys.exit(f"bench/run.py: instructions are compared with commits only, not with {', '.join(peers)}")
        report.print_machine({name: variant.about for name, variant in variants.items()})
        others = list(variants)[1:]
        lines = [["instructions of one", programs.OURS, *(part for word in others for part in (word, "ours - it"))]]
        for name in names:
            for row, (ours, *counts) in count_rows(name, variants, wanted):
                lines.append([row, f"{ours:.2f}", *(part for count in counts
                                                    for part in (f"{count:.2f}", difference(ours, count)))])
        report.show_progress("")
        report.print_columns(lines, left={0})
    return 0


# ---- the test of all this -------------------------------------------------------------------------------------

# Ratios ours / other, which values are better, and the verdict.
VERDICTS = [
    ([0.9] * 15, "lower", "better by 10.0%"), ([0.9] * 15, "higher", "worse by 10.0%"),
    ([1.02] * 13 + [0.9] * 2, "lower", "worse by 2.0%"), ([1.02] * 13 + [0.9] * 2, "higher", "better by 2.0%"),
    ([1.02] * 12 + [0.9] * 3, "lower", "not clearly different"), ([2.0] * 3, "lower", "not clearly different"),
    ([1.0] * 15, "lower", "not clearly different"), ([1.5] * 8 + [1.0] * 7, "lower", "worse by 50.0%"),
]


def self_test():
    """Sentences about each mistake."""
    turns = [{programs.OURS: {"row": ours}, "it": {"row": other}}
             for ours, other in ((10, 10), (12, 10), (33, 30), (90, 100), (52, 50))]
    turns += [{programs.OURS: {"row": 1}, "it": {}}, {programs.OURS: {}, "it": {"row": 1}}]
    ours, other, ratios = compare("row", "it", turns)
    quartiles = [round(value, 6) for value in quartiles_of(ratios)]
    if (ours, other, len(ratios), quartiles) != (33, 30, 5, [1, 1.04, 1.1]):
        yield f"compare gives {ours}, {other}, {ratios}, with the quartiles {quartiles}"
    if compare("another row", "it", turns) is not None:
        yield "compare finds a row that was not measured"
    for ratios, better, expected in VERDICTS:
        if verdict(ratios, better) != expected:
            yield f"{ratios}, {better} is better: {verdict(ratios, better)!r} instead of {expected!r}"
