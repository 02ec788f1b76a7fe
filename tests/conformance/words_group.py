"""The operations on several tasks, and limits that are blocks; see words.py. The counterpart is words_group.c."""

import asyncio
import errno
import sys

from completions import Completion
from groups import Group
from words import Failure, code_of, handles, may_join, result_of, under_limit, word

CONDITIONS = [asyncio.ALL_COMPLETED, asyncio.FIRST_COMPLETED, asyncio.FIRST_EXCEPTION]


@word
async def do_wait(self, operation):
    return_when, seconds, *slots = operation.arguments
    others = [self.world.slots[slot] for slot in slots]
    others = [other for other in others if other is not None and other is not self]
    tasks = [other.task for other in others]
    with handles(others):
        return await wait(self, operation, tasks, return_when, seconds)


async def wait(self, operation, tasks, return_when, seconds):
    result = 0
    try:
        await self.enter()
        if not tasks:
            raise Failure(-errno.EINVAL)
        await asyncio.wait(tasks, timeout=seconds if seconds >= 0 else None, return_when=CONDITIONS[return_when])
        result = sum(task.done() for task in set(tasks))
    except (Failure, asyncio.CancelledError) as error:
        result = code_of(error)
        raise
    finally:
        self.world.trace(self, operation.line, result, [int(task.done()) for task in tasks])
    return result


@word
async def do_as_completed(self, operation):
    """Writes down the result of each task as it ends."""
    seconds, *slots = operation.arguments
    others = list(dict.fromkeys(self.world.slots[slot] for slot in slots))
    others = [other for other in others if other is not None and other is not self]
    with handles(others):
        completion = Completion(self, [other.task for other in others], seconds) if others else None
        try:
            for _ in others:
                await self.enter()
                self.world.trace(self, operation.line, result_of(await completion.next()))
            await self.enter()
        finally:
            if completion:
                completion.end()
    return 0


@word
async def do_wait_for(self, operation):
    """As 3.12 has it: under a limit in this task. 3.11 waits otherwise, and loses what comes at the last moment."""
    child, seconds = self.world.slots[operation.arguments[0]], operation.arguments[1]
    if not may_join(self, child):
        raise Failure(-errno.ESRCH)

    async def join(_):
        await self.wait_for_end([child])
        child.task.result()

    with handles([child]):
        if child.task.done():
            await join(None)
        else:
            if sys.version_info < (3, 12):
                self.world.rules.count("wait_for_312")
            await under_limit(self, asyncio.timeout(seconds), seconds <= 0, join)
        return child.task.result()


@word
async def do_shield_task(self, operation):
    other = self.world.slots[operation.arguments[0]]
    if other is None:
        raise Failure(-errno.ESRCH)
    with handles([other]):
        await self.enter()
        if other is self:
            raise Failure(-errno.EDEADLK)
        return await asyncio.shield(other.task)


async def limit_block(self, operation, timeout, run_out):
    """A block under the limit; it tells how that stands at its end."""
    async def body(limit):
        self.limits.append(limit)
        result = 0
        try:
            await self.perform(operation.body)
        except (Exception, asyncio.CancelledError) as error:
            result = code_of(error)
            raise
        finally:
            self.limits.pop()
            when = -1 if timeout.when() is None else int(timeout.when())
            self.world.trace(self, operation.line, result, [int(timeout.expired()), when])

    await under_limit(self, timeout, run_out, body)
    return 0


@word
async def do_limit(self, operation):
    seconds = operation.arguments[0]
    return await limit_block(self, operation, asyncio.timeout(seconds if seconds >= 0 else None), seconds == 0)


@word
async def do_limit_at(self, operation):
    when = operation.arguments[0]
    return await limit_block(self, operation, asyncio.timeout_at(when), when <= self.world.loop.now)


@word
def do_reschedule(self, operation):
    when, result = operation.arguments[0], 0
    if not self.limits:
        result = -errno.ESRCH
    elif self.limits[-1].timeout.expired():
        result = -errno.EALREADY
    else:
        self.limits[-1].timeout.reschedule(when if when >= 0 else None)
    self.world.trace(self, operation.line, result)
    return 0


# ---- groups ----------------------------------------------------------------------------------------------------


@word
async def do_group(self, operation):
    group, error = Group(self), None
    await group.__aenter__()
    group._parent_task = group
    self.scopes.append(group)
    self.groups.append(group)
    try:
        await self.perform(operation.body)
    except (Exception, asyncio.CancelledError) as caught:
        error = caught
    self.groups.pop()
    await group.outcome(error)
    return 0


def spawn(self, operation, group) -> int:
    """A child of the group, in a slot."""
    slot, coroutine = operation.arguments
    if group is None:
        return -errno.ESRCH
    try:
        child = self.world.create(self, coroutine, group)
    except RuntimeError:
        return -errno.EPERM
    if child is None:
        return -errno.EAGAIN
    self.world.put_in_slot(slot, child)
    return 0


@word
def do_spawn(self, operation):
    group = self.groups[-1] if self.groups else None
    self.world.trace(self, operation.line, spawn(self, operation, group))
    return 0


@word
def do_spawn_sibling(self, operation):
    self.world.trace(self, operation.line, spawn(self, operation, self.home))
    return 0


@word
def do_group_cancel(self, operation):
    """What CPython's groups cannot do before 3.15."""
    if self.groups:
        self.world.requests.request(self.groups[-1].live())
    return 0
