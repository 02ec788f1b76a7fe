/*
 * sched/left.h: objects that a loop releases at its end because the program has not: streams, and
 * handles of tasks. Debug mode reports them; a test of libasyncio-test fails.
 */
#ifndef SCHED_LEFT_H
#define SCHED_LEFT_H

#include <stdbool.h>

struct async_loop;

struct left_hook {
    void (*function)(void *context, const char *text); /* NULL: none */
    void *context;
};

void asyncp_left_set(struct async_loop *loop, struct left_hook hook);

bool asyncp_left_has_hook(const struct async_loop *loop);

/* Whether asyncp_left_tell reaches anything. */
bool asyncp_left_is_told(const struct async_loop *loop);

/* Tells of one object, or of several of a kind. */
__attribute__((format(printf, 2, 3))) void asyncp_left_tell(const struct async_loop *loop,
                                                            const char *format, ...);

#endif
