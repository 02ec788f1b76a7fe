"""as_completed: CPython's own, and the queue inside it that the ended tasks come by, which 3.13 gives to its users."""

import asyncio
import sys


class Completion:
    """An as_completed of a performer."""

    def __init__(self, performer, tasks, seconds):
        self.performer = performer
        self.loop = performer.world.loop
        self.deadline = self.loop.now + seconds if seconds >= 0 else None
        iterator = self.loop.held_back(self.begin, tasks, seconds if seconds >= 0 else None, order=tasks)
        if sys.version_info < (3, 13):
            inside = iterator.gi_frame.f_locals
            self.done, self.timer, self.run_out = (inside[name] for name in ("done", "timeout_handle", "_on_timeout"))
        else:
            self.done, self.timer, self.run_out = iterator._done, iterator._timeout_handle, iterator._handle_timeout
        self.iterator = iterator
        self.end()

    @staticmethod
    def begin(tasks, timeout):
        """CPython's iterator. Before 3.13 it begins only when the first task is asked for."""
        iterator = asyncio.as_completed(tasks, timeout=timeout)
        if sys.version_info < (3, 13):
            next(iterator).close()
        return iterator

    def time_is_up(self):
        """Unless a task has ended first, and the performer is woken already."""
        waiter = self.performer.task._fut_waiter
        if waiter is not None and not waiter.done():
            self.run_out()

    async def next(self):
        """The task that ends next. The limit ends a wait; what has ended can be had after it, too."""
        if self.deadline is not None and self.done.empty():
            self.timer = self.loop.call_at(self.deadline, self.time_is_up)
        elif self.deadline is not None and self.loop.now >= self.deadline:
            self.performer.world.rules.count("as_completed_gives_what_has_ended")
        task = await self.done.get()
        self.end()
        if task is None:
            raise TimeoutError
        return task

    def end(self):
        """No task waits, so no limit runs out."""
        if self.timer is not None:
            self.timer.cancel()
