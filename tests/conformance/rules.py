"""The named rules: every way in which libasyncio decides otherwise than the CPython at hand, and why.

A rule is counted when it changes what CPython alone would have done at that moment, or may have. compare.py prints the
counts, so that an unused rule is visible.
"""

import sys
from collections import Counter

RULES = {
    # cancellation: a request stays pending until it is answered
    "refused_until_answered": "every switching call is refused until the request is answered; CPython throws once",
    "refused_at_entry": "a refusal is checked at entry, before any side effect, also when the call would not have waited",
    "first_come_wins": "a wait whose effect has happened returns it; the request is delivered at the next call",
    "starts_before_cancelled": "a task cancelled before its first step runs, and its first switching call is refused",
    "own_result_stands": "a body's own result is never replaced because a cancel came too late",
    "one_request_a_round": "a request reaches a task once, however many joins lead there; CPython counts each way",
    # joins: a join never returns before its tasks have ended
    "join_passes_refusal_on": "a join that is refused at its entry cancels what it joins and waits for it",
    "gather_waits_for_all": "gather on a first error lets the others finish, then returns that error",
    "gather_names_first_in_time": "of tasks that had failed before gather, the error is that of the first to end",
    "gather_gives_results": "a gather that was cancelled returns what its tasks return, success too",
    # scopes: a scope's own request is separate from the task's
    "limit_refuses_to_its_end": "a limit that has run out refuses every call up to its end; CPython cancels once",
    "limit_of_0_has_run_out": "a limit of 0 or less has run out when it begins",
    "failure_is_the_limits": "at the end of a limit that ran out, any failure is a timeout",
    "shield": "async_no_cancel(call): no request is delivered inside; CPython has shield(task) only",
    "as_completed_gives_what_has_ended": "ended tasks are given after the limit, too; CPython drops them",
    "wait_for_312": "3.12: wait_for runs in the caller under a limit; 3.11 waits otherwise",
    # queues: a queue hands its item to the waiter that it wakes
    "queue_hands_over": "a woken task has its item or its place; CPython lets others in between",
    "queue_shutdown": "3.13: Queue.shutdown, which 3.11 and 3.12 lack",
    # locks: docs/decisions/locks.md
    "lock_handed_over": "a lock is never free while a task waits; CPython frees it and wakes the waiter",
    "left_the_line_at_once": "a woken or cancelled task is no longer in line, though it has not run yet",
    "lock_taken_again_unrefused": "a condition's wait takes its lock again unrefused; the request is delivered at the next call",
    "barrier_opens_at_once": "a barrier that filled is empty at once, and its places are 0 to n-1; CPython's has to drain",
    # futures and tasks
    "forgotten_future_is_cancelled": "a future without a handle is cancelled; CPython drops it",
    "eager_start_312": "3.12: a task that starts at once, which 3.11 lacks",
    # groups: docs/decisions/groups.md
    "group_gives_first_failure": "the result is the first failure, not an ExceptionGroup",
    "group_left_gives_own_error": "a block that fails keeps its own error; the children are cancelled and waited for",
    "group_gives_results": "a group whose task was cancelled, and whose children all succeeded, gives 0",
    # incidental turns of CPython, and heapq's order
    "equal_deadlines_in_order": "equal deadlines fire in the order they were set",
    "due_timers_act_at_once": "the end of a sleep or a limit wakes the task in the iteration in which it is due",
    "passes_on_at_once": "gather and its kind wake their waiter when the last task ends, not a turn later",
}

# differences of newer CPythons only
if sys.version_info >= (3, 13):
    RULES["failed_wait_passes_no_notification_on"] = "a condition's wait that is cancelled had no notification to pass on"


class Rules:
    """Counts how often each rule was exercised, in how many programs, and in how many each word was performed."""

    def __init__(self):
        self.uses = Counter()
        self.programs = Counter()
        self.words = Counter()
        self.here = set()
        self.words_here = set()

    def count(self, name: str):
        """The rule has changed an outcome."""
        assert name in RULES, name
        self.uses[name] += 1
        self.here.add(name)

    def next_program(self):
        """Begins another program."""
        self.programs.update(self.here)
        self.words.update(self.words_here)
        self.here, self.words_here = set(), set()

    def add(self, other: "Rules"):
        """Adds the counts of another process."""
        self.uses += other.uses
        self.programs += other.programs
        self.words += other.words
