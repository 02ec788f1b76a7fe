#!/usr/bin/env python3
"""Mutation test: the conformance test must find each of some forty mistakes in the library within 1,000 programs, those in
ext/redis within 400 programs on queues in Redis.

    mutations.py [WORD…]     only mutations whose name contains one of the words
    mutations.py --fits      builds nothing; checks that each mutation can be applied to the source

Each mutation is applied to a copy of the library, one at a time. Each is a mistake that an engineer could make: a
comparison the wrong way round, a missing line, a missing case. Status 1 if one is not found, or does not fit the source.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple, Optional

import redis_queues
import redis_sides
import rules
from generate import generate
from shrink import indented, shrink
from sides import compare

ROOT = Path(__file__).resolve().parent.parent.parent
COPY = Path(os.environ.get("BUILD_DIR", ROOT / "build")).resolve() / "mutations"
MAX_PROGRAMS, BATCH = 1000, 20
MAX_PROGRAMS_IN_REDIS, BATCH_IN_REDIS = 400, 100


class Mistake(NamedTuple):
    """A text that occurs once in a file, and its wrong replacement."""

    name: str
    path: str
    right: str
    wrong: str


MISTAKES = [
    Mistake("timer: equal deadlines in reverse", "src/base/heap.c",
            "heap->slots[a.slot].sequence < heap->slots[b.slot].sequence",
            "heap->slots[a.slot].sequence > heap->slots[b.slot].sequence"),
    Mistake("await: requests are not passed on", "src/sched/task.c",
            "    asyncp_request(loop, join->tasks, join->count, self->reason);\n", ""),
    Mistake("await: a request is passed on to the first only", "src/sched/task.c",
            "asyncp_request(loop, join->tasks, join->count,", "asyncp_request(loop, join->tasks, 1,"),
    Mistake("gather: the last error, not the first", "src/group/gather.c",
            "tasks[i]->ended < first->ended", "tasks[i]->ended > first->ended"),
    Mistake("cancel: counted twice when two joins lead there", "src/sched/cancel.c",
            "if (task->coroutine->request_round == loop->cancel.round)", "if (false)"),
    Mistake("uncancel: still refused", "src/sched/cancel.c",
            "        self->requests--;\n    self->cancel_pending = is_refused(self);", "        self->requests--;"),
    Mistake("shielded: an outer limit gets in", "src/sched/cancel.c",
            "        if (scope->kind == SCOPE_SHIELD)\n            return false;\n", ""),
    Mistake("timeout: an outer cause is ignored", "src/group/timeout.c",
            "result < 0 && !outer_cause ?", "result < 0 ?"),
    Mistake("timeout: success in time is a timeout", "src/group/timeout.c",
            "scope->expired && result < 0 &&", "scope->expired &&"),
    Mistake("reschedule: the old time stays", "src/group/timeout.c",
            "    asyncp_timer_clear(loop, &scope->timer);\n    return set_limit_at",
            "    return scope->timer.set ? 0 : set_limit_at"),
    Mistake("queue: an item that is handed over is not counted", "src/sync/queue.c",
            "        asyncp_wake(getter->waiter.wait, &getter->waiter, 0);\n",
            "        asyncp_wake(getter->waiter.wait, &getter->waiter, 0);\n        return 0;\n"),
    Mistake("queue: shutdown does not wake putters", "src/sync/queue.c",
            "    asyncp_wake_all(&queue->putters, -ESHUTDOWN);\n", ""),
    Mistake("queue: gets fail at once after a shutdown", "src/sync/queue.c",
            "    if (likely(queue->items.count != 0)) {\n        take_item(queue, item);\n        return 0;",
            "    if (queue->items.count != 0 && !queue->shut_down) {\n        take_item(queue, item);\n        return 0;"),
    Mistake("call_soon: called although it was taken back", "src/sched/callback.c",
            "    callback->id = 0;\n    if (callback->timer.set)", "    if (callback->timer.set)"),
    Mistake("wait: a cancelled task counts as one that failed", "src/group/watch.c",
            "result < 0 && result != -ECANCELED", "result < 0"),
    Mistake("wait_for: one that has ended is under the limit, too", "src/group/wait.c",
            "if (task_done(task) || task->coroutine", "if (task->coroutine"),
    Mistake("shield: waits for a task that is done", "src/group/shield.c",
            "    if (task_done(task))\n        return paced(", "    if (task_done(task))\n        asyncp_yield_once(loop);\n"
            "    if (task_done(task))\n        return paced("),
    Mistake("lock: free while it is being handed over", "src/sync/lock.c",
            "        lock->owner = next->wait->coroutine->task->id;\n", ""),
    Mistake("event: set wakes the first only", "src/sync/event.c",
            "    asyncp_wake_all(&event->waiters, 0);\n",
            "    struct waiter *first = waiter_first(&event->waiters);\n"
            "    if (first != NULL)\n        asyncp_wake(first->wait, first, 0);\n"),
    Mistake("condition: the predicate is called once", "src/sync/condition.c",
            "while (!predicate(context))", "if (!predicate(context))"),
    Mistake("condition: notify leaves the lock's line", "src/sync/condition.c",
            "    asyncp_lock_reacquire(loop, lock);\n", "    if (result == 0)\n        asyncp_lock_reacquire(loop, lock);\n"),
    Mistake("semaphore: a permit handed over is free, too", "src/sync/semaphore.c",
            "    else\n        semaphore->value++;", "    semaphore->value++;"),
    Mistake("barrier: a cancelled task still counts", "src/sync/barrier.c", "->barrier->waiting--;", "->barrier->waiting -= 0;"),
    Mistake("barrier: places begin at 1", "src/sync/barrier.c", "for (int index = 0;", "for (int index = 1;"),
    Mistake("group: a cancelled child is a failure", "src/group/group.c",
            "    if (task->result == -ECANCELED) {", "    if (task->result == -EBADE) {"),
    Mistake("group: a failure spares the siblings", "src/group/group.c",
            "    request_children(loop, group);\n    asyncp_scope_expire", "    asyncp_scope_expire"),
    Mistake("future: a request leaves it pending", "src/sched/cancel.c",
            "        asyncp_future_settle(task, -ECANCELED);\n        return;", "        return;"),
    Mistake("as_completed: gives one too few", "src/group/as_completed.c",
            "watch->taken == watch_task_count(watch)", "watch->taken + 1 >= watch_task_count(watch)"),
    Mistake("eager: the creator goes on last", "src/sched/task.c",
            "ready_push_first(&loop->sched.ready, &creator->ready)", "ready_push(&loop->sched.ready, &creator->ready)"),
    Mistake("local: a child does not inherit", "src/sched/task.c",
            "    self->locals = locals_inherit(loop);", "    self->locals = NULL;"),
    Mistake("done callback: sees no values", "src/sched/callback.c",
            "        .locals = locals_inherit(loop),", "        .locals = NULL,"),
    Mistake("redis queue: what a task leaves behind is lost", "ext/redis/src/delivery.c",
            "    release_items(taker);\n    while (*link", "    while (*link"),
    Mistake("redis queue: an item that nobody waits for is done", "ext/redis/src/delivery.c",
            "        report(queue, delivery, -ECANCELED);\n        return;", "        report(queue, delivery, 0);\n        return;"),
    Mistake("redis queue: a limit admits one more", "ext/redis/src/lua.c",
            "count_items(from) >= most", "count_items(from) > most"),
    Mistake("redis queue: an item that is done stays", "ext/redis/src/lua.c",
            "return redis.call('XDEL', KEYS[1], unpack(ARGV))", "return 0"),
    Mistake("redis queue: the last priority first", "ext/redis/src/lua.c",
            '"for k = 1, #KEYS do\\n"', '"for k = #KEYS, 1, -1 do\\n"'),
    Mistake("redis queue: a put goes on after a shutdown", "ext/redis/src/put.c",
            "return queue->is_shut_down ? -ESHUTDOWN : 0;", "return 0;"),
    Mistake("redis queue: join looks away", "ext/redis/src/queue.c",
            "result == 0 && queue->known_size == 0 && queue->reports == NULL", "result == 0"),
    Mistake("redis queue: an immediate shutdown leaves tasks their items", "ext/redis/src/queue.c",
            "    if (immediate)\n        redisp_release_all(queue);\n", "    (void)immediate;\n"),
]


class Plain:
    """Programs without Redis."""

    def __init__(self, player):
        self.side = player

    def batches(self):
        for first in range(0, MAX_PROGRAMS, BATCH):
            yield [generate("planted", number) for number in range(first, first + BATCH)]

    def differences(self, texts):
        return compare(self.side, texts)

    def shrunk(self, difference):
        return shrink(self.side, difference)


class InRedis:
    """Programs on queues in Redis. They take real time, too much of it to shrink one."""

    def __init__(self, player, url):
        self.side = redis_sides.Side(player, url)
        self.programs = redis_sides.draw_all("planted", MAX_PROGRAMS_IN_REDIS, os.cpu_count() or 1, rules.Rules())

    def batches(self):
        for first in range(0, MAX_PROGRAMS_IN_REDIS, BATCH_IN_REDIS):
            yield self.programs[first:first + BATCH_IN_REDIS]

    def differences(self, programs):
        found = redis_sides.differences_of(self.side, redis_sides.UNITS[0], programs)
        return redis_sides.play_again(self.side, found[:redis_sides.BATCH], redis_sides.UNITS[1:2])

    def shrunk(self, difference):
        return difference


def run(*command):
    """Runs the command; prints its output only if it fails."""
    answer = subprocess.run(command, cwd=COPY, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if answer.returncode != 0:
        sys.exit(answer.stdout)


def make_copy():
    """Copies the sources and configures the build."""
    shutil.rmtree(COPY, ignore_errors=True)
    ignored = shutil.ignore_patterns("build*", ".git", "__pycache__")
    shutil.copytree(ROOT, COPY, ignore=ignored)
    run("meson", "setup", "built")


def first_found(plays) -> tuple[Optional[int], Optional[object]]:
    """How many programs were played until one differed, and the difference."""
    played = 0
    for batch in plays.batches():
        played += len(batch)
        differences = plays.differences(batch)
        if differences:
            return played, differences[0]
    return played, None


def fits(mistake, source) -> bool:
    """Whether the text to replace occurs exactly once in the source; prints a message if not."""
    count = source.count(mistake.right)
    if count != 1:
        print(f"{mistake.name}: the text to replace occurs {count} times in {mistake.path}")
    return count == 1


def is_found(mistake, plays) -> bool:
    """Applies the mutation, builds the player, and plays programs until one differs."""
    path = COPY / mistake.path
    source = path.read_text()
    if not fits(mistake, source):
        return False
    path.write_text(source.replace(mistake.right, mistake.wrong))
    run("ninja", "-C", "built", "conformance-player")
    number, difference = first_found(plays)
    if difference is None:
        print(f"{mistake.name}: not found in {number} programs")
    else:
        lines = indented(plays.shrunk(difference).text).count("\n") + 1
        print(f"{mistake.name}: found within {number} programs, by one of {lines} lines", flush=True)
    path.write_text(source)
    return difference is not None


def find_all(mistakes, plays) -> list[bool]:
    """Whether each is found. There must be no difference without any."""
    run("ninja", "-C", "built", "conformance-player")
    if mistakes and first_found(plays)[1] is not None:
        print("there is a difference without any mutation")
        return [False]
    return [is_found(mistake, plays) for mistake in mistakes]


def main(words) -> int:
    if words == ["--fits"]:
        return 0 if all([fits(mistake, (ROOT / mistake.path).read_text()) for mistake in MISTAKES]) else 1
    chosen = [mistake for mistake in MISTAKES if not words or any(word in mistake.name for word in words)]
    in_redis = [mistake for mistake in chosen if mistake.path.startswith("ext/redis/")]
    player = [str(COPY / "built" / "conformance-player")]
    make_copy()
    results = find_all([mistake for mistake in chosen if mistake not in in_redis], Plain(player))
    if not redis_sides.is_installed():
        print("redis-server is not installed, so nothing is planted in ext/redis")
    elif in_redis:
        rules.RULES.update(redis_queues.RULES)
        with redis_sides.server() as url:
            results += find_all(in_redis, InRedis(player, url))
    print(f"{len(results)} mutations, {sum(results)} found")
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
