/*
 * core/record.c: the records that handles point to: where they come from, when they are free again, and what is
 * said when one is used wrongly. They lie in chunks that stay until the loop closes. A free one is used again at
 * once, because it is warm; in debug mode as late as possible, so that a stale handle is noticed.
 */
#include "core/loop.h"

enum { TASKS_IN_CHUNK = 64, DEBUG_QUARANTINE = 4096 };

struct task_chunk {
    struct task_chunk *next;                 /* an older one */
    struct async_task tasks[TASKS_IN_CHUNK]; /* the records */
};

static void put_free(struct async_loop *loop, struct async_task *task)
{
    if (loop->debug) {
        task->next = NULL;
        *loop->free_tasks_end = task;
        loop->free_tasks_end = &task->next;
    } else {
        task->next = loop->free_tasks;
        loop->free_tasks = task;
    }
    loop->free_task_count++;
}

static int add_chunk(struct async_loop *loop)
{
    struct task_chunk *chunk = memory_new(&loop->memory, sizeof *chunk);
    if (chunk == NULL)
        return -ENOMEM;
    chunk->next = loop->task_chunks;
    loop->task_chunks = chunk;
    if (loop->free_tasks == NULL)
        loop->free_tasks_end = &loop->free_tasks;
    for (int i = TASKS_IN_CHUNK - 1; i >= 0; i--) {
        chunk->tasks[i].loop = loop;
        put_free(loop, &chunk->tasks[i]);
    }
    return 0;
}

struct async_task *async__task_take(struct async_loop *loop)
{
    size_t kept = loop->debug ? DEBUG_QUARANTINE : 0;
    if (unlikely(loop->free_task_count <= kept) && add_chunk(loop) < 0 && loop->free_task_count == 0)
        return NULL;
    struct async_task *task = loop->free_tasks;
    loop->free_tasks = task->next;
    loop->free_task_count--;
    ASSERT(task->references == 0 && task_done(task));
    task->id = ++loop->created;
    return task;
}

static void free_name(struct async_task *task)
{
    if (task->owns_name)
        memory_free(&task->loop->memory, (char *)(uintptr_t)task->name, strlen(task->name) + 1);
    task->owns_name = false;
}

static void report_unseen(const struct async_task *task)
{
    if (task->result >= 0 || task->result == -ECANCELED || task->seen)
        return;
    char meaning[SENTENCE_SIZE + 32];
    async__describe(meaning, sizeof meaning, task->result, task->sentence);
    async__report("task #%llu '%s' (created at %s) failed and nobody looked at its result: %s",
                  (unsigned long long)task->id, task->name, task->where, meaning);
}

void async__task_release(struct async_task *task)
{
    if (task->references > 0 || !task_done(task))
        return;
    report_unseen(task);
    if (task->sentence != NULL)
        async__sentence_free(&task->loop->memory, task->sentence);
    task->sentence = NULL;
    if (task->owns_name) {
        free_name(task);
        task->name = "(its name is gone)";
    }
    put_free(task->loop, task);
}

struct async_task *async__task_next(const struct async_loop *loop, const struct async_task *task)
{
    bool found = task == NULL;
    for (struct task_chunk *chunk = loop->task_chunks; chunk != NULL; chunk = chunk->next) {
        bool here = !found && task >= chunk->tasks && task < chunk->tasks + TASKS_IN_CHUNK;
        if (!found && !here)
            continue;
        for (int i = here ? (int)(task - chunk->tasks) + 1 : 0; i < TASKS_IN_CHUNK; i++)
            if (!task_done(&chunk->tasks[i]))
                return &chunk->tasks[i];
        found = true;
    }
    return NULL;
}

void async__tasks_close(struct async_loop *loop)
{
    for (struct task_chunk *chunk = loop->task_chunks, *next; chunk != NULL; chunk = next) {
        next = chunk->next;
        for (int i = 0; i < TASKS_IN_CHUNK; i++) {
            ASSERT(task_done(&chunk->tasks[i]));
            if (chunk->tasks[i].references == 0)
                continue;
            chunk->tasks[i].references = 0;
            async__task_release(&chunk->tasks[i]);
        }
        memory_free(&loop->memory, chunk, sizeof *chunk);
    }
    loop->task_chunks = NULL;
}

void async__task_check(const struct async_task *task, const char *call, bool taking)
{
    ENSURE(task->loop == async__current,
           "%s: task #%llu '%s' belongs to another thread's loop; send work there with "
           "async_call_soon_threadsafe",
           call, (unsigned long long)task->id, task->name);
    ENSURE(
        task->references > 0 || (!taking && !task_done(task)),
        "%s: the handle of task #%llu '%s' (created at %s) was taken before: a handle is awaited, gathered "
        "or detached once",
        call, (unsigned long long)task->id, task->name, task->where);
}

int async__task_rename(struct async_task *task, const char *name)
{
    size_t size = strlen(name) + 1;
    char *copy = memory_resize(&task->loop->memory, NULL, 0, size);
    if (copy == NULL)
        return -ENOMEM;
    memcpy(copy, name, size);
    free_name(task);
    task->name = copy;
    task->owns_name = true;
    return 0;
}

async_task *async_task_ref(async_task *task)
{
    if (task == NULL)
        return NULL;
    async__task_check(task, "async_task_ref", false);
    task->references++;
    return task;
}
