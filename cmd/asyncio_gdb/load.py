"""Defines the commands of gdb for tasks, of the package beside this file.

Executed by `asyncio gdb`, by the file that gdb loads together with libasyncio, or by `source` in gdb.
"""

import sys
from pathlib import Path

folder = str(Path(__file__).resolve().parent.parent)
writes_none = sys.dont_write_bytecode
sys.dont_write_bytecode = True  # `make uninstall` would find files that it has not installed
sys.path.insert(0, folder)
try:
    import asyncio_gdb
finally:
    sys.path.remove(folder)
    sys.dont_write_bytecode = writes_none
