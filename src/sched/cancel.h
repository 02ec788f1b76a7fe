/*
 * sched/cancel.h: requests to cancel, and the scopes that make and withhold them. A task is refused
 * while somebody's request reaches it: its own count is above zero, or a timeout around it has run
 * out, with no shelter in between. That is computed when one of these changes, and every switching
 * call tests one flag.
 */
#ifndef SCHED_CANCEL_H
#define SCHED_CANCEL_H

#include "sched/timer.h"
#include <stdbool.h>
#include <stddef.h>

struct async_task;
struct coroutine;
struct sentence;

enum scope_kind { SCOPE_TIMEOUT, SCOPE_SHIELD, SCOPE_GROUP };

/* Why the library asks. */
enum reason { REASON_LIMIT, REASON_SIBLING, REASON_LEFT, REASON_RACE, REASON_SIGINT, REASON_END };

/* The same in words: the sentence of -ECANCELED, a constant. */
const struct sentence *asyncp_reason(enum reason reason);

/* Lies in the user's async_timeout_scope, async_no_cancel_scope or async_task_group. */
struct scope {
    struct scope *outer;         /* the one around it */
    struct coroutine *coroutine; /* whose it is */
    struct timer timer;          /* of a timeout */
    int64_t when_ns;             /* of a timeout: when it runs out, or did */
    int error;                   /* what a timeout turns failures into when it has expired */
    enum scope_kind kind;        /* timeout, shelter or group */
    bool expired;                /* a timeout that has run out, a group that has failed */
    struct coroutine *
        again; /* coroutine once more, until it ends: if both are right, nothing was written over */
};

/*
 * Makes the scope the innermost of the running task. Dies with a sentence if it is one of its
 * scopes already.
 */
void asyncp_scope_enter(struct async_loop *loop, struct scope *scope, enum scope_kind kind,
                        const char *call);

/*
 * Takes the innermost scope away, which must be this one (NULL: whichever it is), and returns it.
 */
struct scope *asyncp_scope_leave(struct async_loop *loop, struct scope *scope, enum scope_kind kind,
                                 const char *call);

/*
 * Where the running task's scopes name this one, which may lie around timeouts and shelters, but
 * not around another group. Dies with a sentence if it is not there.
 */
struct scope **asyncp_scope_place(struct async_loop *loop, const struct scope *scope,
                                  const char *call);

/* Takes a scope away that is not the innermost. */
void asyncp_scope_remove(struct async_loop *loop, struct scope **place);

/* The scope's time is up, or its group has failed: what is inside is refused from now on. */
void asyncp_scope_expire(struct scope *scope, int error, enum reason reason);

/*
 * A round of requests, for one reason (NULL: none is known), to tasks that are asked one by one.
 * The beginning says whether the round is new; otherwise it is part of one that is being delivered.
 * The end wants to know that.
 */
bool asyncp_round_begin(struct async_loop *loop, const struct sentence *reason);
void asyncp_round_ask(struct async_loop *loop, struct async_task *task);
void asyncp_round_end(struct async_loop *loop, bool is_new);

/*
 * The running task will be passing on what is asked of it: the number of the round that this
 * belongs to. If it is among those it asks, it has been asked already.
 */
uint64_t asyncp_round_pass_on(struct async_loop *loop, struct coroutine *self);

/*
 * Asks the tasks among these that have not ended to cancel once more. The reason is copied; NULL:
 * none is known.
 */
void asyncp_request(struct async_loop *loop, struct async_task *const tasks[], size_t count,
                    const struct sentence *reason);

/* The round of requests that is being delivered: see cancel.c. */
struct cancel_round {
    struct coroutine *first;       /* of those that a request is on its way to */
    struct coroutine **place;      /* where the next one is inserted */
    uint64_t round;                /* its number */
    const struct sentence *reason; /* of the request; NULL: not known */
    bool delivering;               /* a round is going on */
};

#endif
