#!/usr/bin/env python3
"""Runs a benchmark: ours and its peers in turn, pinned, and says how we stand.

    bench/run.py NAME FOLDER [MEASUREMENT…]
    bench/run.py --self-test    sees that it judges as it says

FOLDER is a build folder whose `installed` holds the library, installed; bench/NAME*.c are compiled against that as
any program would be, and each bench/peers/PEER/build.sh builds what a peer has. If there is bench/load/NAME.c or NAME.py, these
programs are servers, and that one measures them: its first argument is the server. bench/NAME.toml names the rows. With
MEASUREMENTs only these are made; ROUNDS=1 in the environment makes each at most that often. Writes bench/results/NAME.json. Knows nothing of what is measured: see bench.h.
"""
import json
import os
import platform
import shlex
import statistics
import subprocess
import sys
from pathlib import Path

BENCH = Path(__file__).resolve().parent
OURS = "ours"
LONGEST_RUN_S = 120
WIDE_SPREAD = 0.15
NO_RIVALS = {"boost", "ours-epoll", "ours-uring", "ours-spin"}  # a raw switch without what a task has; ourselves
NO_LIBRARIES = NO_RIVALS | {"epoll", "uring", "redis-server"}  # written for the one purpose
RIVALS = {"go", "tokio", "asyncio"}  # whom a row that says so is to be ahead of


# ---- building -------------------------------------------------------------------------------------------------


def output_of(command, **options):
    return subprocess.run(command, check=True, text=True, capture_output=True, **options).stdout.strip()


def build_ours(name, folder, spec):
    """Compiles our program as a stranger's, with what pkg-config says of the installed library."""
    installed = folder / "installed"
    places = [path.parent for path in installed.rglob("asyncio.pc")]
    environment = {**os.environ, "PKG_CONFIG_PATH": os.pathsep.join(map(str, places))}
    packages = spec.get("packages", ["asyncio"])
    flags = shlex.split(output_of(["pkg-config", "--cflags", "--libs", *packages], env=environment))
    more_sources = [BENCH.parent / source for source in spec.get("sources", [])]
    sources = [BENCH / f"{name}.c", *sorted(BENCH.glob(f"{name}_*.c")), *more_sources]
    compiler = shlex.split(os.environ.get("CC", "cc"))
    program = folder / f"{name}-ours"
    library = places[0].parent
    folders = [f"-I{BENCH}", f"-I{BENCH.parent / 'examples'}"]
    subprocess.run([*compiler, "-O2", "-g", *folders, *map(str, sources), *flags, f"-Wl,-rpath,{library}",
                    "-o", str(program)], check=True)
    return program, output_of([*compiler, "--version"]).splitlines()[0]


def build_load(name, folder, libraries):
    """What measures servers: the words before the program of each; none if the programs measure themselves."""
    script, source = (BENCH / "load" / f"{name}.{ending}" for ending in ("py", "c"))
    if script.exists():
        return [sys.executable, str(script)]
    if not source.exists():
        return []
    program = folder / f"{name}-load"
    compiler = shlex.split(os.environ.get("CC", "cc"))
    subprocess.run([*compiler, "-O3", f"-I{BENCH}", str(source), "-o", str(program),
                    *(f"-l{library}" for library in libraries)], check=True)
    return [str(program)]


def build_peer(peer, name, folder):
    """The peer's program and what it is; or None and why not."""
    program = folder / f"{name}-{peer}"
    build = BENCH / "peers" / peer / "build.sh"
    answer = subprocess.run([str(build), name, str(program)], text=True, capture_output=True)
    if answer.returncode == 0:
        return program, answer.stdout.strip()
    complaint = answer.stderr.strip().splitlines() or ["it did not say why"]
    return None, f"left out, it does not build here: {complaint[-1]}"


def build(name, folder, spec):
    """The words that run each program by its name, ours first, and a line about each."""
    load = build_load(name, folder, spec.get("libraries", []))
    programs, about = {}, {}
    programs[OURS], about[OURS] = build_ours(name, folder, spec)
    for peer in spec["peers"]:
        program, about[peer] = build_peer(peer, name, folder)
        if program is not None:
            programs[peer] = program
    return {who: [*load, str(program)] for who, program in programs.items()}, about


# ---- measuring ------------------------------------------------------------------------------------------------


