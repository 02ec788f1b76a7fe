"""What each operation of the language does on CPython's asyncio: the counterpart of words.c, one entry an operation.

An operation is a coroutine of (performer, operation) if it may switch, else a plain function; it gives a number of 0 or
more, or raises. What the two libraries mean the same is left to CPython; where they do not, a rule is applied and counted.
"""

import asyncio
import errno
from contextlib import contextmanager

from cancellation import Limit, Shelter
from language import MOST_CALLBACKS
from queues import ShutDown


class Failure(Exception):
    """An error of the program's own, or one that CPython has no exception for."""

    def __init__(self, code):
        super().__init__(code)
        self.code = code


def code_of(error) -> int:
    """The error number of libasyncio."""
    if isinstance(error, Failure):
        return error.code
    for kind, code in CODES:
        if isinstance(error, kind):
            return -code
    MISTAKES.append(error)
    return -errno.ENOTRECOVERABLE


# What was raised that no program can mean: a mistake of the test, which ends it (see model.play).
MISTAKES = []

CODES = [(asyncio.CancelledError, errno.ECANCELED), (TimeoutError, errno.ETIMEDOUT), (ShutDown, errno.ESHUTDOWN),
         (asyncio.QueueEmpty, errno.EAGAIN), (asyncio.QueueFull, errno.EAGAIN)]

WORDS = {}


def word(function):
    """Registers do_NAME as the operation NAME."""
    WORDS[function.__name__[3:]] = function
    return function


def result_of(task) -> int:
    """The result of a task of the program that has ended."""
    try:
        return task.result()
    except (Exception, asyncio.CancelledError) as error:
        return code_of(error)


# ---- tasks -----------------------------------------------------------------------------------------------------


def may_join(self, other) -> bool:
    """Only younger tasks and futures, so that no cycle arises."""
    return other is not None and (other.coroutine is None or other.sequence > self.sequence)


@contextmanager
def handles(performers):
    """During an operation it has its own handles, which count for futures; see words_future.py."""
    for performer in performers:
        performer.hold()
    try:
        yield
    finally:
        for performer in performers:
            performer.let_go()


@word
def do_create(self, operation):
    return create(self, operation, False)


@word
def do_eager(self, operation):
    """The first steps of the new task run before this operation ends."""
    return create(self, operation, True)


def create(self, operation, eager) -> int:
    slot, coroutine = operation.arguments
    child = self.world.create(self, coroutine)
    if child is None:
        raise Failure(-errno.EAGAIN)
    if eager and asyncio.current_task(self.world.loop) is not None:
        self.world.rules.count("eager_start_312")
        self.world.loop.run_last_now()
    self.world.put_in_slot(slot, child)
    return 0


@word
async def do_await(self, operation):
    child = self.world.slots[operation.arguments[0]]
    if not may_join(self, child):
        raise Failure(-errno.ESRCH)
    with handles([child]):
        await self.wait_for_end([child])
        return child.task.result()


@word
async def do_await_self(self, operation):
    """CPython raises RuntimeError."""
    raise Failure(-errno.EDEADLK)


def first_in_time(world, children, error):
    """What gather raises: CPython takes them in the order of its arguments if several had failed before."""
    failed = [child for child in children if result_of(child.task) < 0]
    first = min(failed, key=lambda child: child.ended, default=None)
    if error is None or code_of(error) == result_of(first.task):
        return error
    world.rules.count("gather_names_first_in_time")
    return first.task.exception() if not first.task.cancelled() else asyncio.CancelledError()


async def gather(self, operation, collect):
    """The real gather decides what comes out; the rule is when."""
    world, slots = self.world, [self.world.slots[slot] for slot in operation.arguments]
    children = [child for child in slots if may_join(self, child)]
    tasks = [child.task for child in children]
    outer = world.loop.held_back(asyncio.gather, *tasks, return_exceptions=collect)
    requests = self.requests
    with handles(children):
        waited = await self.wait_for_end(children, outer)
    results = [result_of(task) for task in tasks]
    error = first_in_time(world, children, outer.exception())
    if waited:
        world.rules.count("gather_waits_for_all")
    if collect and self.passed_on:  # as CPython's future would, if the requests came to it and not to its children
        error = asyncio.CancelledError()
    elif self.requests > requests:
        world.rules.count("gather_gives_results")
    outcome = 0 if error is None else code_of(error)
    world.trace(self, operation.line, outcome, results)
    if error is not None:
        raise error
    return 0


@word
async def do_gather(self, operation):
    return await gather(self, operation, False)


@word
async def do_collect(self, operation):
    return await gather(self, operation, True)


def cancel(world, performer) -> int:
    """Requests its cancellation; False if it has ended."""
    if performer is None or performer.task.done():
        return 0
    world.requests.request([performer])
    return 1


@word
def do_cancel(self, operation):
    return cancel(self.world, self.world.slots[operation.arguments[0]])


@word
def do_cancel_self(self, operation):
    return cancel(self.world, self)


@word
def do_uncancel(self, operation):
    self.requests -= self.requests > 0
    self.refused = self.is_refused()
    return self.requests


@word
def do_cancelling(self, operation):
    return self.requests


@word
def do_cancelling_of(self, operation):
    other = self.world.slots[operation.arguments[0]]
    return 0 if other is None or other.task.done() else other.requests


@word
def do_detach(self, operation):
    self.world.put_in_slot(operation.arguments[0], None)
    return 0


