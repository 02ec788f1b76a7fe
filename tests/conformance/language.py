"""The language of the conformance test: its words, and programs as trees. docs/decisions/conformance.md explains it.

A program is text, an operation a line; blocks reach to their `end`. The generator, the interpreters and whoever shrinks
programs all take from here what a word is.
"""

from typing import NamedTuple, Optional

KINDS = ["fifo", "lifo", "priority"]
SLOTS, OBJECTS = 8, 4
MOST_TASKS, MOST_CALLBACKS = 60, 64
HORIZON, MOST_ROUNDS = 100000, 100

# What follows each word: s a task's slot, c a coroutine, d a duration, v a value, e an error, q a queue, k a kind of
# queue, m a size, f a flag, n a small number, t a duration or -1 for none, w what async_wait waits for, l a lock
# or an event, p a semaphore, b a barrier; + one or more of what stands before it.
ARGUMENTS = {
    "coroutine": "c", "queue": "qkm", "end": "", "finally": "",
    "create": "sc", "await": "s", "await_self": "", "gather": "s+", "collect": "s+",
    "cancel": "s", "cancel_self": "", "uncancel": "", "cancelling": "", "cancelling_of": "s", "detach": "s",
    "look": "s", "sleep": "d", "timeout": "d", "shield": "", "try": "", "catch": "",
    "fail": "e", "result": "v", "log": "v",
    "soon": "", "later": "d", "callback": "s", "take_back": "n",
    "put": "qv", "put_nowait": "qv", "get": "q", "get_nowait": "q", "task_done": "q", "join": "q",
    "shutdown": "qf", "qsize": "q",
    "semaphore": "qmf", "barrier": "qm", "hold": "l", "hold_nowait": "l", "locked": "l",
    "event_wait": "l", "set": "l", "clear": "l", "is_set": "l",
    "hold_condition": "f", "wait_condition": "f", "wait_until": "fv", "count": "n", "notify": "fn", "notify_all": "f",
    "permit": "p", "acquire": "p", "acquire_nowait": "p", "release": "p", "semaphore_locked": "p",
    "barrier_wait": "b", "barrier_reset": "b", "barrier_abort": "b", "barrier_look": "b",
    "as_completed": "ts+", "eager": "sc", "future": "s", "set_result": "sv", "set_exception": "se", "local_set": "v", "local_get": "",
    "group": "", "spawn": "sc", "spawn_sibling": "sc", "group_cancel": "",
    "wait": "wts+", "wait_for": "sd", "shield_task": "s", "limit": "t", "limit_at": "d", "reschedule": "t",
}

BLOCKS = {"timeout", "limit", "limit_at", "shield", "try", "catch", "soon", "later", "callback", "hold", "hold_nowait",
          "hold_condition", "permit", "group"}
DECLARATIONS = {"queue", "semaphore", "barrier"}


class Operation(NamedTuple):
    """One line of a program; a block has a body, and perhaps what comes `finally`."""

    word: str
    arguments: tuple
    line: int
    body: tuple = ()
    finally_body: Optional[tuple] = None


class Program(NamedTuple):
    """What is declared, and the coroutines' operations by number."""

    declarations: tuple
    coroutines: dict


def number_of(token: str) -> int:
    """A number, or a word that stands for one."""
    return KINDS.index(token) if token in KINDS else int(token)


class Parser:
    """Reads a program's lines from first to last."""

    def __init__(self, text: str):
        lines = [(number, line.split()) for number, line in enumerate(text.split("\n"), 1)]
        self.lines = [(number, tokens) for number, tokens in lines if tokens]
        self.next = 0

    def block(self):
        """Operations up to one that closes a block, and that one's word; None at the end of the text."""
        operations = []
        while self.next < len(self.lines):
            line, (word, *rest) = self.lines[self.next]
            self.next += 1
            if word in ("end", "finally"):
                return tuple(operations), word
            arguments = tuple(map(number_of, rest))
            if word not in BLOCKS:
                operations.append(Operation(word, arguments, line))
                continue
            body, closed_by = self.block()
            finally_body = self.block()[0] if closed_by == "finally" else None
            operations.append(Operation(word, arguments, line, body, finally_body))
        return tuple(operations), None


def parse(text: str) -> Program:
    """The program that is written there."""
    operations, _ = Parser(text).block()
    declarations, coroutines, body = [], {}, None
    for operation in operations:
        if operation.word in DECLARATIONS:
            declarations.append(operation)
        elif operation.word == "coroutine":
            body = coroutines[operation.arguments[0]] = []
        else:
            body.append(operation)
    return Program(tuple(declarations), coroutines)
