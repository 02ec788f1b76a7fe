/*
 * group/race.c: the staggered race: attempts that begin one after the other until one succeeds. It
 * watches them, and joins them all before it returns, as they use what belongs to the caller.
 */
#include "group/watch.h"
#include <asyncio/gather.h>

struct race {
    int (*attempt)(size_t index, void *context); /* to call */
    void *context;                               /* with this */
    size_t count;                                /* so often at most */
    size_t begun;                                /* attempts so far */
    int64_t delay_ns;                            /* between two */
    int64_t next_ns;                             /* when the next one begins at the latest */
    size_t winner;                               /* the first that succeeded; count: none yet */
    async_task **tasks; /* the attempts, NULL where there was no memory for one */
    struct watch watch; /* of them */
};

/* What an attempt's task runs with. */
struct attempt {
    int (*function)(size_t index, void *context); /* the user's */
    void *context;                                /* the user's */
    size_t index;                                 /* its number */
};

static int enter(void *arguments)
{
    const struct attempt *attempt = arguments;
    return attempt->function(attempt->index, attempt->context);
}

static void begin_next(struct async_loop *loop, struct race *race)
{
    static const struct asyncp_function description = {
        enter, sizeof(struct attempt), _Alignof(struct attempt), "attempt of async_staggered_race",
        "the library"};
    struct attempt attempt = {race->attempt, race->context, race->begun};
    async_task *task = asyncp_create(&description, &attempt, NULL, "async_staggered_race");
    race->tasks[race->begun++] = task;
    if (task != NULL)
        task_reserve(task,
                     "async_staggered_race"); /* also where an attempt hands out its own handle */
    asyncp_watch_add(&race->watch, task);
    int64_t now_ns = asyncp_now(loop);
    race->next_ns = race->delay_ns < TIME_NEVER - now_ns ? now_ns + race->delay_ns : TIME_NEVER;
}

/*
 * Looks at one that has ended; whether the next may begin, because it was the last one and failed.
 */
static bool look_at_one(struct race *race)
{
    size_t index = asyncp_watch_take(&race->watch);
    const struct async_task *task = race->tasks[index];
    if (task != NULL && task->result >= 0)
        race->winner = index;
    return index + 1 == race->begun;
}

/* Until one has succeeded or all have failed: 0. -ECANCELED, -ENOMEM. */
static int run(struct async_loop *loop, struct race *race)
{
    begin_next(loop, race);
    while (race->winner == race->count &&
           (race->watch.first != NULL || race->watch.ended < race->count)) {
        bool more = race->begun < race->count;
        int result = 0;
        if (race->watch.first == NULL)
            result = asyncp_watch_park(loop, &race->watch, "async_staggered_race",
                                       more ? race->next_ns : TIME_NEVER);
        if (result < 0 && result != -ETIMEDOUT)
            return result;
        bool begin = result < 0;
        while (race->watch.first != NULL && race->winner == race->count)
            begin = look_at_one(race) || begin;
        if (begin && more && race->winner == race->count)
            begin_next(loop, race);
    }
    return 0;
}

/* All have ended; lets go of them. The error of the first, with its sentence. */
static int collect(struct async_loop *loop, struct race *race)
{
    for (size_t i = 1; i < race->begun; i++) {
        if (race->tasks[i] == NULL)
            continue;
        race->tasks[i]->seen = true;
        task_detach_reserved(race->tasks[i]);
    }
    return asyncp_task_collect(loop, race->tasks[0]);
}

static int finish(struct async_loop *loop, struct race *race, int result)
{
    if (!loop_running(loop)->refused)
        asyncp_request(loop, race->tasks, race->begun,
                       race->winner < race->count ? asyncp_reason(REASON_RACE) : NULL);
    asyncp_join(loop, race->tasks, race->begun, "async_staggered_race");
    for (size_t i = 0; i < race->begun && race->winner == race->count; i++)
        if (race->tasks[i] != NULL && race->tasks[i]->result >= 0)
            race->winner = i;
    int first_error = collect(loop, race);
    if (race->winner < race->count)
        return (int)race->winner;
    return result < 0 ? result : first_error;
}

int async_staggered_race(int (*attempt)(size_t index, void *context), void *context, size_t count,
                         double delay_seconds)
{
    struct async_loop *loop = loop_enter("async_staggered_race");
    struct race race = {.attempt = attempt, .context = context, .count = count, .winner = count};
    if (loop_running(loop)->refused)
        return asyncp_refused(loop);
    if (attempt == NULL || count == 0 || count > INT32_MAX || delay_seconds != delay_seconds)
        return -EINVAL;
    race.delay_ns = delay_seconds > 0 ? asyncp_nanoseconds(delay_seconds) : 0;
    race.tasks = memory_resize(&loop->memory, NULL, 0, count * sizeof *race.tasks);
    int result = -ENOMEM;
    if (race.tasks != NULL && asyncp_watch_open(loop, &race.watch, count, NULL, 0) == 0) {
        result = run(loop, &race);
        asyncp_watch_close(loop, &race.watch);
        result = finish(loop, &race, result);
    }
    if (race.tasks != NULL)
        memory_free(&loop->memory, race.tasks, count * sizeof *race.tasks);
    return result;
}
