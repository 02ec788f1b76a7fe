/*
 * sweep.c: one coroutine run many times, each time with one event at another moment: a cancellation
 * at one of its stops, or an allocation that fails. Each run is in a child process, so that a crash
 * does not end the others. The macro evaluates the arguments of the coroutine in the child.
 */
#include "kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAX_RUNS = 1000000, MAX_REASON = 256 };

/* Of the last sweep of this thread, and in a child of its run. */
static __thread struct {
    enum asyncp_sweep kind;
    long number;     /* of the stop or the allocation */
    bool later_ones; /* all later allocations fail, too */
    int result;
} sweep;

/* The name of the coroutine ends at the first comma. */
static int name_length(const char *what)
{
    return (int)strcspn(what, ",");
}

static void describe(char *text, size_t size, const char *what)
{
    if (sweep.kind == ASYNCP_SWEEP_CANCEL)
        snprintf(text, size, "%.*s, cancelled at stop %ld", name_length(what), what, sweep.number);
    else
        snprintf(text, size, "%.*s, when allocation %ld%s", name_length(what), what, sweep.number,
                 sweep.later_ones ? " and all later ones fail" : " fails");
}

static void print_indented(const char *text)
{
    while (text != NULL && *text != '\0') {
        size_t length = strcspn(text, "\n");
        say("    %.*s", (int)length, text);
        text += length + (text[length] == '\n');
    }
}

static void begin_run(const async_test_options *options)
{
    async_test_options copy;
    async_ignore(options_copy(&copy, options));
    if (copy.clock == ASYNC_TEST_REAL)
        copy.clock = ASYNC_TEST_JUMPS;
    asyncp_test_begin(&copy);
    if (sweep.kind == ASYNCP_SWEEP_CANCEL)
        run_current()->cancel_at = sweep.number;
    else
        memory_fail(sweep.number, sweep.later_ones);
}

enum verdict { GOOD, BAD, UNREACHED };

/* The parent's part of one run; *is_child is set in the child, which is to make the run. */
static enum verdict run_once(const async_test_options *options, double limit, const char *what,
                             bool *is_child)
{
    char reason[MAX_REASON], about[MAX_REASON];
    struct child child;
    int started = child_start(&child, limit);
    *is_child = started == 0;
    if (started == 0)
        begin_run(options);
    if (started <= 0) {
        sweep.result = started;
        return BAD;
    }
    child_wait(&child, limit);
    const char *why = child_reason(&child, reason, sizeof reason);
    int status = why == NULL ? WEXITSTATUS(child.status) : STATUS_FAILED;
    if (status != STATUS_PASSED && status != STATUS_UNREACHED) {
        char *output = child_output(&child);
        describe(about, sizeof about, what);
        say("%s: %s", about, why != NULL ? why : "failed");
        print_indented(output);
        free(output);
        sweep.result = -EPROTO;
    }
    close(child.output);
    return status == STATUS_UNREACHED ? UNREACHED : status == STATUS_PASSED ? GOOD : BAD;
}

bool asyncp_test_sweep(enum asyncp_sweep kind, const async_test_options *options, const char *what,
                       const char *file, int line)
{
    async_test_options copy;
    bool is_child = false;
    enum verdict verdict = GOOD;
    sweep.kind = kind;
    sweep.later_ones = false;
    sweep.number = 0;
    sweep.result = options_copy(&copy, options);
    if (sweep.result < 0)
        return false;
    double limit = time_limit_of(&copy);
    while (verdict == GOOD && sweep.number < MAX_RUNS) {
        sweep.later_ones = kind == ASYNCP_SWEEP_ALLOCATIONS && !sweep.later_ones;
        sweep.number += sweep.later_ones || kind == ASYNCP_SWEEP_CANCEL;
        verdict = run_once(options, limit, what, &is_child);
        if (is_child)
            return true;
    }
    if (sweep.result == 0)
        sweep.result = (int)sweep.number - 1;
    else if (sweep.result == -EPROTO)
        check_failed(file, line, "%.*s must end well each time", name_length(what), what);
    return false;
}

int asyncp_test_sweep_run(async_task *task)
{
    int allowed = sweep.kind == ASYNCP_SWEEP_CANCEL ? -ECANCELED : -ENOMEM;
    struct run *run = run_current();
    int result = asyncp_test_end(task);
    bool reached = sweep.kind == ASYNCP_SWEEP_CANCEL ? run->was_cancelled
                                                     : memory_allocations() >= sweep.number;
    if (result < 0 && result != allowed && result != -EPROTO && result != -EDEADLK) {
        say("it returned %d (%s); a result of 0 or more, or %s, would be right", result,
            run_message(), allowed == -ENOMEM ? "-ENOMEM" : "-ECANCELED");
    }
    if (result < 0 && (result != allowed || !reached))
        process_end(STATUS_FAILED);
    process_end(reached ? STATUS_PASSED : STATUS_UNREACHED);
}

int asyncp_test_sweep_result(void)
{
    return sweep.result;
}
