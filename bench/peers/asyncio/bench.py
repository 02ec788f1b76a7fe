"""bench.py: the common part of all programs in Python: clocks, the loop, the protocol of bench.h."""
import asyncio
import time

cpu = time.process_time


def say(row, value):
    print(f"{row}\t{value:.9g}")


def say_per(row, took, count):
    say(row, took * 1e9 / count)


def main(measurements, loop, name=None):
    """Makes the measurement of that name, on the loop of asyncio or uvloop; without a name, lists all."""
    if name is None:
        print("\n".join(measurements))
        return
    if loop == "uvloop":
        import uvloop  # pylint: disable=import-outside-toplevel
        uvloop.install()
    if name in measurements:
        asyncio.run(measurements[name]())
