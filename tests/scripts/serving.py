"""Shared by the tests of examples that are servers: an example is started on either backend, used by the programs it was
written for, and ended by Ctrl-C or SIGTERM; then nothing may be left behind."""

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys

import tutorial
from built import BUILD, SKIPPED, WRAPPER
from tutorial import Failure

BACKENDS = ["epoll", "uring"]
HOST = "127.0.0.1"


@contextlib.contextmanager
def serving(program, *arguments, backend, ended_by=signal.SIGINT):
    """The port at which the example listens, as it says on its first line, until the block's end."""
    command = [*WRAPPER, str(BUILD / program), *map(str, arguments)]
    with tutorial.Program(command, ASYNCIO_BACKEND=backend, ASYNCIO_DEBUG="1") as running:
        first = running.take(1)
        said = re.search(r"port (\d+)", first[0] if first else "")
        if not said:
            raise Failure(f"{program} does not print where it listens: {first}, {running.finish(0)}")
        listening = Listening(int(said[1]), running.process.pid, running.take)
        yield listening
        running.process.send_signal(ended_by)
        listening.lines, complaints = running.finish(128 + ended_by)
        tutorial.expect_clean(program, complaints)


class Listening:
    """A running example; after its end, also the lines that it printed. take(count) gives its next lines before."""

    def __init__(self, port, process, take):
        self.port, self.process, self.take, self.lines = port, process, take, []

    def connect(self):
        return socket.create_connection((HOST, self.port))

    def ask(self, request: bytes, until: bytes = b"") -> bytes:
        """The answer on a new connection: up to and with these words; without them, up to its end."""
        with self.connect() as connection:
            connection.sendall(request)
            return receive(connection, until)


def receive(connection, until: bytes = b"") -> bytes:
    """Reads up to and with these words, or up to the end."""
    got = b""
    while not (until and got.endswith(until)):
        more = connection.recv(65536)
        if not more:
            break
        got += more
    return got


def output_of(*command, status=frozenset([0]), **options) -> bytes:
    """What a client prints that must end with one of these statuses."""
    answer = subprocess.run([*map(str, command)], capture_output=True, **options)
    if answer.returncode not in status:
        raise Failure(f"{' '.join(map(str, command))} ended with {answer.returncode}, not {set(status)}: "
                      f"{(answer.stdout + answer.stderr).decode(errors='replace')[-2000:]}")
    return answer.stdout


def expect(what, expected, actual):
    if expected != actual:
        raise Failure(f"{what}: expected {shorten(expected)}, got {shorten(actual)}")


def shorten(value):
    text = repr(value)
    return text if len(text) < 2000 else text[:2000] + f"… ({len(text)} characters)"


@contextlib.contextmanager
def talking(*command):
    """A client that sends its standard input and prints what it receives: the process, with unbuffered pipes."""
    client = subprocess.Popen([*map(str, command)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
    try:
        yield client
    finally:
        client.kill()
        client.wait()
        client.stdin.close()
        client.stdout.close()


def say(client, text: str):
    client.stdin.write(text.encode())


def hear(client, text: str):
    """Checks the next text that it prints."""
    got = b""
    while len(got) < len(text.encode()):
        more = os.read(client.stdout.fileno(), len(text.encode()) - len(got))
        if not more:
            break
        got += more
    expect(f"{client.args[0]} hears", text, got.decode())


def needs(*tools):
    """Marks a test as one that needs these programs; a path is one of our programs that is not built everywhere."""
    def mark(test):
        test.tools = tools
        return test
    return mark


def run(tests, name) -> int:
    """The status of a script: the test of that name on each backend; skipped where a program is missing."""
    test = tests[name]
    missing = [str(tool) for tool in getattr(test, "tools", ()) if shutil.which(tool) is None]
    if missing:
        print(f"not installed: {', '.join(missing)}")
        return SKIPPED
    try:
        for backend in [os.environ["ASYNCIO_BACKEND"]] if os.environ.get("ASYNCIO_BACKEND") else BACKENDS:
            try:
                test(backend)
            except Failure as failure:
                raise Failure(f"on {backend}: {failure}") from failure
    except (Failure, subprocess.CalledProcessError) as failure:
        print(failure)
        return 1
    return 0


def main(tests) -> None:
    sys.exit(run(tests, *sys.argv[1:]))
