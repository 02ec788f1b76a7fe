"""The operations on futures and task-local values; see words.py. The counterpart is words_future.c."""

import asyncio
import errno
from contextvars import ContextVar

from words import Failure, word

LOCAL = ContextVar("local", default=0)


class Promise:
    """A future in a slot, beside the performers of tasks."""

    begun, requests, coroutine = True, 0, None

    def __init__(self, world):
        self.world = world
        self.task = world.loop.create_future()
        self.ended = 0
        self.handles = 0

    def settle(self, function, *arguments):
        """It gets its result by that method of asyncio's future."""
        self.ended = self.world.ended = self.world.ended + 1
        function(*arguments)

    def ask(self):
        """A request cancels it at once."""
        self.settle(self.task.cancel)

    def hold(self):
        self.handles += 1

    def let_go(self):
        """Without a handle it cannot be set any more: it is cancelled. CPython forgets it."""
        self.handles -= 1
        if self.handles == 0 and not self.task.done():
            self.world.rules.count("forgotten_future_is_cancelled")
            self.ask()


@word
def do_future(self, operation):
    self.world.put_in_slot(operation.arguments[0], Promise(self.world))
    return 0


def settle(self, operation, method, value) -> int:
    """Sets the future in the slot; the result of libasyncio's call."""
    promise = self.world.slots[operation.arguments[0]]
    result = 0
    if promise is None or not promise.task.done() and not isinstance(promise, Promise):
        result = -errno.EINVAL
    elif promise.task.done():
        result = -errno.EALREADY
    else:
        promise.settle(getattr(promise.task, method), value)
    self.world.trace(self, operation.line, result)
    return 0


@word
def do_set_result(self, operation):
    return settle(self, operation, "set_result", operation.arguments[1])


@word
def do_set_exception(self, operation):
    code = operation.arguments[1]
    if code == errno.ECANCELED:
        return settle(self, operation, "cancel", None)
    return settle(self, operation, "set_exception", Failure(-code))


@word
def do_local_set(self, operation):
    LOCAL.set(operation.arguments[0])
    return 0


@word
def do_local_get(self, operation):
    return LOCAL.get()
