"""Runs a Python program on a virtual clock: tests/tutorial/virtual.py program.py [argument…]

The clock begins at 0, stands still while anything is ready, and jumps to the next timer when nothing is. time.sleep
moves it too, since a blocking call holds up everybody. Each line begins with the second in which it was printed, and
Ctrl-C is pressed in the second that INTERRUPT_AT names. What asyncio does otherwise is left alone: it is the oracle.
"""

import asyncio
import builtins
import os
import runpy
import selectors
import signal
import sys
import time


class VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self):
        super().__init__(JumpingSelector(self))
        self.now = 0.0

    def time(self):
        return self.now

    def advance(self, seconds):
        self.now += seconds


class JumpingSelector(selectors.DefaultSelector):
    def __init__(self, loop):
        super().__init__()
        self.loop = loop

    def select(self, timeout=None):
        """Where there is a timer to jump to, the kernel is asked only for what is there already."""
        ready = super().select(None if timeout is None else 0)
        if timeout and not ready:
            self.loop.advance(timeout)
        return ready


def run(main):
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        loop = runner.get_loop()
        time.sleep = loop.advance
        builtins.print = lambda text: sys.stdout.write(f"{int(loop.now):4} s  {text}\n")
        if "INTERRUPT_AT" in os.environ:
            loop.call_at(float(os.environ["INTERRUPT_AT"]), signal.raise_signal, signal.SIGINT)
        return runner.run(main)


if __name__ == "__main__":
    del sys.argv[0]  # the program shall find its own arguments
    asyncio.run = run
    runpy.run_path(sys.argv[0], run_name="__main__")
