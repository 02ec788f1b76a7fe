"""The queue words of the language on queues in Redis: which programs can be compared, and what CPython's queues do then.

The player plays such a program on the real clock, and the order of what happens in different tasks is not determined. So
two things are compared: what each task did, in its order, without times; and which items are left in the end. And only
programs are played whose outcome does not depend on the schedule: the model plays each several times, with durations and
latencies drawn anew, and all outcomes must be the same.

The queues of the model are CPython's own; each way in which one in Redis differs by decision is a rule with the name that
it has in docs/decisions/redis-queue.md.
"""

import asyncio
import errno
import random
from collections import Counter, defaultdict

import rules
from generate import Generator
from language import ARGUMENTS, OBJECTS
from model import World
from queues import Handing, ShutDown
from words import MISTAKES, Failure

RULES = {
    "put_nowait": "a put has to wait for Redis: put_nowait gives -EOPNOTSUPP",
    "get_nowait": "no item is kept here: get_nowait gives -EAGAIN",
    "room_for_a_taken_item": "a put waits until the items that are being worked on are done, too",
    "task_that_ends_without_a_report": "its items are given back",
    "get_after_shutdown": "gets end at once",
    "items_after_shutdown": "items stay, and join waits for them",
    "taken_item_after_immediate_shutdown": "it is given back",
}

# Units of time that a duration, a round trip to Redis, and work in the background are longer at most. A difference is
# looked at again with longer units, so this is a matter of yield and not of truth.
LATE, LATENCY = 0.6, 0.3

SCHEDULES, LONGEST_PROGRAM = 24, 40  # units
LONGEST_POLL = 1.1  # seconds between two looks of a put or a join


