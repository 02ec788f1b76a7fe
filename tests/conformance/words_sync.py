"""The operations on locks, events, conditions, semaphores and barriers; see words.py. The counterpart is words_sync.c."""

import asyncio
import errno

from primitives import Barrier, Condition, Lock, Semaphore
from words import Failure, word

LOCKS = 4


class Sync:
    """What a program uses; condition 1 has lock 0, condition 0 a lock of its own."""

    def __init__(self, world):
        self.locks = [Lock(world) for _ in range(LOCKS)]
        self.events = [asyncio.Event() for _ in range(LOCKS)]
        self.condition_locks = [Lock(world), self.locks[0]]
        self.conditions = [Condition(world, lock) for lock in self.condition_locks]
        self.semaphores, self.barriers = {}, {}
        self.counter = 0
        for operation in world.program.declarations:
            if operation.word == "semaphore":
                number, value, bounded = operation.arguments
                self.semaphores[number] = Semaphore(world, value, bounded)
            elif operation.word == "barrier":
                number, parties = operation.arguments
                self.barriers[number] = Barrier(world, parties)


# ---- locks -----------------------------------------------------------------------------------------------------


async def holding(self, lock, body):
    """Performs the block with the lock in hand."""
    self.locks.append(lock)
    try:
        await self.perform(body)
    finally:
        self.locks.remove(lock)
        lock.release()
    return 0


@word
async def do_hold(self, operation):
    await self.enter()
    lock = self.world.sync.locks[operation.arguments[0]]
    await lock.acquire()
    return await holding(self, lock, operation.body)


@word
async def do_hold_nowait(self, operation):
    lock = self.world.sync.locks[operation.arguments[0]]
    locked = lock.look()
    self.world.trace(self, operation.line, -errno.EAGAIN if locked else 0)
    if not locked:
        await lock.acquire()
        await holding(self, lock, operation.body)
    return 0


@word
def do_locked(self, operation):
    return int(self.world.sync.locks[operation.arguments[0]].look())


# ---- events ----------------------------------------------------------------------------------------------------


@word
async def do_event_wait(self, operation):
    await self.enter()
    await self.world.sync.events[operation.arguments[0]].wait()
    return 0


@word
def do_set(self, operation):
    self.world.sync.events[operation.arguments[0]].set()
    return 0


@word
def do_clear(self, operation):
    self.world.sync.events[operation.arguments[0]].clear()
    return 0


@word
def do_is_set(self, operation):
    return int(self.world.sync.events[operation.arguments[0]].is_set())


# ---- conditions ------------------------------------------------------------------------------------------------


def held_condition(self, operation):
    """The condition, if the task has its lock; else None."""
    sync, number = self.world.sync, operation.arguments[0]
    return sync.conditions[number] if sync.condition_locks[number] in self.locks else None


@word
async def do_hold_condition(self, operation):
    await self.enter()
    lock = self.world.sync.condition_locks[operation.arguments[0]]
    await self.world.sync.conditions[operation.arguments[0]].acquire()
    return await holding(self, lock, operation.body)


@word
async def do_wait_condition(self, operation):
    condition = held_condition(self, operation)
    if condition is None:
        raise Failure(-errno.EPERM)
    await condition.wait()
    return 0


@word
async def do_wait_until(self, operation):
    condition, sync = held_condition(self, operation), self.world.sync
    if condition is None:
        raise Failure(-errno.EPERM)
    await self.enter()
    await condition.wait_for(lambda: sync.counter >= operation.arguments[1])
    return 0


@word
def do_count(self, operation):
    self.world.sync.counter += operation.arguments[0]
    return self.world.sync.counter


@word
def do_notify(self, operation):
    condition = held_condition(self, operation)
    if condition is not None:
        condition.notify(operation.arguments[1])
    return int(condition is not None)


@word
def do_notify_all(self, operation):
    condition = held_condition(self, operation)
    if condition is not None:
        condition.notify_all()
    return int(condition is not None)


# ---- semaphores ------------------------------------------------------------------------------------------------


def semaphore_of(self, operation):
    return self.world.sync.semaphores[operation.arguments[0]]


@word
async def do_permit(self, operation):
    await self.enter()
    async with semaphore_of(self, operation):
        await self.perform(operation.body)
    return 0


@word
async def do_acquire(self, operation):
    await self.enter()
    semaphore = semaphore_of(self, operation)
    await semaphore.acquire()
    semaphore.taken += 1
    return 0


@word
def do_acquire_nowait(self, operation):
    """CPython has none, but its acquire does not wait when there is a permit."""
    semaphore, result = semaphore_of(self, operation), -errno.EAGAIN
    if not semaphore.locked():
        try:
            semaphore.acquire().send(None)
        except StopIteration:
            result = 0
        semaphore.taken += 1
    self.world.trace(self, operation.line, result)
    return 0


@word
def do_release(self, operation):
    semaphore = semaphore_of(self, operation)
    if semaphore.bound and semaphore.taken == 0:
        return 0
    semaphore.taken -= semaphore.taken > 0
    semaphore.release()
    return 1


@word
def do_semaphore_locked(self, operation):
    return int(semaphore_of(self, operation).locked())


# ---- barriers --------------------------------------------------------------------------------------------------


def barrier_of(self, operation):
    return self.world.sync.barriers[operation.arguments[0]]


@word
async def do_barrier_wait(self, operation):
    await self.enter()
    return await barrier_of(self, operation).wait()


@word
def do_barrier_reset(self, operation):
    barrier_of(self, operation).send_away(False)
    return 0


@word
def do_barrier_abort(self, operation):
    barrier_of(self, operation).send_away(True)
    return 0


@word
def do_barrier_look(self, operation):
    barrier = barrier_of(self, operation)
    self.world.trace(self, operation.line, len(barrier.waiting()), [int(barrier.broken)])
    return 0
