#!/usr/bin/env python3
"""Runs a benchmark: ours and its peers in turn, pinned to one processor, and compares the medians.

    bench/run.py NAMES FOLDER [MEASUREMENT…]
    bench/run.py --against VARIANTS NAMES FOLDER [MEASUREMENT…]
    bench/run.py --count [--against COMMITS] NAMES FOLDER [MEASUREMENT…]
    bench/run.py --self-test    checks the judgements on given numbers

NAMES is a list of benchmarks, in one word: 'core sync'. bench/NAME.toml describes a benchmark's rows. FOLDER is a build
folder with the library installed in FOLDER/installed. With MEASUREMENTs only these are made. ROUNDS=1 in the
environment makes each measurement once. Writes bench/results/NAME.json, unless MEASUREMENTs are given.

--against compares ours with each of VARIANTS, which are commits or peers ('HEAD~1 go'), in pairs of slices of half a
second: the mode for a busy machine, see paired.py. A commit is built in a temporary folder with the compiler and the
options of FOLDER, and brings the sources of its benchmark. PAIRS=30 in the environment measures that many pairs.

--count prints the instructions of one operation, counted by callgrind, for the rows that NAME.toml lists as `count`.

It must not know what is measured: see bench.h.
"""
import json
import os
import signal
import statistics
import sys
from pathlib import Path

import paired
import programs
import report
from programs import BENCH, OURS
from report import short

WIDE_SPREAD = 0.15
# a raw switch without tasks; commands of Redis without a queue; ourselves
NO_RIVALS = {"boost", "redis-benchmark", "hiredis", "ours-epoll", "ours-uring"}
NO_LIBRARIES = NO_RIVALS | {"epoll", "uring", "redis-server", "blocking"}  # written for this one purpose
RIVALS = {"go", "tokio", "asyncio"}  # rows with `ahead` compare with these


# ---- measuring ------------------------------------------------------------------------------------------------


def measure(commands, spec, wanted):
    """In each round every program makes every measurement once: {row: {program: [(value, target), …]}}."""
    measurements = {name: programs.measurements_of(command) for name, command in commands.items()}
    most = int(os.environ.get("ROUNDS", spec["rounds"]))
    made = [name for name in measurements[OURS] if not wanted or name in wanted]
    rounds = {name: min(most, spec.get("rounds_of", {}).get(name, most)) for name in made}
    processors, without = spec.get("processors_of", {}), spec.get("without", {})
    allowed = sorted(os.sched_getaffinity(0))
    values = {}
    for number in range(max(rounds.values(), default=0)):
        for measurement in (name for name in rounds if number < rounds[name]):
            report.show_progress(f"round {number + 1}: {measurement}")
            programs.pin(processors.get(measurement, spec.get("processors", 1)), allowed)
            for name, command in commands.items():
                if measurement in measurements[name] and measurement not in without.get(name, []):
                    for row, value in programs.measure_once(command, measurement).items():
                        values.setdefault(row, {}).setdefault(name, []).append(value)
    os.sched_setaffinity(0, allowed)
    report.show_progress("")
    return values


# ---- judging --------------------------------------------------------------------------------------------------


def times_better(better, value, than):
    return than / value if better == "lower" else value / than


def target_of(row, ours, peers):
    """A number, or None. If the target is a list of peers: the best of them, times `within`."""
    beside = [target for _, target in ours if target is not None]
    target = statistics.median(beside) if beside else row.get("target")
    if not isinstance(target, (str, list)):
        return target
    names = [target] if isinstance(target, str) else target
    values = [peers[name] for name in names if name in peers]
    if not values:
        return None
    return min(values) * row.get("within", 1) if better_of(row) == "lower" else max(values) / row.get("within", 1)


def better_of(row):
    return row.get("better", "lower")


def judge(title, row, measured):
    """The row as the results file has it."""
    medians = {name: statistics.median(value for value, _ in values) for name, values in measured.items()}
    ours = medians.pop(OURS)
    values = [value for value, _ in measured[OURS]]
    result = {"row": title, "unit": row["unit"], "better": better_of(row), "ours": ours, "peers": medians,
              "target": target_of(row, measured[OURS], medians), "least": min(values), "most": max(values)}
    return {**result, **{key: row[key] for key in ("ahead", "abreast") if key in row}}


def verdict(result):
    """Whether each aim of the row was met."""
    words, better = [], result["better"]
    if result["target"] is not None:
        met = times_better(better, result["ours"], result["target"]) >= 1
        words.append(f"{'<=' if better == 'lower' else '>='} {short(result['target'])} {'met' if met else 'MISSED'}")
    rivals = {name: times_better(better, result["ours"], value)
              for name, value in result["peers"].items() if name in RIVALS}
    if "ahead" in result and rivals:
        behind = [name for name, times in rivals.items() if times < result["ahead"]]
        words.append(f"{result['ahead']}x ahead {'MISSED: ' + ', '.join(behind) if behind else 'met'}")
    if "abreast" in result:
        leaders = libraries_ahead(result)
        words.append(f"abreast {'MISSED: ' + ', '.join(leaders) if leaders else 'met'}")
    return "; ".join(words)


def libraries_ahead(result):
    """Libraries that are better than the best of our own rounds."""
    best = result["least"] if result["better"] == "lower" else result["most"]
    return [name for name, value in result["peers"].items()
            if name not in NO_LIBRARIES and times_better(result["better"], best, value) < 1]


