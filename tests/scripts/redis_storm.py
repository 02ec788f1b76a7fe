#!/usr/bin/env python3
"""Kills processes that put items into a queue in Redis and work on them, the server, and their connections, and checks
that each item whose put has returned is done.

    redis_storm.py ITEMS [SCENARIO…] [--seed SEED]

    storm      ITEMS items through all failures at once
    reports    what is done is reported at once, so that a kill repeats little
    stopped    a worker that is stopped for twice the lease
    poison     an item that kills its worker each time
    restarts   Redis is killed 20 times (RESTARTS=n)
    full       Redis's memory is used up, and is free again
    ended      SIGTERM to a worker with 100 items
    cut        the end of Redis's file is lost, as in a power failure

Without a name, all of them. Each prints a line. The server is private, with its data in a temporary folder."""

import os
import random
import signal
import struct
import sys
import time
from typing import NamedTuple

from built import SKIPPED
from redis_program import why_no_queues
from redis_scene import DEAD, STREAM, Failure, Scene, expect

# ---- the storm --------------------------------------------------------------------------------------------------

WORKER_TASKS, PUT_TASKS, LEASE = 10, 32, 1.5


class Pace(NamedTuple):
    """Times are in seconds, the pauses and lives in the mean."""

    workers: int
    worker_pause: float  # between two kills
    server_pause: float
    put_life: float  # of a connection
    work_life: float
    hold: float  # after each put
    maxsize: int  # of the queue; 0: no limit


SHORT = Pace(4, worker_pause=0.5, server_pause=1.5, put_life=0.5, work_life=1, hold=0.04, maxsize=0)
LONGER = Pace(4, worker_pause=0.8, server_pause=5, put_life=3, work_life=3, hold=0.005, maxsize=0)
LONG = Pace(8, worker_pause=2, server_pause=30, put_life=10, work_life=10, hold=0, maxsize=50_000)


def pace_of(items):
    return SHORT if items <= 10_000 else LONGER if items <= 500_000 else LONG


class Storm:
    """Kills workers and the server until all puts have returned; counts the kills and what they may repeat."""

    def __init__(self, scene, items, seed):
        self.scene, self.items, self.random = scene, items, random.Random(seed)
        self.worker_kills = self.server_kills = self.in_hand = self.most_in_hand = 0
        self.pace = pace_of(items)
        self.options = {"lease": LEASE, "tries": 20, "maxsize": self.pace.maxsize}
        self.putting = scene.proxy("putting", seed + 1, life=self.pace.put_life)
        self.working = scene.proxy("working", seed + 2, life=self.pace.work_life)
        self.putter = scene.start("put", 0, self.putting, count=items, tasks=PUT_TASKS, hold=self.pace.hold,
                                  **self.options)
        self.workers = [self.start_worker() for _ in range(self.pace.workers)]

    def start_worker(self):
        return self.scene.start("work", WORKER_TASKS, self.working, hold=0.002, **self.options)

    def pending(self):
        """What all workers have in hand, as Redis sees it."""
        try:
            return self.scene.pending()
        except OSError:
            return self.pace.workers * WORKER_TASKS

    def kill_worker(self):
        index = self.random.randrange(self.pace.workers)
        self.scene.kill(self.workers[index])
        pending = self.pending()
        self.in_hand += pending
        self.most_in_hand = max(self.most_in_hand, pending)
        self.worker_kills += 1
        self.workers[index] = self.start_worker()

    def kill_server(self):
        self.in_hand += self.pending() + PUT_TASKS
        self.scene.kill_server()
        self.server_kills += 1
        time.sleep(self.random.uniform(0, 0.3))
        self.scene.start_server()

    def rage(self):
        now = time.monotonic()
        next_worker, next_server = now + self.pace.worker_pause, now + self.pace.server_pause
        while self.putter.poll() is None:
            time.sleep(0.02)
            now = time.monotonic()
            if now > next_worker:
                self.kill_worker()
                next_worker = now + self.random.expovariate(1 / self.pace.worker_pause)
            if now > next_server:
                self.kill_server()
                next_server = time.monotonic() + self.random.uniform(0.5, 1.5) * self.pace.server_pause
        expect(self.putter.returncode == 0, f"the puts failed: {self.scene.errors()}")

    def settle(self):
        """Workers go on, without kills, until nothing is left; then they end."""
        self.scene.wait(self.scene.is_empty, 60, "the queue is empty")
        if self.pace is LONG:
            self.wait_for_forgetting()
        for worker in self.workers:
            self.scene.end(worker)

    def wait_for_forgetting(self):
        def only_living():
            return len(consumers(self.scene)) == len(self.workers)
        try:
            self.scene.wait(only_living, 20 * LEASE, "the dead are forgotten")
        except Failure as failure:
            raise Failure(f"{failure}; {len(self.workers)} workers, consumers: {consumers(self.scene)}") from failure

    def most_memory(self, before):
        """After the end: 5 % more than before, and what is kept for a while of those that were killed."""
        return 1.05 * before + (0 if self.pace is LONG else 500 * self.worker_kills)


