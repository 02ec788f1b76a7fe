"""How requests to cancel travel and what is refused: the rules of rules.py on top of CPython's tasks.

A performer is a task of the program. Its requests are counted here; a request is handed to CPython (Task.cancel) only
while the task is stopped in a plain wait whose effect has not happened. Joins pass it on to what they join.
"""

import asyncio


class Limit:
    """A time limit in force: the real asyncio.Timeout, and what it says to its task."""

    shields = False

    def __init__(self, performer, timeout):
        self.performer = performer
        self.timeout = timeout
        self.outer = len(performer.scopes)  # so many are around it

    @property
    def refuses(self):
        return self.timeout.expired()

    def speak_for_task(self):
        """CPython has begun it; from now on it speaks to this object, where it means its task."""
        self.timeout._task = self

    # What CPython's Timeout calls on its task.

    def cancel(self):
        """It runs out. Its state says so a moment after this call, so the news is passed on by the loop then."""
        self.timeout._state = type(self.timeout._state)("expiring")
        self.performer.world.requests.begin_round_for(self.performer)

    def uncancel(self):
        """How many requests are left: an outer cause counts as one, and then this is no timeout."""
        return 1 << 30 if self.performer.is_refused(self.outer) else 0

    def cancelling(self):
        return 0


class Shelter:
    """async_no_cancel in force."""

    shields = True
    refuses = False


class Join:
    """A task waits for others to end."""

    def __init__(self, performers):
        self.performers = performers
        self.passed_on = 0

    def pass_on(self, performer):
        """Asks those it joins; if its task is among them, it has been asked already."""
        requests = performer.world.requests
        self.passed_on = requests.round_passed_on(performer)
        requests.request(self.performers)


class Requests:
    """Delivers requests in rounds: in one round a request reaches a task once."""

    def __init__(self, rules):
        self.rules = rules
        self.round = 0
        self.delivering = False
        self.reached = []
        self.place = 0

    def begin(self) -> bool:
        """Begins a round; False inside one, whose beginner delivers."""
        if self.delivering:
            return False
        self.delivering = True
        self.round += 1
        self.place = 0
        return True

    def reach(self, performer):
        """The requests to the performer have changed."""
        performer.round = self.round
        performer.refused = performer.is_refused()
        if performer.refused:
            self.reached.insert(self.place, performer)
            self.place += 1

    def deliver_all(self):
        while self.reached:
            performer = self.reached.pop(0)
            self.place = 0
            self.deliver(performer)
        self.delivering = False

    def deliver(self, performer):
        """Tells what the performer is stopped in, if it is and nothing has happened there yet."""
        wait = performer.task._fut_waiter
        if not performer.begun:
            self.rules.count("starts_before_cancelled")
        elif wait is None or self.is_over(performer, wait):
            if performer is not performer.world.running():
                self.rules.count("first_come_wins")
        elif performer.join is not None:
            performer.join.pass_on(performer)
        elif performer.refusable_in is not None and wait not in performer.refusable_in:
            self.rules.count("lock_taken_again_unrefused")
        else:
            performer.met = True
            performer.task.cancel()

    def is_over(self, performer, wait) -> bool:
        """Whether what it waits for has woken it. A task that it joins may have ended, and not have told it yet."""
        if performer.join is None:
            return wait.done()
        return performer.task in performer.world.loop.ready_tasks

    def round_passed_on(self, performer) -> int:
        """The round in which what is asked of the performer is passed on: this one, or one that begins now."""
        performer.round = self.round + (0 if self.delivering else 1)
        return performer.round

    def request(self, performers):
        """Asks them to end."""
        first = self.begin()
        for performer in performers:
            if performer.task.done():
                continue
            if performer.coroutine is None:
                performer.ask()
                continue
            if performer.round == self.round:
                self.rules.count("one_request_a_round")
                continue
            performer.requests += 1
            performer.met = False
            self.reach(performer)
        if first:
            self.deliver_all()

    def begin_round_for(self, performer):
        """Another cause than a request refuses it from now on."""
        self.begin()
        performer.met = False
        self.reach(performer)
        self.deliver_all()


class Performer:
    """A task of the program, or (without a task) a callback."""

    def __init__(self, world, name, coroutine=None):
        self.world = world
        self.name = name
        self.coroutine = coroutine
        self.sequence = 0
        self.children = 0
        self.result = 0
        self.task = None
        self.ended = 0  # how many had ended when it did
        self.begun = False  # has made its first step
        self.requests = 0  # to cancel it, not answered
        self.refused = False  # its switching calls are
        self.met = False  # the request it is refused for has been told to it
        self.round = 0  # the last one that reached it
        self.scopes = []  # the outermost first
        self.limits = []  # those that were begun as blocks
        self.join = None  # what it waits for, if that is a join
        self.passed_on = False  # whether requests came to its last join
        self.refusable_in = None  # a list: its wait can be refused only while that holds the future it waits for
        self.locks = []  # those it holds
        self.groups = []  # those it declared, the outermost first
        self.home = None  # the one whose child it is

    def is_refused(self, below=None) -> bool:
        """From the innermost scope (or that below so many) outwards, before any shield."""
        for scope in reversed(self.scopes[:below]):
            if scope.shields:
                return False
            if scope.refuses:
                return True
        return self.requests > 0

    def hold(self):
        """A handle was taken; that counts for futures only."""

    def let_go(self):
        """A handle was given back."""

    async def refuse(self):
        """A refused call takes one turn."""
        rules = self.world.rules
        if not self.met:
            rules.count("refused_at_entry")
        elif self.requests > 0:
            rules.count("refused_until_answered")
        else:
            rules.count("limit_refuses_to_its_end")
        self.met = True
        await asyncio.sleep(0)

    async def enter(self):
        """Every switching call that can be refused begins so."""
        if self.refused:
            await self.refuse()
            raise asyncio.CancelledError

    async def wait_for_end(self, performers, outer=None):
        """Waits until all have ended, one after the other, the last first; nothing makes it return before.

        Returns whether there was still somebody to wait for when CPython's own future had its outcome.
        """
        waited = False
        join = Join(performers)
        if self.refused:
            self.world.rules.count("join_passes_refusal_on")
            join.pass_on(self)
            await asyncio.sleep(0)
        for performer in reversed(performers):
            if performer.task.done():
                continue
            if self.refused and join.passed_on != self.round:
                join.pass_on(self)
            waited = waited or (outer is not None and outer.done())
            self.join = join
            self.world.loop.ready_tasks.discard(self.task)
            try:
                await performer.task
            except (Exception, asyncio.CancelledError):
                pass  # the joining task reads its result afterwards
            self.join = None
        self.passed_on = join.passed_on != 0
        return waited
