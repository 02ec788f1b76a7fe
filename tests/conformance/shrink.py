"""Shrinks a program with different traces while they still differ."""

import time
from itertools import islice

from language import ARGUMENTS, BLOCKS, DECLARATIONS
import sides

AT_ONCE, MOST_SECONDS = 24, 20


def end_of(lines, begin) -> int:
    """Where the block ends that begins there, or the line itself."""
    depth = 0
    for index in range(begin, len(lines)):
        word = lines[index].split()[0]
        depth += (word in BLOCKS) - (word == "end")
        if depth == 0:
            return index
    return len(lines) - 1


def parts(lines):
    """Parts that can be left out, the largest first: coroutines, blocks with their contents, their frames, single lines."""
    heads = [i for i, line in enumerate(lines) if line.startswith("coroutine")] + [len(lines)]
    for begin, end in zip(heads[1:], heads[2:]):
        yield set(range(begin, end))
    for i, line in enumerate(lines):
        word = line.split()[0]
        if word in ("end", "finally", "coroutine") or word in DECLARATIONS:
            continue
        end = end_of(lines, i)
        yield set(range(i, end + 1))
        if word in BLOCKS and not any(lines[j].split()[0] == "finally" for j in range(i, end)):
            yield {i, end}


def smaller_numbers(lines):
    """The program with one argument made smaller."""
    for i, line in enumerate(lines):
        word, *arguments = line.split()
        for k, argument in enumerate(arguments):
            if ARGUMENTS[word][k:k + 1] == "d" and argument.isdigit() and int(argument) > 1:
                yield lines[:i] + [" ".join([word, *arguments[:k], "1", *arguments[k + 1:]])] + lines[i + 1:]


def candidates(lines):
    """Programs that are a little less than this one."""
    for part in parts(lines):
        yield [line for i, line in enumerate(lines) if i not in part]
    yield from smaller_numbers(lines)


def first_smaller(player, text, compare, end):
    """The difference of the first candidate that has one; None if none has, or after the time `end`."""
    programs = ("\n".join(lines) for lines in candidates([line.strip() for line in text.split("\n")]))
    while time.monotonic() < end and (some := list(islice(programs, AT_ONCE))):
        found = compare(player, some)
        if found:
            return found[0]
    return None


def shrink(player, difference, compare=sides.compare):
    """The shortest program found in some seconds, with its difference."""
    end = time.monotonic() + MOST_SECONDS
    while time.monotonic() < end:
        smaller = first_smaller(player, difference.text, compare, end)
        if smaller is None:
            break
        difference = smaller
    return difference


def indented(text) -> str:
    """The program with indentation."""
    depth, lines = 0, []
    for line in text.split("\n"):
        word = line.split()[0]
        depth -= word in ("end", "finally")
        lines.append(f"{len(lines) + 1:3} " + "  " * (depth + (word != "coroutine" and word not in DECLARATIONS)) + line.strip())
        depth += word in BLOCKS or word == "finally"
    return "\n".join(lines)
