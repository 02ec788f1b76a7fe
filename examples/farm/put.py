#!/usr/bin/env python3
"""put.py FILE...: puts paths into the queue of `farm texts`, with the package redis-py."""
import os
import sys

import redis

server = redis.Redis.from_url(os.environ.get("REDIS_URL", "redis://localhost:6379"))
for path in sys.argv[1:]:
    server.xadd("{farm-texts}:s", {"b": path})
