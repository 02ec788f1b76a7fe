/*
 * group/watch.h: several borrowed tasks watched at once. The end of each is noted there and then, in a list in the
 * order in which they end, at the cost of one listener a task however many there are. Who waits lets the watch wake
 * it. A watch must not take handles, and cancels nothing.
 */
#ifndef GROUP_WATCH_H
#define GROUP_WATCH_H

#include "core/loop.h"

struct watch;

/* One of the tasks. */
struct watched {
    struct waiter listener; /* while it has not ended */
    struct watch *watch;    /* whose it is */
    struct watched *next;   /* when it has ended: who ended after it */
    bool ended;             /* it has */
};

enum { WATCH_FEW = 8 }; /* for so many no memory is asked for */

struct watch {
    struct watched *places;         /* one for each task, in their order */
    size_t count;                   /* of them */
    size_t ended;                   /* how many of them have ended */
    size_t failed;                  /* and how many of those failed, not by being cancelled */
    struct watched *first;          /* that ended and was not taken from the list; NULL: none */
    struct watched *last;           /* that ended; meaningless when there is no first */
    bool (*enough)(struct watch *); /* asked at each end whether who waits is to go on */
    struct wait *wait;              /* of who waits; NULL: nobody does */
    struct watched few[WATCH_FEW];  /* places for a few */
};

/* Begins to watch. NULLs among the tasks have ended and failed. 0 or -ENOMEM. */
int async__watch_open(struct async_loop *loop, struct watch *watch, async_task *const tasks[], size_t count);

/* Stops watching. */
void async__watch_close(struct async_loop *loop, struct watch *watch);

/*
 * Waits until there is enough: 0. At deadline_ns: -ETIMEDOUT. Can be refused: -ECANCELED. -ENOMEM. Not to be called
 * when there is enough already.
 */
int async__watch_park(struct async_loop *loop, struct watch *watch, const char *call, int64_t deadline_ns);

/* Dies with a sentence if one of the handles cannot be used here. */
void async__check_borrowed(async_task *const tasks[], size_t count, const char *call);

#endif
