/*
 * loop/fork.h: inherited loops in a child of fork(): see sched/current.h.
 */
#ifndef LOOP_FORK_H
#define LOOP_FORK_H

struct async_loop;
struct async_task;

/* Removes the tasks of inherited loops from all waiter lists, before a loop is opened. */
void asyncp_leave_waiter_lists(void);

/* The forking task, when it has ended; NULL: it has not, or a callback forked. */
struct async_task *asyncp_forked_task(const struct async_loop *loop);

/* The result of an inherited run: of the forking task; 0 if it was a callback. */
int asyncp_forked_result(const struct async_loop *loop);

/* Removes a loop to be freed from the inherited ones. */
void asyncp_forget_inherited(const struct async_loop *loop);

#endif
