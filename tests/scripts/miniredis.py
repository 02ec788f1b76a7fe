#!/usr/bin/env python3
"""Runs the miniature Redis with redis-cli, redis-benchmark, and sockets that send malformed requests.

    miniredis.py answers      the answers, byte for byte as those of redis-server, which gets the same requests where it is installed
    miniredis.py pieces       requests that come in pieces, and many at once
    miniredis.py waiting      BLPOP and the order of service; SUBSCRIBE and PUBLISH; clients that go away
    miniredis.py tools        redis-cli and redis-benchmark

It is taken from the folder BUILD_DIR.
"""

import contextlib
import re
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

from serving import HOST, Failure, expect, main, needs, output_of, receive, serving

PROGRAM = "examples/miniredis/miniredis"
END = b"$7\r\n--end--\r\n"


def request(*words) -> bytes:
    """The request as clients send it."""
    parts = [word if isinstance(word, bytes) else str(word).encode() for word in words]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)


def requests(text: str) -> bytes:
    """Several, between semicolons."""
    return b"".join(request(*one.split()) for one in text.split(";"))


# ---- answers ----------------------------------------------------------------------------------------------------

WRONG_TYPE = b"-WRONGTYPE Operation against a key holding the wrong kind of value\r\n"
NOT_A_NUMBER = b"-ERR value is not an integer or out of range\r\n"
ONLY_THESE = b"only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context\r\n"


def wrong_count(name: bytes) -> bytes:
    return b"-ERR wrong number of arguments for '%s' command\r\n" % name


