/* top/standstill.c: writes trees, or, without memory for them, the list of async_dump. */
#include "top/standstill.h"
#include "sched/current.h"
#include "sched/sched.h"
#include <asyncio/hooks.h>
#include "sys/report.h"
#include "sys/thread.h"
#include "sys/tools.h"
#include "top/flight.h"
#include "top/hints.h"
#include "top/own_tree.h"
#include <unistd.h>

/* Without memory there is still the list of this loop. */
static void print_trees(int fd, struct async_loop *loop)
{
    if (asyncp_own_tree(fd, loop) < 0)
        async_dump(fd);
}

void asyncp_print_tasks(int fd)
{
    asyncp_flight_record(0, TIMELINE_RUNNING); /* first: printing may be a long turn itself */
    print_trees(fd, NULL);
}

bool asyncp_may_start_thread(void)
{
    return asyncp_inherited == NULL || (!ASYNC_TSAN && !asyncp_sys_is_emulated());
}

static void *print_on_thread(void *unused)
{
    asyncp_print_tasks(STDERR_FILENO);
    return unused;
}

void asyncp_report_tasks(void)
{
    pthread_t thread;
    if (!asyncp_may_start_thread() || asyncp_sys_thread_start(&thread, print_on_thread, NULL) < 0)
        async_dump(STDERR_FILENO);
    else
        pthread_join(thread, NULL);
}

void asyncp_report_deadlock(struct async_loop *loop, enum deadlock_kind kind)
{
    if (kind != DEADLOCK_OF_TEST)
        asyncp_report("%snothing is left that could wake a task of this loop%s; this is what they "
                      "wait for:",
                      kind == DEADLOCK_CERTAIN ? "deadlock: " : "",
                      kind == DEADLOCK_CERTAIN ? "" : ", unless another thread does");
    print_trees(STDERR_FILENO, loop);
    asyncp_write_hints(STDERR_FILENO, loop);
}
