"""sync.py: the measurements of bench-sync on CPython's asyncio. bench/README.md describes them; the protocol
is bench.h's.
"""
import asyncio
import statistics
import sys
import threading
import time

from bench import cpu, main, say, say_per


async def per_turn(row, times, act):
    """Warms up with a tenth of the operations, then measures."""
    await act(times // 10)
    begun = cpu()
    await act(times)
    say_per(row, cpu() - begun, times)


# ---- locks, semaphores ----------------------------------------------------------------------------------------


async def measure_uncontended(row, lock):
    async def act(times):
        for _ in range(times):
            async with lock:
                pass

    await per_turn(row, 500000, act)


async def measure_contended(row, lock, tasks):
    async def body(times):
        for _ in range(times):
            async with lock:
                await asyncio.sleep(0)

    async def act(times):
        await asyncio.gather(*(body(times // tasks) for _ in range(tasks)))

    await per_turn(row, 100000, act)


# ---- events, conditions, barriers -----------------------------------------------------------------------------


async def measure_event():
    waiters = 10000
    bell, all_up = asyncio.Event(), asyncio.Event()
    woken = 0

    async def wake_again_and_again():
        nonlocal woken
        while True:
            await bell.wait()
            woken += 1
            if woken == waiters:
                woken = 0
                all_up.set()

    async def act(times):
        for _ in range(times // waiters):
            bell.set()
            bell.clear()
            await all_up.wait()
            all_up.clear()

    tasks = [asyncio.create_task(wake_again_and_again()) for _ in range(waiters)]
    await asyncio.sleep(0)  # they all run, up to where they wait
    await per_turn("event/10k", 20 * waiters, act)
    for task in tasks:
        task.cancel()


async def measure_condition():
    tasks, turn = 2, 0
    condition = asyncio.Condition()

    async def take_turns(number, times):
        nonlocal turn
        for _ in range(times):
            async with condition:
                while turn != number:
                    await condition.wait()
                turn = 1 - number
                condition.notify()

    async def act(times):
        await asyncio.gather(*(take_turns(number, times // tasks) for number in range(tasks)))

    await per_turn("condition", 100000, act)


async def measure_barrier():
    parties = 100
    barrier = asyncio.Barrier(parties)

    async def come_again_and_again(times):
        for _ in range(times):
            await barrier.wait()

    async def act(times):
        await asyncio.gather(*(come_again_and_again(times // parties) for _ in range(parties)))

    await per_turn("barrier/100", 100000, act)


# ---- groups, timeouts -----------------------------------------------------------------------------------------


async def nothing():
    pass


async def measure_group():
    children = 10000

    async def act(times):
        for _ in range(times // children):
            async with asyncio.TaskGroup() as group:
                for _ in range(children):
                    group.create_task(nothing())

    await per_turn("group/10k", 10 * children, act)


async def measure_timeout(row, call):
    async def act(times):
        for _ in range(times):
            async with asyncio.timeout(1000):
                await call()

    await per_turn(row, 100000, act)


# ---- select ---------------------------------------------------------------------------------------------------


class Select:
    """Over four queues: a task waits for each, and is kept until it has an item."""

    def __init__(self):
        self.queues = [asyncio.Queue(1) for _ in range(4)]
        self.gets = {asyncio.create_task(queue.get()): queue for queue in self.queues}
        self.items = []

    async def one(self):
        while not self.items:
            done, _ = await asyncio.wait(self.gets, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                queue = self.gets.pop(task)
                self.items.append(task.result())
                self.gets[asyncio.create_task(queue.get())] = queue
        return self.items.pop()

    def close(self):
        for task in self.gets:
            task.cancel()


async def measure_select():
    select = Select()

    async def produce():
        number = 0
        while True:
            await select.queues[number % 4].put(number)
            await asyncio.sleep(0)
            number += 1

    async def act(times):
        for _ in range(times):
            await select.one()

    producer = asyncio.create_task(produce())
    await per_turn("select", 20000, act)
    producer.cancel()
    select.close()


async def measure_select_ready():
    select = Select()

    async def act(times):
        for number in range(times):
            await select.queues[number % 4].put(number)
            await select.one()

    await per_turn("select/ready", 20000, act)
    select.close()


# ---- other threads --------------------------------------------------------------------------------------------


async def measure_to_thread(row, callers):
    times = 10000

    async def call_threads(times):
        for _ in range(times):
            await asyncio.to_thread(int)

    async def round_of(times):
        await asyncio.gather(*(call_threads(times // callers) for _ in range(callers)))

    await round_of(times // 10)
    begun = time.monotonic()
    await round_of(times)
    say(row, (time.monotonic() - begun) * 1e6 / times)


async def measure_threadsafe(row):
    wakes, sent, late = 4000, None, []  # sent: when the bell was rung; None when that was heard
    loop, bell = asyncio.get_running_loop(), asyncio.Event()

    def ring():
        nonlocal sent
        for _ in range(wakes):
            time.sleep(100e-6)
            while sent is not None:
                time.sleep(100e-6)
            sent = time.monotonic()
            loop.call_soon_threadsafe(bell.set)

    thread = threading.Thread(target=ring)
    thread.start()
    while len(late) < wakes:
        await bell.wait()
        late.append(time.monotonic() - sent)
        bell.clear()
        sent = None
    thread.join()
    say(row, statistics.median(late) * 1e6)


ALL = {
    "lock": lambda: measure_uncontended("lock", asyncio.Lock()),
    "lock/2": lambda: measure_contended("lock/2", asyncio.Lock(), 2),
    "lock/100": lambda: measure_contended("lock/100", asyncio.Lock(), 100),
    "semaphore": lambda: measure_uncontended("semaphore", asyncio.Semaphore(10)),
    "semaphore/100": lambda: measure_contended("semaphore/100", asyncio.Semaphore(10), 100),
    "event/10k": measure_event,
    "condition": measure_condition,
    "barrier/100": measure_barrier,
    "group/10k": measure_group,
    "timeout": lambda: measure_timeout("timeout", nothing),
    "timeout/yield": lambda: measure_timeout("timeout/yield", lambda: asyncio.sleep(0)),
    "select": measure_select,
    "select/ready": measure_select_ready,
    "to_thread": lambda: measure_to_thread("to_thread", 1),
    "to_thread/64": lambda: measure_to_thread("to_thread/64", 64),
    "to_thread/1": lambda: measure_to_thread("to_thread/1", 1),
    "threadsafe": lambda: measure_threadsafe("threadsafe"),
    "threadsafe/1": lambda: measure_threadsafe("threadsafe/1"),
}

if __name__ == "__main__":
    main(ALL, *sys.argv[1:])
