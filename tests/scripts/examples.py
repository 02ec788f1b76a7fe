#!/usr/bin/env python3
"""Runs examples that are servers with the programs they are for, over loopback, on both backends.

    examples.py echo       the echo server and nc
    examples.py chat       the chat server and several nc
    examples.py proxy      the proxy between curl and a server of Python's
    examples.py scanner    the port scanner, where some ports are open
    examples.py greeter    the greeter, with SIGHUP and SIGTERM
    examples.py exporter   metrics over HTTP

The programs in C are taken from the folder BUILD_DIR. No result depends on the clock.
"""

import contextlib
import os
import random
import signal
import socket
import subprocess
import tempfile
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from serving import (HOST, BUILD, Failure, WRAPPER, expect, hear, main, needs, output_of, receive, say, serving,
                     talking)

MUCH = 300_000  # bytes: more than the buffers of a connection on the way


# ---- echo -------------------------------------------------------------------------------------------------------


@needs("nc")
def test_echo(backend):
    much = os.urandom(MUCH)
    with serving("echo_server", 0, backend=backend) as server:
        with talking("nc", HOST, server.port) as client:
            say(client, "hello\n")
            hear(client, "hello\n")
            with server.connect():  # a silent client does not disturb others
                say(client, "world\n")
                hear(client, "world\n")
                expect("nc -N", much, output_of("nc", "-N", HOST, server.port, input=much))


# ---- chat -------------------------------------------------------------------------------------------------------


@needs("nc")
def test_chat(backend):
    with contextlib.ExitStack() as clients:
        with serving("chat", 0, backend=backend) as server:
            anna, bert = [clients.enter_context(talking("nc", "-N", HOST, server.port)) for _ in range(2)]
            join(anna, "anna", [])
            join(bert, "bert", [anna])
            say(anna, "hello\n")
            hear_all([anna, bert], "anna: hello\n")
            say(bert, "hello, anna\r\n")
            hear_all([anna, bert], "bert: hello, anna\n")
            bert.stdin.close()  # nc passes the end on
            hear(anna, "* bert left\n")
            with talking("nc", HOST, server.port) as silent:  # a client without a name is not listed
                hear(silent, "nick? ")
                say(anna, "alone?\n")
                hear(anna, "anna: alone?\n")
        hear(anna, "* the server is going down\n")
        anna.stdin.close()  # nc stays until it has read its input, too
        expect("the rest that anna hears", b"", anna.stdout.read())


def join(client, nick, others):
    hear(client, "nick? ")
    say(client, nick + "\n")
    hear_all([client, *others], f"* {nick} joined\n")


def hear_all(clients, text):
    for client in clients:
        hear(client, text)


# ---- proxy ------------------------------------------------------------------------------------------------------


class Quiet(SimpleHTTPRequestHandler):
    """Serves the files of a folder without a log."""

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def files_served(folder):
    """The port at which Python serves the files of a folder."""
    with ThreadingHTTPServer((HOST, 0), partial(Quiet, directory=folder)) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


@needs("curl", BUILD / "proxy")
def test_proxy(backend):
    much = os.urandom(MUCH)
    with tempfile.TemporaryDirectory() as folder, files_served(folder) as port:
        Path(folder, "much").write_bytes(much)
        with serving("proxy", 0, HOST, port, backend=backend) as proxy:
            address = f"http://{HOST}:{proxy.port}"
            expect("curl", [much] * 3, [curl(f"{address}/much") for _ in range(3)])
            expect("several at once", much * 8, curl("--parallel", *[f"{address}/much"] * 8, folder=folder))
            expect("what is not there", b"404", curl("-w", "%{http_code}", "-o", "/dev/null", address + "/none"))
    check_both_ends_pass(backend)
    check_nobody_there(backend)


def curl(*arguments, folder=None):
    """The fetched bytes; with a folder, each into its own file, one after the other."""
    if folder is None:
        return output_of("curl", "-sS", *arguments)
    places = [Path(folder, f"got-{i}") for i in range(sum(one.startswith("http") for one in arguments))]
    output_of("curl", "-sS", *arguments, *[word for place in places for word in ("-o", place)])
    return b"".join(place.read_bytes() for place in places)


