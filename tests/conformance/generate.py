"""Draws programs at random: the same seed and number give the same program.

Half of the programs are calm: each duration is another number, so that unrelated tasks rarely meet at one instant. The
other half is crowded: durations are 0 to 4, everything happens at the same few instants, and what decides is the order
in which libasyncio and CPython promise to run what is ready. Each program draws on a few families of operations only, so
that they meet often.
"""

import random

from language import ARGUMENTS, BLOCKS, KINDS

# For each family: how often its words are drawn, beside each other.
FAMILIES = {
    "tasks": {"create": 10, "await": 6, "gather": 3, "collect": 2, "detach": 1, "look": 2, "await_self": 0.3},
    "time": {"sleep": 8, "log": 1, "result": 2, "fail": 1.5, "try": 2, "catch": 4},
    "cancel": {"cancel": 6, "cancel_self": 1.5, "uncancel": 4, "cancelling": 1, "cancelling_of": 1, "catch": 4,
               "shield": 2},
    "limits": {"timeout": 8, "catch": 2, "shield": 1, "limit": 3, "limit_at": 2, "reschedule": 3},
    "locks": {"hold": 8, "hold_nowait": 2, "locked": 2, "event_wait": 9, "set": 4, "clear": 2, "is_set": 1, "sleep": 4},
    "conditions": {"hold_condition": 14, "wait_condition": 4, "wait_until": 7, "count": 4, "notify": 5, "notify_all": 3,
                   "hold": 2, "sleep": 3},
    "semaphores": {"permit": 6, "acquire": 5, "acquire_nowait": 3, "release": 6, "semaphore_locked": 2, "sleep": 3},
    "barriers": {"barrier_wait": 12, "barrier_reset": 1, "barrier_abort": 1, "barrier_look": 2, "create": 5},
    "groups": {"group": 7, "spawn": 12, "spawn_sibling": 2, "group_cancel": 1, "fail": 3, "sleep": 5},
    "futures": {"future": 7, "set_result": 6, "set_exception": 2, "await": 4, "shield_task": 2, "wait": 2, "sleep": 4},
    "locals": {"local_set": 4, "local_get": 6, "eager": 4, "create": 3, "soon": 1, "callback": 4},
    "waits": {"wait": 6, "as_completed": 4, "fail": 2, "wait_for": 5, "shield_task": 5, "catch": 2},
    "callbacks": {"soon": 2, "later": 3, "callback": 3, "take_back": 2},
    "queues": {"put": 8, "get": 8, "put_nowait": 3, "get_nowait": 3, "task_done": 4, "join": 2, "shutdown": 2,
               "qsize": 2},
}
ALWAYS = ["tasks", "time"]
OFTEN = {"cancel": 0.5, "limits": 0.3, "queues": 0.25}

# Words that the main task performs in many programs with that family.
LATER = {"queues": "shutdown", "locks": "set"}

# Words in a callback: it cannot wait, and it has no task.
IN_CALLBACKS = {"log", "cancel", "cancelling_of", "detach", "look", "create", "fail", "put_nowait", "get_nowait",
                "task_done", "shutdown", "qsize", "locked", "set", "clear", "is_set", "count", "acquire_nowait",
                "release", "semaphore_locked", "barrier_reset", "barrier_abort", "barrier_look", "eager",
                "future", "set_result", "set_exception", "local_get"}

# The words inside a shield: none that waits for others without a limit, since it could not be cancelled.
IN_SHELTERS = {"sleep", "log", "fail", "timeout", "catch", "cancel", "uncancel", "cancelling", "create", "look",
               "put_nowait", "get_nowait", "qsize", "cancel_self", "try",
               "wait_for", "locked", "set", "clear", "count", "notify", "notify_all", "release", "acquire_nowait",
               "barrier_look", "spawn", "set_result", "local_get",
               "local_set"}
MOST_DEPTH, MOST_LINES = 3, 120


