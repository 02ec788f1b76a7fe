/*
 * top/refusals.c: the task has yielded in its refused call, so its stack tells where that is.
 * If there is no memory for a look, the report has no place. Only the first ten reports of a
 * process look for one: each look reads all tasks, and thousands may ignore one cancellation.
 */
#include "top/refusals.h"
#include "sched/sched.h"
#include "sys/report.h"
#include "top/own_look.h"
#include <stdatomic.h>
#include <unistd.h>

enum { MAX_LOOKS = 10 }; /* of the process */

/* A task, and where it is. */
struct refused_task {
    const struct async_task *task;
    char place[512]; /* "": unknown */
};

static int find_place(FILE *to, struct own_look *look, void *context)
{
    struct refused_task *refused = context;
    const struct snapshot *snapshot = &look->snapshot;
    (void)to;
    for (size_t i = 0; i < snapshot->row_count; i++)
        if (snapshot->rows[i].address == (uintptr_t)refused->task)
            asyncp_show_place(refused->place, sizeof refused->place, &look->places.places, snapshot,
                              &snapshot->rows[i]);
    return 0;
}

void asyncp_report_refusals(const struct async_task *task)
{
    static atomic_int looks;
    struct refused_task refused = {.task = task};
    if (atomic_fetch_add(&looks, 1) < MAX_LOOKS)
        (void)asyncp_own_report(STDERR_FILENO, true, find_place, &refused);
    asyncp_report("%s ignores its cancellation: %u calls were refused with -ECANCELED%s%s; return "
                  "the error, or answer with async_task_uncancel(async_current_task())",
                  asyncp_label(task).text, task->coroutine->refusals,
                  refused.place[0] != '\0' ? ", the last one at " : "", refused.place);
}
