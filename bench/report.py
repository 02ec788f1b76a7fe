"""How a benchmark prints: the machine, tables in columns, numbers, progress. It must not know what is measured."""
import os
import platform
import sys
from pathlib import Path


def processor():
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def print_machine(about):
    """The machine, its load, and a line about each program."""
    load = os.getloadavg()[0]
    print(f"{processor()}, {os.cpu_count()} cores, Linux {platform.release()}, load {load:.1f}")
    width = max(8, *map(len, about))
    for name, line in about.items():
        print(f"    {name:<{width}} {line}")
    print()


def short(value):
    """Four significant digits, and no fraction of a large number."""
    return f"{value:.4g}" if abs(value) < 1000 else f"{value:,.0f}"


def print_line(cells, widths, left):
    """The columns with the indices in `left` are aligned to the left."""
    aligned = [cell.ljust(width) if column in left else cell.rjust(width)
               for column, (cell, width) in enumerate(zip(cells, widths))]
    print("  ".join(aligned).rstrip(), flush=True)


def print_columns(lines, left):
    """The first line is the header."""
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    for line in lines:
        print_line(line, widths, left)


def show_progress(text):
    """On one line, and only on a terminal."""
    if sys.stderr.isatty():
        print(f"\r{text:<40}\r", end="", file=sys.stderr, flush=True)
