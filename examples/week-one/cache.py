"""A cache for values that take long to load; the twin of cache.c."""

import asyncio
from collections import defaultdict


class Cache:
    def __init__(self, load):
        self.load = load
        self.values = {}
        self.loading = defaultdict(asyncio.Lock)

    async def get(self, key):
        async with self.loading[key]:
            if key not in self.values:
                self.values[key] = await self.load(key)
        return self.values[key]
