"""Builds the programs of a benchmark and runs them. It must not know how values are judged or printed.

Ours is compiled against the installed shared library, as a user's program is; bench/peers/PEER/build.sh compiles a
peer's program. If bench/load/NAME.c or NAME.py exists, the programs are servers, and that load generator measures
them: its first argument is the server. README.md describes what the programs print.
"""
import itertools
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

BENCH = Path(__file__).resolve().parent
OURS = "ours"
LONGEST_RUN_S = 120
PLACES = ("prefix", "backend")  # options that are not copied to another build, besides folders


def output_of(command, **options):
    return subprocess.run(command, check=True, text=True, capture_output=True, **options).stdout.strip()


def read_spec(name, bench=BENCH):
    """The file NAME.toml, with `every_row` merged into each row."""
    try:
        import tomllib  # pylint: disable=import-outside-toplevel
    except ImportError:
        sys.exit("bench/run.py needs Python 3.11 or later")
    spec = tomllib.loads((bench / f"{name}.toml").read_text())
    spec["rows"] = {row: {**spec.get("every_row", {}), **fields} for row, fields in spec["rows"].items()}
    return spec


# ---- building -------------------------------------------------------------------------------------------------


def compiler():
    return shlex.split(os.environ.get("CC", "cc"))


def build_helpers(spec, folder, bench):
    """The programs in bench/helpers that the measured ones start. BENCH_HELPERS is their folder."""
    for helper in spec.get("helpers", []):
        subprocess.run([*compiler(), "-O2", "-static", f"-I{bench}", str(bench / "helpers" / f"{helper}.c"),
                        "-o", str(folder / helper)], check=True)
        os.environ["BENCH_HELPERS"] = str(folder)


def build_ours(name, folder, bench=BENCH, counts=False):
    """Compiles our program with the flags that pkg-config gives for the library in FOLDER/installed.

    A program that counts has the bench.h of this tree, whatever tree its other files come from.
    """
    spec = read_spec(name, bench)
    build_helpers(spec, folder, bench)
    places = [path.parent for path in (folder / "installed").rglob("asyncio.pc")]
    environment = {**os.environ, "PKG_CONFIG_PATH": os.pathsep.join(map(str, places))}
    packages = spec.get("packages", ["asyncio"])
    flags = shlex.split(output_of(["pkg-config", "--cflags", "--libs", *packages], env=environment))
    more_sources = [bench.parent / source for source in spec.get("sources", [])]
    sources = [bench / f"{name}.c", *sorted(bench.glob(f"{name}_*.c")), *more_sources]
    counting = ["-D_GNU_SOURCE=", "-DBENCH_COUNTS", "-include", str(BENCH / "bench.h")] if counts else []
    program = folder / f"{name}-{'counts' if counts else OURS}"
    subprocess.run([*compiler(), "-O2", "-g", *counting, f"-I{bench}", f"-I{bench.parent / 'examples'}",
                    *map(str, sources), *flags, f"-Wl,-rpath,{places[0].parent}", "-o", str(program)], check=True)
    return program


def build_load(name, folder, libraries):
    """The first words of each command: the load generator; none if the programs measure themselves."""
    script, source = (BENCH / "load" / f"{name}.{ending}" for ending in ("py", "c"))
    if script.exists():
        return [sys.executable, str(script)]
    if not source.exists():
        return []
    program = folder / f"{name}-load"
    subprocess.run([*compiler(), "-O3", f"-I{BENCH}", str(source), "-o", str(program),
                    *(f"-l{library}" for library in libraries)], check=True)
    return [str(program)]


def build_peer(peer, name, folder):
    """The peer's program and its version; or None and the reason."""
    program = folder / f"{name}-{peer}"
    build = BENCH / "peers" / peer / "build.sh"
    answer = subprocess.run([str(build), name, str(program)], text=True, capture_output=True)
    if answer.returncode == 0:
        return program, answer.stdout.strip()
    complaint = answer.stderr.strip().splitlines() or ["no message"]
    return None, f"left out, it does not build here: {complaint[-1]}"


