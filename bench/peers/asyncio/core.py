"""core.py: the measurements of bench-core on CPython's asyncio, and on uvloop, which
replaces the loop and keeps the tasks. bench/README.md describes them; the protocol is bench.h's.
"""
import asyncio
import sys

from bench import cpu, main, say, say_per

# ---- switch/N -------------------------------------------------------------------------------------------------


async def deep(frames):
    if frames > 1:
        await deep(frames - 1)
    else:
        await asyncio.sleep(0)


async def turn(frames, turns):
    if frames == 1:
        for _ in range(turns):
            await asyncio.sleep(0)
    else:
        for _ in range(turns):
            await deep(frames)


async def measure_switch(row, tasks, least, most):
    switches, before = 100000, 10000

    async def take_turns(number):
        frames = least + number % (most - least + 1)
        await turn(frames, before // tasks)
        begun = cpu()
        await turn(frames, switches // tasks)
        if number == 0:
            say_per(row, cpu() - begun, switches)

    await asyncio.gather(*(take_turns(number) for number in range(tasks)))


# ---- create+await, queue/N ------------------------------------------------------------------------------------


async def give_back(argument):
    return argument


async def create_and_await(times):
    for _ in range(times):
        await asyncio.create_task(give_back(1))


async def measure_create_await():
    creations = 50000
    await create_and_await(1000)
    begun = cpu()
    await create_and_await(creations)
    say_per("create+await", cpu() - begun, creations)


async def measure_queue(row, maxsize):
    items, before = 50000, 1000
    queue = asyncio.Queue(maxsize)

    async def produce():
        for item in range(before + items):
            await queue.put(item)

    producer = asyncio.create_task(produce())
    for _ in range(before):
        await queue.get()
    begun = cpu()
    for _ in range(items):
        await queue.get()
    say_per(row, cpu() - begun, items)
    await producer


# ---- a million, sleep, timer ----------------------------------------------------------------------------------


def memory():
    """VmRSS + VmPTE in bytes."""
    with open("/proc/self/status", encoding="ascii") as status:
        fields = dict(line.split(":", 1) for line in status)
    return sum(int(fields[name].split()[0]) for name in ("VmRSS", "VmPTE")) * 1024


async def measure_million():
    count = 1000000
    bell = asyncio.Event()
    before, begun = memory(), cpu()
    tasks = [asyncio.create_task(bell.wait()) for _ in range(count)]
    say_per("cold create", cpu() - begun, count)
    await asyncio.sleep(0)  # they all run, up to where they wait
    say_per("cold create+park", cpu() - begun, count)
    say("parked", (memory() - before) / count)
    bell.set()
    await asyncio.gather(*tasks)


def randoms():
    """The random numbers of bench.h, in (0, 1)."""
    state = 1
    while True:
        state = state * 48271 % 2147483647
        yield state / 2147483647


async def wave(count):
    begun, delays = cpu(), randoms()
    await asyncio.gather(*(asyncio.sleep(next(delays)) for _ in range(count)))
    return cpu() - begun


async def measure_sleep(row, count):
    say(f"{row} cold", await wave(count))
    say(row, await wave(count))


async def measure_timer():
    pending, timers, before = 1000000, 100000, 1000
    loop, delays = asyncio.get_running_loop(), randoms()

    def set_one():
        return loop.call_later(1000 + 1000 * next(delays), print, "it has fired")

    def set_and_cancel(times):
        for _ in range(times):
            set_one().cancel()

    kept = [set_one() for _ in range(pending)]
    set_and_cancel(before)
    begun = cpu()
    set_and_cancel(timers)
    say_per("timer", cpu() - begun, timers)
    for handle in kept:
        handle.cancel()


# A million sleepers take a minute.
ALL = {
    "switch/2": lambda: measure_switch("switch/2", 2, 1, 1),
    "switch/100": lambda: measure_switch("switch/100", 100, 3, 3),
    "switch/1000": lambda: measure_switch("switch/1000", 1000, 3, 3),
    "switch/mixed": lambda: measure_switch("switch/mixed", 100, 1, 8),
    "create+await": measure_create_await,
    "queue/1": lambda: measure_queue("queue/1", 1),
    "queue/128": lambda: measure_queue("queue/128", 128),
    "million": measure_million,
    "sleep/100k": lambda: measure_sleep("sleep/100k", 100000),
    "timer": measure_timer,
}


if __name__ == "__main__":
    main(ALL, *sys.argv[1:])