def best_of(result):
    times = {name: times_better(result["better"], result["ours"], value)
             for name, value in result["peers"].items() if name not in NO_RIVALS}
    if not times:
        return ""
    best = min(times, key=times.get)
    return f"{best} {times[best]:.2f}x"


# ---- printing -----------------------------------------------------------------------------------------------


def print_table(results, peers):
    header = ["row", "unit", OURS, "least", "most", *peers, "best peer", "target"]
    lines = [header]
    for result in results:
        shown = [short(result["peers"][peer]) if peer in result["peers"] else "" for peer in peers]
        lines.append([result["row"], result["unit"], short(result["ours"]), short(result["least"]),
                      short(result["most"]), *shown, best_of(result), verdict(result)])
    report.print_columns(lines, left={0, 1, len(header) - 1})


def print_doubts(results):
    wide = [result["row"] for result in results
            if result["most"] - result["least"] > WIDE_SPREAD * result["ours"]]
    if wide:
        print(f"\nOur own numbers spread by more than {WIDE_SPREAD:.0%} in: {', '.join(wide)}.\n"
              "The machine was busy: measure again when it is idle, or compare in pairs (AGAINST=…).")


def write(name, results):
    file = BENCH / "results" / f"{name}.json"
    file.parent.mkdir(exist_ok=True)
    rows = ",\n".join("  " + json.dumps(result) for result in results)
    file.write_text(f"[\n{rows}\n]\n")
    print(f"\nwritten to {file.relative_to(BENCH.parent)}")


def run_all(names, folder, wanted):
    """Measures these benchmarks beside their peers and prints a table of each. Returns 1 if nothing was measured."""
    answer = 1
    for name in names:
        spec = programs.read_spec(name)
        commands, about = programs.build_all(name, folder, spec["peers"])
        report.print_machine(about)
        values = measure(commands, spec, wanted)
        results = [judge(row, spec["rows"][row], values[row]) for row in spec["rows"] if OURS in values.get(row, {})]
        print_table(results, [peer for peer in spec["peers"] if peer in commands])
        print_doubts(results)
        if not wanted:
            write(name, results)
        answer = 0 if results else answer
    return answer


def main(arguments):
    counts = "--count" in arguments
    against = []
    if "--against" in arguments:
        against = arguments.pop(arguments.index("--against") + 1).split()
    names, folder, *wanted = [word for word in arguments if word not in ("--count", "--against")]
    names, folder = names.split(), Path(folder).resolve()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that temporary folders are removed
    if counts:
        return paired.count_all(names, folder, against, wanted)
    if against:
        return paired.compare_all(names, folder, against, wanted)
    return run_all(names, folder, wanted)


# ---- the test of all this -------------------------------------------------------------------------------------

MEASURED = {OURS: [(6, None), (4, None), (5, None)], "go": [(30, None)], "tokio": [(20, None)], "boost": [(3, None)]}

# A row of the table, the target that the program measured, and the verdict on 5 where Go has 30, tokio 20, Boost 3.
JUDGED = [
    ({"unit": "ns"}, None, ""),
    ({"unit": "ns", "target": 5}, None, "<= 5 met"),
    ({"unit": "ns", "target": 4}, None, "<= 4 MISSED"),
    ({"unit": "ns", "target": 9}, 4.5, "<= 4.5 MISSED"),
    ({"unit": "ns", "target": "tokio"}, None, "<= 20 met"),
    ({"unit": "ns", "target": "no such peer"}, None, ""),
    ({"unit": "ns", "ahead": 4}, None, "4x ahead met"),
    ({"unit": "ns", "ahead": 5}, None, "5x ahead MISSED: tokio"),
    ({"unit": "ns", "target": 5, "ahead": 7}, None, "<= 5 met; 7x ahead MISSED: go, tokio"),
    ({"unit": "ns", "target": ["go", "tokio", "no such peer"], "within": 0.25}, None, "<= 5 met"),
    ({"unit": "ns", "target": ["go", "tokio"], "within": 0.24}, None, "<= 4.8 MISSED"),
    ({"unit": "ns", "abreast": True}, None, "abreast met"),
    ({"unit": "1/s", "better": "higher", "target": "tokio", "within": 4}, None, ">= 5 met"),
    ({"unit": "1/s", "better": "higher", "target": ["go", "tokio"], "within": 5}, None, ">= 6 MISSED"),
    ({"unit": "1/s", "better": "higher", "abreast": True}, None, "abreast MISSED: go, tokio"),
    ({"unit": "1/s", "better": "higher", "ahead": 0.2}, None, "0.2x ahead MISSED: go"),
]


def self_test():
    mistakes = []
    for row, beside, expected in JUDGED:
        measured = {**MEASURED, OURS: [(value, beside) for value, _ in MEASURED[OURS]]}
        result = judge("row", row, measured)
        if verdict(result) != expected:
            mistakes.append(f"{row}: {verdict(result)!r} instead of {expected!r}")
        best = "tokio 4.00x" if result["better"] == "lower" else "go 0.17x"
        if (result["ours"], result["least"], result["most"], best_of(result)) != (5, 4, 6, best):
            mistakes.append(f"{row}: {result}")
    mistakes += paired.self_test()
    print("\n".join(mistakes))
    return 1 if mistakes else 0


if __name__ == "__main__":
    if sys.argv[1:] == ["--self-test"]:
        sys.exit(self_test())
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1:]))