def build_all(name, folder, peers):
    """The command of each program by its name, ours first, and a line about each."""
    load = build_load(name, folder, read_spec(name).get("libraries", []))
    programs = {OURS: build_ours(name, folder)}
    about = {OURS: output_of([*compiler(), "--version"]).splitlines()[0]}
    for peer in peers:
        program, about[peer] = build_peer(peer, name, folder)
        if program is not None:
            programs[peer] = program
    return {name: [*load, str(program)] for name, program in programs.items()}, about


# ---- another commit -------------------------------------------------------------------------------------------


def commit_of(word):
    """The commit's full name; None if the word names no commit."""
    command = ["git", "-C", str(BENCH), "rev-parse", "--quiet", "--verify", word + "^{commit}"]
    return subprocess.run(command, text=True, capture_output=True).stdout.strip() or None


def options_of(folder):
    """The options of a build folder, without folders of installation."""
    options = json.loads(output_of(["meson", "introspect", "--buildoptions", str(folder)]))
    return {option["name"]: option["value"] for option in options
            if option["section"] != "directory" and option["name"] not in PLACES}


def compiler_of(folder):
    """The compiler of a build folder: the words before the first option."""
    command = json.loads((folder / "compile_commands.json").read_text())[0]["command"]
    return shlex.join(itertools.takewhile(lambda word: not word.startswith("-"), shlex.split(command)))


def run_step(command, **options):
    """Ends the program with the output's last lines if the command fails."""
    answer = subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options)
    if answer.returncode != 0:
        last = "\n".join(answer.stdout.splitlines()[-20:])
        sys.exit(f"{last}\nbench/run.py: {shlex.join(command)} failed")


def words_of(value):
    """An option's value as the command line of meson has it."""
    if isinstance(value, bool):
        return str(value).lower()
    return json.dumps(value) if isinstance(value, list) else str(value)


def build_commit(commit, like, place):
    """Builds and installs that commit in the folder PLACE, with the compiler and the options of the folder LIKE.

    Returns its bench folder and its build folder.
    """
    archive = subprocess.run(["git", "-C", str(BENCH.parent), "archive", commit], check=True, capture_output=True)
    tree, folder = place / "tree", place / "build"
    tree.mkdir()
    subprocess.run(["tar", "-x", "-C", str(tree)], input=archive.stdout, check=True)
    environment = {**os.environ, "CC": compiler_of(like)}
    run_step(["meson", "setup", str(folder), str(tree), f"-Dprefix={folder / 'installed'}"], env=environment)
    wanted, known = options_of(like), options_of(folder)
    changed = [f"-D{name}={words_of(wanted[name])}" for name in known if wanted.get(name, known[name]) != known[name]]
    run_step(["meson", "configure", str(folder), *changed])
    run_step(["ninja", "-C", str(folder), "library"])
    run_step(["meson", "install", "-C", str(folder), "--no-rebuild", "--quiet"])
    return tree / "bench", folder


# ---- running --------------------------------------------------------------------------------------------------


def pin(processors, allowed):
    """Pins to the last of the allowed processors: the first ones serve interrupts. Programs inherit it."""
    os.sched_setaffinity(0, allowed[-processors:])
    os.environ["GOMAXPROCS"] = str(min(processors, len(allowed)))


def measurements_of(program):
    return output_of(program).splitlines()


def measure_once(program, measurement, timeout_s=LONGEST_RUN_S):
    """What the program printed: {row: (value, target or None)}; nothing if it failed."""
    try:
        printed = output_of([*program, measurement], timeout=timeout_s)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        print(f"{Path(program[-1]).name} {measurement}: {error}\n{(error.stderr or '').strip()}", file=sys.stderr)
        return {}
    words = [line.split("\t") for line in printed.splitlines()]
    return {row: (float(value), float(target[0]) if target else None) for row, value, *target in words}
