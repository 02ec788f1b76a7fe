/*
 * sched/cancel.h: requests to cancel, and the scopes that cause and mask them. A coroutine is
 * `cancel_pending` while a cancellation is pending for it: its task has unanswered requests, or a
 * scope around the current call has expired, with no shield in between. This is computed when one
 * of these changes, so each switching call tests one flag.
 */
#ifndef SCHED_CANCEL_H
#define SCHED_CANCEL_H

#include "sched/timer.h"
#include <stdbool.h>
#include <stddef.h>

struct async_task;
struct coroutine;
struct error_message;

enum scope_kind { SCOPE_TIMEOUT, SCOPE_SHIELD, SCOPE_GROUP };

/* Why the library cancels a task. */
enum reason {
    REASON_LIMIT,
    REASON_SIBLING,
    REASON_LEFT,
    REASON_RACE,
    REASON_SIGINT,
    REASON_SIGTERM,
    REASON_END,
    REASON_DEADLOCK
};

/* The error message of -ECANCELED for the reason; a constant. */
const struct error_message *asyncp_reason(enum reason reason);

/* Lies in the user's async_timeout_scope, async_no_cancel_scope or async_task_group. */
struct scope {
    struct scope *outer;
    struct coroutine *coroutine;
    struct timer timer; /* of a timeout */
    int64_t when_ns;    /* of a timeout */
    int error;          /* of a timeout: replaces errors once it has expired */
    enum scope_kind kind;
    bool expired;            /* a timeout has expired, or a group has failed */
    struct coroutine *again; /* equals `coroutine`, unless the memory was overwritten */
};

/* Makes the scope the innermost one of the running task. Entering it twice is misuse. */
void asyncp_scope_enter(struct async_loop *loop, struct scope *scope, enum scope_kind kind,
                        const char *call);

/* Removes and returns the innermost scope, which must be this one (NULL: any). */
struct scope *asyncp_scope_leave(struct async_loop *loop, struct scope *scope, enum scope_kind kind,
                                 const char *call);

/*
 * The link to this scope in the running task's list. Timeouts and shields may lie inside it, but no
 * other group; otherwise it is misuse.
 */
struct scope **asyncp_scope_place(struct async_loop *loop, const struct scope *scope,
                                  const char *call);

/* Removes a scope; it need not be the innermost. */
void asyncp_scope_remove(struct async_loop *loop, struct scope **place);

/* The timeout has expired, or the group has failed: cancels the tasks and the calls inside. */
void asyncp_scope_expire(struct scope *scope, int error, enum reason reason);

/*
 * A round of requests with one reason (NULL: unknown): begin, ask once for each task, end. begin
 * returns false if another round is being delivered; pass its result to end.
 */
bool asyncp_round_begin(struct async_loop *loop, const struct error_message *reason);
void asyncp_round_ask(struct async_loop *loop, struct async_task *task);
void asyncp_round_end(struct async_loop *loop, bool is_new);

/*
 * Begins forwarding the requests of the running task; returns the number of the round. If the task
 * is itself among the cancelled tasks, the request does not reach it again.
 */
uint64_t asyncp_round_pass_on(struct async_loop *loop, struct coroutine *self);

/*
 * Requests the cancellation of the tasks, except ended ones. The reason is copied; NULL: unknown.
 */
void asyncp_request(struct async_loop *loop, struct async_task *const tasks[], size_t count,
                    const struct error_message *reason);

/* The current round: see cancel.c. */
struct cancel_round {
    struct coroutine *first;  /* head of the delivery queue */
    struct coroutine **place; /* where the next coroutine is inserted */
    uint64_t round;           /* its number; each coroutine records the last one to reach it */
    const struct error_message *reason; /* NULL: unknown */
    bool delivering;
};

#endif