def check_both_ends_pass(backend):
    """A client that shuts down its direction still gets the answer."""
    with socket.create_server((HOST, 0)) as upstream:
        with serving("proxy", 0, HOST, upstream.getsockname()[1], backend=backend) as proxy:
            with proxy.connect() as client:
                client.sendall(b"question")
                client.shutdown(socket.SHUT_WR)
                behind, _ = upstream.accept()
                with behind:
                    expect("what comes through", b"question", receive(behind))
                    behind.sendall(b"answer")
                expect("what comes back", b"answer", receive(client))


def check_nobody_there(backend):
    """Without an upstream the client's connection is closed, and the next one's, too."""
    with socket.socket() as deaf:
        deaf.bind((HOST, 0))
        with serving("proxy", 0, HOST, deaf.getsockname()[1], backend=backend) as proxy:
            for _ in range(2):
                output_of("curl", "-sS", f"http://{HOST}:{proxy.port}/", status={52, 56})  # no answer, or a reset


# ---- port scanner -----------------------------------------------------------------------------------------------

SCANNED = 400  # ports, of which a few are open


def open_some(host, count):
    """Sockets that listen among SCANNED ports, and the first of these. Below the ephemeral
    ports: a connect to one of those may connect to itself."""
    while True:
        first = random.randrange(10_000, 30_000)
        try:
            return first, [socket.create_server((host, first + random.randrange(SCANNED))) for _ in range(count)]
        except OSError:
            continue


def answers(host, port):
    with socket.socket() as asking:
        return asking.connect_ex((host, port)) == 0


def test_scanner(backend):
    host = "127.77.0.1"
    first, listening = open_some(host, 5)
    ours = {one.getsockname()[1] for one in listening}
    command = [*WRAPPER, BUILD / "port_scanner", host, first, first + SCANNED - 1]
    found = [int(line) for line in output_of(*command, env={**os.environ, "ASYNCIO_BACKEND": backend}).split()]
    if len(found) != len(set(found)) or not ours <= set(found):
        raise Failure(f"{sorted(ours)} are open, and it prints {found}")
    for port in set(found) - ours:  # of another program
        expect(f"port {port} answers", True, answers(host, port))
    for one in listening:
        one.close()
    expect("no such host", 0, subprocess.run([*WRAPPER, BUILD / "port_scanner", "no.such.invalid", "1", "2"],
                                             capture_output=True).returncode)


# ---- greeter ----------------------------------------------------------------------------------------------------


def test_greeter(backend):
    with tempfile.TemporaryDirectory() as folder:
        text = Path(folder) / "greeting"
        text.write_text("hello\n")
        with serving("greeter", 0, text, backend=backend, ended_by=signal.SIGTERM) as server:
            client = server.connect()
            expect("the first text", b"hello\n", receive(client, b"\n"))
            text.write_text("good evening\n")
            os.kill(server.process, signal.SIGHUP)
            expect("what it prints at SIGHUP", ["loaded again"], server.take(1))
            client.sendall(b"and now?\n")
            expect("the second text", b"good evening\n", receive(client, b"\n"))
        expect("what it says at SIGTERM", b"goodbye\n", receive(client))
        client.close()


# ---- exporter ---------------------------------------------------------------------------------------------------


def test_exporter(backend):
    with serving("exporter", 0, 0, backend=backend) as server:
        line, = server.take(1)
        with server.connect() as client:
            client.sendall(b"hello\n")
            expect("the echo", b"hello\n", receive(client, b"\n"))
            server.port = int(line.rpartition(" ")[2])
            head, _, text = server.ask(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").partition(b"\r\n\r\n")
            expect("the length", True, f"\r\nContent-Length: {len(text)}\r\n".encode() in head)
            expect("the tasks", True, b'\nasyncio_tasks{loop="1"} 3\n' in text)
            expect("another page", b"HTTP/1.1 404 Not Found", server.ask(b"GET / HTTP/1.1\r\n\r\n").partition(b"\r")[0])


if __name__ == "__main__":
    main({"echo": test_echo, "chat": test_chat, "proxy": test_proxy, "scanner": test_scanner,
          "greeter": test_greeter, "exporter": test_exporter})
