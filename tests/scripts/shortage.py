#!/usr/bin/env python3
"""Measures a server that has run out of descriptors: the example echo server under a limit of 64, and 200 clients.

    shortage.py    prints, for each backend, the processor time while it is full, and the delay between the end
                   of a client and the service of the next one; ends with 1 if that is more than 2 % or 100 ms

It is no test of the suite, in which no result depends on the clock; that counts calls of accept.
"""

import resource
import select
import socket
import sys
import time

from serving import BACKENDS, HOST, serving

DESCRIPTORS, CLIENTS, ROUNDS, WATCHED_S = 64, 200, 20, 5
MOST_BUSY, MOST_LATE_S = 0.02, 0.1

asked: set[socket.socket] = set()  # clients that were connected and have sent something


def processor_seconds(process: int) -> float:
    """Of a process and all its threads, to a ten-thousandth."""
    fields = open(f"/proc/{process}/schedstat").read().split()
    return int(fields[0]) / 1e9


def knock(port) -> socket.socket:
    """A client that sends a byte when it is connected: later, where the backlog is full."""
    client = socket.socket()
    client.setblocking(False)
    client.connect_ex((HOST, port))
    return client


def served(clients, patience_s):
    """The clients that have an answer by then."""
    _, connected, _ = select.select([], [client for client in clients if client not in asked], [], 0)
    for client in connected:
        client.sendall(b"x\n")
        asked.add(client)
    readable, _, _ = select.select(clients, [], [], patience_s)
    for client in readable:
        client.recv(64)
    return readable


def recover(inside, outside) -> float:
    """Ends one served client: the seconds until a waiting one is served, which moves to the served ones."""
    begun = time.monotonic()
    inside.pop(0).close()
    new = served(outside, 10)
    late = time.monotonic() - begun
    for client in new:
        outside.remove(client)
        inside.append(client)
    return late if new else float("inf")


def measure(backend) -> bool:
    with serving("echo_server", 0, backend=backend) as server:
        resource.prlimit(server.process, resource.RLIMIT_NOFILE, (DESCRIPTORS, DESCRIPTORS))
        outside, inside = [knock(server.port) for _ in range(CLIENTS)], []
        while new := served(outside, 0.5):
            inside += new
            outside = [client for client in outside if client not in new]
        before = processor_seconds(server.process)
        time.sleep(WATCHED_S)
        busy = (processor_seconds(server.process) - before) / WATCHED_S
        late = sorted(recover(inside, outside) for _ in range(ROUNDS))
        for client in inside + outside:
            client.close()
    print(f"{backend:<6} {len(inside)} served, {len(outside)} wait: {busy:.2%} of a processor; the next is served after "
          f"{late[len(late) // 2] * 1e3:.2f} ms, at worst {late[-1] * 1e3:.2f} ms")
    return busy <= MOST_BUSY and late[-1] <= MOST_LATE_S


if __name__ == "__main__":
    sys.exit(0 if all([measure(backend) for backend in BACKENDS]) else 1)
