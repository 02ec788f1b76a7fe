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

/* *trace stays empty if the calls are not known. */
static void find_trace(const struct snapshot *snapshot, const struct row *row,
                       struct unwinder *unwinder, const struct thread_source *source,
                       struct trace *trace)
{
    const struct piece none = {.was_read = false};
    const struct stack_range stack = {row->coroutine - row->stack_size, row->stack_size};
    const uint32_t thread = snapshot->loops[row->loop].thread;
    struct registers before = {.known = 0}, after = before;
    if (!source->read(source, thread, &before))
        return;
    asyncp_unwind_from(unwinder, &before, &none, &stack, trace->frames);
    if (!source->read(source, thread, &after) || !has_not_run(&before, &after))
        memset(trace, 0, sizeof *trace);
}

int asyncp_running_find(struct snapshot *snapshot, struct unwinder *unwinder,
                        const struct thread_source *source)
{
    int result = 0;
    for (size_t i = 0; i < snapshot->row_count && result == 0; i++) {
        struct row *row = &snapshot->rows[i];
        struct trace trace = {.frames = {0}};
        if (row->state != ROW_RUNS)
            continue;
        find_trace(snapshot, row, unwinder, source, &trace);
        result = asyncp_table_add(&snapshot->traces, &trace, &row->trace);
    }
    return result;
}