def consumers(scene):
    return scene.redis("XINFO", "CONSUMERS", STREAM, "w")


def storm(items, seed):
    with Scene() as scene:
        warm_up(scene)
        before, begun = scene.memory(), time.monotonic()
        raging = Storm(scene, items, seed)
        raging.rage()
        raging.settle()
        seconds, after = time.monotonic() - begun, scene.memory()
        put, done = scene.acknowledged(), scene.done()
        lost = put.keys() - done.keys()
        repeated = sum(done.values()) - len(done)
        allowed = raging.in_hand + raging.putting.cuts * PUT_TASKS
        dead = scene.redis("XLEN", DEAD)
        numbers = (f"{items} items in {seconds:.1f} s; {raging.worker_kills} workers and {raging.server_kills} servers "
                   f"killed, {raging.putting.cuts} + {raging.working.cuts} connections cut; {len(lost)} lost; "
                   f"{repeated} repeated, of at most {allowed} (the items pending at each kill, up to "
                   f"{raging.most_in_hand}, and {PUT_TASKS} puts for each server killed or connection of the puts "
                   f"cut); {dead} dead; "
                   f"memory {before} -> {after} bytes, {len(consumers(scene))} consumers left")
        expect(len(put) == items, f"{len(put)} puts have returned: {numbers}")
        expect(not lost, f"lost, for example {sorted(lost)[:5]}: {numbers}")
        expect(repeated <= allowed and dead == 0, numbers)
        expect(after <= raging.most_memory(before), f"memory is not free again: {numbers}")
        return numbers


def warm_up(scene):
    """One item is put and done: the server has what it needs for that from now on."""
    worker = scene.start("work", 1)
    scene.reap(scene.start("put", 0, count=1, maxsize=1))
    scene.wait(lambda: scene.done() and scene.is_empty(), 10, "the first item is done")
    time.sleep(0.6)
    scene.end(worker)
    scene.forget()


# ---- reports that are late --------------------------------------------------------------------------------------


def reports(_items, _seed):
    return f"{reports_at_once()}; {reports_on_a_slow_connection()}"


def reports_on_a_slow_connection():
    """A worker whose reports take half a second takes no more than it can report."""
    tasks, limit = 10, 600
    with Scene() as scene:
        slow = scene.proxy("slow", seed=0, life=1e9, first_delay=0.25)
        scene.reap(scene.start("put", 0, count=3000, tasks=100))
        worker, taken = scene.start("work", tasks, slow), []
        scene.wait(scene.pending, 10, "work begins")
        while len(taken) < 100:
            time.sleep(0.02)
            taken.append(scene.pending())
        scene.kill(worker)
        numbers = f"one with a slow connection {max(taken)} at most"
        expect(tasks < max(taken) < limit, numbers)
        return numbers


def reports_at_once():
    """Items that were taken are in a task or their report is on its way."""
    tasks, workers, count = 10, 4, 6000
    with Scene() as scene:
        processes = [scene.start("work", tasks, hold=0.002) for _ in range(workers)]
        putter, taken = scene.start("put", 0, count=count, tasks=32, hold=0.005), []
        while putter.poll() is None:
            time.sleep(0.02)
            taken.append(scene.pending())
        scene.wait(scene.is_empty, 10, "the queue is empty")
        for process in processes:
            scene.end(process)
        numbers = (f"{workers} workers of {tasks} tasks had {sum(taken) / len(taken):.0f} items in the mean, "
                   f"{max(taken)} at most")
        expect(sum(taken) / len(taken) < 2 * workers * tasks and sum(scene.done().values()) == count, numbers)
        return numbers


