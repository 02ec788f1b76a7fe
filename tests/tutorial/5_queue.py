"""The twin of examples/tutorial/5_queue.c, which draws the same pauses from the same seed."""

import asyncio
import contextlib
import sys
import time

PRODUCERS, CONSUMERS, ROOM, GRACE = 3, 2, 4, 1

dice = int(sys.argv[1]) if len(sys.argv) > 1 else int(time.time())


def draw_pause():
    global dice
    dice = (dice * 1664525 + 1013904223) % 2**32
    return 1 + 4 * (dice / 2**32)


async def produce(id, queue):
    number = 0
    while True:
        await asyncio.sleep(draw_pause())
        number += 1
        await queue.put((id, number))
        print(f"producer {id} puts {id}.{number}")


async def work(id, job):
    print("    consumer {} takes {}.{}".format(id, *job))
    await asyncio.sleep(draw_pause())
    print("    consumer {} is done with {}.{}".format(id, *job))


async def consume(id, queue):
    while True:
        job = await queue.get()
        try:
            await work(id, job)
        finally:
            queue.task_done()


async def main():
    queue = asyncio.Queue(ROOM)
    producers = [asyncio.create_task(produce(i + 1, queue)) for i in range(PRODUCERS)]
    consumers = [asyncio.create_task(consume(i + 1, queue)) for i in range(CONSUMERS)]
    try:
        await asyncio.gather(*producers)
    finally:
        print("closing")
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(queue.join(), GRACE)
        for consumer in consumers:
            consumer.cancel()
        await asyncio.gather(*consumers, return_exceptions=True)


asyncio.run(main())
