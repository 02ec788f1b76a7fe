/*
 * loop/lifecycle.c: opening and closing a loop. To close it, all remaining tasks are cancelled and
 * awaited, and then everything belonging to the loop is freed. A thread has at most one loop.
 * This file does not know the driver of the loop.
 */
#include "loop/loop.h"
#include "base/options.h"
#include "loop/loops.h"
#include "loop/tracing.h"
#include "poll/backends.h"
#include "sched/callback.h"
#include "sched/current.h"
#include "sched/ended.h"
#include "sched/program_frames.h"
#include "sys/report.h"
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

enum { DEFAULT_TURNS = 1000 };
enum { MAX_FREED = 64 }; /* freed queues in quarantine: some KiB */
static const int64_t SHUTDOWN_GRACE_NS = 3000000000;

static const struct stack *running_stack(size_t *guard_size)
{
    const struct coroutine *self = asyncp_running_coroutine();
    if (self == NULL)
        return NULL;
    *guard_size = asyncp_guard_size(self->task->loop);
    return &self->stack;
}

static void explain_overflow(void)
{
    const struct coroutine *self = asyncp_running_coroutine();
    asyncp_report(
        "%s overflowed its stack of %zu KiB; limit the depth of the recursion, make the local "
        "variables smaller, or give the task a larger stack (stack_size in the options of the "
        "task, or of the server or the run that creates it)",
        asyncp_label(self->task).text, stack_size(&self->stack) / 1024);
}

static void explain_call(void)
{
    asyncp_report(
        "%s is in a call of the library that has touched memory that is not valid; initialise each "
        "object, with {0} or by its call, before it is used, and neither free nor move nor copy it "
        "while tasks use it",
        asyncp_label(asyncp_running_coroutine()->task).text);
}

static bool is_in_stack(const void *address)
{
    return asyncp_is_in_stack(asyncp_running_coroutine()->task->loop, address);
}

static const struct overflow_owner owner = {.running = running_stack,
                                            .is_stack = is_in_stack,
                                            .explain = explain_overflow,
                                            .explain_call = explain_call};

/* Whether an environment variable is set, and not to "" or "0". */
static bool is_env_set(const char *variable)
{
    const char *value = secure_getenv(variable);
    return value != NULL && *value != 0 && strcmp(value, "0") != 0;
}

/* Finds a backend by name. 0 or -EINVAL. */
static int find_backend(const char *name, const struct poller_calls **calls)
{
    static const struct poller_calls *const all[] = {&asyncp_poll_epoll, &asyncp_poll_uring,
                                                     &asyncp_poll_sim};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if (strcmp(all[i]->name, name) == 0) {
            *calls = all[i];
            return 0;
        }
    asyncp_report("there is no backend '%s'; choose epoll, uring or sim", name);
    return -EINVAL;
}

/* Opens the backend. Falls back to epoll if io_uring is not available. */
static int open_poller(struct async_loop *loop, const char *name, bool *is_virtual)
{
    const struct poller_calls *calls;
    const char *backend = name != NULL ? name : secure_getenv("ASYNCIO_BACKEND");
    if (backend == NULL || *backend == 0)
        backend = "epoll";
    int result = find_backend(backend, &calls);
    if (result < 0)
        return result;
    if (calls == &asyncp_poll_sim)
        *is_virtual = true;
    result = asyncp_poller_open(&loop->poller, calls, loop_is_hosted(loop), loop->memory);
    if (calls != &asyncp_poll_uring || result == 0 || result == -EMFILE || result == -ENFILE)
        return result;
    if (loop_is_debug(loop))
        asyncp_report("io_uring is not available here (%s); using epoll",
                      asyncp_error_meaning(result));
    return asyncp_poller_open(&loop->poller, &asyncp_poll_epoll, loop_is_hosted(loop),
                              loop->memory);
}

/* The numbers of "SEED" or "SEED:DEPTH:TURNS". Whether the text is one of these. */
static bool parse_order(const char *text, uint64_t *seed, uint32_t *depth, uint32_t *turns)
{
    char *end;
    if (*text == '\0')
        return true;
    errno = 0;
    *seed = strtoull(text, &end, 0);
    if (*text < '0' || *text > '9' || errno != 0)
        return false;
    if (*end == '\0')
        return true;
    unsigned long of_depth = *end == ':' ? strtoul(end + 1, &end, 10) : 0;
    unsigned long of_turns = of_depth > 0 && *end == ':' ? strtoul(end + 1, &end, 10) : 0;
    *depth = (uint32_t)of_depth;
    *turns = (uint32_t)of_turns;
    return *seed != 0 && errno == 0 && *end == '\0' && of_depth <= ASYNCP_MAX_DEPTH &&
           of_turns > 0 && of_turns <= UINT32_MAX;
}

