/*
 * sched/local.h: task-local values. Those of a task are one table, which it shares with whom it
 * inherited it from until one of them sets something: who sets while others hold the table takes a
 * copy. A task that has none has no table.
 */
#ifndef SCHED_LOCAL_H
#define SCHED_LOCAL_H

#include "base/list.h"
#include <asyncio/local.h>
#include <stdint.h>

struct async_loop;

/* A variable and its value. */
struct local_value {
    const async_local *local; /* the variable */
    void *value;              /* of it */
};

struct locals {
    struct link link;            /* in the loop's list of all tables */
    uint32_t references;         /* tasks and callbacks that hold it */
    uint32_t count;              /* of values */
    uint32_t room;               /* for values */
    struct local_value values[]; /* in the order in which they were first set */
};

/* The table of whoever runs, held once more; NULL: it has none. */
struct locals *asyncp_locals_inherit(const struct async_loop *loop);

/* A callback begins that has these values; NULL: it has ended, or has none. */
void asyncp_locals_of_callback(struct async_loop *loop, struct locals *locals);

/* Lets a table go. */
void asyncp_locals_release(struct async_loop *loop, struct locals *locals);

/* Frees all tables, whoever holds them. */
void asyncp_locals_close(struct async_loop *loop);

/* The variable's value there; the initial one if there is none, or no table. */
void *asyncp_locals_find(const struct locals *locals, const async_local *local);

struct locals_table {
    struct list tables;      /* struct locals, of all tasks and callbacks */
    struct locals *callback; /* those of the callback that runs; NULL: none */
};

#endif