class Elsewhere(Handing):
    """A queue with these rules. Without `chance` nothing is late."""

    def __init__(self, maxsize, world):
        super().__init__(maxsize, world)
        self.chance = world.chance
        self.items_of = defaultdict(list)  # for a performer: what it has taken and not reported
        self.counts = Counter()  # the same, with items that were given back by a shutdown
        self.since = {}  # for a performer that puts or joins: the time when it began
        self.reads_ahead = False  # a get has ended without an item, and its read goes on

    # ---- what is late

    def late(self, most, call, *arguments):
        """Calls it, after a while if there is chance."""
        if self.chance is None:
            call(*arguments)
        else:
            self.world.loop.call_later(self.chance.choice((0, 1)) * self.chance.uniform(0, most), call, *arguments)

    async def latency(self):
        """A round trip."""
        if self.chance is not None:
            await asyncio.sleep(self.world.delay(LATENCY))

    def poll(self, performer):
        """The most time until the performer looks again: the pauses grow with the time that it has waited."""
        waited = self.world.loop.now - self.since[performer]
        return min(waited, LONGEST_POLL / self.world.unit) + 2

    # ---- put

    def full(self):
        if self.world.running() in self.placed:
            return False
        return self.is_full()

    def is_full(self):
        full = 0 < self.maxsize <= self._unfinished_tasks
        if full and self.qsize() < self.maxsize:
            self.world.rules.count("room_for_a_taken_item")
        return full

    async def put(self, item):
        self.since[self.world.running()] = self.world.loop.now
        await super().put(item)
        await self.latency()

    def put_at_once(self, item):
        self.refuse_put()
        self.world.rules.count("put_nowait")
        raise Failure(-errno.EOPNOTSUPP)

    def _wakeup_next(self, waiters):
        if waiters is self._getters:
            before = set(self.handed)
            super()._wakeup_next(waiters)
            for performer in self.handed.keys() - before:
                self.record(performer, self.handed[performer])

    def room(self):
        """There may be room: each task that waits for it finds out when it looks again."""
        for waiter in list(self._putters):
            if not waiter.done():
                self.late(self.poll(self.waiting(waiter)), self.admit, waiter)

    def admit(self, waiter):
        if waiter.done() or self.is_shut_down or self.is_full():
            return
        self._putters.remove(waiter)
        self.accept(self.waiting(waiter))
        waiter.set_result(None)
        self._wakeup_next(self._getters)

    def _put(self, item):
        """An item that is read though no task waits for it any more is given back."""
        getters = [getter for getter in self._getters if not getter.done()]
        if self.reads_ahead and not getters and self.chance is not None and self.world.running() not in self.placed:
            self.late(LATENCY, self.put_back, item)
        else:
            super()._put(item)
        self.reads_ahead = len(getters) > 1

    def put_back(self, item):
        super()._put(item)
        if not self.is_shut_down:
            self._wakeup_next(self._getters)

    # ---- get

    async def get(self):
        self.reads_ahead = self.reads_ahead or self.empty()
        item = await super().get()
        await self.latency()
        return item

    def _get(self):
        performer = self.world.running()
        was_handed = performer in self.handed
        item = super()._get()
        if not was_handed:
            self.record(performer, item)
        return item

    def get_at_once(self):
        self.refuse_get()
        self.world.rules.count("get_nowait")
        raise asyncio.QueueEmpty

    def refuse_get(self):
        if self.is_shut_down and self.world.running() not in self.handed:
            if self.qsize() > 0:
                self.world.rules.count("get_after_shutdown")
            raise ShutDown

    # ---- reports

    def record(self, performer, item):
        """It is the performer's from now on, which may not have run yet."""
        if performer not in self.items_of:
            performer.task.add_done_callback(lambda _: self.release(performer))
        self.items_of[performer].append(item)

    def note_taken(self, performer, item):
        self.counts[performer] += 1

    def report(self, performer) -> int:
        if self.counts[performer] == 0:
            return 0
        self.counts[performer] -= 1
        if self.items_of[performer]:
            self.items_of[performer].pop()
            self.task_done()
            self.room()
        return 1

    def release(self, performer, rule="task_that_ends_without_a_report"):
        """Gives back what it has."""
        while self.items_of[performer]:
            self.world.rules.count(rule)
            self.late(LATENCY, self.put_back, self.items_of[performer].pop())

    async def join(self):
        begun = self.since[self.world.running()] = self.world.loop.now
        await super().join()
        while self.chance is not None:
            most = self.poll(self.world.running()) if self.world.loop.now > begun else LATENCY
            await asyncio.sleep(self.world.delay(most))
            if self._unfinished_tasks == 0:
                break
            await super().join()

    # ---- shutdown

    def shutdown(self, immediate=False):
        if self.qsize() > 0:
            self.world.rules.count("items_after_shutdown")
        self.is_shut_down = True
        for getter in self._getters:
            if not getter.done():
                getter.set_exception(ShutDown())
        self._getters.clear()
        for putter in self._putters:
            if not putter.done():
                self.late(self.poll(self.waiting(putter)), self.send_away, putter)
        for performer in list(self.items_of) if immediate else ():
            self.release(performer, "taken_item_after_immediate_shutdown")

    @staticmethod
    def send_away(putter):
        if not putter.done():
            putter.set_exception(ShutDown())


class RedisFifo(Elsewhere, asyncio.Queue):
    """A queue."""


class RedisPriority(Elsewhere, asyncio.PriorityQueue):
    """The least first: the items are the priorities."""


class RedisWorld(World):
    """A program on such queues. chance: what is drawn for this schedule; None: nothing is late."""

    classes = [RedisFifo, None, RedisPriority]

    def __init__(self, text, counted, chance, unit):
        self.chance, self.unit = chance, unit
        self.pace = {}  # for a performer: how late it is on this schedule
        self.in_step = chance is not None and chance.random() < 0.3  # all are equally late
        super().__init__(text, counted)

    def delay(self, most):
        """Some performers are never late, others always: that shows a dependence sooner than the same for all."""
        if self.chance is None:
            return 0
        if self.in_step:
            return most / 2
        pace = self.pace.setdefault(self.running(), self.chance.choice((0.01, 1)))
        return pace * self.chance.uniform(0, most)

    def duration(self, seconds):
        return seconds + (0 if self.in_step else self.delay(LATE))