/* By the options, else by the environment. Whether that makes sense. */
static bool choose_order(struct turn_order *order, const async_run_options *options)
{
    const char *text = secure_getenv("ASYNCIO_SHUFFLE");
    uint64_t seed = options->shuffle_seed;
    uint32_t depth = options->shuffle_depth, turns = options->shuffle_turns;
    if (seed == 0 && text != NULL && !parse_order(text, &seed, &depth, &turns)) {
        asyncp_report("ASYNCIO_SHUFFLE='%s': it must be SEED, or SEED:DEPTH:TURNS with a seed that "
                      "is not 0 and a depth of 1 to %d",
                      text, ASYNCP_MAX_DEPTH);
        return false;
    }
    if (depth > 0 && seed == 0) {
        asyncp_report("async_run_options.shuffle_depth needs a shuffle_seed, or ASYNCIO_SHUFFLE");
        return false;
    }
    asyncp_order_open(order, seed, depth, turns != 0 ? turns : DEFAULT_TURNS);
    return true;
}

/* Opens the rooms of a new loop. 0 or -errno. */
static int open_rooms(struct async_loop *loop, const async_run_options *options, bool hosted)
{
    struct turn_order order;
    if (!choose_order(&order, options))
        return -EINVAL;
    asyncp_debug_open(loop, options->debug || is_env_set("ASYNCIO_DEBUG"));
    asyncp_deadlock_open(loop, options->on_deadlock);
    asyncp_scheduler_open(loop, &order, hosted);
    asyncp_errors_open(loop);
    asyncp_callbacks_open(loop);
    asyncp_inheritance_open(loop);
    asyncp_blocks_open(&loop->blocks, loop->memory);
    int result = asyncp_tasks_open(loop, options->stack_size);
    bool is_virtual = options->virtual_clock;
    if (result == 0)
        result = open_poller(loop, options->backend, &is_virtual);
    asyncp_clock_open(loop, is_virtual, is_virtual || order.random != 0);
    return result;
}

int asyncp_loop_open(struct async_loop **out, const async_run_options *options, bool hosted,
                     const struct loop_hooks *hooks)
{
    static const async_run_options defaults;
    if (asyncp_current != NULL)
        return -EBUSY;
    OPTIONS_CHECK(options, "async_run_options");
    if (options != NULL && !(options->shutdown_timeout >= 0))
        return -EINVAL;
    if (options != NULL && (unsigned)options->on_deadlock > ASYNC_DEADLOCK_ABORT)
        return -EINVAL;
    if (options != NULL && options->shuffle_depth > ASYNCP_MAX_DEPTH)
        return async_fail(-EINVAL, "async_run_options: shuffle_depth is above %d",
                          ASYNCP_MAX_DEPTH);
    asyncp_leave_waiter_lists();
    if (options == NULL)
        options = &defaults;
    async_allocator memory = memory_from(&options->allocator);
    struct async_loop *loop = memory_new(&memory, sizeof *loop);
    if (loop == NULL)
        return -ENOMEM;
    loop->memory = memory;
    loop->hooks = hooks;
    int result = open_rooms(loop, options, hosted);
    if (result == 0 && (result = asyncp_overflow_open(&loop->signal_stack, &owner)) < 0)
        asyncp_poller_close(&loop->poller);
    if (result < 0) {
        memory_free(&memory, loop, sizeof *loop);
        return result;
    }
    if (loop_is_debug(loop) && loop->signal_stack.error < 0)
        asyncp_report(
            "a task that overflows its stack cannot be named here: sigaltstack failed (%s)",
            asyncp_error_meaning(loop->signal_stack.error));
    atomic_store(&asyncp_uncaught_hook, asyncp_report_uncaught);
    atomic_store(&asyncp_is_open_hook, asyncp_loops_has);
    asyncp_loops_add(loop);
    asyncp_tracing_open(loop);
    *out = asyncp_current = loop;
    return 0;
}

static void run_close_hooks(struct list *hooks)
{
    for (struct link *link; (link = list_first(hooks)) != NULL;) {
        struct close_hook *hook = CONTAINER_OF(link, struct close_hook, link);
        hook->on_close(hook);
        ASSERT(list_first(hooks) != link);
    }
}

