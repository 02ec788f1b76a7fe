"""echo.py: bench-echo's server in Python: with streams on asyncio's loop, as is usual; with a protocol on uvloop, as
fast programs are written. It ends at the end of its input.
"""
import asyncio
import sys

BACKLOG = 4096
READ_SIZE = 65536


async def echo_stream(reader, writer):
    while data := await reader.read(READ_SIZE):
        writer.write(data)
        await writer.drain()
    writer.close()


class Echo(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.transport.write(data)


async def serve(with_streams):
    loop = asyncio.get_running_loop()
    if with_streams:
        server = await asyncio.start_server(echo_stream, "127.0.0.1", 0, backlog=BACKLOG)
    else:
        server = await loop.create_server(Echo, "127.0.0.1", 0, backlog=BACKLOG)
    print(server.sockets[0].getsockname()[1], flush=True)
    ended = asyncio.Event()
    loop.add_reader(sys.stdin.fileno(), ended.set)
    await ended.wait()
    sys.stdout.flush()


def main(loop):
    if loop == "uvloop":
        import uvloop  # pylint: disable=import-outside-toplevel
        uvloop.install()
    asyncio.run(serve(loop == "asyncio"))


main(sys.argv[1])
