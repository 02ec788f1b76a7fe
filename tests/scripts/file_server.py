#!/usr/bin/env python3
"""Runs the file server with curl, wrk, and sockets that send malformed requests, over loopback, on both backends.

    file_server.py curl       files, folders, ranges, dates, and missing files
    file_server.py requests   malformed ones, several at once, those that come slowly or never
    file_server.py wrk        a short run under load

It is taken from the folder BUILD_DIR.
"""

import contextlib
import os
import re
import socket
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate
from pathlib import Path

from built import SKIPPED, WRAPPER
from serving import HOST, Failure, expect, main, needs, output_of, receive, serving

PAGE = b"<p>hello</p>\n"
LONG_AGO = 1_000_000_000  # when the files were changed
MUCH = os.urandom(3_000_000)


@contextlib.contextmanager
def site():
    """A folder to serve, beside one that is not served."""
    with tempfile.TemporaryDirectory() as top:
        folder = Path(top, "site")
        (folder / "sub" / "deep er").mkdir(parents=True)
        (folder / "empty").mkdir()
        Path(top, "secret").write_bytes(b"secret")
        for name, content in {"index.html": PAGE, "much.bin": MUCH, "none.txt": b"", "sub/index.html": b"sub\n",
                              "sub/deep er/ä%.txt": b"odd\n", "locked.txt": b"no"}.items():
            (folder / name).write_bytes(content)
            os.utime(folder / name, (LONG_AGO, LONG_AGO))
        (folder / "inside").symlink_to("sub/index.html")
        (folder / "outside").symlink_to("../secret")
        (folder / "absolute").symlink_to(Path(top, "secret"))
        os.mkfifo(folder / "fifo")
        yield folder


@contextlib.contextmanager
def served(backend, *options):
    with site() as folder, serving("file_server", "-p", 0, "-q", *options, folder, backend=backend) as server:
        yield server


# ---- curl -------------------------------------------------------------------------------------------------------


def fetch(server, path, *options):
    """The status and the body that curl gets."""
    said = output_of("curl", "-sS", "--path-as-is", "-w", "\n%{http_code}", *options, f"http://{HOST}:{server.port}{path}")
    body, _, status = said.rpartition(b"\n")
    return int(status), body


FILES = {"/": PAGE, "/index.html": PAGE, "/much.bin": MUCH, "/none.txt": b"", "/sub/": b"sub\n", "/inside": b"sub\n",
         "/sub/deep%20er/%C3%A4%25.txt": b"odd\n", "/sub/../index.html": PAGE, "/?a=/../b": PAGE, "//index.html": PAGE,
         "/./sub/.//index.html": b"sub\n", "/%69ndex.html#x": PAGE}
REFUSED = {"/nothing": 404, "/index.html/": 404, "/index.html/x": 404, "/empty/": 404, "/fifo": 403, "/outside": 403,
           "/absolute": 403, "/../secret": 403, "/sub/../../secret": 403, "/%2e%2e/secret": 403, "/..%2fsecret": 403,
           "/%2e%2e%2f%2e%2e%2fetc/passwd": 403, "/a%00b": 400, "/%zz": 400, "/%4": 400, "/" + "x" * 300: 404,
           "/" + "y/" * 3000: 404}


@needs("curl")
def test_curl(backend):
    with served(backend) as server:
        for path, content in FILES.items():
            expect(path, (200, content), fetch(server, path))
            head = output_of("curl", "-sS", "-I", "--path-as-is", f"http://{HOST}:{server.port}{path}").decode()
            expect(f"the length of {path}", str(len(content)), re.search(r"Content-Length: (\d+)", head)[1])
        for path, status in REFUSED.items():
            expect(path[:100], (status, status), (fetch(server, path)[0], fetch(server, path, "-I")[0]))
        check_ranges(server)
        check_dates(server)
        check_redirects(server)
        expect("POST", 405, fetch(server, "/", "-d", "x")[0])


RANGES = {"0-0": MUCH[:1], "10-19": MUCH[10:20], "2999990-": MUCH[-10:], "2999990-9999999999": MUCH[-10:],
          "-5": MUCH[-5:], "-9999999": MUCH, "100000-2500000": MUCH[100000:2500001]}


