#!/usr/bin/env python3
"""Files with several timelines, damaged ones, and the rights that a file of a trace needs.

    tests/scripts/trace_files.py page       a page shows the timelines behind a damaged one: needs node
    tests/scripts/trace_files.py records    a Perfetto file has tracks and flows for each timeline
    tests/scripts/trace_files.py names      an SVG is XML, whatever the names of tasks are
    tests/scripts/trace_files.py cut        names are cut between characters
    tests/scripts/trace_files.py rows       an SVG says how many tasks have no row
    tests/scripts/trace_files.py setuid     a setuid program ignores the variables: needs root

BUILD_DIR, CC and WRAPPER come from the suite.
"""

import os
import shutil
import struct
import subprocess
import sys
import tempfile
from pathlib import Path
from xml.etree import ElementTree

from built import BUILD, COMPILER, ROOT, WRAPPER, option, sanitizers
from trace import HEADER_BYTES, convert, fields, skip, traced

# Of three sections the second one is damaged. Text that is made in it is kept.
PAGE = """
const made = [];
globalThis.window = {addEventListener: (name, call) => globalThis.loaded = call};
globalThis.document = {
    querySelectorAll: () => ["first", "damaged", "last"].map(name => ({name, append: element => made.push([name, element.textContent])})),
    createElement: () => ({}),
    body: {classList: {toggle: () => 0}}};
console.error = () => 0;
SCRIPT
Timeline = class {
    constructor(section) {
        if (section.name == "damaged")
            wholeSection(new Uint8Array([76, 79, 79, 80, 2, 0, 0, 0, 0, 0, 0, 0, 1])); // one of two bytes
        wholeSection(new Uint8Array([76, 79, 79, 80, 1, 0, 0, 0, 0, 0, 0, 0, 1]));
        this.name = section.name;
        this.canvas = {focus: () => 0};
    }
};
loaded();
console.log(JSON.stringify([window.timelines.map(shown => shown.name), made]));
"""


def page(folder: Path) -> None:
    if not shutil.which("node"):
        skip("there is no node here")
    script = PAGE.replace("SCRIPT", (ROOT / "src/timeline/page_input.js").read_text())
    seen = subprocess.run(["node", "-"], input=script, text=True, capture_output=True)
    assert seen.stdout == '[["first","last"],[["damaged","This timeline is damaged or was cut off."]]]\n', seen


def records(folder: Path) -> None:
    """Two timelines of one loop, as a flight recorder writes them."""
    assert traced(str(BUILD / "4_gather"), str(folder / "run.trace")).wait(30) == 0
    content = (folder / "run.trace").read_bytes()
    (folder / "run.trace").write_bytes(content + content[HEADER_BYTES:])
    seen = convert(folder / "run.trace", "-o", folder / "run.pftrace")
    assert seen.returncode == 0, seen
    packets = [dict(fields(packet)) for _, packet in fields((folder / "run.pftrace").read_bytes())]
    tracks = [dict(fields(packet[60]))[1] for packet in packets if 60 in packet]
    flows = [event[47] for event in (dict(fields(packet[11])) for packet in packets if 11 in packet) if 47 in event]
    assert len(tracks) == 10 and len(set(tracks)) == 10, tracks
    assert flows and len(set(flows)) == len(flows), flows


# ---- files made here: src/timeline/encode.h ----------------------------------------------------------------------


def uleb(*values: int) -> bytes:
    """Each number in groups of seven bits, the lowest one first."""
    data = b""
    for value in values:
        while value > 127:
            data += bytes([value & 127 | 128])
            value >>= 7
        data += bytes([value])
    return data


def text(words: str) -> bytes:
    return uleb(len(words.encode())) + words.encode()


def file_of(name: str, live: int) -> bytes:
    """A loop whose live tasks have a name and no events; a record of 1 s."""
    body = uleb(1, 1, 0, 0, 0, 1_000_000_000, 0, 0, 0, 0) + text("epoll")
    body += uleb(2) + text(name) + text("program.c:1")
    body += uleb(1 + live, 0, 0, 0) + b"".join(uleb(2 + i, 3, 0, 0, 1, 0) for i in range(live))
    body += uleb(0, 0)  # waits, events
    return b"ASYNCTRC\1LOOP" + struct.pack("<Q", len(body)) + body


def words_of(folder: Path, content: bytes) -> list[str]:
    (folder / "made.trace").write_bytes(content)
    seen = convert(folder / "made.trace", "-o", folder / "made.svg")
    assert seen.returncode == 0, seen
    return [element.text for element in ElementTree.parse(folder / "made.svg").getroot().iter() if element.text]


def names(folder: Path) -> None:
    for character in "\ufffe\uffff\ufffd<&\"'\x01\u2028":
        words = words_of(folder, file_of(f"a{character}b", 1))
        shown = character if character in "\ufffd<&\"'" else "".join(f"\\x{byte:02X}" for byte in character.encode())
        assert f"#2 a{shown}b" in words, (character, words)


def cut(folder: Path) -> None:
    """A name with characters of two bytes at odd offsets; the limits are even."""
    words = words_of(folder, file_of("a" + "é" * 60, 1))
    assert "#2 a" + "é" * 8 in words, words
    assert convert(folder / "made.trace", "-o", folder / "made.pftrace").returncode == 0
    packets = [dict(fields(packet)) for _, packet in fields((folder / "made.pftrace").read_bytes())]
    tracks = [dict(fields(packet[60]))[2].decode() for packet in packets if 60 in packet]
    assert tracks[1:] == ["#2 a" + "é" * 49 + " (program.c:1)"], tracks


def rows(folder: Path) -> None:
    for live, left_out in ((40, None), (45, "5 more tasks")):
        words = words_of(folder, file_of("waits", live))
        assert [said for said in words if "more task" in said] == ([left_out] if left_out else []), words


SETUID = r"""
#include <asyncio.h>
#include <unistd.h>
static int amain(void) { return 0; }
async_fn(amain);
int main(void) { return geteuid() != getuid() ? async_main(amain) : 77; }
"""


def setuid(folder: Path) -> None:
    if os.geteuid() != 0 or WRAPPER or sanitizers() or not (BUILD / "libasyncio.a").exists():
        skip("a setuid program is made by root, of the static library, without sanitizers")
    source, program = folder / "program.c", folder / "program"
    source.write_text(SETUID)
    flags = ["-flto"] if option("b_lto") else []
    subprocess.run([*COMPILER, *flags, f"-I{ROOT / 'include'}", source, "-o", program, BUILD / "libasyncio.a", "-pthread"],
                   check=True)
    program.chmod(0o4755)
    folder.chmod(0o755)
    variables = {"ASYNCIO_TRACE": f"{folder}/run.trace", "ASYNCIO_BACKEND": "none", "ASYNCIO_SHUFFLE": "x",
                 "ASYNCIO_WATCHDOG": "x", "ASYNCIO_DEADLOCK": "x"}
    seen = subprocess.run([program], env={**os.environ, **variables}, text=True, capture_output=True, user=65534)
    if seen.returncode == 77:
        skip("the file system of the folder has no setuid programs")
    assert (seen.returncode, seen.stderr) == (0, "") and not (folder / "run.trace").exists(), seen


def main(words: list[str]) -> int:
    tests = {"page": page, "records": records, "names": names, "cut": cut, "rows": rows, "setuid": setuid}
    with tempfile.TemporaryDirectory() as folder:
        tests[words[0]](Path(folder))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
