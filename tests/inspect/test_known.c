/*
 * test_known.c: which tasks know the object that another one waits for, by what they really have on
 * their stacks.
 */
#include "inspect/known.h"
#include "inspect/own_view.h"
#include "run/runner.h"
#include <asyncio.h>
#include <errno.h>
#include <string.h>

static int gets(async_queue *queue)
{
    int item;
    ASYNC_TRY(async_queue_get(queue, &item));
    return item;
}
async_fn(gets, async_queue *);

static int puts_later(async_queue *queue)
{
    ASYNC_TRY(async_sleep(1000));
    ASYNC_TRY(async_queue_put(queue, &(int){7}));
    return 0;
}
async_fn(puts_later, async_queue *);

static int joins(async_queue *queue)
{
    ASYNC_TRY(async_queue_join(queue));
    return 0;
}
async_fn(joins, async_queue *);

static int sleeps(void)
{
    ASYNC_TRY(async_sleep(1000));
    return 0;
}
async_fn(sleeps);

/*
 * The names of the tasks that know the object of another one, in the order of their ids, without
 * the caller: what it has looked for lies on its stack.
 */
static const char *known_names(const char *name)
{
    static char names[256];
    static struct snapshot snapshot;
    static struct known known;
    struct graph graph;
    take_own_snapshot(&snapshot);
    CHECK_EQ(asyncp_graph_open(&graph, &snapshot, &asyncp_own_view, own_layout()), 0);
    CHECK_EQ(asyncp_known_find(&known, &snapshot, &graph, &asyncp_own_view), 0);
    const struct known_object *object = asyncp_known_of(&known, row_named(&snapshot, name));
    *names = 0;
    for (uint32_t i = 0; object != NULL && i < object->count && i < KNOWN_MOST; i++) {
        const struct row *row = &snapshot.rows[object->rows[i]];
        if (row->address == (uintptr_t)async_current_task())
            continue;
        strcat(names, *names != 0 ? " " : "");
        strcat(names, text_of_row(&snapshot, row->name));
    }
    if (object == NULL)
        strcpy(names, "not looked for");
    asyncp_known_free(&known);
    asyncp_graph_close(&graph);
    asyncp_snapshot_free(&snapshot);
    return names;
}

static int scene(void)
{
    async_auto_queue *queue = NULL;
    ASYNC_TRY(async_queue_new(&queue, 0, sizeof(int)));
    ASYNC_TRY(async_queue_put(queue, &(int){1}));
    int unfinished;
    ASYNC_TRY(async_queue_get(queue, &unfinished));
    async_task *tasks[] = {async_create_task(gets, queue), async_create_task(gets, queue),
                           async_create_task(puts_later, queue), async_create_task(joins, queue),
                           async_create_task(sleeps)};
    return async_gather_n(tasks, 5, NULL, 0);
}
async_fn(scene);

LOOP_TEST(known_are_the_tasks_with_the_address_of_an_object_on_their_stack)
{
    async_task *task = async_create_task(scene);
    ASYNC_TRY(async_sleep(1));
    CHECK_STR(known_names("gets"), "scene puts_later joins");
    CHECK_STR(known_names("joins"), "scene gets gets puts_later");
    async_task_cancel(task);
    CHECK_EQ(async_await(task), -ECANCELED);
    return 0;
}

LOOP_TEST(known_to_a_task_that_has_not_begun_are_its_arguments)
{
    async_auto_queue *queue = NULL;
    ASYNC_TRY(async_queue_new(&queue, 0, sizeof(int)));
    async_task *getter = async_create_task(gets, queue);
    ASYNC_TRY(async_sleep(1));
    async_task *putter = async_create_task(puts_later, queue);
    CHECK(strstr(known_names("gets"), "puts_later") != NULL);
    async_task_cancel(getter);
    async_task_cancel(putter);
    async_ignore(async_gather(getter, putter));
    return 0;
}

static int awaits(async_task *task)
{
    ASYNC_TRY(async_await(task));
    return 0;
}
async_fn(awaits, async_task *);

LOOP_TEST(known_is_not_looked_for_where_an_edge_says_which_task_it_is)
{
    async_task *task = async_create_task(sleeps);
    async_task *awaiter = async_create_task(awaits, task);
    ASYNC_TRY(async_sleep(1));
    CHECK_STR(known_names("awaits"), "not looked for");
    CHECK_STR(known_names("sleeps"), "not looked for");
    async_task_cancel(awaiter);
    CHECK_EQ(async_await(awaiter), -ECANCELED);
    return 0;
}
