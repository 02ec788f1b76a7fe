#!/usr/bin/env python3
"""What drives the servers of bench-redis: redis-benchmark, 50 connections, values of 3 bytes.

    redis.py SERVER         lists the measurements: how many requests are under way on a connection at a time
    redis.py SERVER DEPTH   starts the server on a processor of its own, the load on another, and says what came out

Must not know what kind of server it is; the protocol between the two is server.h's, and bench.h's towards run.py.
"""
import csv
import os
import subprocess
import sys

CONNECTIONS = 50
TESTS = ["PING_INLINE", "PING_MBULK", "SET", "GET"]
REQUESTS = {"1": 150_000, "16": 1_500_000}  # of each test


def start(command, processor, **options):
    """On that processor, and no other."""
    return subprocess.Popen(command, text=True, preexec_fn=lambda: os.sched_setaffinity(0, {processor}), **options)


def load(port, depth, requests, processor):
    """Requests a second of each test."""
    command = ["redis-benchmark", "-p", port, "-c", str(CONNECTIONS), "-P", depth, "-n", str(requests), "--csv",
               "-t", ",".join(TESTS).lower()]
    with start(command, processor, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as benchmark:
        return {row[0]: float(row[1]) for row in csv.reader(benchmark.stdout) if row and row[0] in TESTS}


def measure(server, depth):
    servers, ours = sorted(os.sched_getaffinity(0))[-2:]
    with start([server], servers, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as running:
        port = running.stdout.readline().strip()
        load(port, depth, REQUESTS[depth] // 20, ours)  # to warm up
        for test, rate in load(port, depth, REQUESTS[depth], ours).items():
            print(f"{test}/{depth}\t{rate}")
        running.stdin.close()
        _, _, used = os.wait4(running.pid, 0)  # with those that it waited for
        running.returncode = 0
    requests = len(TESTS) * (REQUESTS[depth] + REQUESTS[depth] // 20)
    print(f"cpu/{depth}\t{(used.ru_utime + used.ru_stime) * 1e6 / requests}")


if __name__ == "__main__":
    if len(sys.argv) < 3:
        print("\n".join(REQUESTS))
    else:
        measure(*sys.argv[1:])