# Requests, and the complete answers. Keys differ, so each is independent.
ANSWERS = [
    (requests("PING; ping; PING hello; ECHO hello"), b"+PONG\r\n+PONG\r\n$5\r\nhello\r\n$5\r\nhello\r\n"),
    (b"PING\r\n", b"+PONG\r\n"),
    (b"  ping \t hello \n", b"$5\r\nhello\r\n"),
    (b"\r\n\r\nPING\r\n", b"+PONG\r\n"),
    (b"*0\r\n*-1\r\n*-7\r\n" + request("PING"), b"+PONG\r\n"),
    (requests("GET a; SET a 1; GET a; DEL a a; GET a"), b"$-1\r\n+OK\r\n$1\r\n1\r\n:1\r\n$-1\r\n"),
    (request("SET", b"\0\r\n", b"\r\n\0") + request("GET", b"\0\r\n"), b"+OK\r\n$3\r\n\r\n\0\r\n"),
    (request("SET", "", "") + request("GET", ""), b"+OK\r\n$0\r\n\r\n"),
    (request("SET", "big", "x" * 100000) + request("GET", "big"), b"+OK\r\n$100000\r\n" + b"x" * 100000 + b"\r\n"),
    (requests("SET s longer; SET s x; GET s; SET s longest; GET s"), b"+OK\r\n+OK\r\n$1\r\nx\r\n+OK\r\n$7\r\nlongest\r\n"),
    (requests("INCR n; INCR n; GET n; SET n -3; INCR n"), b":1\r\n:2\r\n$1\r\n2\r\n+OK\r\n:-2\r\n"),
    (requests("SET x 9223372036854775806; INCR x; INCR x"),
     b"+OK\r\n:9223372036854775807\r\n-ERR increment or decrement would overflow\r\n"),
    (requests("SET y 9223372036854775808; INCR y; SET y 01; INCR y; SET y +1; INCR y; SET y 1x; INCR y; SET y -; INCR y"),
     (b"+OK\r\n" + NOT_A_NUMBER) * 5),
    (request("SET", "z", " 1") + request("INCR", "z") + request("SET", "z", "") + request("INCR", "z"),
     (b"+OK\r\n" + NOT_A_NUMBER) * 2),
    (requests("RPUSH l b c; LPUSH l a z; BLPOP l 0; BLPOP l 0; BLPOP l 0; BLPOP l 0.5; DEL l"),
     b":2\r\n:4\r\n" + b"".join(b"*2\r\n$1\r\nl\r\n$1\r\n%c\r\n" % one for one in b"zabc") + b":0\r\n"),
    (requests("RPUSH m2 x; BLPOP m1 m2 m3 0"), b":1\r\n*2\r\n$2\r\nm2\r\n$1\r\nx\r\n"),
    (requests("BLPOP none none 0.001"), b"*-1\r\n"),
    (requests("BLPOP none x; BLPOP none -1; BLPOP none"),
     b"-ERR timeout is not a float or out of range\r\n-ERR timeout is negative\r\n" + wrong_count(b"blpop")),
    (requests("RPUSH t1 a; GET t1; INCR t1; SET t1 b; GET t1; RPUSH t1 c; LPUSH t1 c; BLPOP t1 0"),
     b":1\r\n" + WRONG_TYPE * 2 + b"+OK\r\n$1\r\nb\r\n" + WRONG_TYPE * 3),
    (requests("GET; GET a b; SET a; INCR; RPUSH a; DEL; ECHO; ECHO a b; PUBLISH a; SUBSCRIBE; PING a b"),
     b"".join(map(wrong_count, b"get get set incr rpush del echo echo publish subscribe ping".split()))),
    (requests("nosuch; NoSuch a b"), b"-ERR unknown command 'nosuch', with args beginning with: \r\n"
                                     b"-ERR unknown command 'NoSuch', with args beginning with: 'a' 'b' \r\n"),
    (request("a\r\nb", "c\nd"), b"-ERR unknown command 'a  b', with args beginning with: 'c d' \r\n"),
    (request("n" * 300, "a" * 100, "b" * 100, "c"), b"-ERR unknown command '" + b"n" * 128 +
     b"', with args beginning with: '" + b"a" * 100 + b"' '" + b"b" * 25 + b"' \r\n"),
    (requests("SUBSCRIBE c1 c2 c1; PING; PING hello; GET a; UNSUBSCRIBE c2 c3; UNSUBSCRIBE; UNSUBSCRIBE; PING"),
     b"*3\r\n$9\r\nsubscribe\r\n$2\r\nc1\r\n:1\r\n*3\r\n$9\r\nsubscribe\r\n$2\r\nc2\r\n:2\r\n"
     b"*3\r\n$9\r\nsubscribe\r\n$2\r\nc1\r\n:2\r\n*2\r\n$4\r\npong\r\n$0\r\n\r\n*2\r\n$4\r\npong\r\n$5\r\nhello\r\n"
     b"-ERR Can't execute 'get': " + ONLY_THESE +
     b"*3\r\n$11\r\nunsubscribe\r\n$2\r\nc2\r\n:1\r\n*3\r\n$11\r\nunsubscribe\r\n$2\r\nc3\r\n:1\r\n"
     b"*3\r\n$11\r\nunsubscribe\r\n$2\r\nc1\r\n:0\r\n*3\r\n$11\r\nunsubscribe\r\n$-1\r\n:0\r\n+PONG\r\n"),
    (requests("PUBLISH nobody x"), b":0\r\n"),
]

# redis-server compares names up to a zero byte, and finds this one if both are in one bucket of its randomly seeded table.
ONLY_OURS = [
    (request(b"get\0", b""), b"-ERR unknown command 'get', with args beginning with: '' \r\n"),
]

# Requests that end the connection, and the last answer.
MALFORMED = [
    (b"*x\r\n", b"invalid multibulk length"),
    (b"*\r\n", b"invalid multibulk length"),
    (b"*-\r\n", b"invalid multibulk length"),
    (b"* 1\r\n", b"invalid multibulk length"),
    (b"*1 \r\n", b"invalid multibulk length"),
    (b"*99999999999\r\n", b"invalid multibulk length"),
    (b"*1\r\n+4\r\nPING\r\n", b"expected '$', got '+'"),
    (b"*1\r\nPING\r\n", b"expected '$', got 'P'"),
    (b"*1\r\n\r\n", b"expected '$', got ' '"),
    (b"*1\r\n$x\r\n", b"invalid bulk length"),
    (b"*1\r\n$-1\r\n", b"invalid bulk length"),
    (b"*1\r\n$\r\n", b"invalid bulk length"),
    (b"*1\r\n$600000000\r\n", b"invalid bulk length"),
    (b"*" + b"1" * 70000, b"too big mbulk count string"),
    (b"*1\r\n$" + b"1" * 70000, b"too big bulk count string"),
    (b"x" * 70000, b"too big inline request"),
]


