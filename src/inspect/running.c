/*
 * inspect/running.c: a thread is asked before and after its stack is read. If the answers agree, it
 * has most likely not run in between: it may have made the same call again.
 */
#include "inspect/running.h"
#include <string.h>

static bool has_not_run(const struct registers *before, const struct registers *after)
{
    return before->pc == after->pc && before->known == after->known &&
           before->values[CFI_STACK_POINTER] == after->values[CFI_STACK_POINTER];
}

/* The trace stays empty if the calls are not known. */
static int add_trace(struct snapshot *snapshot, struct unwinder *unwinder,
                     const struct thread_source *source, uint32_t thread,
                     const struct stack_range *stack, uint32_t *index)
{
    const struct piece none = {.was_read = false};
    struct registers before = {.known = 0}, after = before;
    struct trace trace = {.frames = {0}};
    if (source->read(source, thread, &before)) {
        asyncp_unwind_from(unwinder, &before, &none, stack, trace.frames);
        if (!source->read(source, thread, &after) || !has_not_run(&before, &after))
            memset(&trace, 0, sizeof trace);
    }
    return asyncp_table_add(&snapshot->traces, &trace, index);
}

int asyncp_running_find(struct snapshot *snapshot, struct unwinder *unwinder,
                        const struct thread_source *source)
{
    int result = 0;
    for (size_t i = 0; i < snapshot->row_count && result == 0; i++) {
        struct row *row = &snapshot->rows[i];
        const struct stack_range stack = {row->coroutine - row->stack_size, row->stack_size};
        if (row->state == ROW_RUNS)
            result = add_trace(snapshot, unwinder, source, snapshot->loops[row->loop].thread,
                               &stack, &row->trace);
    }
    return result;
}

int asyncp_running_find_thread(struct snapshot *snapshot, struct unwinder *unwinder,
                               const struct thread_source *source, uint32_t thread, uint32_t *index)
{
    return add_trace(snapshot, unwinder, source, thread, &asyncp_any_stack, index);
}
