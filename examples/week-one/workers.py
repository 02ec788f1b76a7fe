"""Three workers and a queue of jobs; some jobs fail; the twin of workers.c.

Queues cannot be closed before Python 3.13: a closed flag, a None for each worker and a race against the flag
stand in for it.
"""

import asyncio

WORKERS, ROOM, CLOSING_TIME = 3, 2, 7


class Shop:
    def __init__(self):
        self.jobs = asyncio.Queue(ROOM)
        self.closed = asyncio.Event()
        self.done = self.failed = 0


async def do_job(number):
    await asyncio.sleep(1.7 + number % 3)
    if number % 4 == 0:
        raise OSError(f"job {number}: the printer is on fire")


async def work(shop, worker):
    while (number := await shop.jobs.get()) is not None:
        try:
            await do_job(number)
            shop.done += 1
            print(f"worker {worker}: job {number} is done")
        except OSError:
            shop.failed += 1
            print(f"worker {worker}: job {number} failed")


async def take_orders(shop):
    number = 0
    while not shop.closed.is_set():
        number += 1
        put = asyncio.create_task(shop.jobs.put(number))
        closed = asyncio.create_task(shop.closed.wait())
        await asyncio.wait([put, closed], return_when=asyncio.FIRST_COMPLETED)
        closed.cancel()
        if not put.done():
            put.cancel()
            print(f"job {number} comes too late")
            break
        await asyncio.sleep(0.4)
    for _ in range(WORKERS):
        await shop.jobs.put(None)


async def main():
    shop = Shop()
    async with asyncio.TaskGroup() as staff:
        for worker in range(1, WORKERS + 1):
            staff.create_task(work(shop, worker))
        staff.create_task(take_orders(shop))
        await asyncio.sleep(CLOSING_TIME)
        print("closing time")
        shop.closed.set()
    print(f"{shop.done} done, {shop.failed} failed")


asyncio.run(main())
