/*
 * test_lifetime.c: how much of a loop debug mode looks at after each turn (sched/lifetime.c).
 */
#include "run/runner.h"
#include "sched/sched.h"

enum { HANDLES = 2000, MOST_RECORDS = 64 };

static int nothing(void)
{
    return 0;
}
async_fn(nothing);

/* How many records it looks at, from the first one on. */
static int look_from_the_first(struct async_loop *loop)
{
    int count = 0;
    loop->debug.checked = NULL;
    asyncp_check_waits(loop);
    if (loop->debug.checked == NULL) /* it went past the last record */
        return HANDLES;
    for (const void *record = NULL; record != loop->debug.checked; count++)
        record = asyncp_pool_next(&loop->tasks.records, record);
    return count;
}

static int keep_handles(void)
{
    static async_task *handles[HANDLES];
    struct async_loop *loop = async_get_loop();
    for (int i = 0; i < HANDLES; i++) {
        handles[i] = async_create_task(nothing);
        CHECK_EQ(async_task_wait(handles[i]), 0);
    }
    CHECK(look_from_the_first(loop) <= MOST_RECORDS);
    for (int i = 0; i < HANDLES; i++)
        async_task_detach(handles[i]);
    return 0;
}
async_fn(keep_handles);

TEST(debug_looks_at_few_records_a_turn_however_many_handles_are_kept)
{
    CHECK_EQ(async_run_with(&(async_run_options){.debug = true}, keep_handles), 0);
}
