#!/usr/bin/env python3
"""Runs the name forwarder between dig, or sockets that send malformed packets, and an upstream that counts.

    name_forwarder.py dig         answers, the cache and its lifetimes, answers that are too large
    name_forwarder.py upstream    upstreams that are silent, late, or lie; the same question from many
    name_forwarder.py garbage     malformed packets from clients

It is taken from the folder BUILD_DIR.
"""

import contextlib
import random
import re
import socket
import struct
import threading
import time

from serving import HOST, Failure, expect, main, needs, output_of, serving

A, SOA, TXT = 1, 6, 16
POINTER = b"\xc0\x0c"  # to the question's name
SOA_DATA = b"\0\0" + struct.pack(">5I", 1, 2, 3, 4, 60)


def name(text: str) -> bytes:
    return b"".join(bytes([len(label)]) + label.encode() for label in text.split(".") if label) + b"\0"


def question(text, number=7, flags=0x0100, kind=A, rest=b"", counts=(1, 0, 0, 0)):
    return struct.pack(">6H", number, flags, *counts) + name(text) + struct.pack(">HH", kind, 1) + rest


def record(kind, seconds, data, owner=POINTER):
    return owner + struct.pack(">HHIH", kind, 1, seconds, len(data)) + data


class Upstream:
    """Answers as the first label of the name says, and counts the requests for each name."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((HOST, 0))
        self.address = f"{HOST}:{self.socket.getsockname()[1]}"
        self.asked, self.seen, self.ports, self.numbers = {}, threading.Condition(), set(), set()
        self.may_answer = threading.Event()

    def __enter__(self):
        threading.Thread(target=self.serve, daemon=True).start()
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError):
            self.socket.sendto(b"", self.socket.getsockname())

    def serve(self):
        with self.socket:
            while packet := self.socket.recvfrom(4096):
                if not packet[0]:
                    return
                self.answer(*packet)

    def answer(self, packet, address):
        end = packet.index(b"\0", 12) + 5
        labels, at = [], 12
        while packet[at]:
            labels.append(packet[at + 1:at + 1 + packet[at]].decode(errors="replace"))
            at += 1 + packet[at]
        with self.seen:
            self.asked[".".join(labels)] = self.asked.get(".".join(labels), 0) + 1
            self.ports.add(address[1])
            self.numbers.add(packet[:2])
            self.seen.notify_all()
        kind = labels[0].lower() if labels else ""
        if kind == "late":
            self.may_answer.wait()
        for answer in answers(kind, packet[:2], packet[12:end]):
            self.socket.sendto(answer, address)

    def count(self, text):
        with self.seen:
            return self.asked.get(text, 0)

    def wait_for(self, text, times=1):
        with self.seen:
            self.seen.wait_for(lambda: self.asked.get(text, 0) >= times)


def answers(kind, number, asked):
    """The packets that it sends."""
    def packet(records=(), code=0, counts=None, first=number, of=asked):
        return first + struct.pack(">5H", 0x8180 | code, 1, *(counts or (len(records), 0, 0))) + of + b"".join(records)

    good = packet([record(A, 100, bytes([10, 0, 0, 1]))])
    if kind == "nx":
        return [packet([record(SOA, 100, SOA_DATA)], 3, (0, 1, 0))]
    if kind == "none":  # the name exists, without records of that type
        return [packet([record(SOA, 100, SOA_DATA)], 0, (0, 1, 0))]
    if kind == "servfail":
        return [packet(code=2)]
    if kind == "lies":
        other = bytes([number[0] ^ 1, number[1]])
        bad = record(A, 100, bytes([6, 6, 6, 6]))
        return [b"", b"x", packet([bad], first=other), packet([bad], of=name("other.test") + asked[-4:]), packet([bad])[:-2],
                packet([bad])[:20], packet([bad], counts=(9, 0, 0)), packet([b"\xc0\xff" * 3]), asked,
                number + b"\1\0" + packet([bad])[4:], good]
    if kind == "loop":  # a pointer to itself, and one out of the packet: they are skipped, not followed
        at = 0xc000 | (12 + len(asked))
        return [packet([record(A, 100, bytes(4), struct.pack(">H", at)), record(A, 50, bytes(4), b"\xff\xff")])]
    if kind == "big":
        return [packet([record(TXT, 100, b"\x64" + b"x" * 100)] * 20)]
    if kind == "zero":
        return [packet([record(A, 0, bytes(4))])]
    if kind == "soon":
        return [packet([record(A, 100, bytes(4)), record(A, 1, bytes(4))])]
    return [] if kind == "mute" else [good]


def dig(port, text, *options):
    """The status, the flags, and [seconds, type, data] of each answer."""
    said = output_of("dig", f"@{HOST}", "-p", port, "+tries=3", "+time=3", "+ignore", "+nostats", *options, text).decode()
    head = re.search(r"status: (\w+),.*\n;; flags: ([^;]*);", said)
    if not head:
        raise Failure(said)
    found = re.findall(r"^[^;\s]\S*\s+(\d+)\s+IN\s+(\w+)\s+(.*)$", said, re.M)
    return head[1], head[2].split(), [(int(seconds), kind, data) for seconds, kind, data in found]


@contextlib.contextmanager
def forwarding(backend, *options, silent=()):
    with Upstream() as upstream:
        with serving("name_forwarder", *options, 0, *silent, upstream.address, backend=backend) as server:
            yield server.port, upstream


def ask(port, packet):
    """The answer. As every client of UDP does, it asks again if none comes: a busy machine drops packets."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(1)
        while True:
            client.sendto(packet, (HOST, port))
            with contextlib.suppress(TimeoutError):
                return client.recv(65536)


