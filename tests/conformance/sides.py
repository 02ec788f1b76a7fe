"""The two sides of the conformance test: plays programs on libasyncio (by the player) and on CPython, and compares what happened."""

import os
import subprocess
import tempfile
from typing import NamedTuple

from model import play
from rules import Rules

OVER = "over"


class Difference(NamedTuple):
    """A program with different traces on the two sides."""

    text: str
    of_library: str
    of_python: str


def play_until_death(player, texts) -> list[str]:
    """The player's traces of the programs up to the first that ends it, with its last message."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "programs")
        with open(path, "w") as file:
            file.write("".join(text + "\nprogram\n" for text in texts))
        with open(os.path.join(folder, "errors"), "w+") as errors:
            answer = subprocess.run([*player, path], stdout=subprocess.PIPE, stderr=errors, text=True)
            errors.seek(0)
            last_words = errors.read().splitlines()[-1:]
    *traces, rest = answer.stdout.split(OVER + "\n")
    if answer.returncode != 0 and not (traces and traces[-1].endswith("stuck\n")):
        traces.append("\n".join([rest, f"died with {answer.returncode}", *last_words]))
    return [trace.strip("\n") for trace in traces]


def play_on_library(player, texts) -> list[str]:
    """The trace of each program; the player is started again when a program ends it."""
    traces = []
    while len(traces) < len(texts):
        traces += play_until_death(player, texts[len(traces):])
    return traces


def compare(player, texts, rules=None) -> list[Difference]:
    """The programs with different traces."""
    rules = rules or Rules()
    of_library = play_on_library(player, texts)
    differences = []
    for text, trace in zip(texts, of_library):
        expected = play(text, rules)
        if trace != expected:
            differences.append(Difference(text, trace, expected))
    return differences
