/*
 * sweep.c: one coroutine run many times, each time with one event at another moment: a cancellation
 * at one of its stops, an allocation or a system call that fails. Each run is in a child process,
 * so that a crash does not end the others. The macro evaluates the arguments of the coroutine in
 * the child.
 */
#include "calls.h"
#include "kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    MAX_RUNS = 1000000,
    MAX_REASON = 256,
    MAX_SHOWN = 1 << 15, /* bytes of a run's output; indented, they fit into those of the test */
};

/* Of the last sweep of this thread, and in a child of its run. */
static __thread struct {
    enum asyncp_sweep kind;
    long number;               /* of the stop, the allocation or the call */
    bool later_ones;           /* all later allocations fail, too */
    int choice;                /* among the errors of the call */
    int error;                 /* of the call, chosen by ASYNC_TEST_SWEEP; 0: by the choice */
    struct call_outcome calls; /* of the last run */
    int result;
} sweep;

/* This process is that of a run. Of all its threads: they share the allocator that fails. */
static bool is_run;

/* As in ASYNC_TEST_SWEEP. */
static const char *const kind_names[] = {
    [ASYNCP_SWEEP_CANCEL] = "cancel",
    [ASYNCP_SWEEP_ALLOCATIONS] = "allocation",
    [ASYNCP_SWEEP_SYSTEM_CALLS] = "call",
};

/* ---- reports about a run --------------------------------------------------------------------- */

/* The name of the coroutine ends at the first comma. */
static int name_length(const char *what)
{
    return (int)strcspn(what, ",");
}

static void describe(char *text, size_t size, const char *what)
{
    if (sweep.kind == ASYNCP_SWEEP_CANCEL)
        snprintf(text, size, "%.*s, cancelled at stop %ld", name_length(what), what, sweep.number);
    else if (sweep.kind == ASYNCP_SWEEP_ALLOCATIONS)
        snprintf(text, size, "%.*s, when allocation %ld%s", name_length(what), what, sweep.number,
                 sweep.later_ones ? " and all later ones fail" : " fails");
    else if (sweep.calls.error != 0)
        snprintf(text, size, "%.*s, when system call %ld fails (%s: %s)", name_length(what), what,
                 sweep.number, sweep.calls.name, error_name(sweep.calls.error));
    else
        snprintf(text, size, "%.*s, when no system call fails", name_length(what), what);
}

static void print_indented(const char *text)
{
    while (text != NULL && *text != '\0') {
        size_t length = strcspn(text, "\n");
        say("    %.*s", (int)length, text);
        text += length + (text[length] == '\n');
    }
}

static void say_replay(void)
{
    char variable[MAX_REASON];
    bool is_call = sweep.kind == ASYNCP_SWEEP_SYSTEM_CALLS && sweep.calls.error != 0;
    snprintf(variable, sizeof variable, "ASYNC_TEST_SWEEP=%s:%ld%s%s%s", kind_names[sweep.kind],
             sweep.number, sweep.later_ones ? "+" : "", is_call ? ":" : "",
             is_call ? error_name(sweep.calls.error) : "");
    main_say_replay(variable);
}

/* ---- which runs there are ------------------------------------------------------------------- */

static bool is_kind(const char *text, enum asyncp_sweep kind)
{
    size_t length = strlen(kind_names[kind]);
    return strncmp(text, kind_names[kind], length) == 0 && text[length] == ':';
}

/* A run of a sweep, as ASYNC_TEST_SWEEP names it. */
struct named_run {
    enum asyncp_sweep kind;
    long number;
    bool later_ones;
    int error;
};

/* Reads "call:7:EMFILE". false: it makes no sense. */
static bool parse_run(const char *text, struct named_run *run)
{
    char *end;
    *run = (struct named_run){.kind = ASYNCP_SWEEP_CANCEL};
    while (!is_kind(text, run->kind))
        if (run->kind++ == ASYNCP_SWEEP_SYSTEM_CALLS)
            return false;
    run->number = strtol(strchr(text, ':') + 1, &end, 10);
    bool is_call = run->kind == ASYNCP_SWEEP_SYSTEM_CALLS && *end == ':';
    run->later_ones = run->kind == ASYNCP_SWEEP_ALLOCATIONS && *end == '+';
    run->error = is_call ? error_of_name(end + 1) : 0;
    bool is_rest = is_call ? run->error != 0 : end[run->later_ones] == '\0';
    return run->number >= 1 && run->number <= MAX_RUNS && is_rest;
}

/* The value of ASYNC_TEST_SWEEP, or NULL. */
static const char *variable_text(void)
{
    const char *text = getenv("ASYNC_TEST_SWEEP");
    return text != NULL && *text != '\0' ? text : NULL;
}

