#!/usr/bin/env python3
"""Makes a C file with an array of bytes from the page of a timeline: the styles and scripts are put into the HTML.

    tools/embed.py PAGE.html STYLE.css SCRIPT.js… OUTPUT.c
"""

import re
import sys
from pathlib import Path


def without_comments(text: str) -> str:
    """Lines of code alone, without indentation: the page is in the library."""
    text = re.sub(r"^[ \t]*/\*.*?\*/\n", "", text, flags=re.DOTALL | re.MULTILINE)
    return "".join(line.strip() + "\n" for line in text.splitlines() if line.strip())


def page(html: Path, style: Path, scripts: list[Path]) -> bytes:
    text = html.read_text()
    text = text.replace("/*STYLE*/", without_comments(style.read_text()))
    text = text.replace("/*SCRIPT*/", "".join(without_comments(script.read_text()) for script in scripts))
    return text.encode()


def array(content: bytes) -> str:
    """Constants of characters have a value that fits, whether char is signed or not."""
    numbers = [f"'\\{byte:o}'" if byte > 127 else str(byte) for byte in content]
    lines = [",".join(numbers[i:i + 24]) for i in range(0, len(numbers), 24)]
    return ",\n".join(lines)


def main(arguments: list[str]) -> int:
    html, style, *scripts, output = map(Path, arguments)
    content = page(html, style, scripts)
    output.write_text("/* Made by tools/embed.py. */\n#include <stddef.h>\n"
                      "extern const char asyncp_page_text[];\nextern const size_t asyncp_page_bytes;\n"
                      f"const size_t asyncp_page_bytes = {len(content)};\n"
                      f"const char asyncp_page_text[] = {{\n{array(content)}}};\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