@contextlib.contextmanager
def real_server():
    """How to connect to redis-server, for as long as the block lasts; None where it is not installed."""
    if shutil.which("redis-server") is None:
        yield None
        return
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder, "socket"))
        with subprocess.Popen(["redis-server", "--port", "0", "--unixsocket", path, "--save", "", "--dir", folder],
                              stdout=subprocess.PIPE, text=True) as server:
            try:
                ready = any("ready to accept connections" in line for line in server.stdout)
                expect("redis-server starts", True, ready)
                yield lambda: connect_unix(path)
            finally:
                server.kill()


def connect_unix(path):
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(path)
    return connection


def check_answers(who, connect, answers):
    for sent, answer in answers:
        with connect() as connection:
            connection.sendall(sent + request("ECHO", "--end--"))
            expect(f"{who} on {sent[:200]!r}", answer + END, receive(connection, END))
    for sent, complaint in MALFORMED:
        with connect() as connection:
            with contextlib.suppress(OSError):  # a server that closes does not read the rest
                connection.sendall(request("PING") + sent)
            got = receive_all(connection)
            expect(f"{who} on {sent[:200]!r}", b"+PONG\r\n-ERR Protocol error: " + complaint + b"\r\n", got)


def receive_all(connection) -> bytes:
    """Reads to the end; a reset if the peer closed before it had read all."""
    got = b""
    with contextlib.suppress(ConnectionResetError):
        while more := connection.recv(65536):
            got += more
    return got


def test_answers(backend):
    with serving(PROGRAM, 0, backend=backend) as server:
        check_answers("miniredis", server.connect, ANSWERS + ONLY_OURS)
    with real_server() as connect:
        if connect is not None:
            check_answers("redis-server", connect, ANSWERS)


# ---- requests in pieces -----------------------------------------------------------------------------------------


def test_pieces(backend):
    sent = requests("PING; SET p 0123456789; GET p; RPUSH q a b; BLPOP q 0; BLPOP q 0") + b"ECHO line\r\n"
    answer = (b"+PONG\r\n+OK\r\n$10\r\n0123456789\r\n:2\r\n*2\r\n$1\r\nq\r\n$1\r\na\r\n*2\r\n$1\r\nq\r\n$1\r\nb\r\n"
              b"$4\r\nline\r\n")
    with serving(PROGRAM, 0, backend=backend) as server, server.connect() as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for size in 1, 2, 3, 7, 11:
            for at in range(0, len(sent), size):
                connection.sendall(sent[at:at + size])
            expect(f"in pieces of {size}", answer, receive(connection, b"line\r\n"))
        connection.sendall(sent * 2000)
        expect("many at once", answer * 2000, receive_exactly(connection, len(answer) * 2000))
        words = [f"word{i}" for i in range(5000)]
        connection.sendall(request("RPUSH", "many", *words))
        expect("many words", b":5000\r\n", receive(connection, b"\n"))
        check_limit(server)


def check_limit(server):
    """A request may not be larger than announced; none of it is kept."""
    chunk = b"$100000\r\n" + b"x" * 100000 + b"\r\n"
    with server.connect() as connection:
        with contextlib.suppress(OSError):
            connection.sendall(b"*13\r\n$5\r\nRPUSH\r\n$1\r\nk\r\n" + chunk * 11)
        expect("a request that is too big", b"-ERR Protocol error: too big request\r\n", receive_all(connection))