def pin(processors, allowed):
    """To so many of those allowed, the last: the first ones serve interrupts. What we start inherits it."""
    os.sched_setaffinity(0, allowed[-processors:])
    os.environ["GOMAXPROCS"] = str(min(processors, len(allowed)))


def measure_once(program, measurement):
    """What the program says: {row: (value, target or None)}."""
    try:
        said = output_of([*program, measurement], timeout=LONGEST_RUN_S)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        print(f"{Path(program[-1]).name} {measurement}: {error}\n{(error.stderr or '').strip()}", file=sys.stderr)
        return {}
    words = [line.split("\t") for line in said.splitlines()]
    return {row: (float(value), float(target[0]) if target else None) for row, value, *target in words}


def show_progress(what):
    """In place, to somebody who watches."""
    if sys.stderr.isatty():
        print(f"\r{what:<40}\r", end="", file=sys.stderr, flush=True)


def measure(programs, spec, wanted):
    """In each round every program makes every measurement once: {row: {program: [(value, target), …]}}."""
    measurements = {who: output_of(program).splitlines() for who, program in programs.items()}
    most = int(os.environ.get("ROUNDS", spec["rounds"]))
    rounds = {name: min(most, spec.get("rounds_of", {}).get(name, most)) for name in wanted or measurements[OURS]}
    processors, without = spec.get("processors_of", {}), spec.get("without", {})
    allowed = sorted(os.sched_getaffinity(0))
    values = {}
    for number in range(max(rounds.values())):
        for name in (name for name in rounds if number < rounds[name]):
            show_progress(f"round {number + 1}: {name}")
            pin(processors.get(name, spec.get("processors", 1)), allowed)
            for who in (who for who in programs if name in measurements[who] and name not in without.get(who, [])):
                for row, value in measure_once(programs[who], name).items():
                    values.setdefault(row, {}).setdefault(who, []).append(value)
    show_progress("")
    return values


# ---- judging --------------------------------------------------------------------------------------------------


def times_better(better, value, than):
    return than / value if better == "lower" else value / than


def target_of(row, ours, peers):
    """A number; None if there is none to be had. Of peers it is the best one, and so much worse as we may be."""
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


def judge(name, row, said):
    """The row as it is written to the file."""
    medians = {who: statistics.median(value for value, _ in values) for who, values in said.items()}
    ours = medians.pop(OURS)
    values = [value for value, _ in said[OURS]]
    result = {"row": name, "unit": row["unit"], "better": better_of(row), "ours": ours, "peers": medians,
              "target": target_of(row, said[OURS], medians), "least": min(values), "most": max(values)}
    return {**result, **{key: row[key] for key in ("ahead", "abreast") if key in row}}


def short(value):
    """Four digits, and no more of them than tell something."""
    return f"{value:.4g}" if abs(value) < 1000 else f"{value:,.0f}"


def verdict(result):
    """Whether the target was met, and whether we are as far ahead as we want to be."""
    said, better = [], result["better"]
    if result["target"] is not None:
        met = times_better(better, result["ours"], result["target"]) >= 1
        said.append(f"{'<=' if better == 'lower' else '>='} {short(result['target'])} {'met' if met else 'MISSED'}")
    rivals = {who: times_better(better, result["ours"], value)
              for who, value in result["peers"].items() if who in RIVALS}
    if "ahead" in result and rivals:
        behind = [who for who, times in rivals.items() if times < result["ahead"]]
        said.append(f"{result['ahead']}x ahead {'MISSED: ' + ', '.join(behind) if behind else 'met'}")
    if "abreast" in result:
        leaders = libraries_ahead(result)
        said.append(f"abreast {'MISSED: ' + ', '.join(leaders) if leaders else 'met'}")
    return "; ".join(said)


def libraries_ahead(result):
    """Those ahead of us by more than our own rounds are apart."""
    best = result["least"] if result["better"] == "lower" else result["most"]
    return [who for who, value in result["peers"].items()
            if who not in NO_LIBRARIES and times_better(result["better"], best, value) < 1]


def best_of(result):
    times = {who: times_better(result["better"], result["ours"], value)
             for who, value in result["peers"].items() if who not in NO_RIVALS}
    if not times:
        return ""
    best = min(times, key=times.get)
    return f"{best} {times[best]:.2f}x"


# ---- telling --------------------------------------------------------------------------------------------------


