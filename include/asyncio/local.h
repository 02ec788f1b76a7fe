/*
 * asyncio/local.h: task-local values, Python's context variables.
 *
 *     static async_local user = {.initial = "guest"};
 *
 *     ASYNC_TRY(async_local_set(&user, "ann")); // for this task and for tasks that it creates
 *     const char *name = async_local_get(&user);
 *
 * A task starts with a copy of the creating task's values. Setting a value later changes it for the
 * calling task only. The main task of a run starts with the initial values, also in the second run
 * of a runner.
 */
#ifndef ASYNCIO_LOCAL_H
#define ASYNCIO_LOCAL_H

#include <asyncio/base.h>

ASYNC_BEGIN_C

/*
 * A task-local variable. It is identified by its address and must outlive every loop in which it is
 * set, so make it static.
 */
typedef struct async_local {
    void *initial; /* the value until it is set */
} async_local;

/*
 * Returns the variable's value in the running task.
 *
 * In a callback this is the value of the code that requested the callback; on a worker thread, the
 * value of the waiting task; elsewhere, the initial value. The time of the call grows by some
 * nanoseconds with each variable set by the task.
 *
 * Never switches.
 */
ASYNC_API void *async_local_get(const async_local *local);

/*
 * Sets the variable's value in the running task. It must be called in a task.
 *
 * Borrows the value as long as a task may read it; the library never frees it.
 * Returns 0; -ENOMEM; -EINVAL if local is NULL. After an error the value is unchanged.
 * Never switches.
 */
ASYNC_API ASYNC_MUST int async_local_set(const async_local *local, void *value);

ASYNC_END_C
#endif
