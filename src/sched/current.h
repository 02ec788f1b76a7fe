/*
 * sched/current.h: the loop and the task in which a call is made, also in a child of fork().
 *
 * In the child, the loop of the forking thread is *inherited*: a copy that is released and never
 * runs again. It is no longer the current loop of the thread, so calls in the child are misuse.
 * Exceptions are the releasing calls: they use the functions here.
 *
 * Invariant: no call on an inherited loop changes anything shared by parent and child. Descriptors
 * are only closed with close(2); the epoll set, the rings, the wake-up descriptor and the
 * connections stay as they are.
 */
#ifndef SCHED_CURRENT_H
#define SCHED_CURRENT_H

#include "sched/sched.h"

/*
 * request_round of the coroutine that forked, in the child: its end is handled differently. No
 * round has this number.
 */
#define ROUND_FORKED UINT64_MAX

/*
 * The inherited loops of the thread, linked by inheritance.before, the last fork first; NULL: none.
 */
extern __thread struct async_loop *asyncp_inherited
    __attribute__((tls_model("initial-exec"), visibility("hidden")));

/* Increments the fork generation, in a new child. */
void asyncp_fork_count(void);

/* The innermost inherited loop with a task on the calling stack; NULL: none. */
struct async_loop *asyncp_standing_loop(void);

/* The running coroutine of this thread, also in a child; NULL: none. Async-signal-safe. */
struct coroutine *asyncp_running_coroutine(void);

/* Reports misuse if the only loop of this thread is inherited. */
void asyncp_check_inherited(const char *call);

/* Reports misuse: `what` belongs to a loop of another thread, or to an inherited one. */
_Noreturn void asyncp_wrong_loop(const struct async_loop *loop, const char *call, const char *what)
    __attribute__((cold));

/* loop_leave where the current loop runs no task. */
struct async_loop *asyncp_loop_to_leave(const char *call) __attribute__((cold));

/*
 * The loop, for a call that ends something of the running task; in a child it may be inherited.
 */
static inline struct async_loop *loop_leave(const char *call)
{
    struct async_loop *loop = asyncp_current;
    if (unlikely(loop == NULL || loop_running(loop) == NULL))
        return asyncp_loop_to_leave(call);
    return loop;
}

/* Makes an inherited loop the current one; misuse for any other loop. */
void asyncp_release_inherited(struct async_loop *loop, const char *call, const char *what)
    __attribute__((cold));

/*
 * For a call that releases `what`, an object of the loop. The loop must be the current one or an
 * inherited one, which becomes the current one until release_end is called with the returned value.
 */
static inline struct async_loop *release_begin(struct async_loop *loop, const char *call,
                                               const char *what)
{
    struct async_loop *before = asyncp_current;
    if (unlikely(loop != before))
        asyncp_release_inherited(loop, call, what);
    return before;
}

static inline void release_end(struct async_loop *before)
{
    asyncp_current = before;
}

#endif
