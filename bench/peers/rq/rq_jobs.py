"""peers/rq/rq_jobs.py: the functions of the jobs, in a module of their own: a worker of RQ imports them by name."""

import time

out = None  # a connection of multiprocessing


def nothing(_item):
    pass


def note_time(_item):
    out.send(time.monotonic())
