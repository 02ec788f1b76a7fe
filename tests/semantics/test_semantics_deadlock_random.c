/*
 * test_semantics_deadlock_random.c: random programs of tasks that use locks, events, queues and
 * sleeps. Each step that a task has made is logged, and a model of a few lines makes the same
 * steps. Where the loop reports a deadlock no task of the model can make a step; where it does not,
 * all have ended. A deadlock that is not reported would never end. PROGRAMS=5000 in the environment
 * for more of them.
 */
#include "run/capture.h"
#include "run/coroutines.h"
#include "run/queues.h"
#include "sys/tools.h"

#include <stdlib.h>
#include <string.h>

enum { TASKS = 4, STEPS = 4, OBJECTS = 2, MAX_ITEMS = 1 };

enum kind { ACQUIRE, RELEASE, SET, CLEAR, WAIT, PUT, GET, SLEEP, KINDS };

struct step {
    enum kind kind;
    int object;
};

static uint64_t state;

static unsigned draw(unsigned limit)
{
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(state >> 33) % limit;
}

/* ---- the program ---------------------------------------------------------------------------- */

static struct step steps[TASKS][STEPS];
static async_lock locks[OBJECTS];
static async_event events[OBJECTS];
static async_queue *queues[OBJECTS];

/* The tasks, in the order of the steps that they have made. */
static int made[TASKS * STEPS], made_count;

/* A task releases only what it has, and acquires no lock twice: that would be misuse. */
static void draw_task(struct step *task)
{
    bool has[OBJECTS] = {false};
    for (int i = 0; i < STEPS; i++) {
        enum kind kind = (enum kind)draw(KINDS);
        int object = (int)draw(OBJECTS);
        if ((kind == ACQUIRE && has[object]) || (kind == RELEASE && !has[object]))
            kind = SLEEP;
        has[object] = kind == ACQUIRE || (has[object] && kind != RELEASE);
        task[i] = (struct step){kind, object};
    }
}

static int make(const struct step *step)
{
    int item = 0;
    switch (step->kind) {
    case ACQUIRE:
        return async_lock_acquire(&locks[step->object]);
    case RELEASE:
        async_lock_release(&locks[step->object]);
        return 0;
    case SET:
        async_event_set(&events[step->object]);
        return 0;
    case CLEAR:
        async_event_clear(&events[step->object]);
        return 0;
    case WAIT:
        return async_event_wait(&events[step->object]);
    case PUT:
        return async_queue_put(queues[step->object], &item);
    case GET:
        return async_queue_get(queues[step->object], &item);
    default:
        return async_sleep(0.001 * (1 + step->object));
    }
}

/* After the last step it keeps its locks. */
static int run_task(int number)
{
    for (int i = 0; i < STEPS; i++) {
        ASYNC_TRY(make(&steps[number][i]));
        made[made_count++] = number;
    }
    return 0;
}
async_fn(run_task, int);

static int run_program(void)
{
    async_task *tasks[TASKS];
    made_count = 0;
    for (int i = 0; i < OBJECTS; i++) {
        locks[i] = (async_lock){0};
        async_event_clear(&events[i]);
        queues[i] = new_queue(MAX_ITEMS, sizeof(int));
    }
    for (int i = 0; i < TASKS; i++)
        tasks[i] = async_create_task(run_task, i);
    int result = async_gather_n(tasks, TASKS, NULL, 0);
    for (int i = 0; i < OBJECTS; i++)
        async_queue_free(queues[i]);
    return result;
}
async_fn(run_program);

/* ---- the model ------------------------------------------------------------------------------ */

static int at[TASKS], owner[OBJECTS], items[OBJECTS]; /* at: the next step; owner -1: free */
static bool is_set[OBJECTS];

static bool can_step(int task)
{
    const struct step *step = &steps[task][at[task]];
    if (at[task] == STEPS)
        return false;
    return step->kind == ACQUIRE ? owner[step->object] == -1
           : step->kind == WAIT  ? is_set[step->object]
           : step->kind == PUT   ? items[step->object] < MAX_ITEMS
           : step->kind == GET   ? items[step->object] > 0
                                 : true;
}

static void step(int task)
{
    const struct step *step = &steps[task][at[task]++];
    if (step->kind == ACQUIRE || step->kind == RELEASE)
        owner[step->object] = step->kind == ACQUIRE ? task : -1;
    else if (step->kind == SET || step->kind == CLEAR)
        is_set[step->object] = step->kind == SET;
    else if (step->kind == PUT || step->kind == GET)
        items[step->object] += step->kind == PUT ? 1 : -1;
}

/* Makes the steps of the program. Whether all tasks have ended; *can: whether any can go on. */
static bool follow(bool *can)
{
    bool ended = true;
    memset(at, 0, sizeof at);
    memset(items, 0, sizeof items);
    memset(is_set, 0, sizeof is_set);
    for (int i = 0; i < OBJECTS; i++)
        owner[i] = -1;
    for (int i = 0; i < made_count; i++)
        step(made[i]);
    *can = false;
    for (int task = 0; task < TASKS; task++) {
        ended &= at[task] == STEPS;
        *can |= can_step(task);
    }
    return ended;
}

TEST_EACH_BACKEND(deadlock_is_reported_if_and_only_if_no_task_can_go_on)
{
    async_run_options options = *test_options();
    const char *wanted = getenv("PROGRAMS");
    const bool is_slow = tools_under_valgrind() || test_is_emulated();
    const int programs = wanted != NULL ? atoi(wanted) : is_slow ? 12 : 30;
    int deadlocks = 0;
    options.on_deadlock = ASYNC_DEADLOCK_CANCEL;
    options.virtual_clock = true;
    for (uint64_t seed = 1; seed <= (uint64_t)programs; seed++) {
        bool can;
        state = seed;
        for (int i = 0; i < TASKS; i++)
            draw_task(steps[i]);
        options.shuffle_seed = seed % 3;
        capture_begin();
        int result = async_run_with(&options, run_program);
        bool is_reported = strstr(capture_end(), "asyncio: deadlock:") != NULL;
        bool ended = follow(&can);
        if (result != (ended ? 0 : -EDEADLK) || is_reported == ended || can)
            test_fail(__FILE__, __LINE__,
                      "program %d: result %d, reported %d, ended %d, can go on %d", (int)seed,
                      result, is_reported, ended, can);
        deadlocks += !ended;
    }
    CHECK(deadlocks > programs / 10 && deadlocks < programs);
}