class Generator:
    """Writes one program."""

    def __init__(self, seed, number):
        self.dice = random.Random(f"{seed} {number}")
        self.calm = self.dice.random() < 0.5
        self.durations = self.dice.sample(range(1, 1000), 200) if self.calm else None
        others = [family for family in FAMILIES if family not in ALWAYS and family not in OFTEN]
        often = [family for family in OFTEN if self.dice.random() < OFTEN[family]]
        self.families = ALWAYS + often + self.dice.sample(others, self.dice.randint(1, 2))
        self.slots = self.dice.randint(2, 5)
        self.coroutines = self.dice.randint(2, 6)
        self.queues = self.dice.randint(1, 2)
        self.condition = None  # whose lock the block around has
        self.lines = []
        self.weights = {}
        for family in self.families:
            focus = 1 if family in ALWAYS else self.dice.choice((1, 3))
            for word, weight in FAMILIES[family].items():
                self.weights[word] = self.weights.get(word, 0) + focus * weight * self.dice.choice((0.3, 1, 1, 3))

    def write(self, depth, *tokens):
        self.lines.append("  " * depth + " ".join(map(str, tokens)))

    def duration(self):
        if self.calm:
            return self.durations.pop() if self.durations else 1000
        return self.dice.choice((0, 0, 1, 1, 1, 2, 2, 3, 4))

    def argument(self, kind):
        """One argument of that kind; see language.ARGUMENTS."""
        if kind == "s":
            return self.dice.randrange(self.slots)
        if kind in "dt":
            return -1 if kind == "t" and self.dice.random() < 0.3 else self.duration()
        if kind == "c":
            return self.dice.randrange(self.number + 1, self.coroutines)
        if kind == "q":
            return int(self.dice.random() < 0.25) if self.queues > 1 else 0
        if kind in "lpb":
            return int(self.dice.random() < 0.25)
        if kind == "e":
            return self.dice.choice((5, 5, 22, 125, 110))
        if kind == "f":
            return int(self.dice.random() < 0.3)
        return self.dice.randrange(10) if kind == "v" else self.dice.randrange(3)

    def arguments(self, kinds):
        if kinds.endswith("+"):
            return self.arguments(kinds[:-2]) + [self.argument(kinds[-2]) for _ in range(self.dice.randint(1, 4))]
        return [self.argument(kind) for kind in kinds]

    def draw(self, allowed):
        """A word that may stand here."""
        words = [word for word in self.weights if allowed is None or word in allowed]
        if self.number + 1 == self.coroutines:
            words = [word for word in words if word not in ("create", "eager", "spawn", "spawn_sibling")]
        return self.dice.choices(words, [self.weights[word] for word in words])[0] if words else "log"

    def operation(self, depth, allowed):
        word = self.draw(allowed)
        if word in BLOCKS and (depth > MOST_DEPTH or len(self.lines) > MOST_LINES):
            word = "log"
        arguments = self.arguments(ARGUMENTS[word])
        if ARGUMENTS[word].startswith("f") and self.condition is not None:
            arguments[0] = self.condition
        self.write(depth, word, *arguments)
        if word in BLOCKS:
            before = self.condition
            self.condition = arguments[0] if word == "hold_condition" else None if word == "group" else before
            self.block(word, depth, allowed)
            self.condition = before

    def block(self, word, depth, allowed):
        """The body of a block, and its end."""
        if word == "shield":
            allowed = IN_SHELTERS
        elif word in ("timeout", "limit_at") and allowed is not IN_CALLBACKS:
            allowed = None
        elif word in ("soon", "later", "callback"):
            allowed = IN_CALLBACKS
        for _ in range(self.dice.randint(1, 2) if word == "group" and self.number + 1 < self.coroutines else 0):
            self.write(depth + 1, "spawn", *self.arguments(ARGUMENTS["spawn"]))
        self.body(depth + 1, allowed, 1, 3)
        if word == "try":
            self.write(depth, "finally")
            self.body(depth + 1, allowed, 1, 2)
        self.write(depth, "end")

    def body(self, depth, allowed, least, most):
        for _ in range(self.dice.randint(least, most)):
            self.operation(depth, allowed)

    def declare(self):
        """The declarations of the objects."""
        for number in range(self.queues if "queues" in self.families else 0):
            self.write(0, "queue", number, self.dice.choice(KINDS), self.dice.choice((0, 1, 1, 1, 2)))
        for number in range(2 if "semaphores" in self.families else 0):
            self.write(0, "semaphore", number, self.dice.choice((0, 1, 1, 2) if number == 0 else (1, 2)), number)
        for number in range(2 if "barriers" in self.families else 0):
            self.write(0, "barrier", number, self.dice.choice((1, 2, 2, 3)))

    def later(self, word):
        """Satisfies or ends the waits of that family, at a random time."""
        self.write(1, "later", self.duration())
        self.write(2, word, *self.arguments(ARGUMENTS[word]))
        self.write(1, "end")

    def program(self):
        """The text of the program."""
        self.declare()
        for self.number in range(self.coroutines):
            self.write(0, "coroutine", self.number)
            for family, word in LATER.items() if self.number == 0 else ():
                if family in self.families and self.dice.random() < 0.4:
                    self.later(word)
            if self.number == 0:
                for slot in range(self.dice.randint(1, min(4, self.slots))):
                    self.write(1, "create", slot, self.dice.randrange(1, self.coroutines))
            self.body(1, None, 2, 8)
        return "\n".join(self.lines)


def generate(seed, number) -> str:
    """The program of that number."""
    return Generator(seed, number).program()
