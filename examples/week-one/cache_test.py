"""A unit test of the cache; the twin of cache_test.c. asyncio has no virtual clock, so a loop that has one comes first.
"""

import asyncio
import selectors

from cache import Cache


class JumpingSelector(selectors.DefaultSelector):
    def select(self, timeout=None):
        ready = super().select(0 if timeout else timeout)
        if timeout and not ready:
            self.loop.now += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self):
        selector = JumpingSelector()
        super().__init__(selector)
        selector.loop, self.now = self, 0.0

    def time(self):
        return self.now


class Loads:
    def __init__(self):
        self.count = 0

    async def __call__(self, key):
        self.count += 1
        await asyncio.sleep(3600)
        return f"<{key}>"


def now():
    return asyncio.get_running_loop().time()


async def ten_ask_and_one_loads(cache, loads):
    start = now()
    values = await asyncio.gather(*(cache.get("k") for _ in range(10)))
    assert loads.count == 1 and now() - start == 3600
    assert values == ["<k>"] * 10


async def the_next_loads_when_the_loader_is_cancelled(cache, loads):
    first, second = asyncio.create_task(cache.get("k")), asyncio.create_task(cache.get("k"))
    await asyncio.sleep(10)
    first.cancel()
    assert await second == "<k>" and loads.count == 2
    assert first.cancelled() and now() == 10 + 3600


async def keys_do_not_wait_for_each_other(cache, loads):
    assert await asyncio.gather(cache.get("one"), cache.get("two")) == ["<one>", "<two>"]
    assert loads.count == 2 and now() == 3600


def run(test):
    loads = Loads()
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(test(Cache(loads), loads))
    print(test.__name__)


run(ten_ask_and_one_loads)
run(the_next_loads_when_the_loader_is_cancelled)
run(keys_do_not_wait_for_each_other)