# ---- with dig ---------------------------------------------------------------------------------------------------


@needs("dig")
def test_dig(backend):
    with forwarding(backend) as (port, upstream):
        for text in "a.test", "a.test", "A.TeSt":
            status, flags, found = dig(port, text)
            expect(text, ("NOERROR", ["qr", "rd", "ra"], [("A", "10.0.0.1")]), (status, flags, [one[1:] for one in found]))
        expect("asked", 1, upstream.count("a.test") + upstream.count("A.TeSt"))
        expect("another type", "NOERROR", dig(port, "a.test", "-t", "MX")[0])
        expect("asked for it", 2, upstream.count("a.test"))
        for text, status in ("nx.test", "NXDOMAIN"), ("none.test", "NOERROR"):
            expect(text, [status] * 2, [dig(port, text)[0] for _ in range(2)])
            expect(f"asked for {text}", 1, upstream.count(text))
        expect("the SOA's limit", True, all(seconds <= 100 for seconds, *_ in dig(port, "nx.test")[2]))
        check_time(port, upstream)
        check_size(port)
    check_room(backend)


def check_time(port, upstream):
    """A record with TTL 0 is not cached, one with a second is requested again; cached TTLs decrease."""
    for _ in range(2):
        dig(port, "zero.test")
    expect("asked for zero", 2, upstream.count("zero.test"))
    dig(port, "a.test", "+noedns")
    while upstream.count("soon.test") < 2:
        expect("no longer than that", True, min(one[0] for one in dig(port, "soon.test")[2]) <= 1)
        time.sleep(0.02)
    expect("has grown older", True, dig(port, "a.test", "+noedns")[2][0][0] < 100)


def check_size(port):
    for options, most in [("+noedns",), 512], [("+bufsize=600",), 600]:
        _, flags, found = dig(port, "big.test", "-t", "TXT", *options)
        expect(f"what has no room in {most}", (True, []), ("tc" in flags, found))
    _, flags, found = dig(port, "big.test", "-t", "TXT", "+bufsize=4096")
    expect("what has room", (False, 20), ("tc" in flags, len(found)))


def check_room(backend):
    """The cache has a limit, and the oldest record is dropped first."""
    with forwarding(backend, "-e", 2) as (port, upstream):
        for text in "x1.test", "x2.test", "x3.test", "x3.test", "x2.test", "x1.test":
            dig(port, text)
        expect("asked", [2, 1, 1], [upstream.count(f"x{i}.test") for i in (1, 2, 3)])


# ---- upstreams --------------------------------------------------------------------------------------------------


def code_of(packet):
    return packet[3] & 15


