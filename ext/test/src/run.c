/*
 * run.c: one run: a coroutine on a loop of its own, whose clock, memory and end are the kit's. A
 * supervisor task awaits the coroutine and then looks for tasks that are left.
 *
 * The run lies in thread-local memory: the macro of async_test_run evaluates the arguments of the
 * coroutine between its begin and its end.
 */
#include "kit.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static __thread struct {
    struct run run;
    bool is_open;
    unsigned inner;           /* runs that begin inside this one by mistake; they fail */
    int error;                /* of asyncp_test_begin */
    struct inventory *before; /* the open descriptors */
    long bytes, blocks;       /* of the allocator, before */
} state;

static bool own_process;

/* A check failed on a thread that has no run: a job of the program. */
static atomic_bool failed_elsewhere;

/* It was forked inside another run: the sanitizer would take the memory of that for leaks. */
static bool is_inside;

struct run *run_current(void)
{
    return state.is_open ? &state.run : NULL;
}

struct run *run_of_loop(void)
{
    return state.is_open && state.run.loop != NULL && state.run.loop == async_get_loop()
               ? &state.run
               : NULL;
}

const char *run_message(void)
{
    return state.run.message;
}

void run_fail_elsewhere(void)
{
    atomic_store(&failed_elsewhere, true);
}

bool run_is_own_process(void)
{
    return own_process;
}

void run_set_own_process(void)
{
    own_process = true;
    is_inside = state.is_open;
    if (state.is_open)
        free(state.before);
    state.is_open = false;
    state.inner = 0;
}

void run_adopt(void)
{
    state.run = (struct run){.loop = async_get_loop()};
    state.is_open = true;
    asyncp_loop_set_idle(state.run.loop, clock_decide, &state.run);
}

uint64_t async_test_seed(void)
{
    const char *text = getenv("ASYNCIO_SHUFFLE");
    if (state.is_open)
        return state.run.seed;
    return text != NULL ? strtoull(text, NULL, 0) : 0;
}

int options_copy(async_test_options *copy, const async_test_options *options)
{
    static const async_test_options defaults;
    *copy = options != NULL ? *options : defaults;
    bool is_initialized = true;
    for (size_t i = 0; i < sizeof copy->asyncp_reserved / sizeof copy->asyncp_reserved[0]; i++)
        is_initialized &= copy->asyncp_reserved[i] == 0;
    bool is_clock = copy->clock == ASYNC_TEST_JUMPS || copy->clock == ASYNC_TEST_STANDS ||
                    copy->clock == ASYNC_TEST_REAL;
    bool is_limit = copy->time_limit >= 0 && copy->time_limit <= MAX_TIME_LIMIT;
    bool is_depth = copy->depth == 0 || copy->seed != 0;
    if (is_initialized && is_clock && is_limit && is_depth)
        return 0;
    const char *why = !is_initialized ? "reserved words are not 0; begin with {0}"
                      : !is_clock     ? "there is no such clock"
                      : !is_limit     ? "time_limit is not a number of seconds from 0 to 1e9"
                                      : "depth needs a seed";
    say("async_test_options: %s", why);
    return async_fail(-EINVAL, "async_test_options: %s", why);
}

/* Whether allocations and system calls count, and may fail: not those of the kit itself. */
static void arm(bool armed)
{
    memory_arm(armed);
    calls_arm(armed);
}

/* ---- leaks --------------------------------------------------------------------------- */

static void note_leak(struct run *run)
{
    run->has_failed = true;
}

/* The loop has released it. After another failure the program had no chance to. */
static void on_left(void *context, const char *text)
{
    struct run *run = context;
    if (run->options.leaves_tasks || run->deadlocks > 0 || run->has_failed)
        return;
    say("leak: %s", text);
    run->left = true;
}

/*
 * Whether an error may be lost: after another failure, after the event of a sweep, by which the run
 * itself may fail, and by tasks that the end of the loop cancels, if they may be left.
 */
static bool may_be_lost(const struct run *run)
{
    return run->options.loses_errors || run->deadlocks > 0 || run->has_failed ||
           sweep_has_struck(run) || (run->options.leaves_tasks && run->has_ended);
}

/* A task has failed, and no other one can see it. Without a task it is a message of the program. */
static void on_exception(async_loop *loop, const async_exception_context *error, void *context)
{
    struct run *run = context;
    bool is_failure = error->task != NULL && !may_be_lost(run);
    (void)loop;
    say("%s: %s", is_failure ? "lost error" : "asyncio",
        error->message != NULL ? error->message : "an unhandled error");
    if (is_failure && !run->left)
        say("lost error: await, gather or group the task, or let it handle the error; the option "
            "loses_errors allows it in a test");
    run->left |= is_failure;
}

