"""Measures the language of comments and the shape of src, for `tests/tidy.py --measure`. It has no limits: tidy.py has."""

import re
import statistics
import tempfile
from pathlib import Path
from typing import Iterator

from tidy import ABOUT, MOST_COLUMNS, PHRASES, SPOKEN, WORDS, Tree, comments, functions, places_of, plain, rate_of


def spread(values: list[int]) -> str:
    """Median, 90th percentile and maximum."""
    if len(values) < 2:
        return str(values)
    ninth = statistics.quantiles(values, n=10, method="inclusive")[8]
    return f"median {statistics.median(values):.0f}, 90th percentile {ninth:.0f}, maximum {max(values)}"


def static_functions(tree: Tree) -> Iterator[tuple[str, str]]:
    """The name and the file of each static function that is defined in a .c file of src."""
    for path in tree.select("c", "src"):
        lines = tree.lines[path]
        for begin, _ in functions(lines):
            first = begin - 2
            while first > 0 and re.match(r"[\s)]", lines[first]):
                first -= 1
            header = re.sub(r"__attribute__\(\(.*?\)\)", "", " ".join(lines[first:begin - 1]))
            match = re.match(r"\s*(?:\w+ )*?static .*?(\w+)\(", header)
            if match:
                yield match[1], path


def struct_tags(tree: Tree) -> Iterator[tuple[str, str]]:
    """The tag and the file of each struct that is defined in src or include."""
    for path in tree.select("c h", "src", "include"):
        for line in tree.lines[path]:
            match = re.match(r"\s*(?:typedef |static |const )*struct (\w+) \{", line)
            if match:
                yield match[1], path


def duplicates(pairs: Iterator[tuple[str, str]]) -> dict[str, list[str]]:
    """The files of each name that occurs more than once."""
    places: dict[str, list[str]] = {}
    for name, path in pairs:
        places.setdefault(name, []).append(path)
    return {name: paths for name, paths in sorted(places.items()) if len(paths) > 1}


def loop_fields(tree: Tree) -> dict[str, int]:
    """The number of files of src that name each field of struct async_loop as `loop->field`."""
    lines = [line for path in tree.select("c h", "src") for line in tree.lines[path]]
    begin = lines.index("struct async_loop {") if "struct async_loop {" in lines else len(lines)
    body = " ".join(lines[begin + 1:])
    body = re.sub(r"/\*.*?\*/", "", body[:body.find("};")])
    names = re.findall(r"(?:\*|\b)(\w+)(?=\)\(|\[\w+\];|;|, )", body)
    used = {path: set(re.findall(r"\bloop->(\w+)", "\n".join(tree.lines[path]))) for path in tree.select("c h S", "src")}
    return {name: sum(name in fields for fields in used.values()) for name in names}


def print_duplicates(title: str, found: dict[str, list[str]]) -> None:
    print(f"{title}: {len(found)}")
    for name, paths in found.items():
        print(f"    {name}: {' '.join(paths)}")


def measure(tree: Tree) -> None:
    spoken = list(comments(tree, *SPOKEN))
    count = sum(len(plain(comment.text).split()) for comment in spoken)
    print(f"comments of {', '.join(SPOKEN)}: {count} words; per 1,000 words:")
    for word in WORDS:
        print(f"    {word.name:<34} {rate_of(word, spoken):6.2f}   limit {word.most}, target {word.target}")
    print("occurrences:")
    for phrase in PHRASES:
        print(f"    {phrase.pattern:<34} {len(list(places_of(phrase, spoken))):6}   limit {phrase.most}, target 0")
    sources = tree.select("c h S", "src")
    print(f"src: {len(sources)} files, {sum(len(tree.lines[path]) for path in sources)} lines; include: "
          f"{sum(len(tree.lines[path]) for path in tree.select('h', 'include'))} lines")
    print(f"lines of a file of src: {spread([len(tree.lines[path]) for path in sources])}")
    lengths = [end - begin + 1 for path in sources for begin, end in functions(tree.lines[path])]
    print(f"lines of a function of src: {spread(lengths)}; {len(lengths)} functions")
    wide = [path for path in tree.select("c h S") for line in tree.lines[path] if len(line) > MOST_COLUMNS]
    print(f"lines of more than {MOST_COLUMNS} columns, in C: {len(wide)}")
    print_duplicates("static functions of src with the same name", duplicates(static_functions(tree)))
    print_duplicates("structs of src and include with the same tag", duplicates(struct_tags(tree)))
    fields = sorted(loop_fields(tree).items(), key=lambda field: -field[1])
    print(f"fields of struct async_loop: {len(fields)}; files that use each:")
    print("    " + ", ".join(f"{name} {used}" for name, used in fields))


# ---- the test of all this -------------------------------------------------------------------------------------


def self_test() -> Iterator[str]:
    files = {"src/base/a.c": ABOUT + "struct one {\n    int x;\n};\nstatic int same(void)\n{\n}\n"
                             "int *other(void)\n{\n    return loop->now;\n}\n",
             "src/base/b.c": ABOUT + "struct one {\n    int x;\n};\n__attribute__((noinline)) static struct one *same(int a,"
                             "\n    int b)\n{\n    loop->now = loop->ready;\n}\n",
             "src/base/loop.h": ABOUT + "struct async_loop {\n    int now; /* not 0; a time */\n    void *(*begin)(void *a);\n"
                                "    struct list ready, left;\n};\n"}
    with tempfile.TemporaryDirectory() as folder:
        for name, text in files.items():
            (Path(folder) / name).parent.mkdir(parents=True, exist_ok=True)
            (Path(folder) / name).write_text(text)
        tree = Tree(Path(folder))
        for found, expected in ((duplicates(static_functions(tree)), {"same": ["src/base/a.c", "src/base/b.c"]}),
                                (duplicates(struct_tags(tree)), {"one": ["src/base/a.c", "src/base/b.c"]}),
                                (loop_fields(tree), {"now": 2, "begin": 0, "ready": 1, "left": 0}),
                                (spread([*range(1, 12)]), "median 6, 90th percentile 10, maximum 11")):
            if found != expected:
                yield f"measured {found} instead of {expected}"
