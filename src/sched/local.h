/*
 * sched/local.h: task-local values. A task inherits the table of its creator and shares it, copy on
 * write. A task without values has no table.
 */
#ifndef SCHED_LOCAL_H
#define SCHED_LOCAL_H

#include "base/list.h"
#include <asyncio/local.h>
#include <stdint.h>

struct async_loop;

struct local_value {
    const async_local *local; /* the key */
    void *value;
};

struct locals {
    struct link link;            /* in the list of all tables */
    uint32_t references;         /* from tasks and callbacks */
    uint32_t count;              /* values in use */
    uint32_t room;               /* values allocated */
    struct local_value values[]; /* in the order of their first set */
};

/* A new reference to the table of the running task or callback; NULL: it has none. */
struct locals *asyncp_locals_inherit(const struct async_loop *loop);

/* Sets the values of the running callback; NULL: none. */
void asyncp_locals_of_callback(struct async_loop *loop, struct locals *locals);

/* Drops a reference. */
void asyncp_locals_release(struct async_loop *loop, struct locals *locals);

/* Frees all tables, also referenced ones. */
void asyncp_locals_close(struct async_loop *loop);

/* The value in the table; the variable's initial value if it is not there. locals may be NULL. */
void *asyncp_locals_find(const struct locals *locals, const async_local *local);

struct locals_table {
    struct list tables;      /* struct locals, of all tasks and callbacks */
    struct locals *callback; /* of the running callback; NULL: none */
};

#endif
