/*
 * sched/wait.h: park, the primitive under every wait. A wait is one stop of one task. Waiters are
 * its places in the lists of the objects it waits for. The first event claims the wait: at that
 * moment all its waiters are unlinked and its timer is cleared. So a list holds only waiters that
 * can still be woken, and a waker need not check.
 *
 *      struct wait wait;
 *      struct waiter waiter;
 *      wait_init(&wait, "async_event_wait", event, asyncp_cancel_wait);
 *      wait_on(&wait, &waiter, &event->waiters);
 *      return asyncp_park(loop, &wait);                the result given to asyncp_wake
 *
 * A request to cancel calls `cancel`. A plain wait is claimed with -ECANCELED. A join or a kernel
 * operation forwards the request and waits for the end. NULL: the wait cannot be cancelled.
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
 * A listener, called at the end of a task, on the stack of its caller. It is unlinked already. It
 * may wake tasks, but must not switch or call functions of the user.
 */
typedef void asyncp_listen(struct async_loop *loop, struct waiter *listener,
                           struct async_task *task);

/*
 * A place in a list of waiting tasks. Lists of tasks waiting for the end of a task also contain
 * listeners.
 */
struct waiter {
    struct link link;
    struct wait *wait; /* NULL: a listener */
    union {
        struct waiter *sibling; /* the next waiter of the same wait */
        asyncp_listen *tell;    /* of a listener */
    };
};

struct wait {
    struct coroutine *coroutine;       /* set by park */
    struct waiter *waiters;            /* linked by sibling */
    struct timer *timer;               /* cleared when the wait is claimed; NULL: none */
    void (*cancel)(struct wait *wait); /* called by a request to cancel; NULL: not cancellable */
    const char *call;                  /* for reports: the waiting public call */
    const void *object;                /* for reports: its object; see wait_descriptor */
    int64_t since_ns;                  /* for reports: when it began */
    struct waiter *winner;             /* the woken waiter; NULL: timer or request to cancel */
    int result;                        /* returned by park */
    bool claimed;                      /* set once */
    bool knows_file;                   /* it is that of a struct file_wait, which has a file */
};

/*
 * A wait for a descriptor. In debug mode it knows the file that the descriptor had at its begin: if
 * the descriptor is closed, another file may get the number.
 */
struct file_wait {
    struct wait wait;
    uint64_t device, inode; /* if wait.knows_file */
};

/* Initialises a wait without waiters. Fields set by park and the claim are left out. */
static inline void wait_init(struct wait *wait, const char *call, const void *object,
                             void (*cancel)(struct wait *wait))
{
    wait->waiters = NULL;
    wait->timer = NULL;
    wait->cancel = cancel;
    wait->call = call;
    wait->object = object;
    wait->claimed = false;
    wait->knows_file = false;
}

/* The object of a wait if its descriptor was closed, or has another file: set by debug mode. */
#define WAIT_CLOSED ((const void *)UINTPTR_MAX)

/*
 * The file descriptor the task waits for, stored in place of an address; 0: the object is something
 * else, or the descriptor was closed.
 */
static inline int wait_descriptor(const struct wait *wait)
{
    enum { MIN_ADDRESS = 4096 };
    return (uintptr_t)wait->object < MIN_ADDRESS ? (int)(uintptr_t)wait->object : 0;
}

/* Adds a waiter of the wait to the end of a list. */
static inline void wait_on(struct wait *wait, struct waiter *waiter, struct list *list)
{
    waiter->wait = wait;
    waiter->sibling = wait->waiters;
    wait->waiters = waiter;
    list_append(list, &waiter->link);
}

/* Adds a listener to the list of a task: tell is called when the task ends. */
static inline void listen_on(struct waiter *listener, asyncp_listen *tell, struct list *list)
{
    listener->wait = NULL;
    listener->tell = tell;
    list_append(list, &listener->link);
}

/* The first waiter; NULL if the list is empty. For lists without listeners. */
static inline struct waiter *waiter_first(const struct list *list)
{
    struct link *link = list_first(list);
    return link != NULL ? CONTAINER_OF(link, struct waiter, link) : NULL;
}

/* The last waiter; NULL if the list is empty. */
static inline struct waiter *waiter_last(const struct list *list)
{
    return list_empty(list) ? NULL : CONTAINER_OF(list->head.previous, struct waiter, link);
}

/* Stops the running task until its wait is claimed; returns the result of the claim. */
int asyncp_park(struct async_loop *loop, struct wait *wait);

/* A whole wait with one waiter at the end of a list. */
int asyncp_wait_in_list(struct async_loop *loop, struct list *line, const char *call,
                        const void *object, void (*cancel)(struct wait *wait));

/* Claims a wait: unlinks its waiters and makes its task ready. */
void asyncp_wake(struct wait *wait, struct waiter *winner, int result);

/* Wakes all tasks in the list. */
void asyncp_wake_all(struct list *list, int result);

/*
 * For `call`, which frees the object with this list: its waiters get -ECANCELED and do not touch
 * the object again. Those in asyncp_wait_in_list also get an error message. Debug mode reports the
 * first one.
 */
void asyncp_cancel_waiters(struct list *list, const char *call);

/*
 * For the result of park: adds an error message if the wait got -ECANCELED because its object was
 * freed, and not by a request to cancel. Returns result.
 */
int asyncp_cancelled_by_free(const struct wait *wait, int result);

/* A `cancel` function: claims the wait with -ECANCELED. */
void asyncp_cancel_wait(struct wait *wait);

/* Yields once: all tasks and callbacks ready now run first. */
void asyncp_yield_once(struct async_loop *loop);

/* For a call that begins with a cancellation pending: yields once and returns -ECANCELED. */
int asyncp_fail_cancelled(struct async_loop *loop);

/*
 * For a failure without a message of its own: drops an older message of the running task for the
 * same code, which tells of another failure. Returns the code.
 */
int asyncp_fail_plainly(struct async_loop *loop, int code) __attribute__((cold));

/* For a call that was given NULL for a task: -ENOMEM, with a message. */
int asyncp_fail_no_task(const char *call) __attribute__((cold));

#endif