# ---- a worker that is stopped -----------------------------------------------------------------------------------


def stopped(_items, _seed):
    """The one that is stopped reports in the end that the item is done, or has failed."""
    return "; ".join(stop_one(fail) for fail in (0, 1))


def stop_one(fail):
    lease = 0.9
    with Scene() as scene:
        first = scene.start("work", 1, hold=1.2, lease=lease, fail=fail)
        scene.start("put", 0, count=1, tasks=1, lease=lease)
        scene.wait(lambda: scene.pending() == 1, 5, "the first worker has the item")
        owner = pending_entry(scene)[1]
        first.send_signal(signal.SIGSTOP)
        second = scene.start("work", 1, keep=1, lease=lease)
        time.sleep(2 * lease)
        taken = scene.wait(lambda: pending_entry(scene)[1] != owner, 3, "another worker takes the item")
        new_owner = pending_entry(scene)[1]
        first.send_signal(signal.SIGCONT)
        begun = time.monotonic()
        while time.monotonic() - begun < 1.5 and scene.pending() == 1:
            expect(pending_entry(scene)[1] == new_owner, "the worker that was stopped has taken the item back")
            time.sleep(0.02)
        scene.wait(lambda: scene.done()[0] == 1, 3, "the worker that was stopped goes on")
        time.sleep(0.3)
        left = scene.left()
        expect(left == ((1, 1, 0) if fail else (0, 0, 0)), f"fail={fail}: stream, pending, later are {left}")
        for worker in (first, second):
            scene.end(worker)
        last = scene.start("work", 1, lease=lease)
        scene.start("put", 1, count=1, tasks=1, lease=lease)
        scene.wait(lambda: scene.done()[1] == 1 and scene.is_empty(), 5, "the next item is done")
        scene.end(last)
        times = scene.done()
        expect(times == {0: 1 + fail, 1: 1} and scene.redis("XLEN", DEAD) == 0, f"done: {times}")
        said = "its failure" if fail else "its done"
        return f"{said}: item taken {taken:.2f} s after 2 leases and not taken back, done {times[0]}x, next {times[1]}x"


def pending_entry(scene):
    """[id, consumer, idle milliseconds, deliveries] of the first that was taken."""
    entries = scene.redis("XPENDING", STREAM, "w", "-", "+", 1)
    return entries[0] if entries else [None] * 4


# ---- an item that kills its worker ------------------------------------------------------------------------------


def poison(items, _seed):
    tries, poisoned, count = 3, min(items, 1000) // 3, min(items, 1000) + 1
    options = {"lease": 0.6, "tries": tries}
    with Scene() as scene:
        putter = scene.start("put", 0, count=count, **options)

        def begin():
            return scene.start("work", 5, poison=poisoned, hold=0.001, **options)

        workers, deaths, begun = [begin(), begin()], 0, time.monotonic()
        while scene.left() != (0, 0, 0) or putter.poll() is None:
            for index, worker in enumerate(workers):
                if worker.poll() is not None:
                    expect(scene.reap(worker) == -signal.SIGKILL, f"a worker failed: {scene.errors()}")
                    deaths += 1
                    workers[index] = begin()
            expect(time.monotonic() - begun < 15, f"not finished after {deaths} deaths: {scene.describe()}")
            time.sleep(0.02)
        seconds = time.monotonic() - begun
        for worker in workers:
            scene.end(worker)
        dead, missing = scene.redis("XLEN", DEAD), set(range(count)) - scene.done().keys()
        numbers = (f"{deaths} deaths with {tries} tries; {dead} dead items; {len(scene.done())} of {count - 1} others "
                   f"done in {seconds:.1f} s")
        expect(deaths == tries and dead == 1 and missing == {poisoned}, f"{numbers}; missing: {sorted(missing)}")
        return numbers


