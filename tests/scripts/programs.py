"""For tests that build a program with the static library and examine it with another tool."""

import shutil
import subprocess
from pathlib import Path

from built import BUILD, COMPILER, ROOT, SKIPPED, WRAPPER, option, sanitizers

LIBRARY = BUILD / "libasyncio.a"


def build(source: str, program: Path, *options: str) -> Path:
    """Compiles a file of tests/ with the static library; among the options may be files that come before that."""
    subprocess.run([*COMPILER, "-g", f"-I{ROOT / 'include'}", ROOT / "tests" / source, *options, LIBRARY, "-pthread",
                    "-o", program], check=True)
    return program


def reason_to_skip() -> str:
    """Why such a tool cannot be used with this library; an empty string if it can."""
    if WRAPPER:
        return "the tools of this machine do not work on an emulated program"
    if sanitizers():
        return "a sanitizer is inside already"
    if option("b_lto"):
        return "with link-time optimization functions of the library are not where the tools' tests look for them"
    symbols = subprocess.run(["nm", LIBRARY], text=True, capture_output=True).stdout
    return "" if "asyncp_switch_start" in symbols else "only switches in assembly have unwind information"


def reason_without_gdb() -> str:
    """Why gdb cannot be used on this machine; an empty string if it can."""
    if shutil.which("gdb") is None:
        return "there is no gdb"
    probe = ["gdb", "-nx", "-batch", "-ex", "python print('python')", "-ex", "starti", "/bin/true"]
    answer = subprocess.run(probe, text=True, capture_output=True)
    if "python" not in answer.stdout:
        return "this gdb has no Python"
    return "" if "Program stopped" in answer.stdout else f"gdb cannot trace here: {answer.stderr.strip()}"
