#!/usr/bin/env python3
"""Checks that the table "Differences from a local queue" in docs/decisions/redis-queue.md and the tests agree.

    queue_differences.py              prints each finding, and ends with 1 if there is any
    queue_differences.py --self-test  breaks each part of the agreement and sees that this is found

Each row of the document names one rule or more; each of them has a row in the table of tests/redis/queue_rules.c, and a
rule of that name in tests/redis/test_queue_differences.c, and the other way round. An error number of a row in C stands in
the row of the document, too. The rules of the conformance test (tests/conformance/redis_queues.py) are among them.
"""

import re
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent.parent
PATHS = [ROOT / "docs/decisions/redis-queue.md", ROOT / "tests/redis/queue_rules.c",
         ROOT / "tests/redis/test_queue_differences.c", ROOT / "tests/conformance/redis_queues.py"]

# What these values mean stands in the document in words: no item came, or the call went on waiting.
IN_WORDS = {"-ETIMEDOUT"}


class Row(NamedTuple):
    """A row of the document."""

    call: str
    local: str
    in_redis: str
    rules: list


def rows_of(document: str) -> list[Row]:
    part = document.split("## Differences from a local queue")[1].split("\n## ")[0]
    lines = [line for line in part.splitlines() if line.startswith("|")][2:]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [Row(*row[:3], re.findall(r"`(\w+)`", row[3]) if len(row) == 4 else []) for row in cells]


def values_of(table: str) -> dict[str, tuple[str, str]]:
    """What each rule gives on the two kinds."""
    return {name: (local, in_redis) for name, local, in_redis in
            re.findall(r'^    \{"(\w+)", (-?\w+), (-?\w+)\},$', table, re.MULTILINE)}


def findings(document: str, table: str, tests: str, model: str) -> list[str]:
    rows, values = rows_of(document), values_of(table)
    named = [rule for row in rows for rule in row.rules]
    played = re.findall(r"^QUEUE_(?:RULE|MISUSE)\((\w+)", tests, re.MULTILINE)
    found = [f"the row of {row.call} names no rule" for row in rows if not row.rules]
    found += [f"{rule} is named twice in the document" for rule in set(named) if named.count(rule) > 1]
    found += [f"the document names {rule}, which has no row in queue_rules.c" for rule in named if rule not in values]
    found += [f"{rule} has a row in queue_rules.c, and the document does not name it" for rule in values if rule not in named]
    found += [f"{rule} has a row in queue_rules.c, and no test plays it" for rule in values if rule not in played]
    found += [f"{rule} has a test, and no row in queue_rules.c" for rule in played if rule not in values]
    found += [f"{rule} is the same for both kinds" for rule, (local, in_redis) in values.items() if local == in_redis]
    modelled = re.findall(r'^    "(\w+)": "', model.split("\nRULES = {")[1].split("\n}")[0], re.MULTILINE)
    found += [f"{rule} is a rule of redis_queues.py, and the document does not name it" for rule in modelled if rule not in named]
    found += ["redis_queues.py has no rules"] if not modelled else []
    for row in rows:
        for rule in row.rules:
            for value, cell in zip(values.get(rule, ()), (row.local, row.in_redis)):
                if value.startswith("-E") and value not in IN_WORDS and value not in cell:
                    found.append(f"{rule} gives {value}, and the row of {row.call} does not say so")
    return found


def self_test(texts: list[str]) -> list[str]:
    """Each of these changes must be found."""
    changes = [(0, "| `put_nowait`, `select_that_puts` |", "| |"), (0, "`on_drop` |", "`on_drops` |"),
               (0, "`item_given_back` |", "`item_given_back`, `on_drop` |"), (0, "put if there is room | -EOPNOTSUPP", "put | no"),
               (1, '{"on_drop", 2, 0},', ""), (1, '{"on_drop", 2, 0},', '{"on_drop", 2, 2},'),
               (1, '{"get_nowait", 0, -EAGAIN},', '{"get_nowait", 0, -EIO},'),
               (3, '"get_nowait": ', '"gets_nowait": '), (2, "QUEUE_RULE(on_drop)", "QUEUE_RULE(on_fall)"), (2, "QUEUE_RULE(on_drop)", "static void on_drop(void)")]
    mistakes = []
    for place, right, wrong in changes:
        changed = list(texts)
        changed[place] = changed[place].replace(right, wrong)
        if changed == texts or not findings(*changed):
            mistakes.append(f"nothing is found when {right!r} becomes {wrong!r}")
    return mistakes


def main(words: list[str]) -> int:
    texts = [path.read_text() for path in PATHS]
    found = self_test(texts) if words == ["--self-test"] else findings(*texts)
    print(*found, sep="\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