void asyncp_keep_freed(struct async_loop *loop, struct close_hook *hook)
{
    list_append(&loop->closing.freed, &hook->link);
    if (++loop->closing.freed_count <= MAX_FREED)
        return;
    loop->closing.freed_count--;
    struct close_hook *oldest = CONTAINER_OF(list_first(&loop->closing.freed), struct close_hook,
                                             link);
    oldest->on_close(oldest);
}

static void free_loop(struct async_loop *loop)
{
    async_allocator memory = loop->memory;
    struct async_loop *before = asyncp_current;
    asyncp_current = loop; /* for the hooks; the loop may be inherited */
    asyncp_loops_remove(loop);
    run_close_hooks(&loop->closing.endings);
    run_close_hooks(&loop->closing.hooks);
    run_close_hooks(&loop->closing.freed);
    asyncp_mailbox_close(loop);
    asyncp_tasks_close(loop);
    asyncp_ended_close(loop);
    asyncp_program_frames_close(loop);
    asyncp_blocks_close(&loop->blocks);
    asyncp_callbacks_close(loop);
    asyncp_clock_close(loop);
    asyncp_errors_close(loop);
    asyncp_locals_close(loop);
    asyncp_poller_close(&loop->poller);
    asyncp_overflow_close(&loop->signal_stack);
    asyncp_current = before != loop ? before : NULL;
    asyncp_forget_inherited(loop);
    memory_free(&memory, loop, sizeof *loop);
}

static void report_closing(const struct async_loop *loop)
{
    asyncp_report(
        "the %s loop closes; tasks created: %llu (main included), left: %zu; stacks in use: %zu; "
        "operations in flight: %zu",
        loop->poller.calls->name, (unsigned long long)asyncp_last_id(loop), loop_alive(loop),
        asyncp_loop_stacks(loop).in_use, loop->poller.in_flight);
}

/* Cancels the tasks with an id above last_id. */
static void cancel_tasks_after(struct async_loop *loop, uint64_t last_id)
{
    for (struct async_task *task = NULL; (task = asyncp_task_next(loop, task)) != NULL;) {
        if (task->id <= last_id)
            continue;
        if (loop_is_debug(loop) && task->references != 0) /* a detached task may be cut short */
            asyncp_report("%s has not ended at the end of the run and is cancelled; "
                          "should it have been awaited?",
                          asyncp_label(task).text);
        asyncp_request(loop, &task, 1, asyncp_reason(REASON_END));
    }
}

/* Iterates until the tasks with an id up to last_id have ended. */
static void wait_for_tasks_up_to(struct async_loop *loop, uint64_t last_id)
{
    for (struct async_task *task = NULL; (task = asyncp_task_next(loop, task)) != NULL;)
        while (!task_done(task) && task->id <= last_id && !loop_is_inherited(loop))
            asyncp_iterate(loop, -1);
}

/* Standard output is waited for as a write to it would: until it is taken, or SIGINT comes. */
static void wait_for_shutdown_holds(struct async_loop *loop)
{
    int64_t until_ns = asyncp_now(loop) + SHUTDOWN_GRACE_NS, left_ns = SHUTDOWN_GRACE_NS;
    while (loop->activity.shutdown_holds > 0 && left_ns > 0 && !loop_is_inherited(loop)) {
        asyncp_iterate(loop, left_ns);
        left_ns = until_ns - asyncp_now(loop);
    }
    while (loop->activity.output_holds > 0 && !loop_is_inherited(loop))
        asyncp_iterate(loop, -1);
}

/*
 * Tasks created while the loop ends are cancelled only after all older tasks have ended;
 * they may be part of their cleanup. Repeats until none are left.
 */
static void end_tasks(struct async_loop *loop)
{
    uint64_t last_id = 0;
    do {
        cancel_tasks_after(loop, last_id);
        last_id = asyncp_last_id(loop);
        wait_for_tasks_up_to(loop, last_id);
        if (loop_alive(loop) == 0 && loop_has_ready(loop) && !loop_is_inherited(loop))
            asyncp_iterate(loop, 0); /* callbacks left by the last tasks */
    } while (loop_alive(loop) > 0 && !loop_is_inherited(loop));
    if (!loop_is_inherited(loop))
        run_close_hooks(&loop->closing.endings);
    wait_for_shutdown_holds(loop);
}

/* The tasks of an inherited loop belong to the parent. A task may also fork while the loop ends. */
bool asyncp_loop_finish(struct async_loop *loop)
{
    if (!loop_is_inherited(loop))
        end_tasks(loop);
    if (loop_is_debug(loop) && !loop_is_inherited(loop))
        report_closing(loop);
    bool output_was_lost = loop->activity.output_was_lost;
    asyncp_tracing_close(loop);
    free_loop(loop);
    return !output_was_lost;
}
