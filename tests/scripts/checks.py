"""What the scripts of the suite say and how they end: 0, 1 after a failure, 77 with a reason if there is nothing to test."""

import re
import tempfile
from pathlib import Path
from typing import Callable

from built import SKIPPED, WRAPPER


class Failure(Exception):
    pass


class Skip(Exception):
    pass


def expect(what: str, expected, found):
    if expected != found:
        raise Failure(f"{what}: expected {expected!r}, found {found!r}")


def without_holds(text: str) -> str:
    """Without reports about a loop that was held: on a busy machine there may be any number of them."""
    text = re.sub(r"asyncio: task .* ha(?:s|ve) held loop .*\n(asyncio:   .*\n)*", "", text)
    text = re.sub(r"asyncio: .* held the loop for .*\n", "", text)
    return re.sub(r"asyncio: loop \d+ goes on; .*\n", "", text)


def status_of(test: Callable[[Path], None]) -> int:
    """The exit status of a script after this test, which gets a folder of its own. What is to be said is printed."""
    try:
        with tempfile.TemporaryDirectory() as folder:
            test(Path(folder))
    except Failure as failure:
        print(failure)
        return 1
    except Skip as reason:
        print(reason)
        return SKIPPED
    return 0


def tests_of(names: dict) -> dict[str, Callable[[Path], None]]:
    """The functions test_NAME of a script, whose globals() these are, by NAME."""
    return {name.removeprefix("test_"): test for name, test in names.items() if name.startswith("test_")}


def status_outside_emulators(tests: dict[str, Callable[[Path], None]], name: str) -> int:
    """The same of the test of that name, where programs do not run in an emulator: their memory is not theirs alone there."""
    if WRAPPER:
        print("the programs run in an emulator")
        return SKIPPED
    return status_of(tests[name])
