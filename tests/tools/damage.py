"""Runs inside gdb: writes random bytes into the memory by which tasks are found, and executes the commands for tasks.

They may find anything or refuse, in a sentence. tests/scripts/gdb_commands.py looks for a traceback in the output. The
variable `rounds` says how often.
"""

import random
import re

import gdb
from asyncio_gdb import memory, tasks

COMMANDS = ("info tasks", "info tasks -each", "task 2 bt", "task 1 bt", "task all bt", "task 10 info locals",
            "print $_task(2)")
inferior = gdb.selected_inferior()
loop, = tasks.read_loops()
notes = [(address, size) for address, size, _ in memory.all_notes() if memory.copy_of_notes(address, size, "little")]
places = [*notes, (loop.lib.loops, loop.lib.sizes["loops"]), (loop.address, loop.lib.sizes["loop"]),
          (loop.chunks, 12 * loop.lib.sizes["task"])]
places += [(task.sp, task.coroutine - task.sp + loop.lib.sizes["coroutine"]) for task in loop.tasks.values()]


def word(chance: random.Random) -> int:
    """Often an address that is there."""
    address, size = chance.choice(places)
    return chance.choice([chance.getrandbits(64), chance.getrandbits(12), 0, address + 8 * chance.randrange(size // 8)])


def damage(chance: random.Random):
    address, size = chance.choice(places)
    for _ in range(chance.choice([1, 1, 4, 40])):
        at = address + 8 * chance.randrange(size // 8)
        inferior.write_memory(at, word(chance).to_bytes(8, "little"))


def execute(command: str) -> str:
    """What is shown to the user, the message of an error included."""
    try:
        return gdb.execute(command, to_string=True)
    except gdb.error as refusal:
        return str(refusal)


def close_circles():
    """Lists that come back to their beginning."""
    word, offsets = loop.lib.word, loop.lib.offsets
    for address, name in ((loop.address, "loop_next"), (loop.chunks, "chunk_next")):
        inferior.write_memory(address + offsets[name], address.to_bytes(word, "little"))


for seed in range(rounds):  # noqa: F821
    chance = random.Random(seed)
    kept = [(address, inferior.read_memory(address, size).tobytes()) for address, size in places]
    if seed == 0:
        close_circles()
    else:
        damage(chance)
    for command in COMMANDS:
        said = execute(command)
        # "loop=Python Exception <class 'gdb.MemoryError'>" is gdb's own word for an argument that cannot be read.
        is_wrong = re.search("Traceback|(?<!=)Python Exception|in the commands for tasks", said)
        if is_wrong or (command == "info tasks" and not said.startswith(("loop ", "no loop", "asyncio: "))):
            print(f"Traceback: seed {seed}, {command}: {said}")
    for address, content in kept:
        inferior.write_memory(address, content)
if set(tasks.read_loops()[0].tasks) != set(loop.tasks):
    print("Traceback: the memory is not as before")
print(f"{rounds} rounds")  # noqa: F821