def outcome_of(trace) -> str:
    """What each task did, in its order, and what is left."""
    lines = defaultdict(list)
    for line in trace:
        time, name, *rest = line.split()
        lines[name].append(" ".join(rest))
    return "\n".join(f"{name} {line}" for name in sorted(lines) for line in lines[name])


def play(text, counted, chance, unit):
    """The outcome of the program; None if it does not end."""
    world = RedisWorld(text, counted, chance, unit)
    world.loop.run_to_the_end(world.harness())
    if MISTAKES:
        raise MISTAKES[0]
    if world.lines[-1] == "stuck" or float(world.lines[-1].split()[0]) > LONGEST_PROGRAM:
        return None
    for number in range(OBJECTS):
        queue = world.queues[number]
        if queue is not None:
            left = sorted(queue._queue)
            world.lines.append(" ".join(map(str, [0, f"left{number}", *left])))
    return outcome_of(world.lines)


def expected_outcome(text, counted, unit):
    """What happens in the program on every schedule; None if that depends on it."""
    here = rules.Rules()
    expected = play(text, here, None, unit)
    if expected is None:
        return None
    for seed in range(SCHEDULES):
        if play(text, rules.Rules(), random.Random(f"{seed} {text}"), unit) != expected:
            return None
    here.next_program()
    counted.add(here)
    return expected


# ---- programs ---------------------------------------------------------------------------------------------------

WEIGHTS = {"create": 5, "await": 4, "cancel": 3, "catch": 2, "try": 1, "timeout": 2, "sleep": 6, "fail": 0.5, "uncancel": 1,
           "cancelling": 0.5, "put": 14, "get": 10, "task_done": 5, "join": 4, "shutdown": 1, "put_nowait": 0.5,
           "get_nowait": 0.5}
LONGEST = 12  # units


class QueueGenerator(Generator):
    """Programs with queues; each coroutine begins at a time of its own, and most waits have a limit."""

    def __init__(self, seed, number):
        super().__init__(seed, f"redis {number}")
        self.families, self.weights, self.slots = [], WEIGHTS, 4

    def duration(self):
        return self.dice.randint(1, LONGEST)

    def declare(self):
        for number in range(self.queues):
            self.write(0, "queue", number, self.dice.choice(("fifo", "fifo", "priority")), self.dice.choice((0, 1, 1, 2)))

    def body(self, depth, allowed, least, most):
        if depth == 1:
            self.write(1, "sleep", self.duration())
        super().body(depth, allowed, least, most)

    def operation(self, depth, allowed):
        chance = self.dice.random()
        if chance < 0.4:
            self.limited(depth)
        elif chance < 0.41:
            self.write(depth, "shutdown", *self.arguments(ARGUMENTS["shutdown"]))
            self.write(depth, "task_done", self.argument("q"))
        else:
            super().operation(depth, allowed)

    def limited(self, depth):
        """A call that may wait for ever, under a limit."""
        word = self.dice.choice(("put", "put", "get", "get", "get", "join"))
        arguments = self.arguments(ARGUMENTS[word])
        self.write(depth, "catch")
        self.write(depth + 1, "timeout", self.duration())
        self.write(depth + 2, word, *arguments)
        self.write(depth + 1, "end")
        if word == "get" and self.dice.random() < 0.7:
            self.work(depth + 1, arguments[0])
        self.write(depth, "end")

    def work(self, depth, queue):
        """Works on an item, and reports it."""
        if self.dice.random() < 0.6:
            self.write(depth, "sleep", self.duration())
        self.write(depth, "task_done", queue)


def generate(seed, number) -> str:
    """The program of that number."""
    return QueueGenerator(seed, number).program()