/* ASYNC_TEST_SWEEP tells with which run the sweeps of its kind begin. */
static void choose_first_run(void)
{
    struct named_run run;
    const char *text = variable_text();
    sweep.later_ones = sweep.kind == ASYNCP_SWEEP_ALLOCATIONS;
    sweep.number = 1;
    sweep.choice = 0;
    sweep.error = 0;
    if (text == NULL || !parse_run(text, &run) || run.kind != sweep.kind)
        return;
    sweep.later_ones = run.later_ones;
    sweep.number = run.number;
    sweep.error = run.error;
}

const char *sweep_variable_fault(void)
{
    static char text[2 * MAX_REASON];
    struct named_run run;
    const char *value = variable_text();
    if (value == NULL || parse_run(value, &run))
        return NULL;
    snprintf(text, sizeof text,
             "ASYNC_TEST_SWEEP=%.100s: it must be cancel:NUMBER, allocation:NUMBER, "
             "allocation:NUMBER+, call:NUMBER or call:NUMBER:ERROR",
             value);
    return text;
}

static void choose_next_run(void)
{
    sweep.error = 0;
    if (sweep.kind == ASYNCP_SWEEP_SYSTEM_CALLS && sweep.choice + 1 < sweep.calls.choices) {
        sweep.choice++;
        return;
    }
    sweep.choice = 0;
    sweep.later_ones = sweep.kind == ASYNCP_SWEEP_ALLOCATIONS && !sweep.later_ones;
    sweep.number += sweep.later_ones || sweep.kind != ASYNCP_SWEEP_ALLOCATIONS;
}

/* ---- one run -------------------------------------------------------------------------------- */

static void begin_run(const async_test_options *options)
{
    async_test_options copy;
    async_ignore(options_copy(&copy, options));
    is_run = true;
    if (copy.clock == ASYNC_TEST_REAL)
        copy.clock = ASYNC_TEST_JUMPS;
    if (sweep.kind != ASYNCP_SWEEP_SYSTEM_CALLS)
        calls_forget();
    asyncp_test_begin(&copy);
    if (sweep.kind == ASYNCP_SWEEP_CANCEL)
        run_current()->cancel_at = sweep.number;
    else if (sweep.kind == ASYNCP_SWEEP_ALLOCATIONS)
        memory_fail(sweep.number, sweep.later_ones);
    else
        calls_begin();
}

/* As child_start, and prepares the answers of the parent. */
static int start_run(struct child *child, double limit)
{
    bool fails_calls = sweep.kind == ASYNCP_SWEEP_SYSTEM_CALLS;
    struct planned_failure plan = {sweep.number, sweep.choice, sweep.error};
    int opened = fails_calls ? calls_open(&plan) : 0;
    int started = opened < 0 ? opened : child_start(child, limit);
    if (fails_calls && started > 0) {
        child->watched = calls_socket();
        child->serve = calls_serve;
    } else if (fails_calls && started < 0 && opened == 0)
        calls_close();
    return started;
}

enum verdict { GOOD, BAD, UNREACHED };

static enum verdict judge_child(const struct child *child, const char *what)
{
    char reason[MAX_REASON], about[MAX_REASON];
    const char *why = child_reason(child, reason, sizeof reason);
    int status = why == NULL ? WEXITSTATUS(child->status) : STATUS_FAILED;
    if (sweep.calls.refused != 0 && sweep.kind == ASYNCP_SWEEP_SYSTEM_CALLS) {
        sweep.result = -EOPNOTSUPP;
        return BAD;
    }
    if (sweep.calls.lost != 0) {
        sweep.result = async_fail_errno(-sweep.calls.lost, "receive the filter of seccomp");
        return BAD;
    }
    if (status != STATUS_PASSED && status != STATUS_UNREACHED) {
        char *output = child_output(child, MAX_SHOWN);
        describe(about, sizeof about, what);
        say("%s: %s", about, why != NULL ? why : "failed");
        print_indented(output);
        say_replay();
        free(output);
        sweep.result = -EPROTO;
    }
    return status == STATUS_UNREACHED ? UNREACHED : status == STATUS_PASSED ? GOOD : BAD;
}

/* The parent's part of one run; *is_child is set in the child, which is to make the run. */
static enum verdict run_once(const async_test_options *options, double limit, const char *what,
                             bool *is_child)
{
    struct child child;
    limit = time_left(limit);
    int started = start_run(&child, limit);
    *is_child = started == 0;
    if (started == 0)
        begin_run(options);
    if (started <= 0) {
        sweep.result = async_fail_errno(started, "no child process");
        return BAD;
    }
    child_wait(&child, limit);
    if (sweep.kind == ASYNCP_SWEEP_SYSTEM_CALLS)
        sweep.calls = calls_close();
    enum verdict verdict = judge_child(&child, what);
    close(child.output);
    return verdict;
}