# ---- restarts of Redis ------------------------------------------------------------------------------------------


def processor_seconds(processes):
    total = 0
    for process in processes:
        with open(f"/proc/{process.pid}/schedstat") as file:
            total += int(file.read().split()[0])
    return total / 1e9


def restarts(_items, seed):
    rounds, drawn = int(os.environ.get("RESTARTS", "20")), random.Random(seed)
    options = {"lease": 5, "tries": 20}
    with Scene() as scene:
        processes = [scene.start("put", 0, tasks=4, hold=0.005, **options),
                     *(scene.start("work", 5, **options) for _ in range(2))]
        scene.wait(lambda: len(scene.done()) > 20, 10, "work begins")
        late, down, used = [], 0.0, 0.0
        for _ in range(rounds):
            scene.kill_server()
            begun, before = time.monotonic(), processor_seconds(processes)
            time.sleep(drawn.uniform(0.5, 2))
            down += time.monotonic() - begun
            used += processor_seconds(processes) - before
            scene.start_server()
            known = len(scene.done())
            late.append(scene.wait(lambda: len(scene.done()) > known + 5, 10, "work goes on"))
        scene.end(processes[0])
        scene.wait(scene.is_empty, 10, "the queue is empty")
        for process in processes[1:]:
            scene.end(process)
        lost = scene.acknowledged().keys() - scene.done().keys()
        share = used / down / len(processes)
        numbers = (f"{rounds} restarts, {down:.1f} s down; work goes on after {sum(late) / rounds:.2f} s, at most "
                   f"{max(late):.2f} s; {100 * share:.2f} % processor time of a process while down; {len(lost)} lost")
        expect(max(late) < 2 and share < 0.03 and not lost, numbers)
        return numbers


# ---- memory -----------------------------------------------------------------------------------------------------


def full(_items, _seed):
    with Scene() as scene:
        warm_up(scene)
        scene.redis("CONFIG", "SET", "maxmemory", scene.memory() + 700_000)
        count = 12000
        putter = scene.start("put", 0, count=count, tasks=64)
        stuck_at = wait_until_still(scene, putter)
        begun = time.monotonic()
        worker = scene.start("work", 20)
        first = scene.wait(lambda: scene.done() or worker.poll() is not None, 5, "a worker begins while it is full")
        expect(worker.poll() is None, f"a worker that begins while it is full fails: {scene.errors()}")
        scene.wait(lambda: putter.poll() == 0 and scene.is_empty(), 30, "all is put and done")
        seconds = time.monotonic() - begun
        scene.end(worker)
        lost = set(range(count)) - scene.done().keys()
        numbers = (f"puts wait at {stuck_at} of {count} items; a worker that begins then does the first after "
                   f"{first:.2f} s, all after {seconds:.1f} s; {len(lost)} lost")
        expect(not lost, numbers)
        return numbers


def wait_until_still(scene, putter):
    """The number of puts that have returned when no more do, for a second."""
    known, since, begun = 0, time.monotonic(), time.monotonic()
    while time.monotonic() - since < 1:
        expect(putter.poll() is None, f"the puts do not wait: {scene.errors()}")
        expect(time.monotonic() - begun < 15, "the memory is not used up")
        now = len(scene.acknowledged())
        if now != known:
            known, since = now, time.monotonic()
        time.sleep(0.05)
    return known


# ---- a worker that is ended -------------------------------------------------------------------------------------


def ended(_items, _seed):
    held = 100
    with Scene() as scene:
        first = scene.start("work", held, keep=1)
        scene.start("put", 0, count=held)
        scene.wait(lambda: scene.pending() == held, 10, "the worker has them all")
        second = scene.start("work", held)
        time.sleep(0.3)
        begun = time.monotonic()
        first.terminate()
        scene.wait(lambda: len(scene.done()) == held, 10, "another worker does them")
        seconds = time.monotonic() - begun
        status = scene.reap(first)
        scene.wait(scene.is_empty, 5, "the queue is empty")
        scene.end(second)
        times, counts = scene.lines("work")
        left = len(consumers(scene))
        numbers = (f"{held} items done by another {seconds:.2f} s after SIGTERM, largest delivery count "
                   f"{max(counts.values())}, status {status}, {left} consumers left")
        expect(seconds < 1 and set(counts.values()) == {1} and set(times.values()) == {1}, numbers)
        expect(status == 128 + signal.SIGTERM and left == 0, numbers)
        return numbers


