#!/usr/bin/env python3
"""Builds the model of a loop and the threads that send to it from the library's own source, and runs it.

    tests/model/check.py            visits all states; no property may be violated
    tests/model/check.py --scenarios futex             only scenarios with that word in their name; -futex: without it
    tests/model/check.py --mutations src/sched/mailbox.c… repeats it for each wrong change of these files, which must be found
    tests/model/check.py --right                       repeats it for each correct change, in which nothing may be found

It needs no build folder. CC is the compiler, cc by default. Nothing is built with sanitizers: the model moves stacks,
and detects use after free by itself.
"""

import os
import platform
import resource
import shlex
import signal
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

SKIPPED = 77
ROOT = Path(__file__).resolve().parent.parent.parent
SWITCH = "src/stack/switch_x86_64.S" if platform.machine() == "x86_64" else "src/stack/switch_ucontext.c"
REAL = ["src/sched/mailbox.c", "src/loop/iterate.c", "src/sched/catch.c", "src/sched/interrupt.c", "src/top/host.c", "src/loop/lifecycle.c",
        "src/sched/burst.c", "src/sched/timer.c",
        "src/sched/order.c", "src/sched/ready.c", "src/base/heap.c", SWITCH]
MODEL = ["tests/model/absent.c", "tests/model/explore.c", "tests/model/memory.c", "tests/model/model.c"]

# The linker drops the functions of those files that the model does not use, and their undefined symbols.
FLAGS = ["-std=c11", "-O2", "-D_GNU_SOURCE", "-DASYNC_CHECKS=1", "-Wall", "-Wextra", "-Werror", "-Wno-unused-value",
         "-fno-stack-protector", "-ffunction-sections", "-fdata-sections", "-Itests/model", "-Iinclude", "-iquote", "src"]

ASLEEP = "the loop sleeps for good, and a letter waits for it"
DEAF = "the loop sleeps for good, and a SIGINT waits for it"
UNSEEN = "a letter is delivered that was perhaps not written yet"
FREED = "the signal handler uses a loop that was freed"
RIGHT = ""
MOST_SECONDS = 60


class Change(NamedTuple):
    what: str
    path: str      # of the source
    old: str       # occurs once there
    new: str       # in its place
    violated: str  # the property that the model must report; RIGHT: none
    where: str = "send"  # a part of the scenarios' names


TAKE = """    uint32_t reasons = atomic_fetch_and(&loop->sched.attention, ATTENTION_WATCHED);
    if ((reasons & ATTENTION_INBOX) != 0)
        asyncp_mailbox_take(loop);
"""
SLEEP = "    uint32_t reasons = atomic_fetch_or(&loop->sched.attention, ATTENTION_SLEEPING);\n"
SENT = "if ((reasons & (ATTENTION_INBOX | ATTENTION_SIGNAL)) != 0)\n        timeout_ns = 0;"
PUSH = "    while (!atomic_compare_exchange_weak(&loop->mailbox.inbox, &message->next, message))\n        ;\n"
ATTEND = "    asyncp_attend(loop, ATTENTION_INBOX);\n"
SAY = "    uint32_t before = atomic_fetch_or(&loop->sched.attention, reason);\n"
WAKE = "    if ((before & ATTENTION_SLEEPING) == 0 || (before & reason) != 0)"
DOZES = """    if ((reasons & (ATTENTION_INBOX | ATTENTION_SIGNAL)) == 0 &&
        !asyncp_sys_futex_wait(&loop->sched.attention, reasons | asleep, timeout_ns)) {
        loop->activity.futex_denied = true;
        loop_clear_attention(loop, ATTENTION_FUTEX); /* it waits in the poller from now on */
    }
"""
DOZED = "    if ((before & ATTENTION_FUTEX) != 0)\n"
FREE = "    struct call called = *call;\n    free_call(atomic_exchange_explicit(&asyncp_current->mailbox.spare, call, memory_order_release));\n"
SIGNAL = "    if ((reasons & ATTENTION_SIGNAL) != 0)"
STEP = "    loop_set_attention(loop, ATTENTION_SLEEPING);\n}"
INBOX, LOOP, DRIVE, CATCH = "src/sched/mailbox.c", "src/loop/iterate.c", "src/top/host.c", "src/sched/catch.c"
COUNT = "    atomic_fetch_add(&handlers, 1);\n"
OWNER = "    struct signal_catch *caught = atomic_load(&slots[number].owner);\n"

