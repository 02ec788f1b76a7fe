"""Queues of CPython under the rules of rules.py: an item goes to the waiter that it wakes, and 3.13's shutdown.

The code of put and get is CPython's own. What it asks (is it empty? full?) and what it does (take an item, wake somebody)
passes through the methods below, where whoever is woken gets the item or the place at that moment.
"""

import asyncio
import collections


class ShutDown(Exception):
    """As asyncio.QueueShutDown of 3.13."""


class Handing:
    """A queue that hands over."""

    def __init__(self, maxsize, world):
        super().__init__(maxsize)
        self.world = world
        self.is_shut_down = False
        self.handed = {}  # for a getter that was woken and has not run yet: its item
        self.placed = collections.Counter()  # for a putter that was woken: its item is in already
        self.taken = 0

    def waiting(self, waiter):
        """The task that stopped in that future."""
        return next(performer for performer in self.world.performers if performer.task._fut_waiter is waiter)

    def touched(self):
        """A query while a woken task has not run: CPython would show another state."""
        if self.handed or self.placed:
            self.world.rules.count("queue_hands_over")

    def _wakeup_next(self, waiters):
        getting = waiters is self._getters
        while waiters and not (super().empty() if getting else super().full()):
            waiter = waiters.popleft()
            if not waiter.done():
                performer = self.waiting(waiter)
                if getting:
                    self.handed[performer] = super()._get()
                else:
                    self.accept(performer)
                waiter.set_result(None)
                break

    def accept(self, performer):
        """The item of one that waits to put goes in."""
        self.placed[performer] += 1
        super()._put(performer.item)
        self._unfinished_tasks += 1
        self._finished.clear()

    def empty(self):
        performer = self.world.running()
        if performer in self.handed:
            return False
        self.touched()
        return super().empty()

    def full(self):
        performer = self.world.running()
        if performer in self.placed:
            return False
        self.touched()
        return super().full()

    def _get(self):
        performer = self.world.running()
        return self.handed.pop(performer) if performer in self.handed else super()._get()

    def _put(self, item):
        performer = self.world.running()
        if performer not in self.placed:
            super()._put(item)
            return
        del self.placed[performer]
        self._unfinished_tasks -= 1  # counted when it went in; put_nowait counts it again

    async def put(self, item):
        self.refuse_put()
        await super().put(item)

    def put_nowait(self, item):
        self.refuse_put()
        super().put_nowait(item)

    async def get(self):
        self.refuse_get()
        return await super().get()

    def get_nowait(self):
        self.refuse_get()
        return super().get_nowait()

    # What the words put_nowait, get_nowait and task_done call; redis_queues.py has others.

    def put_at_once(self, item):
        self.put_nowait(item)

    def get_at_once(self):
        return self.get_nowait()

    def note_taken(self, performer, item):
        """The performer has got the item."""
        self.taken += 1

    def report(self, performer) -> int:
        """The performer reports an item as done; 0 if there is none to report."""
        if self.taken == 0:
            return 0
        self.taken -= 1
        self.task_done()
        return 1

    def refuse_put(self):
        """Nothing goes into a queue that was shut down, but what went in before."""
        if self.is_shut_down and self.world.running() not in self.placed:
            raise ShutDown

    def refuse_get(self):
        """What is left can be taken."""
        if self.is_shut_down and self.empty():
            raise ShutDown

    def shutdown(self, immediate=False):
        """What 3.13 does."""
        self.world.rules.count("queue_shutdown")
        self.is_shut_down = True
        while immediate and not super().empty():
            super()._get()
            self._unfinished_tasks -= 1
        if self._unfinished_tasks == 0:
            self._finished.set()
        for waiters in (self._getters, self._putters):
            while waiters:
                waiter = waiters.popleft()
                if not waiter.done():
                    waiter.set_exception(ShutDown())

    def look(self):
        """How many items, whether it is empty, whether it is full."""
        self.touched()
        size = super().qsize()
        return size, int(size == 0), int(self.maxsize > 0 and size >= self.maxsize)


class Fifo(Handing, asyncio.Queue):
    """A queue."""


class Lifo(Handing, asyncio.LifoQueue):
    """The newest first."""


class Priority(Handing, asyncio.PriorityQueue):
    """The least first."""


CLASSES = [Fifo, Lifo, Priority]
