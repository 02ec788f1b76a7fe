"""For redis_storm.py: a private redis-server that can be killed, worker processes that can be killed, and a proxy between
them that cuts, delays and half-closes connections. Of the queue it knows what redis_queue.h says: the names of its keys."""

import asyncio
import collections
import contextlib
import random
import signal
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from built import BUILD, WRAPPER
from redis_program import REDIS_SERVER

STREAM, LATER, DEAD, GROUP = "{storm}:s", "{storm}:later", "{storm}:dead", "w"


class Failure(Exception):
    """A scenario failed; the text says why."""


class RedisError(OSError):
    """Redis has answered with an error."""


# ---- asking Redis -----------------------------------------------------------------------------------------------


class Asking:
    """A connection to Redis, in version 2 of its protocol."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(10)
        try:
            self.socket.connect(str(path))
        except OSError:
            self.socket.close()
            raise
        self.input = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.input.close()
        self.socket.close()

    def ask(self, *words):
        parts = [str(word).encode() for word in words]
        self.socket.sendall(b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts))
        return self.reply()

    def reply(self):
        line = self.input.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("Redis has closed the connection")
        kind, rest = line[:1], line[1:-2]
        if kind == b"-":
            raise RedisError(rest.decode())
        if kind == b"+":
            return rest.decode()
        if kind == b":":
            return int(rest)
        if rest == b"-1":
            return None
        if kind == b"$":
            return self.input.read(int(rest) + 2)[:-2].decode(errors="replace")
        return [self.reply() for _ in range(int(rest))]


# ---- the proxy --------------------------------------------------------------------------------------------------


class Proxy:
    """Passes bytes between clients and the server. The connections live for `life` seconds in the mean, and end in
    different ways; `cuts` counts them."""

    LONGEST_DELAY = 0.3

    def __init__(self, path, server, seed, life, first_delay=0.0):
        """first_delay: seconds for each piece of the first connection."""
        self.first_delay = first_delay
        self.path, self.server, self.life, self.random = str(path), str(server), life, random.Random(seed)
        self.cuts = 0
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.ready = threading.Event()

    def __enter__(self):
        self.thread.start()
        self.ready.wait()
        return self

    def __exit__(self, *_):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()

    def run(self):
        asyncio.set_event_loop(self.loop)
        self.loop.run_until_complete(asyncio.start_unix_server(self.serve, self.path))
        self.ready.set()
        self.loop.run_forever()
        for task in asyncio.all_tasks(self.loop):
            task.cancel()
        self.loop.run_until_complete(asyncio.sleep(0))

    async def serve(self, reader, writer):
        passage = Passage(self, reader, writer)
        passage.delay, self.first_delay = self.first_delay, 0.0
        with contextlib.suppress(OSError, asyncio.CancelledError):
            await passage.serve()
        writer.transport.abort()


class Passage:
    """One connection through the proxy."""

    def __init__(self, proxy, reader, writer):
        self.proxy, self.random = proxy, proxy.random
        self.client = reader, writer
        self.delay = 0.0      # seconds for each piece
        self.cut_at = None    # the direction (0: to the server) whose next piece is passed in part

    async def serve(self):
        server = await asyncio.open_unix_connection(self.proxy.server)
        pumps = [asyncio.create_task(self.pump(0, self.client[0], server[1])),
                 asyncio.create_task(self.pump(1, server[0], self.client[1]))]
        end = asyncio.create_task(self.end_at_random(server[1]))
        both = asyncio.gather(*pumps, return_exceptions=True)
        await asyncio.wait([both, end], return_when=asyncio.FIRST_COMPLETED)
        for task in [*pumps, end]:
            task.cancel()
        server[1].transport.abort()

    async def pump(self, direction, reader, writer):
        while data := await reader.read(65536):
            if self.delay:
                await asyncio.sleep(self.delay)
            if self.cut_at == direction:
                writer.write(data[:self.random.randrange(len(data))])
                await writer.drain()
                writer.close()
                raise ConnectionError
            writer.write(data)
            await writer.drain()
        writer.write_eof()

    async def end_at_random(self, to_server):
        await asyncio.sleep(self.random.expovariate(1 / self.proxy.life))
        while self.random.random() < 0.4:
            self.delay = self.random.uniform(0, self.proxy.LONGEST_DELAY)
            await asyncio.sleep(self.random.uniform(0, 1))
            self.delay = 0.0
            await asyncio.sleep(self.random.expovariate(1 / self.proxy.life))
        self.proxy.cuts += 1
        how = self.random.choice(["now", "in a piece", "half, to the server", "half, to the client"])
        if how == "in a piece":
            self.cut_at = self.random.randrange(2)
            await asyncio.sleep(1)
        elif how.startswith("half"):
            (to_server if how.endswith("server") else self.client[1]).write_eof()
            await asyncio.sleep(self.random.uniform(0, 0.3))


# ---- the scene --------------------------------------------------------------------------------------------------


class Scene:
    """A folder with a server and what the workers write; all processes end with it."""

    def __init__(self, fsync="always"):
        self.temporary = tempfile.TemporaryDirectory(prefix="redis-storm-")
        self.folder = Path(self.temporary.name)
        self.socket, self.fsync = self.folder / "socket", fsync
        self.server, self.workers = None, []
        self.resources = contextlib.ExitStack()

    def __enter__(self):
        self.start_server()
        return self

    def __exit__(self, *_):
        for process in [*self.workers, self.server]:
            process.kill()
            process.wait()
        self.resources.close()
        self.temporary.cleanup()

    # ---- the server

    def start_server(self):
        self.server = subprocess.Popen(
            [REDIS_SERVER, "--port", "0", "--unixsocket", self.socket, "--save", "", "--dir", self.folder,
             "--appendonly", "yes", "--appendfsync", self.fsync,
             # what it keeps about commands, so that all memory is that of queues
             "--latency-tracking", "no", "--slowlog-max-len", "0"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.wait(self.answers, 10, "the server answers", step=0.005)

    def answers(self):
        try:
            return self.redis("PING") == "PONG"
        except OSError:
            return False

    def kill_server(self):
        self.server.kill()
        self.server.wait()

    def redis(self, *words):
        with Asking(self.socket) as connection:
            return connection.ask(*words)

    def pending(self):
        """Items that were taken; 0 while there is no queue."""
        try:
            return self.redis("XPENDING", STREAM, GROUP)[0]
        except RedisError:
            return 0

    def ask_number(self, name):
        """Of INFO."""
        text = self.redis("INFO", "all")
        return int(next(line.split(":")[1] for line in text.splitlines() if line.startswith(f"{name}:")))

    def memory(self):
        """Without what is no queue's: garbage of Lua, and the buffers of other connections, if they are closed soon."""
        end = time.monotonic() + 10
        while self.ask_number("connected_clients") > 1 and time.monotonic() < end:
            time.sleep(0.05)
        self.redis("SCRIPT", "FLUSH", "SYNC")
        return self.ask_number("used_memory")

    # ---- workers

    def proxy(self, name, seed, life, **options):
        return self.resources.enter_context(Proxy(self.folder / name, self.socket, seed, life, **options))

    def start(self, role, number, through=None, **options):
        """A process; `through`: a proxy."""
        url = f"unix://{through.path if through else self.socket}"
        command = [*WRAPPER, BUILD / "redis-storm-worker", url, role, self.folder / role, number,
                   *(f"{name}={value}" for name, value in options.items())]
        with open(self.folder / "errors", "a") as errors:
            process = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stderr=errors)
        process.begun = time.monotonic()
        self.workers.append(process)
        return process

    def kill(self, process):
        process.kill()
        self.reap(process)

    def reap(self, process):
        """Waits for its end, and forgets it."""
        self.workers.remove(process)
        return process.wait()

    def end(self, process):
        """Ends it by SIGTERM; the seconds that took."""
        begun = time.monotonic()
        process.terminate()
        status = self.reap(process)
        is_young = begun - process.begun < (10 if WRAPPER else 1)  # it may not catch the signal yet
        if status != 128 + signal.SIGTERM and not (is_young and status == -signal.SIGTERM):
            raise Failure(f"a process ended by SIGTERM with status {status}: {self.errors()}")
        return time.monotonic() - begun

    # ---- what they wrote

    def lines(self, role):
        """How often each number was written, and the largest count of its deliveries."""
        times, counts = collections.Counter(), {}
        path = self.folder / role
        for line in path.read_text().splitlines() if path.exists() else []:
            number, count = map(int, line.split())
            times[number] += 1
            counts[number] = max(counts.get(number, 0), count)
        return times, counts

    def forget(self):
        for role in ("put", "work"):
            (self.folder / role).unlink()

    def acknowledged(self):
        return self.lines("put")[0]

    def done(self):
        return self.lines("work")[0]

    def errors(self):
        path = self.folder / "errors"
        return path.read_text()[-2000:] if path.exists() else ""

    # ---- waiting

    def wait(self, condition, seconds, what, step=0.02):
        """Waits until the condition holds; the seconds that took."""
        begun = time.monotonic()
        while not condition():
            if time.monotonic() - begun > seconds:
                raise Failure(f"not within {seconds:g} s: {what}; {self.describe()}")
            time.sleep(step)
        return time.monotonic() - begun

    def left(self):
        """Items in the stream, taken ones, and those for later."""
        return self.redis("XLEN", STREAM), self.pending(), self.redis("ZCARD", LATER)

    def is_empty(self):
        return self.left() == (0, 0, 0)

    def describe(self):
        try:
            left = "stream %d, pending %d, later %d" % self.left()
        except OSError as error:
            left = str(error)
        ended = [process.returncode for process in self.workers if process.poll() is not None]
        return f"{left}; ended processes: {ended}; {self.errors()}".rstrip("; ")


def expect(condition, text):
    if not condition:
        raise Failure(text)

