"""The build that a script of the suite tests: tests/run/case.c puts it into the environment."""

import json
import os
import shlex
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
BUILD = Path(os.environ.get("BUILD_DIR", ROOT / "build")).resolve()

# The C compiler that built it.
COMPILER = shlex.split(os.environ.get("CC", "cc"))

# The beginning of a command that runs a built program; empty unless an emulator is needed.
WRAPPER = os.environ.get("WRAPPER", "").split()

# The status of a script that was skipped; its last line of output is the reason.
SKIPPED = 77


def option(name: str):
    """The value of a meson option of this build."""
    options = json.loads((BUILD / "meson-info/intro-buildoptions.json").read_text())
    return next(option["value"] for option in options if option["name"] == name)


def sanitizers() -> str:
    """The sanitizers of this build, for example "address,undefined"; or an empty string."""
    value = option("b_sanitize")
    return "" if value == "none" else value


def has_unwind_tables() -> bool:
    """Whether a process can unwind its own stacks: on processors whose unwind tables the library reads."""
    machine = subprocess.run([*COMPILER, "-dumpmachine"], text=True, capture_output=True, check=True).stdout
    return machine.partition("-")[0] in ("x86_64", "aarch64", "riscv64")


def finds_calls() -> bool:
    """Whether reports name the functions that a thread calls. Of an emulator's thread the kernel tells nothing of use."""
    return has_unwind_tables() and not WRAPPER


def finds_waits() -> bool:
    """Whether reports name the functions in which tasks wait. Where libc switches contexts they do not."""
    return has_unwind_tables() and option("switch") != "ucontext"


def names_variables() -> bool:
    """Whether the command asyncio was built with libdw."""
    return b"libdw.so" in (BUILD / "asyncio").read_bytes()
