#!/usr/bin/env python3
"""The load generator of bench-redis: redis-benchmark with 50 connections and values of 3 bytes.

    redis.py SERVER         lists the measurements: the numbers of requests in flight on a connection
    redis.py SERVER DEPTH   starts the server on one processor, redis-benchmark on another, and prints the rows

It must not know which server it measures. It speaks the protocol of server.h with the server and that of bench.h
with run.py.
"""
import csv
import os
import subprocess
import sys

CONNECTIONS = 50
TESTS = ["PING_INLINE", "PING_MBULK", "SET", "GET"]
REQUESTS = {"1": 150_000, "16": 1_500_000}  # of each test


def start(command, processor, **options):
    """Starts the command, pinned to that processor."""
    return subprocess.Popen(command, text=True, preexec_fn=lambda: os.sched_setaffinity(0, {processor}), **options)


def load(port, depth, requests, processor):
    """Requests per second of each test."""
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
        _, _, used = os.wait4(running.pid, 0)  # includes the children that the server waited for
        running.returncode = 0
    requests = len(TESTS) * (REQUESTS[depth] + REQUESTS[depth] // 20)
    print(f"cpu/{depth}\t{(used.ru_utime + used.ru_stime) * 1e6 / requests}")


if __name__ == "__main__":
    if len(sys.argv) < 3:
        print("\n".join(REQUESTS))
    else:
        measure(*sys.argv[1:])
