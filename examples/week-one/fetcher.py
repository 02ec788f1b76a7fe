"""Fetches pages, ten at a time; each has three attempts of at most SECONDS; the twin of fetcher.c.

    fetcher.py SECONDS URL…
"""

import asyncio
import errno
import os
import sys
from urllib.parse import urlsplit

AT_ONCE, ATTEMPTS, MAX_BYTES = 10, 3, 8 << 20


class Page:
    def __init__(self, url):
        self.url = url
        self.body = self.status = self.why = None


async def http_get(url):
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname:
        raise OSError(errno.EINVAL, f"not an http URL: {url}")
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port or 80)
    try:
        writer.write(f"GET {parts.path or '/'} HTTP/1.0\r\nHost: {parts.hostname}\r\n\r\n".encode())
        reply = await reader.read(MAX_BYTES)
        while more := await reader.read(MAX_BYTES - len(reply)):
            reply += more
    finally:
        writer.close()
    if not reply.startswith(b"HTTP/"):
        raise OSError(errno.EPROTO, f"{parts.hostname}: not an HTTP answer")
    return int(reply.split()[1]), reply


def sentence(error):
    if isinstance(error, TimeoutError):
        return "-ETIMEDOUT: Connection timed out (or the time limit expired)"
    text = error.strerror if error.errno in (errno.EINVAL, errno.EPROTO) else os.strerror(error.errno)
    return f"-{errno.errorcode[error.errno]}: {text}"


async def fetch(page, slots, seconds):
    async with slots:
        for attempt in range(ATTEMPTS):
            await asyncio.sleep(attempt * 0.1)
            try:
                async with asyncio.timeout(seconds):
                    page.status, page.body = await http_get(page.url)
                return
            except (OSError, TimeoutError) as error:
                page.why = sentence(error)


async def main(seconds, urls):
    pages = [Page(url) for url in urls]
    slots = asyncio.Semaphore(AT_ONCE)
    async with asyncio.TaskGroup() as fetchers:
        for page in pages:
            fetchers.create_task(fetch(page, slots, seconds))
    for page in pages:
        print(f"{page.url} {page.status} {len(page.body)}" if page.body else f"{page.url} {page.why}")


if len(sys.argv) < 3:
    sys.exit("usage: fetcher.py SECONDS URL…")
asyncio.run(main(float(sys.argv[1]), sys.argv[2:]))