CHANGES = [
    Change("the loop looks at the word, and then says that it sleeps", LOOP, SLEEP,
           "    uint32_t reasons = atomic_load(&loop->sched.attention);\n"
           "    atomic_fetch_or(&loop->sched.attention, ATTENTION_SLEEPING);\n", DEAF, "SIGINT comes"),
    Change("the loop does not say that it sleeps", LOOP, SLEEP,
           "    uint32_t reasons = atomic_load(&loop->sched.attention);\n", DEAF, "SIGINT comes"),
    Change("the loop sleeps although something was sent", LOOP, SENT, "(void)reasons;", DEAF, "SIGINT comes"),
    Change("the loop sleeps although SIGINT came", LOOP, SENT,
           "if ((reasons & ATTENTION_INBOX) != 0)\n        timeout_ns = 0;", DEAF, "SIGINT comes"),
    Change("the word is cleared after the inbox was taken", LOOP, TAKE,
           TAKE.replace("atomic_fetch_and(&loop->sched.attention, ATTENTION_WATCHED)", "atomic_load(&loop->sched.attention)") +
           "    atomic_fetch_and(&loop->sched.attention, ATTENTION_WATCHED);\n", DEAF, "SIGINT comes"),
    Change("SIGINT is forgotten when a letter came as well", LOOP, SIGNAL, SIGNAL.replace("if", "else if"), DEAF, "SIGINT comes"),
    Change("the sender says that it has sent before it has", INBOX, PUSH + ATTEND, ATTEND + PUSH, ASLEEP),
    Change("the sender does not say that it has sent", INBOX, ATTEND, "", ASLEEP),
    Change("the sender wakes nobody", INBOX, WAKE, "    if (before < 1000)", DEAF, "SIGINT comes"),
    Change("the sender looks whether the loop sleeps, and then says that it has sent", INBOX, SAY,
           "    uint32_t before = atomic_load(&loop->sched.attention);\n    atomic_fetch_or(&loop->sched.attention, reason);\n", DEAF, "SIGINT comes"),
    Change("two senders overwrite each other", INBOX, PUSH, "    atomic_store(&loop->mailbox.inbox, message);\n", "a letter is delivered twice"),
    Change("the inbox is read, and then emptied", INBOX, "= atomic_exchange(&loop->mailbox.inbox, NULL);",
           "= atomic_load(&loop->mailbox.inbox);\n    atomic_store(&loop->mailbox.inbox, NULL);", ASLEEP),
    Change("the letters are not turned round", INBOX, "    return first;\n}\n\nvoid asyncp_mailbox_take",
           "    for (reversed = NULL; first != NULL;) {\n        struct message *next = first->next;\n"
           "        first->next = reversed;\n        reversed = first;\n        first = next;\n    }\n"
           "    return reversed;\n}\n\nvoid asyncp_mailbox_take",
           "a letter comes before one that the same thread sent earlier", "sends 3"),
    Change("a letter is read after it was freed", INBOX,
           FREE, "    free_call(call);\n    struct call called = *call;\n", "the program crashed"),
    Change("a letter that was taken and not read is lost when the loop closes", INBOX,
           "        if (ready->run == receive_message) {\n", "        if (ready->run == NULL) {\n", "something was not freed",
           "closes"),
    Change("the futex wait compares with the word as it is then", LOOP, DOZES,
           "    if ((reasons & (ATTENTION_INBOX | ATTENTION_SIGNAL)) == 0)\n"
           "        async_ignore(asyncp_sys_futex_wait(&loop->sched.attention, atomic_load(&loop->sched.attention), timeout_ns));\n", DEAF, "SIGINT comes to"),
    Change("the loop goes into the futex wait although something was sent", LOOP, DOZES,
           "    async_ignore(asyncp_sys_futex_wait(&loop->sched.attention, reasons | asleep, timeout_ns));\n", DEAF, "SIGINT comes to"),
    Change("a loop in a futex wait is woken by the eventfd", INBOX, DOZED, "    if (before > 1000)\n", DEAF, "SIGINT comes to"),
    Change("a loop that waits for events is woken by its word", INBOX, DOZED, "    if (before < 1000)\n", DEAF, "SIGINT comes"),
    Change("a loop in a futex wait sets only that flag, and not that it sleeps", LOOP, "asleep = ATTENTION_SLEEPING | ATTENTION_FUTEX;",
           "asleep = ATTENTION_FUTEX;", DEAF, "SIGINT comes to"),
    Change("a loop that a host loop steps does not say that it sleeps", DRIVE, STEP, "}", ASLEEP, "host"),
    Change("a host loop is not told that something was sent", DRIVE,
           "if (loop == NULL || (loop_attention(loop) & urgent) != 0)", "(void)urgent;\n    if (loop == NULL)",
           ASLEEP, "host"),
    Change("the sender does not release the letter", INBOX, PUSH,
           "    while (!atomic_compare_exchange_weak_explicit(&loop->mailbox.inbox, &message->next, message,\n"
           "                                                  memory_order_relaxed, memory_order_relaxed))\n"
           "        ;\n", UNSEEN),
    Change("the loop does not acquire the letters", INBOX, "= atomic_exchange(&loop->mailbox.inbox, NULL);",
           "= atomic_exchange_explicit(&loop->mailbox.inbox, NULL, memory_order_release);", UNSEEN),
    Change("the end of a catch does not wait for the signal handler", CATCH,
           "    while (count_handlers() > 0) /* a few instructions on another thread */\n"
           "        asyncp_sys_yield();\n", "    async_ignore(count_handlers());\n", FREED, "run ends"),
    Change("the end of a catch loads the count of handlers", CATCH, "    return atomic_fetch_add(&handlers, 0);\n",
           "    return atomic_load(&handlers);\n", FREED, "run ends"),
    Change("the signal handler reads the owner, and then counts itself", CATCH, COUNT + OWNER, OWNER + COUNT, FREED, "run ends"),
    Change("the signal handler wakes the loop after it has counted itself out", CATCH,
           "    if (received)\n        asyncp_attend(caught->loop, ATTENTION_SIGNAL);\n    atomic_fetch_sub(&handlers, 1);\n",
           "    atomic_fetch_sub(&handlers, 1);\n    if (received)\n        asyncp_attend(caught->loop, ATTENTION_SIGNAL);\n",
           FREED, "run ends"),
    Change("a signal is not counted", CATCH, "(atomic_fetch_add(&caught->count, 1) == 0 || !caught->of_run)", "true", DEAF,
           "SIGINT comes to"),
    Change("release to send, acquire to take", INBOX, PUSH,
           "    while (!atomic_compare_exchange_weak_explicit(&loop->mailbox.inbox, &message->next, message,\n"
           "                                                  memory_order_release, memory_order_relaxed))\n"
           "        ;\n", RIGHT, "1 each"),
    Change("every sender wakes a loop that sleeps", INBOX, WAKE, "    if ((before & ATTENTION_SLEEPING) == 0)", RIGHT, "1 each"),
    Change("a sender that finds any bit set leaves the wake to the thread that set it", INBOX, WAKE,
           "    if ((before & ATTENTION_SLEEPING) == 0 || (before & (ATTENTION_INBOX | ATTENTION_SIGNAL)) != 0)", RIGHT, "sends 1, and SIGINT"),
]


