/* sched/tasks.c: the records and the stacks of the tasks of a loop: opening, trimming, closing. */
#include "sched/current.h"
#include "sched/future.h"
#include "sys/report.h"

enum { DEBUG_QUARANTINE = 4096 }; /* free records before debug mode reuses one */
enum { MAX_IDLE_STACKS = 1024 };  /* before they are trimmed */
static const int64_t TRIM_INTERVAL_NS = 5000000000;

int asyncp_tasks_open(struct async_loop *loop, size_t stack_size)
{
    struct tasks *tasks = &loop->tasks;
    asyncp_pool_open(&tasks->records, sizeof(struct async_task), offsetof(struct async_task, free),
                     loop_is_debug(loop) ? DEBUG_QUARANTINE : 0, loop->memory);
    asyncp_stack_pool_open(&tasks->stacks, sizeof(struct coroutine),
                           offsetof(struct coroutine, stack), loop->memory);
    tasks->default_log = asyncp_stack_log(&tasks->stacks, stack_size);
    return tasks->default_log != 0 ? 0 : -EINVAL;
}

/*
 * Called before the loop sleeps. Trims rarely: under bursty load each burst would have to map and
 * touch its stacks again.
 */
void asyncp_trim_stacks(struct async_loop *loop)
{
    if (loop_time(loop) - loop->tasks.trimmed_ns < TRIM_INTERVAL_NS)
        return;
    loop->tasks.trimmed_ns = loop_time(loop);
    if (asyncp_stack_count(&loop->tasks.stacks).idle > MAX_IDLE_STACKS)
        asyncp_stack_trim(&loop->tasks.stacks);
}

/*
 * Frees the error messages of a task of the parent, which the parent reports, and of its coroutine,
 * which never ends here.
 */
static void forget_inherited_task(struct async_loop *loop, struct async_task *task)
{
    struct coroutine *coroutine = task->coroutine;
    if (coroutine != NULL && !task_is_future(task)) {
        asyncp_error_message_free(&loop->memory, coroutine->message);
        asyncp_error_message_free(&loop->memory, error_message_unconst(coroutine->reason));
    }
    task->seen = true;
    asyncp_task_free_words(task);
}

/* Tasks created at one place whose handles are left. */
struct left_handles {
    const char *where;
    struct label first; /* of the one with the least id */
    uint64_t first_id;
    size_t count;
};

enum { MAX_LEFT_PLACES = 16, MANY_READ = 100 };

/* Notes a task at its place; false: there are too many places. */
static bool note_left_handle(struct left_handles places[MAX_LEFT_PLACES],
                             const struct async_task *task)
{
    int i = 0;
    while (i < MAX_LEFT_PLACES && places[i].count > 0 && places[i].where != task->where)
        i++;
    if (i == MAX_LEFT_PLACES)
        return false;
    if (places[i].count++ == 0 || task->id < places[i].first_id) {
        places[i].where = task->where;
        places[i].first = asyncp_label(task);
        places[i].first_id = task->id;
    }
    return true;
}

/* A task that has failed has a report of its own. One that was cancelled concerns only tests. */
static bool is_left(const struct async_loop *loop, const struct async_task *task)
{
    return !task->seen &&
           (task->result >= 0 || (task->result == -ECANCELED && asyncp_left_has_hook(loop)));
}

/* By async_task_wait, for example. A program may keep some of these until its end. */
static bool is_left_and_read(const struct async_loop *loop, const struct async_task *task)
{
    (void)loop;
    return task->seen;
}

/* Returns how many tasks there are at places beyond MAX_LEFT_PLACES. */
static size_t count_left(struct async_loop *loop, struct left_handles places[MAX_LEFT_PLACES],
                         bool (*counts)(const struct async_loop *, const struct async_task *))
{
    size_t others = 0;
    for (struct async_task *task = NULL;
         (task = asyncp_pool_next(&loop->tasks.records, task)) != NULL;)
        if (task->references > 0 && !task_is_future(task) && counts(loop, task))
            others += !note_left_handle(places, task);
    return others;
}

/* A server may have left thousands: one line for each place. */
static void tell_left_handles(struct async_loop *loop)
{
    struct left_handles places[MAX_LEFT_PLACES] = {{.count = 0}};
    size_t others = count_left(loop, places, is_left);
    for (int i = 0; i < MAX_LEFT_PLACES && places[i].count > 0; i++)
        if (places[i].count == 1)
            asyncp_left_tell(loop, "%s was never awaited, gathered or detached",
                             places[i].first.text);
        else
            asyncp_left_tell(loop,
                             "%s, and %zu more that were created there, were never awaited, "
                             "gathered or detached",
                             places[i].first.text, places[i].count - 1);
    if (others > 0)
        asyncp_left_tell(loop, "%zu more tasks were never awaited, gathered or detached", others);
}

static void tell_read_handles(struct async_loop *loop)
{
    struct left_handles places[MAX_LEFT_PLACES] = {{.count = 0}};
    (void)count_left(loop, places, is_left_and_read);
    for (int i = 0; i < MAX_LEFT_PLACES && places[i].count > 0; i++)
        if (places[i].count >= MANY_READ)
            asyncp_left_tell(loop,
                             "%s, and %zu more that were created there: their results were read, "
                             "but each handle was kept, and takes memory until it is awaited, "
                             "gathered or detached",
                             places[i].first.text, places[i].count - 1);
}

void asyncp_tasks_close(struct async_loop *loop)
{
    if (asyncp_left_is_told(loop)) {
        tell_left_handles(loop);
        tell_read_handles(loop);
    }
    for (struct async_task *task = NULL;
         (task = asyncp_pool_next(&loop->tasks.records, task)) != NULL;) {
        if (loop_is_inherited(loop))
            forget_inherited_task(loop, task);
        if (loop_is_inherited(loop) || task->references == 0)
            continue;
        if (task_is_future(task))
            asyncp_future_settle(task, -ECANCELED);
        ASSERT(task_done(task));
        task->references = task->reserved = 0;
        task_release(task);
    }
    asyncp_pool_close(&loop->tasks.records);
    ASSERT(loop_is_inherited(loop) || asyncp_loop_stacks(loop).in_use == 0);
    asyncp_stack_pool_close(&loop->tasks.stacks);
}

struct stack_counts asyncp_loop_stacks(const struct async_loop *loop)
{
    return asyncp_stack_count(&loop->tasks.stacks);
}

size_t asyncp_default_stack_size(const struct async_loop *loop)
{
    return (size_t)1 << loop->tasks.default_log;
}

size_t asyncp_guard_size(const struct async_loop *loop)
{
    return loop->tasks.stacks.guard_size;
}

bool asyncp_is_in_stack(const struct async_loop *loop, const void *address)
{
    return asyncp_stack_at(&loop->tasks.stacks, address) != NULL;
}

uint64_t asyncp_last_id(const struct async_loop *loop)
{
    return loop->tasks.created;
}
