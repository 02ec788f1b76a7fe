"""Fetches a file from several mirrors, the first success wins; the twin of mirrors.c."""

import asyncio
from asyncio.staggered import staggered_race  # not in asyncio's documentation: what create_connection uses
from functools import partial


async def fetch(name, seconds, size):
    print(f"asking {name}")
    try:
        await asyncio.sleep(seconds)
        if size is None:
            raise ConnectionResetError
    except asyncio.CancelledError:
        print(f"{name} is not needed any more")
        raise
    except ConnectionResetError:
        print(f"{name} failed")
        raise
    return size


async def main():
    mirrors = [("slow.example", 10, 4711), ("broken.example", 0.3, None), ("near.example", 2.5, 4711)]
    size, winner, errors = await staggered_race([partial(fetch, *mirror) for mirror in mirrors], 1.0)
    if winner is None:
        raise errors[0]
    print(f"{size} bytes from {mirrors[winner][0]}")


asyncio.run(main())
