"""What a script of the suite is told about the library that was built, by tests/run/case.c in the environment."""

import json
import os
import shlex
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
BUILD = Path(os.environ.get("BUILD_DIR", ROOT / "build")).resolve()

# The compiler of C that built it.
COMPILER = shlex.split(os.environ.get("CC", "cc"))

# What a command begins with that runs a program like those that were built; empty unless that takes an emulator.
WRAPPER = os.environ.get("WRAPPER", "").split()

# The status of a script that could do nothing; the last line that it printed is why.
SKIPPED = 77


def option(name: str):
    """How meson was told to build it."""
    options = json.loads((BUILD / "meson-info/intro-buildoptions.json").read_text())
    return next(option["value"] for option in options if option["name"] == name)


def sanitizers() -> str:
    """What it was built with, "address,undefined" say; or an empty string."""
    value = option("b_sanitize")
    return "" if value == "none" else value
