#!/usr/bin/env python3
"""Sees that docs/asyncio-map.md leaves nothing out: neither a name of Python's asyncio nor one of ours.

    tests/asyncio_map.py              prints what is missing or wrong, and ends with 1 if anything is
    tests/asyncio_map.py --self-test  spoils a small map in every way and sees that this is found

A row is | Python | C | shown by |. In the first cell each piece of code stands for names: `Queue.put`, `get` for
Queue.put and Queue.get, `create_task(f(a), name=)` for create_task and create_task(name=). The second cell has the C
names, or a dash and one sentence why C needs none. The third has the test files, in which these C names occur.
"""

import asyncio
import inspect
import re
import subprocess
import sys
from pathlib import Path
from typing import Iterator, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent / "scripts"))
from built import ROOT  # noqa: E402

sys.path.insert(0, str(ROOT / "tools"))
import reference  # noqa: E402
import tidy  # noqa: E402

# What must have its row, by the section it stands in; "Queue.put get" is short for "Queue.put Queue.get".
PYTHON = {
    "Runners": ["run run(debug=) run(loop_factory=)", "Runner", "Runner.run get_loop close"],
    "Tasks": ["create_task create_task(name=) create_task(context=) create_task(eager_start=) ensure_future",
              "eager_task_factory current_task all_tasks", "Task",
              "Task.cancel cancel(msg=) cancelling uncancel cancelled done result exception get_name set_name",
              "Task.get_coro get_context get_stack print_stack add_done_callback remove_done_callback get_loop",
              "Task.set_result set_exception", "ContextVar", "ContextVar.get set reset", "copy_context"],
    "Combinators": ["gather gather(return_exceptions=) wait wait(timeout=) wait(return_when=) wait_for as_completed",
                    "FIRST_COMPLETED FIRST_EXCEPTION ALL_COMPLETED shield sleep to_thread run_coroutine_threadsafe",
                    "staggered_race timeout timeout_at", "Timeout", "Timeout.when reschedule expired",
                    "TaskGroup", "TaskGroup.create_task"],
    "Futures": ["Future", "Future.set_result set_exception result exception done cancel cancelled",
                "Future.add_done_callback remove_done_callback get_loop", "wrap_future isfuture",
                "loop.create_future"],
    "Queues": ["Queue", "LifoQueue", "PriorityQueue", "Queue.put get put_nowait get_nowait qsize maxsize empty full",
               "Queue.task_done join shutdown shutdown(immediate=)", "QueueFull QueueEmpty QueueShutDown"],
    "Synchronisation": ["Lock", "Lock.acquire release locked", "Event", "Event.wait set clear is_set", "Condition",
                        "Condition.acquire release locked wait wait_for notify notify_all", "Semaphore",
                        "Semaphore.acquire release locked", "BoundedSemaphore", "Barrier",
                        "Barrier.wait reset abort parties n_waiting broken", "BrokenBarrierError"],
    "Loop": ["loop.run_forever run_until_complete stop close is_running is_closed time create_task",
             "loop.call_soon call_soon_threadsafe call_later call_at", "Handle", "Handle.cancel cancelled",
             "TimerHandle", "TimerHandle.when", "loop.run_in_executor set_default_executor shutdown_default_executor",
             "loop.set_exception_handler get_exception_handler default_exception_handler call_exception_handler",
             "loop.set_debug get_debug slow_callback_duration set_task_factory get_task_factory",
             "loop.sock_connect sock_accept sock_recv sock_recv_into sock_recvfrom sock_recvfrom_into sock_sendall",
             "loop.sock_sendto sock_sendfile create_datagram_endpoint",
             "loop.add_signal_handler remove_signal_handler", "loop.getaddrinfo getnameinfo", "get_running_loop get_event_loop new_event_loop set_event_loop"],
    "Subprocesses": ["create_subprocess_exec create_subprocess_shell", "loop.subprocess_exec subprocess_shell",
                     "Process", "Process.wait communicate send_signal terminate kill stdin stdout stderr pid returncode",
                     "subprocess.PIPE STDOUT DEVNULL run", "SubprocessProtocol",
                     *(f"Popen({name}=)" for name in inspect.signature(subprocess.Popen).parameters if name != "args")],
}

# Classes whose public names must all be above, so that the list cannot have a gap where CPython has a name.
CLASSES = ["Runner", "Task", "Timeout", "TaskGroup", "Future", "Queue", "Lock", "Event", "Condition", "Semaphore",
           "BoundedSemaphore", "Barrier", "Handle", "TimerHandle", "Process"]
INHERIT = {"BoundedSemaphore": "Semaphore", "TimerHandle": "Handle"}

C_NAME = re.compile(r"\b(?:async_\w+|ASYNC_\w+)")


class Row(NamedTuple):
    """One row of the map."""
    line: int
    python: str
    c: str
    shown_by: str


# ---- names ----------------------------------------------------------------------------------------------------


def spread(words: list[str]) -> Iterator[str]:
    """Gives those without a class the class of the one before them."""
    owner = ""
    for word in words:
        name, bracket, rest = word.partition("(")
        if "." in name:
            owner = name.rpartition(".")[0] + "."
        elif not name[:1].isupper():
            name = owner + name
        yield name + bracket + rest


def wanted() -> list[str]:
    return [name for lines in PYTHON.values() for line in lines for name in spread(line.split())]


def names_of(cell: str) -> Iterator[str]:
    """The Python names that a cell stands for."""
    pieces = [re.sub(r"^(asyncio|await|async with) ?\.?", "", piece) for piece in re.findall(r"`([^`]+)`", cell)]
    for piece in spread(pieces):
        name = re.match(r"[\w.]+", piece)
        if name:
            yield name[0]
            yield from (f"{name[0]}({parameter}=)" for parameter in re.findall(r"(\w+)=", piece))


