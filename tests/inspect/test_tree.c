/* test_tree.c: which tasks and which texts are in the trees of `asyncio tree` and of reports. */
#include "inspect/own_view.h"
#include "run/coroutines.h"
#include "top/own_tree.h"
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void *write_trees(void *file)
{
    CHECK_EQ(asyncp_own_tree(*(int *)file, NULL), 0);
    return NULL;
}

/*
 * The trees of all loops of this process, until the next call. With sanitizers the stack of a task
 * is too small for them.
 */
static const char *own_trees(void)
{
    static char text[65536];
    pthread_t thread;
    int file = memfd_create("trees", MFD_CLOEXEC);
    CHECK_EQ(pthread_create(&thread, NULL, write_trees, &file), 0);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    ssize_t size = pread(file, text, sizeof text - 1, 0);
    CHECK(size > 0);
    text[size] = 0;
    close(file);
    return text;
}

/* How often a text occurs. */
static int count_of(const char *trees, const char *text)
{
    int count = 0;
    while ((trees = strstr(trees, text)) != NULL) {
        trees += strlen(text);
        count++;
    }
    return count;
}

static int await_down(int depth);
async_fn(await_down, int);

static int await_down(int depth)
{
    return depth == 0 ? async_sleep(1000) : async_await(async_create_task(await_down, depth - 1));
}

/* A tree has 64 levels (MAX_DEPTH of show/tree.c) and the leaves below; then comes another one. */
LOOP_TEST(tree_has_every_task_of_a_deep_chain_once)
{
    for (int depth = 60; depth <= 70; depth++) {
        char line[32];
        async_task *first = async_create_task(await_down, depth);
        const uint64_t first_id = async_task_id(first);
        CHECK_EQ(async_sleep(1), 0);
        const char *trees = own_trees();
        for (int i = 0; i <= depth; i++) {
            snprintf(line, sizeof line, "#%" PRIu64 " await_down: waits", first_id + (uint64_t)i);
            CHECK_EQ(count_of(trees, line), 1);
        }
        async_task_cancel(first);
        CHECK_EQ(async_await(first), -ECANCELED);
    }
    return 0;
}

static int yields(const bool *ends)
{
    while (!*ends)
        async_ignore(async_sleep(0));
    return 0;
}
async_fn(yields, const bool *);

LOOP_TEST(tree_has_the_requests_to_cancel_of_tasks_that_do_not_wait)
{
    bool ends = false;
    async_task *task = async_create_task(yields, &ends);
    CHECK_EQ(async_sleep(0), 0);
    CHECK_EQ(count_of(own_trees(), "requests to cancel"), 0);
    async_task_cancel(task);
    CHECK_EQ(async_sleep(0), 0);
    CHECK_EQ(count_of(own_trees(), " yields: ready; requests to cancel: 1"), 1);
    ends = true;
    async_ignore(async_await(task));
    return 0;
}

/* No row was read, so there is no array of rows. */
TEST(tree_of_a_loop_without_tasks_is_its_line)
{
    async_loop *loop;
    CHECK_EQ(async_new_event_loop(&loop, test_options()), 0);
    CHECK_EQ(count_of(own_trees(), "loop 1, "), 1);
    async_loop_close(loop);
}
