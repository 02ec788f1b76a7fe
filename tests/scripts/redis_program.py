"""The server that the scripts start: redis-server, or the program that REDIS_SERVER in the environment names."""

import os
import re
import shutil
import subprocess

REDIS_SERVER = os.environ.get("REDIS_SERVER", "redis-server")
LEAST_FOR_QUEUES = (7, 0)


def version():
    """What it says: 7.0.15 as (7, 0, 15). Valkey has gone on from Redis's numbers."""
    said = subprocess.run([REDIS_SERVER, "--version"], text=True, capture_output=True).stdout
    return tuple(map(int, re.search(r" v=([\d.]+)", said)[1].split(".")))


def why_no_queues():
    """Why there can be no queues here; None if there can."""
    if shutil.which(REDIS_SERVER) is None:
        return "redis-server is not installed"
    found = version()
    return None if found >= LEAST_FOR_QUEUES else f"queues need Redis 7.0; this server is {found[0]}.{found[1]}"