static void check_tasks(struct run *run)
{
    int result = async_no_cancel(async_test_settle());
    size_t left = async_all_tasks(NULL, 0) - 1; /* without the supervisor */
    if (result < 0 || left == 0 || run->options.leaves_tasks || run->deadlocks > 0 ||
        run->has_failed)
        return;
    say("leak: %zu task%s not ended; await or cancel %s before the test returns", left,
        left == 1 ? " has" : "s have", left == 1 ? "it" : "them");
    async_dump(report_fd());
    note_leak(run);
}

/* A function of the address sanitizer, where that is linked; it prints its report. */
extern int __lsan_do_recoverable_leak_check(void) __attribute__((weak));

static void check_memory(struct run *run)
{
    long bytes = memory_bytes() - state.bytes, blocks = memory_blocks() - state.blocks;
    if (blocks != 0) {
        say("leak: %ld bytes of the loop's memory, in %ld block%s: a queue, a stream or a handle "
            "was not released",
            bytes, blocks, blocks == 1 ? "" : "s");
        note_leak(run);
    }
    bool can_ask = own_process && !is_inside && __lsan_do_recoverable_leak_check != NULL;
    if (can_ask && __lsan_do_recoverable_leak_check() != 0)
        note_leak(run);
}

/* ---- a run ---------------------------------------------------------------------------------- */

static int supervise(async_task *task)
{
    struct run *run = &state.run;
    int result = async_await(task);
    async_strerror_copy(result, run->message, sizeof run->message);
    arm(false);
    main_note_turns(asyncp_loop_ordered(run->loop));
    async_task_detach(run->subject);
    run->subject = NULL;
    check_tasks(run);
    run->has_ended = true;
    return result;
}
async_fn(supervise, async_task *);

static async_run_options loop_options(const struct run *run)
{
    return (async_run_options){
        .debug = run->options.debug,
        .virtual_clock = run->options.clock != ASYNC_TEST_REAL,
        .backend = run->options.backend,
        .stack_size = run->options.stack_size,
        .shuffle_seed = run->options.seed, /* else the loop takes it from the environment */
        .shuffle_depth = run->options.depth,
        .shuffle_turns = run->options.turns,
        .allocator = memory_allocator(),
    };
}

void asyncp_test_begin(const async_test_options *options)
{
    async_test_options copy;
    if (state.is_open) {
        state.inner++;
        asyncp_run_begin(NULL);
        return;
    }
    int error = options_copy(&copy, options);
    uint64_t seed = copy.seed != 0 ? copy.seed : async_test_seed();
    state.run = (struct run){.options = copy, .seed = seed};
    state.error = error;
    state.is_open = true;
    atomic_store(&failed_elsewhere, false);
    state.before = inventory_take();
    state.bytes = memory_bytes();
    state.blocks = memory_blocks();
    async_run_options with = loop_options(&state.run);
    asyncp_run_begin(&with);
    state.run.loop = async_get_loop();
    if (state.run.loop != NULL)
        asyncp_loop_set_idle(state.run.loop, clock_decide, &state.run);
    if (state.run.loop != NULL)
        asyncp_loop_set_left(state.run.loop, on_left, &state.run);
    if (state.run.loop != NULL)
        async_loop_set_exception_handler(state.run.loop, on_exception, &state.run);
    memory_arm(true);
}

/* Runs it under the supervisor. */
static int run_supervised(async_task *task)
{
    struct run *run = &state.run;
    bool can_run = task != NULL && run->loop != NULL;
    arm(false);
    run->subject = async_task_ref(task);
    run->supervisor = can_run ? async_create_task(supervise, task) : NULL;
    if (run->supervisor != NULL)
        async_ignore(async_task_set_name(run->supervisor, "supervisor"));
    arm(true);
    int result = asyncp_run_end(run->supervisor);
    run->supervisor = NULL;
    run->has_ended = true;
    arm(false);
    return result;
}

/* The result of the run, in which a failure of the kit's own checks comes first. */
static int judge_run(struct run *run, int result)
{
    run->has_failed |= atomic_load(&failed_elsewhere);
    if (!run->has_failed && run->options.deadlocks && run->deadlocks == 0) {
        say("the test was to end in a deadlock, and returned %d (%s)", result, run->message);
        run->has_failed = true;
    }
    if (run->has_failed)
        return -EPROTO;
    if (run->deadlocks > 0)
        return run->options.deadlocks ? 0 : -EDEADLK;
    return result;
}

int asyncp_test_end(async_task *task)
{
    struct run *run = &state.run;
    bool has_loop = run->loop != NULL;
    if (state.inner > 0) {
        state.inner--;
        return asyncp_run_end(task);
    }
    int result = run_supervised(task);
    run->loop = NULL;
    if (has_loop) {
        run->has_failed |= inventory_differs(state.before);
        check_memory(run); /* last: the sanitizer ends a process that can open no file */
        run->has_failed |= run->left;
    } else
        free(state.before);
    result = state.error < 0 ? state.error : judge_run(run, result);
    state.is_open = false;
    return result;
}
