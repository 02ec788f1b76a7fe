"""Compares our program with others that run in turn with it: other commits of the library, or peers.

On a busy machine two runs of one program differ by a quarter, so medians of separate runs cannot show a difference of
a few percent. Here each program runs for a slice of about half a second, pinned to the same processor, then the next
one does: a pair of neighbouring slices had the same load, and its ratio is what counts. For each row the median of
the ratios is printed, with their quartiles: if 1 lies between the quartiles, the pairs show no difference.

count_all counts the instructions of one operation with callgrind instead; the load does not matter then.
"""
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


def run_slice(program, measurement):
    """{row: value}: the medians of as many runs as begin within the time of a slice."""
    values = {}
    end = time.monotonic() + SLICE_S
    while True:
        for row, (value, _) in programs.measure_once(program, measurement).items():
            values.setdefault(row, []).append(value)
        if time.monotonic() >= end:
            return {row: statistics.median(several) for row, several in values.items()}


def take_turns(commands, measurement, pairs):
    """The slices of each turn: [{name: {row: value}}]. Every other turn goes backwards, against drift."""
    turns = []
    for number in range(pairs):
        report.show_progress(f"{measurement}, pair {number + 1} of {pairs}")
        names = list(commands) if number % 2 == 0 else list(reversed(commands))
        turns.append({name: run_slice(commands[name], measurement) for name in names})
    return turns


def compare(row, name, turns):
    """(our median, the other's median, quartiles of the ratios, number of pairs); None if no pair has both."""
    pairs = [(turn[programs.OURS][row], turn[name][row]) for turn in turns
             if name in turn and row in turn[programs.OURS] and row in turn[name]]
    ratios = [ours / other for ours, other in pairs if other != 0]
    if not ratios:
        return None
    quartiles = statistics.quantiles(ratios, n=4, method="inclusive") if len(ratios) > 1 else ratios * 3
    ours, others = (statistics.median(values) for values in zip(*pairs))
    return ours, others, quartiles, len(ratios)


def verdict(quartiles, better):
    """What the ratios ours / other say."""
    low, median, high = quartiles
    if low <= 1 <= high:
        return "no different"
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
                    ours, other, quartiles, count = compared
                    self.print_line([row, fields["unit"], report.short(ours), report.short(other), name,
                                     f"{quartiles[1]:.3f}", f"{quartiles[0]:.3f}..{quartiles[2]:.3f}", str(count),
                                     verdict(quartiles, fields.get("better", "lower"))])


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
            turns = take_turns(able, measurement, pairs_of(measurement, spec))
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
        (value, _), = programs.measure_once(command[:-1], measurement).values()
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

# Quartiles of ours / other, which values are better, and the verdict.
VERDICTS = [
    ((0.9, 1.0, 1.1), "lower", "no different"), ((1.0, 1.1, 1.2), "lower", "no different"),
    ((0.8, 0.9, 0.95), "lower", "better by 10.0%"), ((1.01, 1.02, 1.03), "lower", "worse by 2.0%"),
    ((0.8, 0.9, 0.95), "higher", "worse by 10.0%"), ((1.01, 1.02, 1.03), "higher", "better by 2.0%"),
]


def self_test():
    """Sentences about each mistake."""
    turns = [{programs.OURS: {"row": ours}, "it": {"row": other}}
             for ours, other in ((10, 10), (12, 10), (33, 30), (90, 100), (52, 50))]
    turns += [{programs.OURS: {"row": 1}, "it": {}}, {programs.OURS: {}, "it": {"row": 1}}]
    ours, other, quartiles, count = compare("row", "it", turns)
    if (ours, other, count) != (33, 30, 5) or [round(value, 6) for value in quartiles] != [1, 1.04, 1.1]:
        yield f"compare gives {ours}, {other}, {quartiles}, {count}"
    if compare("another row", "it", turns) is not None:
        yield "compare finds a row that was not measured"
    for quartiles, better, expected in VERDICTS:
        if verdict(quartiles, better) != expected:
            yield f"{quartiles}, {better} is better: {verdict(quartiles, better)!r} instead of {expected!r}"
