#!/usr/bin/env python3
"""Runs the tests of ext/redis with each server that Debian has, Redis and Valkey of several releases.

    tools/redis_servers.py BUILD [--server WORDS] [part of a name]...

BUILD has the suite. Without a name, all cases with `redis` or `farm` in their name are run. --server: only servers with
these words in release and name, such as `trixie valkey`. A server and its libraries are fetched once, with apt-get from
the mirror that this machine uses, into BUILD/servers. They are not installed: a script starts the server with the
loader and the libraries of its own release, and the tests get the path of the script in REDIS_SERVER.

The last thing printed is a table. A server that cannot be had is left out, with the reason. The status is 1 if a case
failed with any of them.
"""

import argparse
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from archive import Archive, Skip, output

SERVERS = [("bullseye", "redis-server"), ("bookworm", "redis-server"), ("bookworm bookworm-backports", "valkey-server"),
           ("trixie", "redis-server"), ("trixie", "valkey-server"), ("forky", "redis-server"),
           ("forky", "valkey-server")]
FOR_ALL = ["redis", "farm"]  # parts of the names of the cases


class Row(NamedTuple):
    release: str
    server: str
    version: str
    passed: str = ""
    failed: str = ""
    skipped: str = ""


# ---- a server ---------------------------------------------------------------------------------------------------


def unpacked(archive: Archive, package: str) -> Path:
    """A folder with the server and its libraries. Programs that it needs for its installation only are left out."""
    root = archive.folder / package
    if not root.exists():
        new = archive.folder / f"{package}.new"
        shutil.rmtree(new, ignore_errors=True)
        family = package.split("-", maxsplit=1)[0]
        archive.extract([name for name in archive.with_dependencies(package)
                         if name.startswith(("lib", "lua-", family))], new)
        if not (new / "usr/bin" / package).exists():
            raise Skip(f"{package} of {archive.suites} cannot be fetched")
        new.rename(root)
    return root


def make_script(root: Path, package: str) -> Path:
    """Its last words are arguments for the server, whose process is the script's own."""
    loaders = list(root.rglob("ld[-6]*.so.[0-9]"))
    if not loaders:
        raise Skip(f"{package} has come without the loader of its release")
    places = sorted({str(library.parent) for library in root.rglob("*.so.*")})
    words = [loaders[0], "--library-path", ":".join(places), root / "usr/bin" / package]
    script = root.with_suffix(".sh")
    script.write_text(f'#!/bin/sh\nexec {shlex.join(map(str, words))} "$@"\n')
    script.chmod(0o755)
    return script


def fetch(folder: Path, suites: str, package: str) -> tuple[Path, str]:
    """The script that starts it, and what it says its version is."""
    architecture = output("dpkg", "--print-architecture").strip()
    archive = Archive(folder / suites.split()[-1], suites, architecture)
    script = make_script(unpacked(archive, package), package)
    version = re.search(r" v=(\S+)", output(str(script), "--version"))
    if version is None:
        raise Skip(f"{package} of {suites} does not run on this machine")
    return script, version[1]


# ---- the tests --------------------------------------------------------------------------------------------------


def run_suite(build: Path, script: Path, names: list[str]) -> tuple[str, str, str]:
    """Prints its output. How many cases passed, failed, were skipped; all in words, "?" if it ended before it knew."""
    said = ""
    with subprocess.Popen([build / "suite", *names], env={**os.environ, "REDIS_SERVER": str(script)},
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, errors="replace") as suite:
        for line in suite.stdout:
            print(line, end="", flush=True)
            said += line
    found = re.findall(r"^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?", said, re.MULTILINE)
    passed, failed, skipped = found[-1] if found else ("?", "?", "?")
    return passed, "?" if suite.returncode != 0 and failed == "0" else failed, skipped or "0"


def try_server(build: Path, suites: str, package: str, names: list[str]) -> Row:
    release, server = suites.split()[-1], package.split("-", maxsplit=1)[0]
    try:
        script, version = fetch(build / "servers", suites, package)
    except Skip as reason:
        print(f"skipped: {reason} (1)", flush=True)
        return Row(release, server, "not to be had")
    print(f"\n{server} {version} of {release}:", flush=True)
    return Row(release, server, version, *run_suite(build, script, names))


def print_table(rows: list[Row]) -> None:
    lines = [Row._fields, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(Row._fields))]
    print()
    for line in lines:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip())


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("build", type=Path)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--server", default="")
    given = parser.parse_intermixed_args(words)
    wanted = [(suites, package) for suites, package in SERVERS
              if all(word in f"{suites.split()[-1]} {package}" for word in given.server.split())]
    rows = [try_server(given.build.resolve(), suites, package, given.names or FOR_ALL) for suites, package in wanted]
    print_table(rows)
    ran = [row for row in rows if row.passed]
    failures = [row for row in ran if row.failed != "0"]
    total = sum(int(row.passed) for row in ran if row.passed.isdigit())
    print(f"\n{total} passed, {sum(int(row.failed) for row in ran if row.failed.isdigit())} failed, "
          f"{len(ran)} of {len(rows)} servers")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