def test_upstream(backend):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
        silent.bind((HOST, 0))  # receives and does not answer
        deaf.bind((HOST, 0))
        refusing = f"{HOST}:{deaf.getsockname()[1]}"
        deaf.close()
        with forwarding(backend, "-t", 0.05, silent=[f"{HOST}:{silent.getsockname()[1]}", refusing]) as (port, upstream):
            while code_of(ask(port, question("b.test"))) != 0:  # the third answers, unless this machine is too slow
                continue
            expect("nobody answers", 2, code_of(ask(port, question("mute.test"))))
            upstream.wait_for("mute.test", 2)
            expect("a failure is passed on", 2, code_of(ask(port, question("servfail.test"))))
            expect("asked twice", 2, upstream.count("mute.test"))
    with forwarding(backend, "-t", 10) as (port, upstream):
        expect("the truth", bytes([10, 0, 0, 1]), ask(port, question("lies.test"))[-4:])
        expect("a loop", 0, code_of(ask(port, question("loop.test"))))
        check_together(port, upstream)
        for i in range(20):
            ask(port, question(f"port{i}.test"))
        expect("ports and ids differ", True, len(upstream.ports) > 5 and len(upstream.numbers) > 15)


def check_together(port, upstream):
    """Many equal requests at once: the upstream gets one, each client gets the answer with its own id."""
    with contextlib.ExitStack() as clients:
        asking = [clients.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) for _ in range(50)]
        for number, client in enumerate(asking):
            client.sendto(question("LATE.test" if number % 2 else "late.test", number), (HOST, port))
        upstream.wait_for("late.test")
        expect("one that is not waiting", 1, code_of(ask(port, question("x", counts=(2, 0, 0, 0)))))
        upstream.may_answer.set()
        for number, client in enumerate(asking):
            answer = client.recv(4096)
            expect("his id", number, struct.unpack(">H", answer[:2])[0])
            expect("his letters", b"LATE" if number % 2 else b"late", answer[13:17])
            expect("the answer", bytes([10, 0, 0, 1]), answer[-4:])
    expect("asked", 1, upstream.count("late.test") + upstream.count("LATE.test"))


# ---- garbage ----------------------------------------------------------------------------------------------------

FORMERR, NOTIMP = 1, 4
MALFORMED = {question("a.test", counts=(0, 0, 0, 0)): FORMERR, question("a.test", counts=(2, 0, 0, 0)): FORMERR,
             question("a.test", counts=(1, 0, 0, 1)): FORMERR, question("a.test")[:-1]: FORMERR,
             question("a.test")[:15]: FORMERR, struct.pack(">6H", 7, 256, 1, 0, 0, 0): FORMERR,
             struct.pack(">6H", 7, 256, 1, 0, 0, 0) + b"\xc0\x0c" + bytes([0, 1, 0, 1]): FORMERR,
             struct.pack(">6H", 7, 256, 1, 0, 0, 0) + b"\xc0\x00" + bytes([0, 1, 0, 1]): FORMERR,
             struct.pack(">6H", 7, 256, 1, 0, 0, 0) + b"\x80" + bytes(200): FORMERR,
             question(".".join(["x" * 60] * 5)): FORMERR,
             question("a.test", rest=b"\0\0\x29\xff", counts=(1, 0, 0, 1)): FORMERR,
             question("a.test", flags=0x2000): NOTIMP}


def test_garbage(backend):
    with forwarding(backend) as (port, upstream):
        for packet, code in MALFORMED.items():
            answer = ask(port, packet)
            expect(f"to {packet!r}", (packet[:2], True, code), (answer[:2], answer[2] >= 0x80, code_of(answer)))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.connect((HOST, port))
            chance = random.Random(5)
            for i in range(200):
                packet = bytearray(question("a.test", rest=chance.randbytes(20), counts=(1, 0, 0, 1)))
                for _ in range(chance.randrange(5)):
                    packet[chance.randrange(len(packet))] = chance.randrange(256)
                client.send([packet, chance.randbytes(i), question("a.test", flags=0x8180), b""][i % 4])
        expect("others", bytes([10, 0, 0, 1]), ask(port, question("a.test"))[-4:])
        expect("the root", 0, code_of(ask(port, question(""))))


if __name__ == "__main__":
    main({"dig": test_dig, "upstream": test_upstream, "garbage": test_garbage})