def compile_one(source: Path, target: Path) -> Path:
    command = [*shlex.split(os.environ.get("CC", "cc")), *FLAGS, "-c", str(source), "-o", str(target)]
    subprocess.run(command, cwd=ROOT, check=True)
    return target


def compile_all(folder: Path) -> dict[str, Path]:
    """The object of each file, by its path in the source."""
    targets = {path: folder / (Path(path).stem + ".o") for path in [*REAL, *MODEL]}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(lambda path: compile_one(Path(path), targets[path]), targets))
    return targets


def limit_processor_time():
    """On a busy machine the time of the clock says nothing. The model never waits."""
    resource.setrlimit(resource.RLIMIT_CPU, (MOST_SECONDS, MOST_SECONDS + 5))  # then SIGXCPU


def run(objects: dict[str, Path], program: Path, *arguments: str) -> tuple[int, str]:
    command = [*shlex.split(os.environ.get("CC", "cc")), "-Wl,--gc-sections", *map(str, objects.values()), "-o",
               str(program)]
    subprocess.run(command, cwd=ROOT, check=True)
    answer = subprocess.run([str(program), *arguments], text=True, capture_output=True, preexec_fn=limit_processor_time)
    if answer.returncode == -signal.SIGXCPU:
        return 1, "violated: a step does not end\n"
    return answer.returncode, answer.stdout


def play(change: Change, objects: dict[str, Path], folder: Path) -> str:
    """The property that the model finds violated with that change, or RIGHT."""
    text = (ROOT / change.path).read_text()
    if text.count(change.old) != 1:
        return f"the change does not fit {change.path} any more"
    folder.mkdir()
    changed = folder / Path(change.path).name
    changed.write_text(text.replace(change.old, change.new))
    target = compile_one(changed, folder / "changed.o")
    status, output = run({**objects, change.path: target}, folder / "changed", change.where)
    if status < 0:
        return "the program crashed"
    return next((line[len("violated: "):] for line in output.splitlines() if line.startswith("violated: ")), RIGHT)


def check_changes(changes: list[Change], objects: dict[str, Path], folder: Path) -> int:
    wrong = 0
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        answers = pool.map(lambda i: play(changes[i], objects, folder / str(i)), range(len(changes)))
        for change, found in zip(changes, answers):
            print(f"{change.what}: {found or 'nothing is violated'}")
            if found != change.violated:
                print(f"    but the answer should be: {change.violated or 'nothing is violated'}")
                wrong += 1
    return 1 if wrong else 0


def select(right: bool, paths: list[str]) -> list[Change]:
    return [change for change in CHANGES
            if (change.violated == RIGHT) == right and (right or not paths or change.path in paths)]


def main(arguments: list[str]) -> int:
    if os.environ.get("WRAPPER"):
        print("the model does not depend on the processor; it is tested natively only")
        return SKIPPED
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        objects = compile_all(folder)
        if arguments and arguments[0] != "--scenarios":
            return check_changes(select(arguments[0] == "--right", arguments[1:]), objects, folder)
        status, output = run(objects, folder / "model", *arguments[1:])
        print(output, end="")
        return 1 if status != 0 else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
