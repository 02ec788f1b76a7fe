"""Plays programs of the conformance test on CPython's asyncio and writes down what happened, word for word as player.c does."""

import asyncio
import inspect

from cancellation import Performer, Requests
from language import HORIZON, MOST_ROUNDS, MOST_TASKS, OBJECTS, SLOTS, parse
from queues import CLASSES
from virtual_loop import VirtualLoop
from words import MISTAKES, WORDS, code_of
import words_future  # noqa: F401, it adds its words
import words_group  # noqa: F401, it adds its words
from words_sync import Sync

SWITCHING = {name for name, function in WORDS.items() if inspect.iscoroutinefunction(function)}


# Worlds whose tasks will never end. They are kept: Python would raise something in each task that it frees.
STUCK = []


class Player(Performer):
    """A performer that knows the words."""

    async def perform(self, operations):
        """One after the other, up to a failure, which it raises."""
        for operation in operations:
            self.world.rules.words_here.add(operation.word)
            try:
                result = WORDS[operation.word](self, operation)
                if operation.word in SWITCHING:
                    result = await result
            except (Exception, asyncio.CancelledError) as error:
                self.world.trace(self, operation.line, code_of(error))
                if operation.word != "catch":
                    raise
            else:
                self.world.trace(self, operation.line, result)

    async def run(self):
        """The whole task."""
        self.begun = True
        try:
            await self.perform(self.world.program.coroutines.get(self.coroutine, ()))
        except (Exception, asyncio.CancelledError) as error:
            self.end(code_of(error))
            raise
        if self.requests > 0 and not self.met:
            self.world.rules.count("own_result_stands")
        self.end(self.result)
        return self.result

    def end(self, result):
        """It ends now."""
        self.ended = self.world.ended = self.world.ended + 1
        self.world.trace(self, 0, result)

    def perform_at_once(self, operations):
        """The same for a callback, whose operations never switch."""
        result = self.result
        for operation in operations:
            self.world.rules.words_here.add(operation.word)
            try:
                value = WORDS[operation.word](self, operation)
            except (Exception, asyncio.CancelledError) as error:
                result = code_of(error)
                self.world.trace(self, operation.line, result)
                break
            self.world.trace(self, operation.line, value)
        self.world.trace(self, 0, result)


class World:
    """A program while it is played."""

    classes = CLASSES

    def __init__(self, text, rules):
        self.program = parse(text)
        self.rules = rules
        self.loop = VirtualLoop(rules)
        self.requests = Requests(rules)
        self.lines = []
        self.ended = 0
        self.performers = []
        self.by_task = {}
        self.slots = [None] * SLOTS
        self.callbacks = []  # their handles; None: called, or without one
        self.queues = [None] * OBJECTS
        self.sync = Sync(self)
        for operation in self.program.declarations:
            if operation.word == "queue":
                number, kind, maxsize = operation.arguments
                self.queues[number] = self.classes[kind](maxsize, self)

    def duration(self, seconds):
        """How long a sleep or a limit of the program takes."""
        return seconds

    def trace(self, performer, line, result, more=()):
        """Writes down what happened."""
        where = line if line > 0 else "end"
        text = ":" + ",".join(map(str, more)) if more else ""
        self.lines.append(f"{self.loop.now} {performer.name} {where} {result}{text}")

    def running(self):
        """Who runs now; None in a callback."""
        return self.by_task.get(asyncio.current_task(self.loop))

    def create(self, parent, coroutine, group=None):
        """A new task of the program; None if it has enough, RuntimeError if the group takes none."""
        if len(self.performers) == MOST_TASKS:
            return None
        player = Player(self, f"{parent.name[:50]}.{parent.children}" if parent else "0", coroutine)
        player.sequence = len(self.performers)
        player.home = group
        body = player.run()
        try:
            player.task = (group or self.loop).create_task(body)
        except RuntimeError:
            body.close()
            raise
        if parent is not None:
            parent.children += 1
        if group is not None:
            group.members.append(player)
        self.performers.append(player)
        self.by_task[player.task] = player
        return player

    def put_in_slot(self, slot, performer):
        """The program lets go of what the slot holds, and holds this instead."""
        before, self.slots[slot] = self.slots[slot], performer
        if performer is not None:
            performer.hold()
        if before is not None:
            before.let_go()

    def new_callback(self, owner, number):
        callback = Player(self, f"{owner.name[:50]}!{number}")
        callback.sequence, callback.result = owner.sequence, owner.result
        return callback

    async def harness(self):
        """Cancels at the horizon what is left, again and again."""
        self.create(None, 0)
        for _ in range(MOST_ROUNDS + 1):
            await asyncio.sleep(HORIZON)
            left = [performer for performer in self.performers if not performer.task.done()]
            for performer in left:
                self.requests.request([performer])
            if not left:
                return
        self.lines.append("stuck")
        STUCK.append(self)
        self.rules.words_here.add("(stuck)")


def play(text, rules) -> str:
    """What happens in the program, line by line."""
    world = World(text, rules)
    world.loop.run_to_the_end(world.harness())
    if MISTAKES:
        raise MISTAKES[0]
    rules.next_program()
    return "\n".join(world.lines)
