/*
 * switching.h: the table of the calls that switch. A row says how to make one call wait, how
 * another task satisfies it, and which units must be conserved; test_switching.c cancels every row
 * at every moment. Rows register themselves: SWITCHING_CALL in any file makes one, and `tidy`
 * checks that every switching call has one.
 */
#ifndef TEST_SWITCHING_H
#define TEST_SWITCHING_H

#include "run/runner.h"

enum { MAX_CALLERS = 3, MAX_CHILDREN = 2, MAX_HANDED = 16 };

/*
 * How a call ends when it is cancelled: the columns of the moments in test_switching.c, in this
 * order.
 */
enum switching_kind {
    WAITS,       /* it is refused immediately */
    SLEEPS,      /* the same, and it ends by itself, at the instant of the scene */
    ASKS_KERNEL, /* it passes the request on, and returns when the kernel has answered */
    JOINS, /* it passes the request on to a task that obeys, and returns when that has ended */
    JOINS_SLEEPER, /* the same, and the task sleeps until the instant of the scene */
    JOINS_SURE,    /* it joins a task that succeeds despite the request */
    TAKES_A_TURN,  /* it is refused at its entry, and not after that */
    NEED_NOT_WAIT, /* it succeeds at once, unless it is refused at its entry */
    DEPENDS,       /* it returns soon; which event comes first depends on it */
    /* the same as WAITS, but it wakes a turn after its supply: at a task's end */
    WATCHES,
    KINDS
};

struct scene;

/* A task that makes the call. */
struct caller {
    struct scene *scene;
    int place; /* in line: 0, 1, 2 */
    async_task *task;
    /* for a call that joins: the tasks it takes; NULL: it creates its own */
    async_task *children[MAX_CHILDREN];
    int running;      /* children that have not ended */
    int value;        /* the value it puts, or was given */
    int result;       /* of its last call */
    int number;       /* of its last call among all calls of the scene */
    double called_at; /* when it last called */
    bool returned;
    bool ended; /* it has come to its end */
};

/* One cell: some callers of one row at one moment. */
struct scene {
    const struct switching_call *row;
    const struct moment *moment;
    struct caller callers[MAX_CALLERS]; /* in the order in which they come */
    int caller_count;
    struct caller *subject; /* the one that is cancelled */
    int calls;              /* that were made, by all of them */
    int supplied;           /* units that were handed out: items, places, bytes */
    int taken;              /* units that the successful calls report */
    int handed[MAX_HANDED]; /* for calls that hand something over: the values, in order */
    int handed_count;
    async_queue *queue;      /* the queue that they use; or NULL */
    int ends[2];             /* two ends of a socket; or -1 */
    double instant;          /* at which timed calls succeed, and limits run out */
    const char *step;        /* the next step */
    async_handle at_instant; /* the callback at that instant, set before all else */
    bool awaits_instant;     /* the script goes on when it comes */
    async_queue *over;       /* of int: one item when it is over */
    bool cut_off;            /* the loop ends before it is over */
    bool late;               /* the event that must come first came too late, by the real clock */
    int attempts_left;       /* left, to make the moment come about */
    int rounds;              /* checks whether all callers have ended */
};

struct switching_call {
    const char *call;         /* its public name */
    const char *about;        /* its variant, as the test is named */
    enum switching_kind kind; /* how a request ends it */
    int gives;                /* its result when it succeeds */
    /*
     * callers are served in the order they came, with one unit each; a unit is never left while one
     * waits
     */
    bool in_line;
    bool in_order;                        /* values given to those in line ascend */
    void (*prepare)(struct scene *scene); /* before the instant is set; in a task, and may wait */
    void (*set)(struct scene *scene);   /* before the callers begin; in a task, but must not wait */
    int (*make)(struct caller *caller); /* makes the call; in the caller's task */
    void (*supply)(
        struct scene *scene); /* gives one caller its unit; never switches; NULL: not needed */
    int (*left)(
        /* units that no caller took, so that supplied == taken + left; NULL */
        const struct scene *scene);
    void (*check)(
        /*
         * checks that everything is usable, and empty, afterwards; in a task; NULL: nothing to
         * check
         */
        struct scene *scene);
    const struct switching_call *next; /* another row */
};

/*
 * SWITCHING_CALL(variant, async_call, .field = …): a row, and the test that cancels it everywhere.
 */
#define SWITCHING_CALL(variant, name, ...)                                                         \
    static struct switching_call switching_##variant = {                                           \
        .call = #name, .about = #variant, __VA_ARGS__};                                            \
    __attribute__((constructor)) static void switching_register_##variant(void)                    \
    {                                                                                              \
        switching_register(&switching_##variant);                                                  \
    }                                                                                              \
    TEST_EACH_BACKEND(cancel_everywhere_##variant)                                                 \
    {                                                                                              \
        cancel_everywhere(&switching_##variant);                                                   \
    }                                                                                              \
    struct test__semicolon

void switching_register(struct switching_call *row);

/* Plays the row at every moment. */
void cancel_everywhere(const struct switching_call *row);

#endif