# ---- the end of the file is lost --------------------------------------------------------------------------------


def cut(_items, seed):
    drawn, total, lost_bytes = random.Random(seed), 0, 0
    # With everysec Redis postpones writes while the disk is busy: then the file never had the last puts.
    with Scene(fsync="no") as scene:
        options = {"lease": 1, "tries": 20}
        workers = [scene.start("work", 10, hold=0.015, **options) for _ in range(2)]
        allowed, rounds = set(), 3
        for index in range(rounds):
            putter = scene.start("put", index * 1_000_000, hold=0.01, **options)
            if index == 0:
                scene.wait(scene.done, 15, "an item is done")
            time.sleep(0.7)
            scene.kill_server()
            numbers, size = cut_file(scene, drawn.randrange(0, 200_000) if index > 0 else None)
            allowed |= numbers
            lost_bytes += size
            scene.start_server()
            time.sleep(0.3)
            scene.end(putter)
        scene.wait(scene.is_empty, 15, "the queue is empty")
        for worker in workers:
            scene.end(worker)
        put, done = scene.acknowledged(), scene.done()
        lost = put.keys() - done.keys()
        total, repeated = len(put), sum(done.values()) - len(done)
        numbers = (f"{rounds} times, {lost_bytes} bytes with {len(allowed)} puts; of {total} puts {len(lost)} lost, "
                   f"{len(lost - allowed)} of them before the cut; {repeated} repeated")
        expect(total > 100 and lost <= allowed, numbers)
        return numbers


def records(data):
    """The commands of an append-only file: where each begins, and its words."""
    at = 0
    while at < len(data) and data[at:at + 1] == b"*":
        begin, words = at, []
        end = data.find(b"\r\n", at)
        count, at = int(data[at + 1:end]), end + 2
        for _ in range(count):
            end = data.find(b"\r\n", at)
            size = int(data[at + 1:end]) if end > 0 else len(data)
            words.append(data[end + 2:end + 2 + size])
            at = end + 2 + size + 2
        if at > len(data):
            return
        yield begin, words


def cut_file(scene, size):
    """Cuts so many bytes off the file, to the border of a record; None: what follows the last XACK, which is half of a
    report. The numbers put in what was cut, and its size."""
    path = next((scene.folder / "appendonlydir").glob("*.incr.aof"))
    data = path.read_bytes()
    known = list(records(data))
    borders = [begin for begin, _ in known] + [len(data)]
    if size is None:
        border = max(borders[index + 1] for index, (_, words) in enumerate(known) if words[0].upper() == b"XACK")
    else:
        border = min(begin for begin in borders if begin >= len(data) - size)
    os.truncate(path, border)
    return {struct.unpack(">q", words[words.index(b"b") + 1][:8])[0] for begin, words in known
            if begin >= border and words[0].upper() == b"XADD" and b"b" in words}, len(data) - border


# ---- running them -----------------------------------------------------------------------------------------------

SCENARIOS = {function.__name__: function for function in (storm, reports, stopped, poison, restarts, full, ended, cut)}


def run(name, items, seed):
    try:
        print(f"PASS {name}: {SCENARIOS[name](items, seed)}", flush=True)
        return True
    except Failure as failure:
        print(f"FAIL {name}: {failure}", flush=True)
        return False


def main(arguments):
    seed = random.randrange(1 << 30)
    if "--seed" in arguments:
        at = arguments.index("--seed")
        seed = int(arguments[at + 1])
        del arguments[at:at + 2]
    if not arguments or not arguments[0].isdigit() or not set(arguments[1:]) <= SCENARIOS.keys():
        print(__doc__)
        return 2
    if why_no_queues():
        print(why_no_queues())
        return SKIPPED
    print(f"seed {seed}", flush=True)
    results = [run(name, int(arguments[0]), seed) for name in arguments[1:] or SCENARIOS]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