def check_ranges(server):
    for asked, content in RANGES.items():
        expect(f"bytes={asked}", (206, content), fetch(server, "/much.bin", "-r", asked))
    for odd in "5-4", "1-2,5-6", "x", "-", "1", "1-x", "--1", "+1-2":
        expect(f"bytes={odd} is ignored", (200, MUCH), fetch(server, "/much.bin", "-H", f"Range: bytes={odd}"))
    for beyond in "3000000-", "3000000-4000000", "9223372036854775807-", "99999999999999999999-", "-0":
        expect(f"bytes={beyond}", 416, fetch(server, "/much.bin", "-H", f"Range: bytes={beyond}")[0])
    expect("nothing of nothing", 416, fetch(server, "/none.txt", "-r", "0-")[0])
    expect("another file", 200, fetch(server, "/much.bin", "-r", "0-1", "-H", "If-Range: " + formatdate(5, usegmt=True))[0])
    same = formatdate(LONG_AGO, usegmt=True)
    expect("the same file", 206, fetch(server, "/much.bin", "-r", "0-1", "-H", f"If-Range: {same}")[0])


def check_dates(server):
    for second, status in (LONG_AGO - 1, 200), (LONG_AGO, 304), (LONG_AGO + 1, 304):
        since = formatdate(second, usegmt=True)
        expect(f"if modified since {since}", status, fetch(server, "/", "-H", f"If-Modified-Since: {since}")[0])
    expect("no date", 200, fetch(server, "/", "-H", "If-Modified-Since: yesterday")[0])


def check_redirects(server):
    for path, place in {"/sub": "/sub/", "/sub?x": "/sub/", "//sub": "/sub/", "/sub/deep%20er": "/sub/deep%20er/"}.items():
        head = output_of("curl", "-sS", "-I", f"http://{HOST}:{server.port}{path}").decode()
        expect(path, ["301", place], re.findall(r"^HTTP/1.1 (\d+)|^Location: (\S+)", head, re.M)
               and [re.search(r"HTTP/1.1 (\d+)", head)[1], re.search(r"Location: (\S+)", head)[1]])
    expect("followed", (200, b"sub\n"), fetch(server, "/sub", "-L"))


# ---- requests ---------------------------------------------------------------------------------------------------

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
LAST = b"GET /none.txt HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

