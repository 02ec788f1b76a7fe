/*
 * group/race.c: async_staggered_race: starts attempts one after the other until one succeeds. It
 * watches them, and joins them all before it returns, because they use the caller's memory.
 */
#include "base/values.h"
#include "group/watch.h"
#include <asyncio/gather.h>

struct race {
    int (*attempt)(size_t index, void *context);
    void *context;
    size_t count;       /* the maximum of begun */
    size_t begun;       /* attempts started */
    int64_t delay_ns;   /* between two starts, unless the latest attempt fails earlier */
    int64_t next_ns;    /* the deadline of the next start */
    size_t winner;      /* the first successful attempt; count: none yet */
    async_task **tasks; /* of the attempts; NULL: there was no memory */
    struct watch watch;
};

/* The arguments of an attempt's task. */
struct race_attempt {
    int (*function)(size_t index, void *context);
    void *context;
    size_t index;
};

static int enter_attempt(void *arguments)
{
    const struct race_attempt *attempt = arguments;
    return attempt->function(attempt->index, attempt->context);
}

static void start_next_attempt(struct async_loop *loop, struct race *race)
{
    static const struct asyncp_function description = {
        enter_attempt, sizeof(struct race_attempt), _Alignof(struct race_attempt),
        "attempt of async_staggered_race", "the library"};
    struct race_attempt attempt = {race->attempt, race->context, race->begun};
    async_task *task = asyncp_create(&description, &attempt, NULL, "async_staggered_race");
    race->tasks[race->begun++] = task;
    if (task != NULL) /* reserved: an attempt may pass on its own handle */
        task_reserve(task, "async_staggered_race");
    asyncp_watch_add(&race->watch, task);
    int64_t now_ns = asyncp_now(loop);
    race->next_ns = race->delay_ns < TIME_NEVER - now_ns ? now_ns + race->delay_ns : TIME_NEVER;
}

/* Takes the next end from the watch. Whether it belongs to the latest attempt. */
static bool take_attempt_end(struct race *race)
{
    size_t index = asyncp_watch_take(&race->watch);
    const struct async_task *task = race->tasks[index];
    if (task != NULL && task->result >= 0)
        race->winner = index;
    return index + 1 == race->begun;
}

/* Runs attempts until one has succeeded or all have failed. 0, -ECANCELED or -ENOMEM. */
static int run_attempts(struct async_loop *loop, struct race *race)
{
    start_next_attempt(loop, race);
    while (race->winner == race->count &&
           (race->watch.first != NULL || race->watch.ended < race->count)) {
        bool more = race->begun < race->count;
        int result = 0;
        if (race->watch.first == NULL)
            result = asyncp_watch_park(loop, &race->watch, "async_staggered_race",
                                       more ? race->next_ns : TIME_NEVER);
        if (result < 0 && result != -ETIMEDOUT)
            return result;
        bool due = result < 0;
        while (race->watch.first != NULL && race->winner == race->count)
            due = take_attempt_end(race) || due;
        if (due && more && race->winner == race->count)
            start_next_attempt(loop, race);
    }
    return 0;
}

/*
 * Releases the attempts, which have ended. The result of the first one, whose error message
 * remains.
 */
static int release_attempts(struct async_loop *loop, struct race *race)
{
    for (size_t i = 1; i < race->begun; i++) {
        if (race->tasks[i] == NULL)
            continue;
        race->tasks[i]->seen = true;
        task_detach_reserved(race->tasks[i]);
    }
    return asyncp_task_collect(loop, race->tasks[0]);
}

static int finish_race(struct async_loop *loop, struct race *race, int result)
{
    if (!loop_running(loop)->cancel_pending)
        asyncp_request(loop, race->tasks, race->begun,
                       race->winner < race->count ? asyncp_reason(REASON_RACE) : NULL);
    asyncp_join(loop, race->tasks, race->begun, "async_staggered_race");
    for (size_t i = 0; i < race->begun && race->winner == race->count; i++)
        if (race->tasks[i] != NULL && race->tasks[i]->result >= 0)
            race->winner = i;
    int first_error = release_attempts(loop, race);
    if (race->winner < race->count)
        return (int)race->winner;
    return result < 0 ? result : first_error;
}

int async_staggered_race(int (*attempt)(size_t index, void *context), void *context, size_t count,
                         double delay_seconds)
{
    struct async_loop *loop = loop_enter("async_staggered_race");
    struct race race = {.attempt = attempt, .context = context, .count = count, .winner = count};
    if (loop_running(loop)->cancel_pending)
        return asyncp_fail_cancelled(loop);
    if (attempt == NULL || count == 0 || count > INT32_MAX || is_not_a_number(delay_seconds))
        return async_fail(-EINVAL,
                          "async_staggered_race: attempt is NULL, count is 0 or too large, "
                          "or delay_seconds is not a number");
    race.delay_ns = delay_seconds > 0 ? asyncp_nanoseconds(delay_seconds) : 0;
    race.tasks = memory_resize(&loop->memory, NULL, 0, count * sizeof *race.tasks);
    int result = -ENOMEM;
    if (race.tasks != NULL && asyncp_watch_open(loop, &race.watch, count, NULL, 0) == 0) {
        result = run_attempts(loop, &race);
        asyncp_watch_close(loop, &race.watch);
        result = finish_race(loop, &race, result);
    }
    if (race.tasks != NULL)
        memory_free(&loop->memory, race.tasks, count * sizeof *race.tasks);
    return result;
}
