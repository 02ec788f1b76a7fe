/*
 * sched/park.h: stopping the running task and waking others, inline where they are called so often
 * that a call would show. wait.h has the interface for everything else.
 */
#ifndef SCHED_PARK_H
#define SCHED_PARK_H

#include "sched/loop.h"

/*
 * context_switch, for programs with C++: exceptions that are being handled here are here again when
 * it returns.
 */
OUT_OF_LINE void asyncp_switch_with_exceptions(struct exceptions *shared, struct context *from,
                                               struct context *to);

/* Goes on in `to`; returns when somebody goes on in `from`. */
static inline void loop_switch(const struct async_loop *loop, struct context *from,
                               struct context *to)
{
    if (unlikely(loop->sched.exceptions != NULL))
        asyncp_switch_with_exceptions(loop->sched.exceptions, from, to);
    else
        context_switch(from, to);
}

enum { BURST_TURNS = 32, STEPS_IN_A_ROW = 4096 };

/* A burst is over: whether there is time for another before the next look. It is begun then. */
bool asyncp_burst_renew(struct async_loop *loop);

/* Where the thread goes on when the running task stops and loop_goes_on does not hold. */
struct context *asyncp_loop_next(struct async_loop *loop);

/* Whether nothing rare is due. */
static inline bool loop_is_undisturbed(const struct async_loop *loop)
{
    return loop->sched.turns_left > 0 &&
           atomic_load_explicit(&loop->sched.attention, memory_order_relaxed) == 0;
}

/* Whether a task that stops goes straight on to the next one. */
static inline bool loop_goes_on(const struct async_loop *loop)
{
    const struct ready *next = loop->sched.ready.first;
    return next != NULL && next->run == NULL && loop_is_undisturbed(loop);
}

/*
 * Makes the next ready task the running one; returns where it goes on. The cache is asked for what
 * the next two switches will touch, which is what a switch among a hundred tasks waits for: the
 * frames that the next one goes on in, and the control block of the one after it. (Not a function
 * of its own: gcc drops one that only prefetches.)
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

/* Leaves the running task when loop_goes_on does not hold. */
void asyncp_stop_rarely(struct async_loop *loop, struct coroutine *self);

/* Leaves the running task, which is not the next one. */
static inline void loop_stop(struct async_loop *loop, struct coroutine *self)
{
    if (likely(loop_goes_on(loop)))
        loop_switch(loop, &self->context, loop_advance(loop));
    else
        asyncp_stop_rarely(loop, self);
}

/* asyncp_park and asyncp_wake, for what happens so often that a call would show. */
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

/* Ends the program: what a task waits for was changed by a thread that is not its loop's. */
_Noreturn void asyncp_wrong_thread(const struct wait *wait) __attribute__((cold));

/* loop_wake for a task of an inherited loop, which never runs; any other ends the program. */
void asyncp_wake_elsewhere(struct wait *wait, struct waiter *winner, int result)
    __attribute__((cold));

static inline bool wait_is_elsewhere(const struct async_loop *loop, const struct wait *wait)
{
    return ASYNC_CHECKS ? loop != wait->coroutine->task->loop : loop == NULL;
}

/*
 * Ends the program: the memory of what a task waits for is gone, was copied or was written over, so
 * its place there cannot be taken out without writing to what is not ours.
 */
_Noreturn void asyncp_memory_gone(const struct wait *wait) __attribute__((cold));

/*
 * Claims a wait that nobody has claimed: its task can go on, and is to be put in the ready queue.
 */
static inline struct ready *loop_claim(struct async_loop *loop, struct wait *wait,
                                       struct waiter *winner, int result)
{
    struct coroutine *coroutine = wait->coroutine;
    if (ASYNC_CHECKS && unlikely(wait->claimed || coroutine->wait != wait))
        asyncp_memory_gone(wait); /* the list is a copy of one that it has left */
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

/* Sets what a task begins with, which depends on debug mode. */
void asyncp_set_beginning(struct async_loop *loop);

#endif