def processor():
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def print_machine(about):
    print(f"{processor()}, {os.cpu_count()} cores, Linux {platform.release()}")
    for who, what in about.items():
        print(f"    {who:<8} {what}")
    print()


def print_table(results, peers):
    header = ["row", "unit", OURS, "least", "most", *peers, "best peer", "target"]
    lines = [header]
    for result in results:
        shown = [short(result["peers"][peer]) if peer in result["peers"] else "" for peer in peers]
        lines.append([result["row"], result["unit"], short(result["ours"]), short(result["least"]),
                      short(result["most"]), *shown, best_of(result), verdict(result)])
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    left = {0, 1, len(header) - 1}
    for line in lines:
        cells = [cell.ljust(width) if column in left else cell.rjust(width)
                 for column, (cell, width) in enumerate(zip(line, widths))]
        print("  ".join(cells).rstrip())


def print_doubts(results):
    wide = [result["row"] for result in results
            if result["most"] - result["least"] > WIDE_SPREAD * result["ours"]]
    if wide:
        print(f"\nOur own numbers spread by more than {WIDE_SPREAD:.0%} in: {', '.join(wide)}.\n"
              "The machine was busy; trust ratios, or measure again when it is quiet.")


def write(name, results):
    file = BENCH / "results" / f"{name}.json"
    file.parent.mkdir(exist_ok=True)
    rows = ",\n".join("  " + json.dumps(result) for result in results)
    file.write_text(f"[\n{rows}\n]\n")
    print(f"\nwritten to {file.relative_to(BENCH.parent)}")


def read_spec(name):
    try:
        import tomllib  # pylint: disable=import-outside-toplevel
    except ImportError:
        sys.exit("bench/run.py needs Python 3.11 or later")
    spec = tomllib.loads((BENCH / f"{name}.toml").read_text())
    spec["rows"] = {name: {**spec.get("every_row", {}), **row} for name, row in spec["rows"].items()}
    return spec


def main(name, folder, *wanted):
    spec = read_spec(name)
    programs, about = build(name, Path(folder).resolve(), spec)
    print_machine(about)
    values = measure(programs, spec, wanted)
    results = [judge(row, spec["rows"][row], values[row]) for row in spec["rows"] if OURS in values.get(row, {})]
    print_table(results, [peer for peer in spec["peers"] if peer in programs])
    print_doubts(results)
    if not wanted:
        write(name, results)
    return 0 if results else 1


# ---- the test of all this -------------------------------------------------------------------------------------

SAID = {OURS: [(6, None), (4, None), (5, None)], "go": [(30, None)], "tokio": [(20, None)], "boost": [(3, None)]}

# A row of the table, what was said beside ours, and the verdict on 5 where Go has 30, tokio 20 and Boost 3.
JUDGED = [
    ({"unit": "ns"}, None, ""),
    ({"unit": "ns", "target": 5}, None, "<= 5 met"),
    ({"unit": "ns", "target": 4}, None, "<= 4 MISSED"),
    ({"unit": "ns", "target": 9}, 4.5, "<= 4.5 MISSED"),
    ({"unit": "ns", "target": "tokio"}, None, "<= 20 met"),
    ({"unit": "ns", "target": "nobody"}, None, ""),
    ({"unit": "ns", "ahead": 4}, None, "4x ahead met"),
    ({"unit": "ns", "ahead": 5}, None, "5x ahead MISSED: tokio"),
    ({"unit": "ns", "target": 5, "ahead": 7}, None, "<= 5 met; 7x ahead MISSED: go, tokio"),
    ({"unit": "ns", "target": ["go", "tokio", "nobody"], "within": 0.25}, None, "<= 5 met"),
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
        said = {**SAID, OURS: [(value, beside) for value, _ in SAID[OURS]]}
        result = judge("row", row, said)
        if verdict(result) != expected:
            mistakes.append(f"{row}: {verdict(result)!r} instead of {expected!r}")
        best = "tokio 4.00x" if result["better"] == "lower" else "go 0.17x"
        if (result["ours"], result["least"], result["most"], best_of(result)) != (5, 4, 6, best):
            mistakes.append(f"{row}: {result}")
    print("\n".join(mistakes))
    return 1 if mistakes else 0


if __name__ == "__main__":
    if sys.argv[1:] == ["--self-test"]:
        sys.exit(self_test())
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
