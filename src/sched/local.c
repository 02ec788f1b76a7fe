/*
 * sched/local.c: task-local values and their tables. The loop has a list of all tables. So the
 * table of a callback that is never called is freed with the loop, and creating a task costs one
 * test while no table exists.
 */
#include "sched/local.h"
#include "sched/current.h"
#include "sched/worker.h"

enum { INITIAL_ROOM = 4 }; /* values in a new table */

static size_t locals_size(uint32_t room)
{
    return sizeof(struct locals) + room * sizeof(struct local_value);
}

static const struct locals *running_locals(const struct async_loop *loop)
{
    if (loop == NULL && asyncp_worker != NULL)
        return asyncp_worker->locals;
    if (loop == NULL)
        loop = asyncp_standing_loop(); /* in a child of fork() the values are still there */
    if (loop == NULL)
        return NULL;
    return loop_running(loop) != NULL ? loop_running(loop)->locals : loop->locals.callback;
}

struct locals *asyncp_locals_inherit(const struct async_loop *loop)
{
    struct locals *locals = loop_running(loop) != NULL ? loop_running(loop)->locals
                                                       : loop->locals.callback;
    if (locals != NULL)
        locals->references++;
    return locals;
}

void asyncp_locals_of_callback(struct async_loop *loop, struct locals *locals)
{
    loop->locals.callback = locals;
}

static void free_table(struct async_loop *loop, struct locals *locals)
{
    list_remove(&locals->link);
    memory_free(&loop->memory, locals, locals_size(locals->room));
}

void asyncp_locals_release(struct async_loop *loop, struct locals *locals)
{
    if (--locals->references == 0)
        free_table(loop, locals);
}

void asyncp_locals_close(struct async_loop *loop)
{
    for (struct link *link; (link = list_first(&loop->locals.tables)) != NULL;)
        free_table(loop, CONTAINER_OF(link, struct locals, link));
}

static const struct local_value *find_local(const struct locals *locals, const async_local *local)
{
    for (uint32_t i = 0; locals != NULL && i < locals->count; i++)
        if (locals->values[i].local == local)
            return &locals->values[i];
    return NULL;
}

void *asyncp_locals_find(const struct locals *locals, const async_local *local)
{
    const struct local_value *found = find_local(locals, local);
    return found != NULL ? found->value : local->initial;
}

void *async_local_get(const async_local *local)
{
    return local != NULL ? asyncp_locals_find(running_locals(asyncp_current), local) : NULL;
}

/* A new table with these values, one reference and the given room. Releases the old table. */
static struct locals *new_table(struct async_loop *loop, struct locals *old, uint32_t room)
{
    struct locals *locals = memory_new(&loop->memory, locals_size(room));
    if (locals == NULL)
        return NULL;
    locals->references = 1;
    locals->room = room;
    locals->count = old != NULL ? old->count : 0;
    if (old != NULL)
        memcpy(locals->values, old->values, old->count * sizeof *old->values);
    list_append(&loop->locals.tables, &locals->link);
    if (old != NULL)
        asyncp_locals_release(loop, old);
    return locals;
}

/*
 * The table of the running task, copied first if it is shared; with room for one more value if
 * one_more. NULL: out of memory.
 */
static struct locals *own_table(struct async_loop *loop, bool one_more)
{
    struct locals *old = loop_running(loop)->locals;
    uint32_t count = old != NULL ? old->count : 0, room = old != NULL ? old->room : INITIAL_ROOM;
    bool full = one_more && count == room;
    if (old != NULL && old->references == 1 && !full)
        return old;
    struct locals *table = new_table(loop, old, full ? room * 2 : room);
    if (table != NULL)
        loop_running(loop)->locals = table;
    return table;
}

int async_local_set(const async_local *local, void *value)
{
    struct async_loop *loop = loop_enter("async_local_set");
    if (local == NULL)
        return async_fail(-EINVAL, "async_local_set: the variable is NULL");
    const struct local_value *found = find_local(loop_running(loop)->locals, local);
    size_t place = found != NULL ? (size_t)(found - loop_running(loop)->locals->values) : SIZE_MAX;
    struct locals *table = own_table(loop, found == NULL);
    if (table == NULL)
        return -ENOMEM;
    if (found == NULL)
        place = table->count++;
    table->values[place] = (struct local_value){.local = local, .value = value};
    return 0;
}
