/*
 * sched/fork.h: what a child of fork() has of its parent's loop. In the child the loop of the
 * thread that forked is *inherited*: a copy that is released, and never runs again. It is not the
 * thread's loop any more, so that every call that does not ask for it here ends with a sentence;
 * the calls that release something ask.
 *
 * Invariant: no call on an inherited loop reaches what parent and child share. Descriptors are
 * closed by close(2) alone; the epoll set, the rings, the wake descriptor and the connections
 * behind the sockets stay as they are.
 */
#ifndef SCHED_FORK_H
#define SCHED_FORK_H

#include "sched/sched.h"

/*
 * What a coroutine's request_round is in the child that was forked in it: so its end is noticed. No
 * round has it.
 */
#define ROUND_FORKED UINT64_MAX

/*
 * The thread's inherited loops, the last one forked first; each knows the next one. NULL: there are
 * none.
 */
extern __thread struct async_loop *asyncp_inherited
    __attribute__((tls_model("initial-exec"), visibility("hidden")));

/* Counts one more fork of this process. */
void asyncp_fork_count(void);

/* The innermost inherited loop one of whose tasks is on the calling stack; NULL: there is none. */
struct async_loop *asyncp_standing_loop(void);

/* The coroutine that runs on this thread, also in a child; NULL: none does. Async-signal-safe. */
struct coroutine *asyncp_running_coroutine(void);

/* Dies with a sentence if this thread has no loop but an inherited one. */
void asyncp_check_inherited(const char *call);

/* Dies: the loop of `what` is not the calling thread's. */
_Noreturn void asyncp_wrong_loop(const struct async_loop *loop, const char *call, const char *what)
    __attribute__((cold));

/* loop_leave, where the thread's own loop runs no task. */
struct async_loop *asyncp_loop_to_leave(const char *call) __attribute__((cold));

/*
 * The loop, for a call that ends what the running task began; in a child it may be an inherited
 * one.
 */
static inline struct async_loop *loop_leave(const char *call)
{
    struct async_loop *loop = asyncp_current;
    if (unlikely(loop == NULL || loop_running(loop) == NULL))
        return asyncp_loop_to_leave(call);
    return loop;
}

/* Dies unless the loop is inherited; makes it the thread's. */
void asyncp_release_inherited(struct async_loop *loop, const char *call, const char *what)
    __attribute__((cold));

/*
 * For a call that releases `what`, which is the loop's: the loop must be the thread's, or
 * inherited; then it is the thread's until release_end is called with what this returns.
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

/* Takes the tasks of inherited loops out of the line. Whether nobody is left there. */
bool asyncp_forsake(struct list *line) __attribute__((cold));

/*
 * Whether nobody waits in the line who can still be woken; in a child, those of inherited loops are
 * taken out.
 */
static inline bool line_is_empty(struct list *line)
{
    return list_empty(line) || (unlikely(asyncp_current == NULL) && asyncp_forsake(line));
}

/*
 * Before the thread has a loop of its own: the tasks of inherited loops leave all lines, in which
 * they never wake.
 */
void asyncp_leave_all_lines(void);

/* The end of the coroutine that forked, in the child: goes on in the loop's own stack. */
_Noreturn void asyncp_forked_end(struct coroutine *self) __attribute__((cold));

/*
 * What a run that was inherited returns: the result of the task that forked; 0 if it was a
 * callback.
 */
struct async_task *asyncp_forked_task(const struct async_loop *loop);

int asyncp_forked_result(const struct async_loop *loop);

/* The loop is going: it is not among the inherited ones any more. */
void asyncp_forget_inherited(const struct async_loop *loop);

#endif
