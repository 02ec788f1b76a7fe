"""Commands of gdb for the tasks of libasyncio: docs/debugging.md. Importing it defines them."""

from . import commands, frames

frames.register()
commands.register()
