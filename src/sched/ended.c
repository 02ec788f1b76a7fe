/*
 * sched/ended.c: a copy of a task's arguments and of the frames that its functions have left. An
 * address among them was known to the task: it is found without a store in the calls of queues or
 * locks. What the copying itself has overwritten is lost, but not the arguments.
 */
#include "sched/ended.h"
#include "sched/sched.h"
#include <stdio.h>

/* The frames are those of functions that have returned. */
TOOLS_NO_CHECKS __attribute__((noinline)) static void copy_words(struct ended_task *ended,
                                                                 const struct coroutine *self)
{
    const size_t stack_words = ((size_t)1 << self->stack.log) / sizeof(uintptr_t) / 2;
    const size_t count = stack_words < ENDED_WORDS ? stack_words : ENDED_WORDS;
    const volatile uintptr_t *words = (const uintptr_t *)self - count;
    ended->word_count = (uint32_t)count;
    for (size_t i = 0; i < count; i++)
        ended->words[i] = words[i];
}

void asyncp_ended_note(struct async_loop *loop, const struct coroutine *self, int result)
{
    if (loop->debug.ended == NULL)
        loop->debug.ended = memory_new(&loop->memory, sizeof *loop->debug.ended);
    if (loop->debug.ended == NULL)
        return;
    struct ended_task *ended = &loop->debug.ended->tasks[loop->debug.ended->count++ % MAX_ENDED];
    tools_checks_pause(); /* below the stack pointer */
    copy_words(ended, self);
    tools_checks_resume();
    tools_mark_defined(ended->words, sizeof ended->words);
    ended->id = self->task->id;
    ended->where = self->task->where;
    ended->result = result;
    async_printable(ended->name, sizeof ended->name, self->task->name, strlen(self->task->name));
    asyncp_error_describe(ended->error, sizeof ended->error, result, self->message);
}

void asyncp_ended_close(struct async_loop *loop)
{
    memory_free(&loop->memory, loop->debug.ended, sizeof *loop->debug.ended);
    loop->debug.ended = NULL;
}

static bool knew(const struct ended_task *ended, const void *address)
{
    for (uint32_t i = 0; i < ended->word_count; i++)
        if (ended->words[i] == (uintptr_t)address)
            return true;
    return false;
}

/* The one that ended before another one, or the last one; NULL: none. */
static const struct ended_task *ended_before(const struct async_loop *loop,
                                             const struct ended_task *later)
{
    const struct ended_tasks *all = loop->debug.ended;
    if (all == NULL || all->count == 0)
        return NULL;
    const size_t newest = (all->count - 1) % MAX_ENDED;
    const size_t at = later != NULL ? ((size_t)(later - all->tasks) + MAX_ENDED - 1) % MAX_ENDED
                                    : newest;
    bool is_round = later != NULL && at == newest;
    return is_round || all->tasks[at].id == 0 ? NULL : &all->tasks[at];
}

const struct ended_task *asyncp_ended_knowing(const struct async_loop *loop, const void *address,
                                              const struct ended_task *before)
{
    const struct ended_task *ended = ended_before(loop, before);
    while (ended != NULL && !knew(ended, address))
        ended = ended_before(loop, ended);
    return ended;
}

const struct ended_task *asyncp_ended_find(const struct async_loop *loop, uint64_t id)
{
    const struct ended_task *ended = ended_before(loop, NULL);
    while (ended != NULL && ended->id != id)
        ended = ended_before(loop, ended);
    return ended;
}