@word
def do_look(self, operation):
    other, result = self.world.slots[operation.arguments[0]], -errno.ESRCH
    if other is not None:
        result = result_of(other.task) if other.task.done() else -errno.EINPROGRESS
    self.world.trace(self, operation.line, result)
    return 0


# ---- time and scopes -------------------------------------------------------------------------------------------


@word
async def do_sleep(self, operation):
    await self.enter()
    await asyncio.sleep(self.world.duration(operation.arguments[0]))
    return 0


async def enter_limit(self, timeout, run_out) -> Limit:
    """Begins a limit. One that has run out is told so now; CPython tells it in a turn of its own."""
    limit, loop = Limit(self, timeout), self.world.loop
    loop.held = []
    await timeout.__aenter__()
    held, loop.held = loop.held, None
    limit.speak_for_task()
    self.scopes.append(limit)
    for handle in held:
        self.world.rules.count("limit_of_0_has_run_out")
        handle._run()
    assert timeout.expired() == run_out
    return limit


async def under_limit(self, timeout, run_out, body):
    """Awaits body(limit) under the real Timeout, which decides what comes of it; but any failure is a timeout."""
    limit, error = await enter_limit(self, timeout, run_out), None
    try:
        await body(limit)
    except (Exception, asyncio.CancelledError) as caught:
        error = caught
    try:
        await timeout.__aexit__(type(error) if error else None, error, None)
    finally:
        self.scopes.pop()
        self.refused = self.is_refused()
    if error is None:
        return
    if not limit.refuses or self.refused:
        raise error
    self.world.rules.count("failure_is_the_limits")
    raise TimeoutError


@word
async def do_timeout(self, operation):
    seconds = self.world.duration(operation.arguments[0])
    await under_limit(self, asyncio.timeout(seconds), seconds <= 0, lambda _: self.perform(operation.body))
    return 0


@word
async def do_shield(self, operation):
    if self.refused:
        self.world.rules.count("shield")
    self.scopes.append(Shelter)
    self.refused = False
    try:
        await self.perform(operation.body)
    finally:
        self.scopes.pop()
        self.refused = self.is_refused()
    return 0


@word
async def do_try(self, operation):
    try:
        await self.perform(operation.body)
    finally:
        await self.perform(operation.finally_body or ())
    return 0


@word
async def do_catch(self, operation):
    await self.perform(operation.body)
    return 0


@word
def do_fail(self, operation):
    if operation.arguments[0] == errno.ECANCELED:
        raise asyncio.CancelledError  # a task that fails so counts as cancelled
    raise Failure(-operation.arguments[0])


@word
def do_result(self, operation):
    self.result = operation.arguments[0]
    return self.result


@word
def do_log(self, operation):
    return operation.arguments[0]


# ---- callbacks -------------------------------------------------------------------------------------------------


def new_callback(self, operation):
    """A performer for the block, which never switches; what calls it."""
    world = self.world
    if len(world.callbacks) == MOST_CALLBACKS:
        raise Failure(-errno.EAGAIN)
    number = len(world.callbacks)
    world.callbacks.append(None)
    callback = world.new_callback(self, number + 1)

    def call(*_):
        world.callbacks[number] = None
        callback.perform_at_once(operation.body)

    return call


@word
def do_soon(self, operation):
    callback = new_callback(self, operation)
    self.world.callbacks[-1] = self.world.loop.call_soon(callback)
    return len(self.world.callbacks)


@word
def do_later(self, operation):
    callback = new_callback(self, operation)
    self.world.callbacks[-1] = self.world.loop.call_later(operation.arguments[0], callback)
    return len(self.world.callbacks)


@word
def do_callback(self, operation):
    other = self.world.slots[operation.arguments[0]]
    if other is None:
        raise Failure(-errno.EAGAIN)
    other.task.add_done_callback(new_callback(self, operation))
    return 0


@word
def do_take_back(self, operation):
    handles, back = self.world.callbacks, operation.arguments[0] + 1
    handle = handles[-back] if back <= len(handles) else None
    if handle is None or handle.cancelled():
        return 0
    handle.cancel()
    return 1


# ---- queues ----------------------------------------------------------------------------------------------------


def queue_of(self, operation):
    return self.world.queues[operation.arguments[0]]


@word
async def do_put(self, operation):
    await self.enter()
    self.item = operation.arguments[1]
    await queue_of(self, operation).put(self.item)
    return 0


@word
def do_put_nowait(self, operation):
    result = 0
    try:
        queue_of(self, operation).put_at_once(operation.arguments[1])
    except (ShutDown, asyncio.QueueFull, Failure) as error:
        result = code_of(error)
    self.world.trace(self, operation.line, result)
    return 0


@word
async def do_get(self, operation):
    await self.enter()
    queue = queue_of(self, operation)
    item = await queue.get()
    queue.note_taken(self, item)
    return item


@word
def do_get_nowait(self, operation):
    queue = queue_of(self, operation)
    try:
        result = queue.get_at_once()
        queue.note_taken(self, result)
    except (ShutDown, asyncio.QueueEmpty) as error:
        result = code_of(error)
    self.world.trace(self, operation.line, result)
    return 0


@word
def do_task_done(self, operation):
    return queue_of(self, operation).report(self)


@word
async def do_join(self, operation):
    await self.enter()
    await queue_of(self, operation).join()
    return 0


@word
def do_shutdown(self, operation):
    queue_of(self, operation).shutdown(operation.arguments[1] != 0)
    return 0


@word
def do_qsize(self, operation):
    size, *flags = queue_of(self, operation).look()
    self.world.trace(self, operation.line, size, flags)
    return 0
