/*
 * group/watch.h: several borrowed tasks watched at once. The end of each is noted there and then,
 * in a list in the order in which they end, at the cost of one listener a task however many there
 * are. Tasks that wait stand in a line; the first is woken when there is enough. A watch must not
 * take handles, and cancels nothing.
 */
#ifndef GROUP_WATCH_H
#define GROUP_WATCH_H

#include "sched/sched.h"

struct watch;

/* One of the tasks. */
struct watched {
    struct waiter listener; /* while it has not ended */
    struct watch *watch;    /* whose it is */
    struct watched *next;   /* when it has ended: who ended after it */
    bool ended;             /* it has */
};

struct watch {
    struct watched *places;         /* one for each task, in the order they were added */
    size_t capacity;                /* places there are */
    size_t count;                   /* of those with a task */
    size_t repeated;                /* places of a task that has an earlier one: it ends once */
    size_t ended;                   /* how many tasks have ended */
    size_t taken;                   /* of those, how many were taken from the list */
    size_t failed;                  /* and how many of those failed, not by being cancelled */
    struct watched *first;          /* that ended and was not taken from the list; NULL: none */
    struct watched *last;           /* that ended; meaningless when there is no first */
    bool (*enough)(struct watch *); /* asked at each end whether the first that waits is to go on */
    struct list waiters;            /* tasks that wait in asyncp_watch_park */
    bool gives_ends;  /* each of them is given one end: its park returns the number of the place */
    bool owns_places; /* they are on the heap */
};

/*
 * Makes a watch of no tasks, with places for `capacity` of them: in few[0..few_count), if they fit
 * there, else on the heap. 0 or -ENOMEM.
 */
int asyncp_watch_open(struct async_loop *loop, struct watch *watch, size_t capacity,
                      struct watched few[], size_t few_count);

/* Begins to watch one more; NULL has ended and failed. */
void asyncp_watch_add(struct watch *watch, struct async_task *task);

/* Begins to watch all of these; a task that occurs twice is watched once, at its first place. */
void asyncp_watch_add_all(struct watch *watch, async_task *const tasks[], size_t count);

/* How many different tasks there are. */
static inline size_t watch_tasks(const struct watch *watch)
{
    return watch->count - watch->repeated;
}

/*
 * The number of the next that ended, counted from 0 as they were added; takes it from the list,
 * which is not empty.
 */
size_t asyncp_watch_take(struct watch *watch);

/* Whether one has ended that was not taken: the plainest question. */
bool asyncp_watch_has_one(struct watch *watch);

/* Stops watching. */
void asyncp_watch_close(struct async_loop *loop, struct watch *watch);

/*
 * Waits until there is enough: 0; for a watch that gives ends: the number of a place, or -ENODATA
 * if others were given the last ones. -ETIMEDOUT: at deadline_ns. -ECANCELED: refused, or the watch
 * was closed, and is not to be touched any more. -ENOMEM. Not to be called when there is enough
 * already.
 */
int asyncp_watch_park(struct async_loop *loop, struct watch *watch, const char *call,
                      int64_t deadline_ns);

/*
 * 0; -EDEADLK, with its sentence, if the running task is among them. Dies if a handle cannot be
 * used here.
 */
int asyncp_check_borrowed(const struct async_loop *loop, async_task *const tasks[], size_t count,
                          const char *call);

#endif
