/*
 * asyncio/local.h: task-local values, Python's context variables. A task sees what it has set
 * itself, and what the task that created it saw at that moment; setting one later changes nothing
 * for either of the two. The main task of a run begins with the initial values, also in the second
 * run of a runner.
 *
 *     static async_local user = {.initial = "nobody"};
 *
 *     async_local_set(&user, "ann"); // in this task from now on, and in tasks that it creates
 *     const char *name = async_local_get(&user);
 */
#ifndef ASYNCIO_LOCAL_H
#define ASYNCIO_LOCAL_H

#include <asyncio/base.h>

ASYNC_BEGIN_C

/*
 * One such variable. It is known by its address and must outlive every loop that sets it: make it
 * static.
 */
typedef struct async_local {
    void *initial; /* what a task sees when nobody has set anything for it */
} async_local;

/*
 * The value in the running task. In a callback it is that of whoever asked for the callback, on a
 * worker thread that of the task that waits for it, and elsewhere the initial one. A look costs
 * some nanoseconds for each variable that the task has values of. Borrowed. Never switches.
 */
ASYNC_API void *async_local_get(const async_local *local);

/*
 * Sets it in the running task. The value is borrowed: it must live as long as a task may look, and
 * nobody frees it. 0. -ENOMEM: nothing has changed. -EINVAL: local is NULL. Only in a task. Never
 * switches.
 */
ASYNC_API ASYNC_MUST int async_local_set(const async_local *local, void *value);

ASYNC_END_C
#endif
