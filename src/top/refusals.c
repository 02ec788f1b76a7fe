/*
 * top/refusals.c: the task has yielded in its refused call, so its stack tells where that is.
 * Without memory for a look the report has no place.
 */
#include "top/refusals.h"
#include "sched/sched.h"
#include "sys/report.h"
#include "top/own_look.h"
#include <stdio.h>
#include <unistd.h>

static void print_refusals(FILE *to, const struct async_task *task, const char *place)
{
    fprintf(to,
            "asyncio: %s ignores its cancellation: %u calls were refused with -ECANCELED%s%s; "
            "return the error, or answer with async_task_uncancel(async_current_task())\n",
            asyncp_label(task).text, task->coroutine->refusals,
            *place != '\0' ? ", the last one at " : "", place);
}

static const struct row *row_of_task(const struct snapshot *snapshot, const struct async_task *task)
{
    for (size_t i = 0; i < snapshot->row_count; i++)
        if (snapshot->rows[i].address == (uintptr_t)task)
            return &snapshot->rows[i];
    return NULL;
}

static int print_with_place(FILE *to, struct own_look *look, void *task)
{
    char place[512] = "";
    const struct row *row = row_of_task(&look->snapshot, task);
    if (row != NULL)
        asyncp_show_place(place, sizeof place, &look->places.places, &look->snapshot, row);
    print_refusals(to, task, place);
    return 0;
}

void asyncp_report_refusals(const struct async_task *task)
{
    void *context = (void *)(uintptr_t)task;
    if (asyncp_own_report(STDERR_FILENO, true, print_with_place, context) < 0)
        print_refusals(stderr, task, "");
}
