"""peers/rq/rq_queue.py: RQ: jobs put one by one and 128 at a time; a SimpleWorker, which does one job after the other in
its own process. RQ's usual worker makes a process for each job, so it is slower. (queue.py would hide Python's own.)"""

import contextlib
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import redis
import rq
import rq_jobs

MANY, FEW_ITEMS, ITEMS, JOBS, SAMPLES = 128, 2000, 100 * 128, 2000, 300
ITEM = "x" * 64
OPTIONS = {"result_ttl": 0}  # a job that is done is removed, as ours are


@contextlib.contextmanager
def server():
    """A function that makes a connection to it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "socket")
        process = subprocess.Popen([os.environ.get("REDIS_SERVER", "redis-server"), "--port", "0", "--unixsocket", path,
                                    "--save", "", "--dir", folder], stdout=subprocess.DEVNULL)
        try:
            while not path.exists():
                time.sleep(0.02)
            yield lambda: redis.Redis(unix_socket_path=str(path))
        finally:
            process.kill()
            process.wait()


def say(row, value):
    print(f"{row}\t{value:.9g}")


def queue_on(connection):
    return rq.Queue("bench", connection=connection)


def put_many(queue, count):
    for _ in range(count // MANY):
        queue.enqueue_many([rq.Queue.prepare_data(rq_jobs.nothing, (ITEM,), **OPTIONS) for _ in range(MANY)])


def work(connection, count):
    worker = rq.SimpleWorker([queue_on(connection)], connection=connection)
    worker.work(burst=True, max_jobs=count, logging_level="ERROR")


# ---- measurements -----------------------------------------------------------------------------------------------


def measure_one(connect):
    queue, begun = queue_on(connect()), time.monotonic()
    for _ in range(FEW_ITEMS):
        queue.enqueue(rq_jobs.nothing, ITEM, **OPTIONS)
    say("put/1", FEW_ITEMS / (time.monotonic() - begun))


def measure_many(connect):
    connection = connect()
    queue, before = queue_on(connection), connection.info("memory")["used_memory"]
    begun, cpu = time.monotonic(), time.process_time()
    put_many(queue, ITEMS)
    say("put/128", ITEMS / (time.monotonic() - begun))
    say("put cpu/128", (time.process_time() - cpu) * 1e6 / ITEMS)
    say("bytes an item", (connection.info("memory")["used_memory"] - before) / ITEMS - len(ITEM))
    begun, cpu = time.monotonic(), time.process_time()
    work(connection, JOBS)
    say("get+done/128", JOBS / (time.monotonic() - begun))
    say("get+done cpu/128", (time.process_time() - cpu) * 1e6 / JOBS)


def take_samples(connect, out):
    connection, rq_jobs.out = connect(), out
    worker = rq.SimpleWorker([queue_on(connection)], connection=connection)
    worker.work(max_jobs=SAMPLES, logging_level="ERROR")


def measure_latency(connect):
    """From the call of enqueue to the call of the job's function, in another process."""
    receiver, sender = multiprocessing.Pipe(duplex=False)
    taker = multiprocessing.Process(target=take_samples, args=(connect, sender))
    taker.start()
    queue, times = queue_on(connect()), []
    time.sleep(1)
    for _ in range(SAMPLES):
        put_at = time.monotonic()
        queue.enqueue(rq_jobs.note_time, ITEM, **OPTIONS)
        times.append((receiver.recv() - put_at) * 1e6)
        time.sleep(0.005)
    taker.join()
    times.sort()
    say("latency p50", times[SAMPLES // 2])
    say("latency p99", times[SAMPLES // 100 * 99])


MEASUREMENTS = {"put/1": measure_one, "many": measure_many, "latency": measure_latency}


def main():
    if len(sys.argv) < 2:
        print(*MEASUREMENTS, sep="\n")
        return
    with server() as connect:
        MEASUREMENTS[sys.argv[1]](connect)


if __name__ == "__main__":
    main()
