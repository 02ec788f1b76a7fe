/*
 * sched/ended.h: the tasks that have ended last, in debug mode: for reports about tasks that wait
 * for one of them.
 */
#ifndef SCHED_ENDED_H
#define SCHED_ENDED_H

#include <stdbool.h>
#include <stdint.h>

struct async_loop;
struct coroutine;

enum { MAX_ENDED = 64, ENDED_WORDS = 128, ENDED_NAME_BYTES = 48, ENDED_ERROR_BYTES = 96 };

/* A task that has ended. */
struct ended_task {
    uint64_t id; /* 0: none */
    char name[ENDED_NAME_BYTES];
    const char *where;
    int result;
    char error[ENDED_ERROR_BYTES]; /* "-EBADMSG: item 3 is damaged"; a longer one is cut */
    uint32_t word_count;
    uintptr_t words[ENDED_WORDS]; /* its arguments, and the top of its stack */
};

/* A ring. */
struct ended_tasks {
    struct ended_task tasks[MAX_ENDED];
    uint64_t count; /* so far */
};

/* Remembers a task that ends now, on its own stack. Without memory it is forgotten. */
void asyncp_ended_note(struct async_loop *loop, const struct coroutine *self, int result);

void asyncp_ended_close(struct async_loop *loop);

/*
 * A task that has ended and knew an address; `before`: the one that was returned before, or NULL.
 * NULL: no other one. The newest comes first.
 */
const struct ended_task *asyncp_ended_knowing(const struct async_loop *loop, const void *address,
                                              const struct ended_task *before);

/* NULL: it is not one of the last. */
const struct ended_task *asyncp_ended_find(const struct async_loop *loop, uint64_t id);

#endif