def rows_of(text: str) -> list[Row]:
    rows = []
    for number, line in enumerate(text.splitlines(), 1):
        cells = re.match(r"\| (.+?) \| (.+?) \|(.*)\|$", line)
        if cells and not line.startswith(("| ---", "| Python |")):
            rows.append(Row(number, *(cell.strip() for cell in cells.groups())))
    return rows


def public_names(root: Path) -> dict[str, bool]:
    """What users may use, found in the two ways that the house has; and whether it is a type."""
    names = {name: False for _, _, name in tidy.public_names(tidy.Tree(root))}
    for header in reference.HEADERS:
        entries = reference.entries(reference.source_of(header))
        names |= {name: signature.startswith("typedef") for name, signature, _ in entries}
    return names


def gaps_of_the_list() -> Iterator[str]:
    """What CPython's classes have and the list above has not."""
    listed = set(wanted())
    for name in CLASSES:
        homes = [asyncio, getattr(asyncio, "timeouts", asyncio), asyncio.subprocess]
        known = next((vars(home)[name] for home in homes if name in vars(home)), None)
        for attribute in vars(known) if known else []:  # an older Python has not all of them
            owners = [name, INHERIT.get(name, name)]
            if not attribute.startswith("_") and not any(f"{owner}.{attribute}" in listed for owner in owners):
                yield f"asyncio has {name}.{attribute}, and the list in tests/asyncio_map.py has not"


# ---- what is wrong --------------------------------------------------------------------------------------------


def wrong_in_row(row: Row, public: dict[str, bool], known: set[str], tests: dict[str, str]) -> Iterator[str]:
    """A type need not be named where it is shown."""
    names = C_NAME.findall(row.c)
    if not names and not row.c.startswith("–") and "every test" not in row.shown_by and "`-E" not in row.c:
        yield "there is no C name in it, and no dash"
    if row.c.startswith("–") and len(row.c) < 12:
        yield "a sentence is missing: why does C need none?"
    files = re.findall(r"[\w/]+\.\w+", row.shown_by)
    yield from (f"there is no test {file}" for file in files if file not in tests)
    yield from (f"no header has {name}" for name in names if name not in known)
    if "every test" not in row.shown_by and not row.c.startswith("–"):
        text = " ".join(tests.get(file, "") for file in files)
        yield from (f"{name} does not occur in the tests that it names" for name in names
                    if not public.get(name) and not re.search(rf"\b{name}\b", text))


def complaints(text: str, python: list[str], public: dict[str, bool], known: set[str],
               tests: dict[str, str]) -> list[str]:
    rows = rows_of(text)
    mapped = {name for row in rows for name in names_of(row.python)}
    used = {name for row in rows for name in C_NAME.findall(row.c)}
    found = [f"docs/asyncio-map.md:{row.line}: {what}" for row in rows
             for what in wrong_in_row(row, public, known, tests)]
    found += [f"asyncio's {name} has no row in docs/asyncio-map.md" for name in python if name not in mapped]
    found += [f"{name} is in no row of docs/asyncio-map.md" for name in sorted(public.keys() - used)]
    return found


def complaints_about_the_map() -> list[str]:
    headers = " ".join(path.read_text() for folder in ("include", "ext") for path in (ROOT / folder).rglob("*.h"))
    tests = {path.name: path.read_text() for path in (ROOT / "tests").rglob("*.*")
             if path.suffix in (".c", ".py", ".h", ".cpp") and path.is_file()}
    return complaints((ROOT / "docs" / "asyncio-map.md").read_text(), wanted(), public_names(ROOT),
                      set(C_NAME.findall(headers)), tests) + list(gaps_of_the_list())


# ---- the test of all this -------------------------------------------------------------------------------------

MAP = """| Python | C | shown by |
| --- | --- | --- |
| `Queue.put`, `get` | `async_put`, `async_get(q)` for `async_kind` | test_one.c |
| `run(f(), debug=)` | `async_run` with `ASYNC_DEBUG` | test_one.c, test_two.c |
| `policies` | – : a loop is made where it is run | |
"""
NAMES = {"async_put": False, "async_get": False, "async_run": False, "ASYNC_DEBUG": False, "async_kind": True}
TESTS = {"test_one.c": "async_put async_get async_run", "test_two.c": "ASYNC_DEBUG"}
SPOILT = [("", "", ""), ("`, `get", "", "Queue.get has no row"), ("debug=", "bug=", "run(debug=) has no row"),
          ("`async_put`, ", "", "async_put is in no row"), ("async_get(q)", "async_got", "no header has async_got"),
          (", test_two.c", "", "ASYNC_DEBUG does not occur"), ("test_two", "test_ten", "no test test_ten.c"),
          ("– : a loop is made where it is run", "–", "a sentence is missing"), ("– : a", "A", "no dash")]


def self_test() -> list[str]:
    mistakes = []
    for old, new, expected in SPOILT:
        text = MAP.replace(old, new) if old else MAP
        found = complaints(text, ["Queue.put", "Queue.get", "run(debug=)"], NAMES, set(NAMES), TESTS)
        if bool(found) != bool(expected) or not any(expected in one for one in found or [""]):
            mistakes.append(f"{old!r} became {new!r}, and all that was found is {found}")
    return mistakes


def main(arguments: list[str]) -> int:
    found = self_test() if arguments == ["--self-test"] else complaints_about_the_map()
    print(*found, sep="\n", end="")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