/* ---- a sweep -------------------------------------------------------------------------------- */

/* The machine cannot let system calls fail. */
static void refuse(void)
{
    static const char why[] = "the kernel does not let a process answer the system calls of "
                              "another one (seccomp user notification)";
    if (run_is_own_process())
        async_test_skip("%s: %s", why, strerror(sweep.calls.refused));
    say("async_test_fail_system_calls: %s: %s", why, strerror(sweep.calls.refused));
    async_ignore(async_fail(-EOPNOTSUPP, "%s", why));
}

/* Looks at the options and the environment. 0 or -EINVAL, which is reported. */
static int read_options(const async_test_options *options, double *limit)
{
    async_test_options copy;
    int result = options_copy(&copy, options);
    if (result < 0)
        return result;
    const char *fault = sweep_variable_fault();
    if (fault == NULL)
        fault = time_limit_fault();
    *limit = time_limit_of(&copy);
    if (fault == NULL)
        return 0;
    say("%s", fault);
    return async_fail(-EINVAL, "%s", fault);
}

/* Sets the value of the call. Every error but a lack of support is a failed check. */
static void end_sweep(const char *what, const char *file, int line)
{
    char why[2 * MAX_REASON];
    if (sweep.result == 0) {
        sweep.result = (int)sweep.number - 1;
    } else if (sweep.result == -EPROTO) {
        check_failed(file, line, "%.*s must end well each time", name_length(what), what);
    } else if (sweep.result == -EOPNOTSUPP) {
        refuse();
    } else {
        async_strerror_copy(sweep.result, why, sizeof why);
        check_failed(file, line, "%.*s: the sweep cannot run: %s", name_length(what), what, why);
    }
}

bool asyncp_test_sweep(enum asyncp_sweep kind, const async_test_options *options, const char *what,
                       const char *file, int line)
{
    double limit;
    bool is_child = false;
    if (is_run)
        return check_failed(file, line, "%.*s: a run of a sweep cannot have a sweep of its own",
                            name_length(what), what);
    sweep.kind = kind;
    sweep.calls = (struct call_outcome){0};
    sweep.result = read_options(options, &limit);
    if (sweep.result == 0) {
        choose_first_run();
        while (run_once(options, limit, what, &is_child) == GOOD && sweep.number < MAX_RUNS)
            choose_next_run();
    }
    if (!is_child)
        end_sweep(what, file, line);
    return is_child;
}

/* ---- the end of a run, in the child --------------------------------------------------------- */

static bool is_reached(const struct run *run)
{
    switch (sweep.kind) {
    case ASYNCP_SWEEP_CANCEL:
        return run->was_cancelled;
    case ASYNCP_SWEEP_ALLOCATIONS:
        return memory_allocations() >= sweep.number;
    default:
        return calls_failed() != 0;
    }
}

bool sweep_has_struck(const struct run *run)
{
    return is_run && is_reached(run);
}

/* The error that a run may return where its event has come; NULL: any. */
static const char *allowed_error(int *allowed)
{
    *allowed = sweep.kind == ASYNCP_SWEEP_CANCEL        ? -ECANCELED
               : sweep.kind == ASYNCP_SWEEP_ALLOCATIONS ? -ENOMEM
                                                        : 0;
    return sweep.kind == ASYNCP_SWEEP_CANCEL        ? " or more, or -ECANCELED"
           : sweep.kind == ASYNCP_SWEEP_ALLOCATIONS ? " or more, or -ENOMEM"
           : calls_failed() == EINTR                ? " or more; it is EINTR"
           : calls_failed() == 0                    ? " or more"
                                                    : NULL;
}

int asyncp_test_sweep_run(async_task *task)
{
    struct run *run = run_current();
    int allowed, result = asyncp_test_end(task);
    bool reached = is_reached(run), is_judged = run->has_failed || result == -EDEADLK;
    const char *rule = allowed_error(&allowed);
    bool is_good = !is_judged && (result >= 0 || rule == NULL || (result == allowed && reached));
    if (!is_good && !is_judged)
        say("it returned %d (%s); right would be 0%s", result, run_message(),
            rule != NULL ? rule : "");
    if (!is_good)
        process_end(STATUS_FAILED);
    process_end(reached ? STATUS_PASSED : STATUS_UNREACHED);
}

int asyncp_test_sweep_result(void)
{
    return sweep.result;
}