# Requests, and the statuses of the answers; then the connection is closed.
CONVERSATIONS = [
    (GET + GET + GET + LAST, [200, 200, 200, 200]),
    (b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\nGET /sub HTTP/1.1\r\nhOST: x\r\n\r\n" + LAST, [200, 301, 200]),
    (b"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n" + LAST, [404, 200]),
    (b"\r\n" + LAST, [200]),
    (b"GET http://elsewhere/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", [200]),
    (b"GET / HTTP/1.0\r\n\r\n" + GET, [200]),
    (b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" + LAST, [200, 200]),
    (b"GET / HTTP/1.1\nHost: x\n\n" + LAST, [200, 200]),
    (b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 0 \t\r\n\r\n" + LAST, [200, 200]),
    (b"GET / HTTP/1.1\r\nHost: x\r\nConnection: x, Close \r\n\r\n" + GET, [200]),
    (b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello" + GET, [413]),
    (b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + GET, [413]),
    (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 30\r\n\r\n" + GET, [405]),
    (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n" + bytes(1_000_000), [405]),
    (b"get / HTTP/1.1\r\nHost: x\r\n\r\n" + GET, [405]),
    (b"GET / HTTP/2.0\r\nHost: x\r\n\r\n" + GET, [505]),
    (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 9000 + b"\r\n\r\n", [431]),
    (b"GET / HTTP/1.1\r\nHost: x\r\nX: half", [400]),
    (b"", []),
] + [(text + b"\r\n\r\n" + GET, [400]) for text in [
    b"GET / HTTP/1.1", b"GET / HTTP/1.1\r\nHost: x\r\nHost: x", b"GET /\r\nHost: x", b"GET  / HTTP/1.1\r\nHost: x",
    b"GET / HTTP/1.1 \r\nHost: x", b"GET x HTTP/1.1\r\nHost: x", b"GET * HTTP/1.1\r\nHost: x", b"hello",
    b"GET / XTTP/1.1\r\nHost: x", b"GET / HTTP/1.10\r\nHost: x", b"GET / HTTP/1.1\r\nHost : x", b"GET / HTTP/1.1\r\nHost: x\r\n folded: x",
    b"GET / HTTP/1.1\r\nHost: x\r\n: x", b"GET / HTTP/1.1\r\nHost: x\r\nnothing", b"GET /\0 HTTP/1.1\r\nHost: x",
    b"GET /\x1b[2J HTTP/1.1\r\nHost: x", b"\0", b"GET /\tx HTTP/1.1\r\nHost: x", b"GET /a\rb HTTP/1.1\r\nHost: x"]]


def statuses(answer: bytes):
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3})", answer)]


def test_requests(backend):
    with served(backend) as server:
        for sent, expected in CONVERSATIONS:
            with server.connect() as connection:
                connection.sendall(sent)
                connection.shutdown(socket.SHUT_WR)
                expect(f"to {sent[:200]!r}", expected, statuses(receive(connection)))
        check_slow_reader(server)
    with served(backend, "-t", 0.05) as server:
        check_limits(server)
    with served(backend, "-c", 2) as server:
        check_crowd(server)
    check_log(backend)


def check_slow_reader(server):
    """Many requests for large files: a slow reader gets all bytes."""
    with server.connect() as connection:
        connection.sendall(b"GET /much.bin HTTP/1.1\r\nHost: x\r\n\r\n" * 5 + LAST)
        expect("what he got", 5, receive(connection).count(MUCH))


def check_limits(server):
    """Silent, slow and non-reading clients are disconnected, the slow ones with an answer; others are served."""
    with server.connect() as silent, server.connect() as deaf:
        deaf.sendall(b"GET /much.bin HTTP/1.1\r\nHost: x\r\n\r\n" * 20)
        expect("to nothing", b"", receive(silent))
        sooner_or_later("half a request", [408], lambda: statuses(server.ask(GET[:10])))
        sooner_or_later("others", [200], lambda: statuses(server.ask(LAST)))
        got = 0
        with contextlib.suppress(ConnectionResetError):
            while more := len(deaf.recv(65536)):
                got += more
        expect("he who did not read got less", True, got < 20 * len(MUCH))


def sooner_or_later(what, expected, ask):
    """While the limit is short, a busy machine may be too slow to ask."""
    while (actual := ask()) != expected:
        if actual:
            expect(what, expected, actual)


def check_crowd(server):
    """The third waits until one of the two has gone."""
    with server.connect() as one, server.connect() as two:
        for connection in one, two:
            connection.sendall(GET)
            receive(connection, PAGE)
        with server.connect() as three:
            three.sendall(LAST)
            one.close()
            expect("the third", [200], statuses(receive(three)))


def check_log(backend):
    with site() as folder, serving("file_server", "-p", 0, folder, backend=backend) as server:
        server.ask(LAST)
        server.ask(b"nonsense\r\n\r\n")
    lines = [re.sub(r"^[\d.:]+", "PEER", line) for line in server.lines]
    expect("the log", ['PEER "GET /none.txt" 200 0', 'PEER "- /" 400 0'], lines)


# ---- wrk --------------------------------------------------------------------------------------------------------


@needs("wrk")
def test_wrk(backend):
    with served(backend) as server, ThreadPoolExecutor() as pool:
        for said in pool.map(lambda path: load(server, path), ["/", "/much.bin"]):
            if not re.search(r"[1-9]\d* requests in", said) or "errors" in said or "Non-2xx" in said:
                raise Failure(said)


def load(server, path):
    return output_of("wrk", "-t", 1, "-c", 20, "-d", "1s", f"http://{HOST}:{server.port}{path}").decode()


if __name__ == "__main__":
    if WRAPPER:
        print("qemu-user may not know openat2")
        sys.exit(SKIPPED)
    main({"curl": test_curl, "requests": test_requests, "wrk": test_wrk})