def receive_exactly(connection, size) -> bytes:
    parts = []
    while size > 0 and (more := connection.recv(size)):
        parts.append(more)
        size -= len(more)
    return b"".join(parts)


# ---- waiting ----------------------------------------------------------------------------------------------------


def waiting(server, text):
    """A connection that waits for the answer to that request: the previous one is answered when it has begun."""
    connection = server.connect()
    connection.sendall(request("PING") + requests(text))
    expect("PING", b"+PONG\r\n", receive(connection, b"\n"))
    return connection


def item(key, text):
    return b"*2\r\n$%d\r\n%s\r\n$%d\r\n%s\r\n" % (len(key), key, len(text), text)


def test_waiting(backend):
    with serving(PROGRAM, 0, backend=backend) as server:
        check_order(server)
        check_channels(server)


def check_order(server):
    with waiting(server, "BLPOP w v w 0; PING") as first, waiting(server, "BLPOP w 60") as gone:
        with waiting(server, "BLPOP w 60") as last:
            gone.close()
            expect("what is pushed", b":2\r\n", server.ask(requests("RPUSH w a b"), b"\n"))
            expect("who came first", item(b"w", b"a") + b"+PONG\r\n", receive(first, b"PONG\r\n"))
            expect("who came last", item(b"w", b"b"), receive_exactly(last, len(item(b"w", b"b"))))
            expect("nothing is left", b"*-1\r\n", server.ask(requests("BLPOP w 0.001"), b"\n"))
    with waiting(server, "BLPOP w 0") as one:
        expect("LPUSH", b":3\r\n", server.ask(requests("LPUSH w a b c"), b"\n"))
        expect("the first of the list", item(b"w", b"c"), receive_exactly(one, len(item(b"w", b"c"))))
    expect("DEL", b":1\r\n", server.ask(requests("DEL w"), b"\n"))


def check_channels(server):
    hello = b"*3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n"
    message = b"*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$5\r\nhello\r\n"
    with server.connect() as one, server.connect() as other:
        for connection in one, other:
            connection.sendall(requests("SUBSCRIBE news"))
            expect("SUBSCRIBE", hello, receive_exactly(connection, len(hello)))
        expect("PUBLISH", b":2\r\n", server.ask(requests("PUBLISH news hello"), b"\n"))
        for connection in one, other:
            expect("what it hears", message, receive_exactly(connection, len(message)))
        other.sendall(request("QUIT"))
        expect("QUIT", b"+OK\r\n", receive(other))
        expect("who is left", b":1\r\n", server.ask(requests("PUBLISH news hello"), b"\n"))
        expect("it hears more", message, receive_exactly(one, len(message)))


# ---- the tools --------------------------------------------------------------------------------------------------


@needs("redis-cli", "redis-benchmark")
def test_tools(backend):
    with serving(PROGRAM, 0, backend=backend) as server:
        def ask(*words):
            return output_of("redis-cli", "-p", server.port, *words).decode().strip("\n")

        for words, answer in [("PING", "PONG"), ("SET greeting hello", "OK"), ("GET greeting", "hello"), ("GET none", ""),
                              ("INCR n", "1"), ("RPUSH l a b", "2"), ("LPUSH l z", "3"), ("BLPOP l 0", "l\nz"),
                              ("GET l", WRONG_TYPE[1:].decode().strip())]:
            expect(f"redis-cli {words}", answer, ask(*words.split()))
        said = output_of("redis-benchmark", "-p", server.port, "-n", 4000, "-c", 20, "-P", 16, "-q", "-t",
                         "ping,set,get,incr,lpush,rpush").decode()
        rates = re.findall(r"(\w+): [\d.]+ requests per second", said)
        if rates != ["PING_INLINE", "PING_MBULK", "SET", "GET", "INCR", "LPUSH", "RPUSH"]:
            raise Failure(f"redis-benchmark printed {said}")


if __name__ == "__main__":
    main({"answers": test_answers, "pieces": test_pieces, "waiting": test_waiting, "tools": test_tools})
