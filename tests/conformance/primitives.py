"""CPython's locks and their kin under the rules of rules.py: a free lock or permit goes to the oldest waiter at once.

The code that waits is CPython's own. Barrier alone is modelled: CPython's has to drain, turn by turn.
"""

import asyncio

from words import Failure, errno


def goes_first(rules, waiters):
    """The oldest waiter that was not woken; CPython stops at one that was cancelled and has not run yet."""
    for index, waiter in enumerate(waiters or ()):
        if not waiter.done():
            if index > 0:
                rules.count("left_the_line_at_once")
            return waiter
    return None


class Lock(asyncio.Lock):
    """A lock that is handed over: it is never free while a task waits."""

    def __init__(self, world):
        super().__init__()
        self.world = world

    def _wake_up_first(self):
        waiter = goes_first(self.world.rules, self._waiters)
        if waiter is not None:
            waiter.set_result(True)
            self._locked = True

    def look(self) -> bool:
        if any(waiter.done() and not waiter.cancelled() for waiter in self._waiters or ()):
            self.world.rules.count("lock_handed_over")
        return self.locked()


class Condition(asyncio.Condition):
    """A wait is refused at its entry, with the lock in hand; taking the lock again cannot be refused."""

    def __init__(self, world, lock):
        super().__init__(lock)
        self.world = world
        self.asked = False  # the program notifies

    def notify(self, n=1):
        self.asked = True
        super().notify(n)
        self.asked = False

    def _notify(self, n):
        """3.13: a wait that fails passes on a notification that it may have had. Here one that had it does not fail."""
        if self.asked:
            super()._notify(n)
        else:
            self.world.rules.count("failed_wait_passes_no_notification_on")

    async def wait(self):
        performer = self.world.running()
        await performer.enter()
        performer.refusable_in = self._waiters
        try:
            return await super().wait()
        finally:
            performer.refusable_in = None


class Semaphore(asyncio.Semaphore):
    """A woken task is no longer in line: a free permit can be taken."""

    def __init__(self, world, value, bound):
        super().__init__(value)
        self.world = world
        self.bound = bound
        self.taken = 0

    def locked(self):
        free = self._value > 0
        if free and super().locked():
            self.world.rules.count("left_the_line_at_once")
        return not free


class Barrier:
    """The last task gives each of the others its place, so a barrier that filled is empty at once."""

    def __init__(self, world, parties):
        self.world = world
        self.parties = parties
        self.waiters = []
        self.broken = False

    def waiting(self):
        """The waiting tasks, in order."""
        return [waiter for waiter in self.waiters if not waiter.done()]

    async def wait(self):
        if self.broken:
            raise Failure(-errno.EPIPE)
        self.world.rules.count("barrier_opens_at_once")
        waiting = self.waiting()
        if len(waiting) + 1 < self.parties:
            self.waiters.append(self.world.loop.create_future())
            return await self.waiters[-1]
        for place, waiter in enumerate(waiting):
            waiter.set_result(place)
        return len(waiting)

    def send_away(self, broken):
        """Reset, or abort: waiting tasks get an error."""
        self.broken = broken
        for waiter in self.waiting():
            waiter.set_exception(Failure(-errno.EPIPE))
