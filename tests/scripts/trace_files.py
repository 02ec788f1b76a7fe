#!/usr/bin/env python3
"""Files with several timelines, damaged ones, and the rights that a file of a trace needs.

    tests/scripts/trace_files.py page       a page shows the timelines behind a damaged one: needs node

BUILD_DIR, CC and WRAPPER come from the suite.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from built import ROOT
from trace import skip

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


def main(words: list[str]) -> int:
    tests = {"page": page}
    with tempfile.TemporaryDirectory() as folder:
        tests[words[0]](Path(folder))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
