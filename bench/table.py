#!/usr/bin/env python3
"""Puts the numbers of the last run into docs/performance.md.

    bench/table.py NAME   replaces the table below the line `<!-- table: NAME -->` by the one of bench/results/NAME.json
"""
import json
import re
import sys
from pathlib import Path

BENCH = Path(__file__).resolve().parent
PAGE = BENCH.parent / "docs" / "performance.md"
PEERS = ["ours-epoll", "ours-uring", "epoll", "uring", "blocking", "go", "tokio", "st", "libuv", "uvloop", "asyncio", "boost",
         "redis-server", "redis-benchmark", "hiredis", "bullmq", "rq", "openssl"]
TITLES = {"ours-epoll": "on epoll", "ours-uring": "on io_uring", "epoll": "raw epoll", "uring": "raw io_uring",
          "blocking": "blocking C", "go": "Go", "st": "State Threads", "boost": "Boost.Context, raw",
          "openssl": "openssl s_server", "bullmq": "BullMQ", "rq": "RQ"}


def short(value):
    """Three significant digits, and no fraction of a large number."""
    if value is None:
        return ""
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"


def lines_of(results):
    peers = [peer for peer in PEERS if any(peer in result["peers"] for result in results)]
    yield ["row", "unit", "ours", "target", *(TITLES.get(peer, peer) for peer in peers)]
    yield ["---"] * 2 + ["---:"] * (2 + len(peers))
    for result in results:
        theirs = [short(result["peers"].get(peer)) for peer in peers]
        yield [f"`{result['row']}`", result["unit"], f"**{short(result['ours'])}**", short(result["target"]), *theirs]


def main(name):
    results = json.loads((BENCH / "results" / f"{name}.json").read_text())
    table = "\n".join("| " + " | ".join(cells) + " |" for cells in lines_of(results))
    text = PAGE.read_text()
    mark = f"<!-- table: {name} -->"
    if mark not in text:
        sys.exit(f"{PAGE.name} has no line {mark}")
    PAGE.write_text(re.sub(re.escape(mark) + r"\n(\|.*\n)*", f"{mark}\n{table}\n", text))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
