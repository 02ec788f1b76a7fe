"""The twin of examples/tutorial/3_tasks.c."""

import asyncio


async def say_after(delay, what):
    await asyncio.sleep(delay)
    print(what)


async def main():
    hello = asyncio.create_task(say_after(3, "hello"))
    world = asyncio.create_task(say_after(3, "world"))
    await hello
    await world


asyncio.run(main())
