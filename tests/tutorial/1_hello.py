"""The twin of examples/tutorial/1_hello.c."""

import asyncio


async def main():
    print("hello")
    await asyncio.sleep(1)
    print("world")


asyncio.run(main())
