/*
 * core/cancel.h: requests to cancel, and the scopes that make and withhold them. A task is refused while somebody's
 * request reaches it: its own count is above zero, or a timeout around it has run out, with no shelter
 * in between. That is computed when one of these changes, and every switching call tests one flag.
 */
#ifndef CORE_CANCEL_H
#define CORE_CANCEL_H

#include "core/timer.h"
#include <stdbool.h>
#include <stddef.h>

struct async_task;
struct coroutine;

enum scope_kind { SCOPE_TIMEOUT, SCOPE_SHIELD };

/* Lies in the user's async_timeout_scope or async_shield_scope. */
struct scope {
    struct scope *outer;         /* the one around it */
    struct coroutine *coroutine; /* whose it is */
    struct timer timer;          /* of a timeout */
    int64_t when_ns;             /* of a timeout: when it runs out, or did */
    int error;                   /* what a timeout turns failures into when it has expired */
    enum scope_kind kind;        /* timeout or shelter */
    bool expired;                /* a timeout that has run out */
    struct coroutine
        *again; /* coroutine once more, until it ends: if both are right, nothing was written over */
};

/* Makes the scope the innermost of the running task. */
void async__scope_enter(struct async_loop *loop, struct scope *scope, enum scope_kind kind);

/* Takes the innermost scope away, which must be this one (NULL: whichever it is), and returns it. */
struct scope *async__scope_leave(struct async_loop *loop, struct scope *scope, enum scope_kind kind,
                                 const char *call);

/* The scope's time is up: what is inside is refused from now on. */
void async__scope_expire(struct scope *scope, int error);

/* Asks the tasks among these that have not ended to cancel once more. */
void async__request(struct async_loop *loop, struct async_task *const tasks[], size_t count);

#endif
