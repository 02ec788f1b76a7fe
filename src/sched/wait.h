/*
 * sched/wait.h: park, the primitive that everything which waits stands on. A wait is one stop of
 * one task; waiters are its places in the lists of whatever it waits for. Whoever comes first
 * claims the wait, and at that moment all its waiters leave their lists and its timer is cleared:
 * so a list holds only waiters that can still be woken, and a waker never has to ask.
 *
 *      struct wait wait;
 *      struct waiter waiter;
 *      wait_init(&wait, "async_event_wait", event, asyncp_refuse_wait);
 *      wait_on(&wait, &waiter, &event->waiters);
 *      return asyncp_park(loop, &wait);                what asyncp_wake was given
 *
 * A request to cancel calls `refuse`: a plain wait is claimed with -ECANCELED; a join or an
 * operation of the kernel passes the request on and waits for the answer; NULL is a wait that
 * cannot be refused.
 */
#ifndef SCHED_WAIT_H
#define SCHED_WAIT_H

#include "base/list.h"
#include <stdint.h>

struct async_loop;
struct async_task;
struct coroutine;
struct timer;
struct wait;
struct waiter;

/*
 * What a listener is called with, at once and on the stack of whoever ends the task: out of the
 * list already, and free to wake others, but it must not switch, nor run what is the user's.
 */
typedef void asyncp_listen(struct async_loop *loop, struct waiter *listener,
                           struct async_task *task);

/* Listeners are found among those who wait for a task's end, and nowhere else. */
struct waiter {
    struct link link;  /* in the list of what is waited for */
    struct wait *wait; /* whose place it is; NULL: it is a listener */
    union {
        struct waiter *sibling; /* the next place of the same wait */
        asyncp_listen *tell;    /* of a listener: called when it comes about */
    };
};

struct wait {
    struct coroutine *coroutine;       /* who stops; set by park */
    struct waiter *waiters;            /* its places */
    struct timer *timer;               /* cleared with them; NULL: none */
    void (*refuse)(struct wait *wait); /* what a request to cancel does; NULL: nothing */
    const char *call;                  /* for people: the call that waits */
    const void *object;                /* for people: what it waits for; see wait_descriptor */
    int64_t since_ns;                  /* for people: the loop's clock when it began */
    struct waiter *winner;             /* the place that was woken; NULL: by timer, or refused */
    int result;                        /* what park returns */
    bool claimed;                      /* somebody was first; happens once */
};

/* A wait without a place yet. Field by field: only what the others do not set. */
static inline void wait_init(struct wait *wait, const char *call, const void *object,
                             void (*refuse)(struct wait *wait))
{
    wait->waiters = NULL;
    wait->timer = NULL;
    wait->refuse = refuse;
    wait->call = call;
    wait->object = object;
    wait->claimed = false;
}

/* What debug mode puts in the place of a descriptor that was closed under the task. */
#define WAIT_CLOSED ((const void *)UINTPTR_MAX)

/*
 * The descriptor whose number is the object, which is no address then; 0: it is something else, or
 * that descriptor.
 */
static inline int wait_descriptor(const struct wait *wait)
{
    enum { LEAST_ADDRESS = 4096 };
    return (uintptr_t)wait->object < LEAST_ADDRESS ? (int)(uintptr_t)wait->object : 0;
}

/* Gives the wait a place at the end of a list. */
static inline void wait_on(struct wait *wait, struct waiter *waiter, struct list *list)
{
    waiter->wait = wait;
    waiter->sibling = wait->waiters;
    wait->waiters = waiter;
    list_append(list, &waiter->link);
}

/* Has tell called with the listener when the task ends whose list this is. */
static inline void listen_on(struct waiter *listener, asyncp_listen *tell, struct list *list)
{
    listener->wait = NULL;
    listener->tell = tell;
    list_append(list, &listener->link);
}

/* The wait whose place is first in the list; NULL if it is empty. For lists without listeners. */
static inline struct waiter *waiter_first(const struct list *list)
{
    struct link *link = list_first(list);
    return link != NULL ? CONTAINER_OF(link, struct waiter, link) : NULL;
}

/* The last one. */
static inline struct waiter *waiter_last(const struct list *list)
{
    return list_empty(list) ? NULL : CONTAINER_OF(list->head.previous, struct waiter, link);
}

/* Stops the running task until its wait is claimed; returns the result it was claimed with. */
int asyncp_park(struct async_loop *loop, struct wait *wait);

/* All that most waits are: stops at the end of a list until somebody there is woken. */
int asyncp_stand_in_line(struct async_loop *loop, struct list *line, const char *call,
                         const void *object, void (*refuse)(struct wait *wait));

/* Claims a wait that nobody has claimed: takes its waiters out and makes its task ready. */
void asyncp_wake(struct wait *wait, struct waiter *winner, int result);

/* Wakes all whose places are in the list. */
void asyncp_wake_all(struct list *list, int result);

/*
 * What the list is part of is freed, by `call`: those that wait there get -ECANCELED, with a
 * sentence if they wait in asyncp_stand_in_line, and never look at it again. Debug mode names the
 * first.
 */
void asyncp_dismiss(struct list *list, const char *call);

/*
 * The same as result for what park has returned: a sentence belongs to the wait of a task that was
 * not asked to cancel, and gets -ECANCELED because what it waits for was freed.
 */
int asyncp_dismissed(const struct wait *wait, int result);

/* For `refuse`: claims the wait with -ECANCELED. */
void asyncp_refuse_wait(struct wait *wait);

/* Lets everything that is ready now run once; the running task goes on after it. */
void asyncp_turn(struct async_loop *loop);

/* What a call returns that is refused at its entry: one turn, then -ECANCELED. */
int asyncp_refused(struct async_loop *loop);

#endif
