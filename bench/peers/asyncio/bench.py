"""bench.py: what every benchmark's program does alike in Python: clocks, the loop, the protocol of bench.h."""
import asyncio
import time

cpu = time.process_time


def say(row, value):
    print(f"{row}\t{value:.9g}")


def say_per(row, took, count):
    say(row, took * 1e9 / count)


def main(measurements, loop, name=None):
    """Makes the measurement that is named, on asyncio's loop or on uvloop's; lists all if none is."""
    if name is None:
        print("\n".join(measurements))
        return
    if loop == "uvloop":
        import uvloop  # pylint: disable=import-outside-toplevel
        uvloop.install()
    if name in measurements:
        asyncio.run(measurements[name]())
