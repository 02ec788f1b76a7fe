#!/usr/bin/env python3
"""Prints a random sample of the project's language: comments of src, messages and man pages.

    tools/sample.py SEED [COMMIT]

Twenty comments, ten messages and five man pages of COMMIT, or of the working tree. The same seed draws the same sample
again, so that two commits can be compared side by side. A message is a string literal of src or ext with at least
three words. The man pages are made with the commit's own tools/man.py and shown by mandoc if it is installed.
"""
import random
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Iterator

ROOT = Path(__file__).resolve().parent.parent
COMMENTS, MESSAGES, PAGES = 20, 10, 5
STRING = r'"(?:\\.|[^"\\\n])*"'
TOKEN = re.compile(rf"({STRING}(?:\s*{STRING})*)|(/\*.*?\*/|//[^\n]*)|'(?:\\.|[^'\\\n])+'", re.DOTALL)
RULER = re.compile(r"/\* -{4,}")


def unpack(commit: str, folder: Path) -> Path:
    archive = subprocess.run(["git", "-C", str(ROOT), "archive", commit], check=True, capture_output=True)
    subprocess.run(["tar", "-x", "-C", str(folder)], input=archive.stdout, check=True)
    return folder


def tokens(root: Path, *folders: str) -> Iterator[tuple[str, str, str]]:
    """The place, the string literal and the comment, either of them empty, of each such token in C files."""
    paths = [path for folder in folders for path in (root / folder).rglob("*") if path.suffix in (".c", ".h", ".S")]
    for path in sorted(paths):
        text = path.read_text()
        for match in TOKEN.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            if not text.startswith("#", text.rfind("\n", 0, match.start()) + 1):  # no names of headers
                yield f"{path.relative_to(root)}:{line}", match[1] or "", match[2] or ""


def messages(root: Path) -> Iterator[str]:
    for place, literal, _ in tokens(root, "src", "ext"):
        text = "".join(part[1:-1] for part in re.findall(STRING, literal))
        if len(re.findall(r"[A-Za-z]{2,}", text)) >= 3 and " " in text:
            yield f"{place}:\n    {text}"


def comments(root: Path) -> Iterator[str]:
    for place, _, comment in tokens(root, "src"):
        if comment and not RULER.match(comment):
            lines = [line.strip() for line in comment.splitlines()]
            yield f"{place}:\n" + "\n".join("    " + line for line in lines)


def page_text(page: Path) -> str:
    if shutil.which("mandoc") is None:
        return page.read_text()
    shown = subprocess.run(["mandoc", "-T", "utf8", "-O", "width=78", page], check=True, capture_output=True, text=True)
    return re.sub(r".\x08", "", shown.stdout)


def pages(root: Path, folder: Path) -> list[Path]:
    """Without the files that only point to another page."""
    subprocess.run([sys.executable, root / "tools/man.py", folder], check=True, stdout=subprocess.DEVNULL)
    return [page for page in sorted(folder.glob("man*/*")) if not page.read_text().startswith(".so ")]


def draw(generator: random.Random, title: str, texts: list, count: int) -> list:
    chosen = generator.sample(texts, min(count, len(texts)))
    print(f"\n==== {len(chosen)} of {len(texts)} {title} ====\n")
    return chosen


def main(words: list[str]) -> int:
    if len(words) not in (1, 2):
        print(__doc__)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        root = ROOT
        if len(words) == 2:
            (Path(folder) / "tree").mkdir()
            root = unpack(words[1], Path(folder) / "tree")
        print(f"seed {words[0]}, {words[1] if len(words) == 2 else 'the working tree'}")
        generators = [random.Random(f"{words[0]} {kind}") for kind in ("comments", "messages", "pages")]
        print("\n".join(draw(generators[0], "comments of src", list(comments(root)), COMMENTS)))
        print("\n".join(draw(generators[1], "messages", list(messages(root)), MESSAGES)))
        for page in draw(generators[2], "man pages", pages(root, Path(folder) / "man"), PAGES):
            print(f"---- {page.name} ----\n{page_text(page)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
