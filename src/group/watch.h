/*
 * group/watch.h: borrowed tasks, watched together. Each end is appended to a list at once, at the
 * cost of one listener for each task. Tasks wait in a list; the first is woken when the condition
 * `enough` holds. A watch must not take handles, and cancels nothing.
 */
#ifndef GROUP_WATCH_H
#define GROUP_WATCH_H

#include "sched/sched.h"

struct watch;

struct watched_task {
    struct waiter listener; /* linked until the task has ended */
    struct watch *watch;
    struct watched_task *next; /* the next one to end; valid when ended */
    bool ended;
};

struct watch {
    struct watched_task *tasks; /* in the order in which they were added */
    size_t capacity;            /* of tasks */
    size_t count;               /* used entries of tasks */
    size_t repeated;            /* entries of tasks with an earlier entry */
    size_t ended;               /* ended tasks, each counted once */
    size_t taken;               /* ends taken from the list */
    size_t failed;              /* ends with an error other than -ECANCELED */
    struct watched_task *first; /* the list of ends not yet taken; NULL: empty */
    struct watched_task *last;  /* undefined if the list is empty */
    /* called at each end: whether the first waiter is to be woken */
    bool (*enough)(struct watch *);
    struct list waiters;  /* tasks in asyncp_watch_park */
    bool one_end_each;    /* each waiter takes one end: park returns the index of the task */
    bool tasks_allocated; /* tasks is on the heap */
};

/*
 * Opens an empty watch with a capacity, in few[0..few_count) if it is large enough, else on the
 * heap. 0 or -ENOMEM.
 */
int asyncp_watch_open(struct async_loop *loop, struct watch *watch, size_t capacity,
                      struct watched_task few[], size_t few_count);

/* Adds a task. NULL counts as a failed task. */
void asyncp_watch_add(struct watch *watch, struct async_task *task);

/* Adds tasks. A repeated one is watched once, at its first index. */
void asyncp_watch_add_all(struct watch *watch, async_task *const tasks[], size_t count);

/* The number of different tasks. */
static inline size_t watch_task_count(const struct watch *watch)
{
    return watch->count - watch->repeated;
}

/* Takes the first end from the list, which must not be empty. The index of its task. */
size_t asyncp_watch_take(struct watch *watch);

/* A condition for `enough`: whether the list of ends is not empty. */
bool asyncp_watch_has_one(struct watch *watch);

void asyncp_watch_close(struct async_loop *loop, struct watch *watch);

/*
 * Waits until `enough` holds, which must not hold yet. 0; with one_end_each: the index of a task,
 * or -ENODATA if others took the last ends. -ETIMEDOUT: at deadline_ns. -ECANCELED: cancelled, or
 * the watch was closed; the caller must not touch the watch any more. -ENOMEM.
 */
int asyncp_watch_park(struct async_loop *loop, struct watch *watch, const char *call,
                      int64_t deadline_ns);

/*
 * 0; -EDEADLK, with an error message, if the running task is one of the tasks. Ends the program if
 * a handle cannot be used here.
 */
int asyncp_check_borrowed(const struct async_loop *loop, async_task *const tasks[], size_t count,
                          const char *call);

#endif
