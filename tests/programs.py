"""For tests that build a program with the library: CC is the compiler, BUILD_DIR is where the library is."""

import os
import shlex
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = Path(os.environ.get("BUILD_DIR", ROOT / "build")).resolve()
CC = shlex.split(os.environ.get("CC", "cc"))
LIBRARY = BUILD / "libasyncio.a"
SKIPPED = 77


def build(source: str, program: Path, *options: str) -> Path:
    """Compiles a file of tests/ with the static library; among the options may be files that come before that."""
    subprocess.run([*CC, "-g", f"-I{ROOT / 'include'}", ROOT / "tests" / source, *options, LIBRARY, "-pthread",
                    "-o", program], check=True)
    return program


def reason_to_skip() -> str:
    """Why a tool that looks from outside cannot be tried on this library; an empty string if it can."""
    symbols = subprocess.run(["nm", LIBRARY], text=True, capture_output=True).stdout
    if "__asan" in symbols or "__tsan" in symbols:
        return "a sanitizer is inside already"
    return "" if "async__switch_start" in symbols else "only switches in assembly say who called whom"
