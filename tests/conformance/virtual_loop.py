"""A loop for CPython's asyncio on a virtual clock: the one part of it that the test replaces.

It keeps CPython's iteration (timers that are due join the ready queue; then exactly what was ready runs) and its real
tasks, futures and primitives. Three things are otherwise, each a rule (see rules.py): timers of one deadline fire in the
order they were set; timers inside asyncio (the end of a sleep, of a time limit) act when they are due, not a turn later;
callbacks inside asyncio that only pass a result on take no turn of their own.
"""

import asyncio
import functools
import heapq
from asyncio import base_events

INSIDE = ("asyncio.tasks", "asyncio.timeouts", "asyncio.taskgroups", "asyncio.futures", "groups",
          "completions")


def is_inside(callback) -> bool:
    """Whether that is asyncio's own function, which only passes something on. The steps of tasks are not."""
    if isinstance(callback, functools.partial):
        callback = callback.func
    return getattr(callback, "__module__", None) in INSIDE


class VirtualLoop(base_events.BaseEventLoop):
    """Runs until nothing is left to do; time jumps to the next deadline when nothing is ready."""

    def __init__(self, rules):
        super().__init__()
        self.now = 0
        self.rules = rules
        self.timers = []
        self.timers_set = 0
        self.ready_tasks = set()  # tasks that were woken since the last query, and more
        self.held = None  # a list: what passes something on is kept in it, to be done a moment later
        self.set_exception_handler(lambda loop, context: None)

    def time(self):
        return self.now

    def call_at(self, when, callback, *args, context=None):
        timer = asyncio.TimerHandle(when, callback, args, self, context)
        self.timers_set += 1
        heapq.heappush(self.timers, (when, self.timers_set, timer))
        return timer

    def _timer_handle_cancelled(self, handle):
        """asyncio tells of timers that are cancelled; they are passed over when they are due."""

    def call_soon(self, callback, *args, context=None):
        handle = asyncio.Handle(callback, args, self, context)
        if not is_inside(callback):
            self._ready.append(handle)
            self.ready_tasks.add(getattr(callback, "__self__", None))
        elif self.held is not None:
            self.held.append(handle)
        else:
            if self._ready:
                self.rules.count("passes_on_at_once")
            handle._run()
        return handle

    def held_back(self, function, *args, order=None, **keywords):
        """Calls function; what asyncio would pass on meanwhile waits until it has returned.

        Then it is done in the order of these futures, which it passes on; CPython may have them in a set.
        """
        self.held, held = [], self.held
        result = function(*args, **keywords)
        self.held, held = held, self.held
        if order:
            held.sort(key=lambda handle: order.index(handle._args[0]))
        for handle in held:
            handle._run()
        return result

    def run_last_now(self):
        """What became ready last runs now, inside whatever runs: the first step of a task."""
        handle, running = self._ready.pop(), asyncio.current_task(self)
        asyncio.tasks._leave_task(self, running)
        handle._run()
        asyncio.tasks._enter_task(self, running)

    def expire(self):
        """What is due joins the ready queue."""
        while self.timers and self.timers[0][0] <= self.now:
            when, _, timer = heapq.heappop(self.timers)
            if timer._cancelled:
                continue
            if self.timers and self.timers[0][0] == when and not self.timers[0][2]._cancelled:
                self.rules.count("equal_deadlines_in_order")
            if is_inside(timer._callback):
                if self._ready:
                    self.rules.count("due_timers_act_at_once")
                timer._run()
            else:
                self._ready.append(timer)

    def iterate(self) -> bool:
        """One iteration; False if there was nothing to do."""
        while self.timers and self.timers[0][2]._cancelled:
            heapq.heappop(self.timers)
        if not self._ready:
            if not self.timers:
                return False
            self.now = max(self.now, self.timers[0][0])
        self.expire()
        for _ in range(len(self._ready)):
            handle = self._ready.popleft()
            if not handle._cancelled:
                handle._run()
        return True

    def run_to_the_end(self, coroutine):
        """Runs it as the first task, and then whatever it has left behind; its result."""
        asyncio._set_running_loop(self)
        try:
            main = self.create_task(coroutine)
            while not main.done():
                if not self.iterate():
                    raise RuntimeError("the harness waits for nothing")
            return main.result()
        finally:
            asyncio._set_running_loop(None)
