/*
 * sched/park.h: stopping the running task and waking others, inline for the hot paths. wait.h has
 * the same as function calls, for everything else.
 */
#ifndef SCHED_PARK_H
#define SCHED_PARK_H

#include "sched/loop.h"

/*
 * context_switch for programs with C++: saves and restores the state of exception handling of this
 * coroutine.
 */
OUT_OF_LINE void asyncp_switch_with_exceptions(struct exceptions *shared, struct context *from,
                                               struct context *to);

/* Switches from one context to another; returns when `from` is resumed. */
static inline void loop_switch(const struct async_loop *loop, struct context *from,
                               struct context *to)
{
    if (unlikely(loop->sched.exceptions != NULL))
        asyncp_switch_with_exceptions(loop->sched.exceptions, from, to);
    else
        context_switch(from, to);
}

enum { BURST_TURNS = 32, STEPS_IN_A_ROW = 4096 };

/* When no turn of a burst is left: begins another one and returns true if no poll is due. */
bool asyncp_burst_renew(struct async_loop *loop);

/* The context to switch to when the running task stops and loop_goes_on is false. */
struct context *asyncp_loop_next(struct async_loop *loop);

/* Whether the burst is not over and no event is pending. */
static inline bool loop_is_undisturbed(const struct async_loop *loop)
{
    return loop->sched.turns_left > 0 &&
           atomic_load_explicit(&loop->sched.attention, memory_order_relaxed) == 0;
}

/* Whether a stopping task can switch directly to the next one. */
static inline bool loop_goes_on(const struct async_loop *loop)
{
    const struct ready *next = loop->sched.ready.first;
    return next != NULL && next->run == NULL && loop_is_undisturbed(loop);
}

/* As loop_goes_on, apart from the flag of a traced loop. False in debug mode. */
static inline bool traced_loop_goes_on(const struct async_loop *loop)
{
    const struct ready *next = loop->sched.ready.first;
    return next != NULL && next->run == NULL && loop->sched.turns_left > 0 &&
           atomic_load_explicit(&loop->sched.attention, memory_order_relaxed) == ATTENTION_TRACE;
}

/*
 * Makes the next ready task the running one and returns its context. Prefetches the memory touched
 * by the next two switches: the frames of the next task, and the control block of the one after it.
 * Loading it is the main cost of a switch among a hundred tasks. (Not a separate function: gcc
 * drops a function that only prefetches.)
 */
static inline struct context *loop_advance(struct async_loop *loop)
{
    loop->sched.turns_left--;
    loop->sched.current = coroutine_of_ready(ready_pop(&loop->sched.ready));
    const struct ready *next = loop->sched.ready.first;
    if (next != NULL && next->run == NULL) {
        const char *frames = CONTAINER_OF(next, const struct coroutine, ready)->context.sp;
        __builtin_prefetch(next->next);
        __builtin_prefetch(frames);
        __builtin_prefetch(frames + 64);
    }
    return &loop_running(loop)->context;
}

/* loop_stop where loop_goes_on is false. */
void asyncp_stop_rarely(struct async_loop *loop, struct coroutine *self);

/* Stops the running task and runs the next one. The caller has arranged how the task is resumed. */
static inline void loop_stop(struct async_loop *loop, struct coroutine *self)
{
    if (likely(loop_goes_on(loop)))
        loop_switch(loop, &self->context, loop_advance(loop));
    else
        asyncp_stop_rarely(loop, self);
}

/* asyncp_park and asyncp_wake inline. */
static inline int loop_park(struct async_loop *loop, struct wait *wait)
{
    struct coroutine *self = loop_running(loop);
    ASSERT(!wait->claimed && self->wait == NULL);
    wait->coroutine = self;
    wait->since_ns = loop->clock.now_ns;
    self->wait = wait;
    loop_stop(loop, self);
    ASSERT(loop_running(loop) == self && wait->claimed);
    self->wait = NULL;
    return wait->result;
}

/* Reports misuse: another thread has changed the object the task waits for. */
_Noreturn void asyncp_wrong_thread(const struct wait *wait) __attribute__((cold));

/* loop_wake for a task of an inherited loop, which never runs; misuse for any other loop. */
void asyncp_wake_elsewhere(struct wait *wait, struct waiter *winner, int result)
    __attribute__((cold));

static inline bool wait_is_elsewhere(const struct async_loop *loop, const struct wait *wait)
{
    return ASYNC_CHECKS ? loop != wait->coroutine->task->loop : loop == NULL;
}

/*
 * Reports misuse: the object of the wait was freed, copied or overwritten, so its waiters cannot be
 * unlinked safely.
 */
_Noreturn void asyncp_memory_gone(const struct wait *wait) __attribute__((cold));

/*
 * Claims a wait: unlinks its waiters and clears its timer. The caller must put the returned node
 * into the ready queue.
 */
static inline struct ready *loop_claim(struct async_loop *loop, struct wait *wait,
                                       struct waiter *winner, int result)
{
    struct coroutine *coroutine = wait->coroutine;
    if (ASYNC_CHECKS && unlikely(wait->claimed || coroutine->wait != wait))
        asyncp_memory_gone(wait); /* the list is a stale copy */
    if (unlikely(wait_is_elsewhere(loop, wait)))
        asyncp_wrong_thread(wait);
    wait->claimed = true;
    wait->winner = winner;
    wait->result = result;
    for (struct waiter *waiter = wait->waiters; waiter != NULL; waiter = waiter->sibling) {
        if (unlikely(!list_is_linked(&waiter->link)))
            asyncp_memory_gone(wait);
        list_remove(&waiter->link);
    }
    if (unlikely(wait->timer != NULL))
        asyncp_timer_clear(loop, wait->timer);
    return &coroutine->ready;
}

static inline void loop_wake(struct async_loop *loop, struct wait *wait, struct waiter *winner,
                             int result)
{
    if (unlikely(wait_is_elsewhere(loop, wait)))
        asyncp_wake_elsewhere(wait, winner, result);
    else
        ready_push(&loop->sched.ready, loop_claim(loop, wait, winner, result));
}

/*
 * Removes the tasks of inherited loops from the list, in a child of fork(). Returns whether it is
 * empty then.
 */
bool asyncp_drop_inherited(struct list *line) __attribute__((cold));

/* Whether no task waits in the list; in a child, tasks of inherited loops do not count. */
static inline bool waiters_is_empty(struct list *line)
{
    return list_empty(line) || (unlikely(asyncp_current == NULL) && asyncp_drop_inherited(line));
}

/* In a child: the end of the forking coroutine; switches to the loop's own stack. */
_Noreturn void asyncp_forked_end(struct coroutine *self) __attribute__((cold));

/* Chooses the first function of new tasks; it depends on debug mode. */
void asyncp_set_beginning(struct async_loop *loop);

#endif
