"""A topic, and listeners that come and go, some too slow; the twin of pubsub.c.

Queues cannot be closed before Python 3.13: a flag stands in for it, and a None that ends the queue if there is room.
"""

import asyncio

ROOM = 2


class Listener:
    def __init__(self, name):
        self.name = name
        self.news = asyncio.Queue(ROOM + 1)  # one place for the None
        self.dropped = False


def publish(topic, number):
    print(f"publishing {number}")
    for listener in topic:
        if listener.news.qsize() < ROOM:
            listener.news.put_nowait(number)
        elif not listener.dropped:
            print(f"    {listener.name} is too slow")
            listener.dropped = True
            while not listener.news.empty():
                listener.news.get_nowait()
            listener.news.put_nowait(None)


def close(topic):
    for listener in topic:
        if not listener.dropped:
            listener.news.put_nowait(None)


async def hear(me, seconds_each):
    while (number := await me.news.get()) is not None:
        print(f"    {me.name} hears {number}")
        await asyncio.sleep(seconds_each)


async def listen(topic, name, comes_after, seconds_each):
    await asyncio.sleep(comes_after)
    me = Listener(name)
    topic.insert(0, me)
    try:
        await hear(me, seconds_each)
    finally:
        topic.remove(me)
        print(f"    {name} leaves")


async def main():
    topic = []
    async with asyncio.TaskGroup() as listeners:
        listeners.create_task(listen(topic, "Ada", 0.0, 0.1))
        listeners.create_task(listen(topic, "Bob", 1.5, 0.7))
        listeners.create_task(listen(topic, "Cleo", 0.5, 3.3))
        for number in range(1, 7):
            await asyncio.sleep(1)
            publish(topic, number)
        close(topic)


asyncio.run(main())
