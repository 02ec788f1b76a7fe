/* cmd/ending.c: the signal is that of the core's notes, the task the running one of the thread. */
#include "cmd/ending.h"
#include "cmd/json.h"
#include "show/words.h"
#include <inttypes.h>
#include <stdio.h>

/* What the thread that has received the signal did. */
struct ended_thread {
    const struct loop_row *loop; /* NULL: it runs no loop of this copy of libasyncio */
    const struct row *task;      /* NULL: no task ran */
};

int ending_find(struct ending *ending, struct snapshot *snapshot, struct unwinder *unwinder,
                const struct subject_threads *threads)
{
    *ending = (struct ending){.calls = {.state = ROW_RUNS}};
    threads_find_signal(threads->subject, &ending->signal);
    if (ending->signal.number == 0)
        return 0;
    return asyncp_running_find_thread(snapshot, unwinder, &threads->source, ending->signal.thread,
                                      &ending->calls.trace);
}

static struct ended_thread find_ended(const struct sheet *sheet, const struct core_signal *signal)
{
    const struct snapshot *snapshot = sheet->snapshot;
    struct ended_thread found = {.loop = NULL};
    for (size_t i = 0; i < snapshot->loop_count; i++) {
        const struct loop_row *loop = &snapshot->loops[i];
        if (asyncp_is_copy(sheet, loop) || loop->thread != signal->thread)
            continue;
        const size_t end = loop->first_row + loop->row_count;
        if (found.task == NULL)
            found.loop = loop;
        for (size_t j = loop->first_row; j < end && found.task == NULL; j++)
            if (snapshot->rows[j].state == ROW_RUNS)
                found = (struct ended_thread){loop, &snapshot->rows[j]};
    }
    return found;
}

/* false: another copy of libasyncio is that of the thread. */
static bool find_thread(const struct sheet *sheet, const struct subject *subject,
                        const struct ending *ending, struct ended_thread *thread)
{
    *thread = find_ended(sheet, &ending->signal);
    return ending->signal.number != 0 && (thread->loop != NULL || subject->copy_count == 1);
}

/* A task has its place in its row, and a loop that was asleep is in the library. */
static bool needs_place(const struct ended_thread *thread)
{
    return thread->task == NULL && (thread->loop == NULL || !thread->loop->is_asleep);
}

/* ---- as a line ------------------------------------------------------------------------------ */

static void print_thread(const struct sheet *sheet, const struct ended_thread *thread,
                         uint32_t number)
{
    const bool is_whole = sheet->snapshot->unreadable == 0;
    char name[MAX_SHOWN_BYTES], loop[32] = "";
    if (thread->loop == NULL) {
        fprintf(sheet->to, " in thread %" PRIu32 "%s", number,
                is_whole ? ", which runs no loop" : "");
        return;
    }
    if (thread->task == NULL) {
        fprintf(sheet->to, " %s loop %" PRIu32 "%s",
                thread->loop->in_callback ? "in a callback of"
                : thread->loop->is_asleep ? "while"
                                          : "in",
                thread->loop->number,
                thread->loop->in_callback ? ""
                : thread->loop->is_asleep ? " was asleep"
                : is_whole                ? ", which ran no task"
                                          : "");
        return;
    }
    asyncp_show_name(name, sizeof name, sheet->snapshot, thread->task);
    if (sheet->snapshot->loop_count > 1)
        snprintf(loop, sizeof loop, " of loop %" PRIu32, thread->loop->number);
    fprintf(sheet->to, " in task #%" PRIu64 " '%s'%s", thread->task->id, name, loop);
}

static void print_place(const struct sheet *sheet, const struct ending *ending)
{
    char place[MAX_SHOWN_BYTES];
    asyncp_show_place(place, sizeof place, sheet->places, sheet->snapshot, &ending->calls);
    if (*place != 0)
        fprintf(sheet->to, ", at %s", place);
}

void ending_print(const struct sheet *sheet, const struct subject *subject,
                  const struct ending *ending)
{
    const struct core_signal *signal = &ending->signal;
    struct ended_thread thread;
    if (!find_thread(sheet, subject, ending, &thread))
        return;
    fprintf(sheet->to, "%s by %s", signal->has_ended ? "ended" : "stopped", signal->name);
    if (signal->has_address)
        fprintf(sheet->to, " (address 0x%" PRIx64 ")", signal->address);
    if (signal->has_sender)
        fprintf(sheet->to, " (sent by process %" PRId32 ")", signal->sender);
    print_thread(sheet, &thread, signal->thread);
    if (needs_place(&thread))
        print_place(sheet, ending);
    fputc('\n', sheet->to);
}

/* ---- as JSON -------------------------------------------------------------------------------- */

void ending_print_json(const struct sheet *sheet, const struct subject *subject,
                       const struct ending *ending)
{
    const struct core_signal *signal = &ending->signal;
    struct ended_thread thread;
    if (!find_thread(sheet, subject, ending, &thread))
        return;
    printf(",\"ended_by\":{\"signal\":\"%s\",\"number\":%d,\"code\":%d,\"is_final\":%s,"
           "\"thread\":%" PRIu32,
           signal->name, signal->number, signal->code, signal->has_ended ? "true" : "false",
           signal->thread);
    if (signal->has_address)
        printf(",\"address\":\"0x%" PRIx64 "\"", signal->address);
    if (signal->has_sender)
        printf(",\"sender\":%" PRId32, signal->sender);
    if (thread.loop != NULL)
        printf(",\"loop\":%" PRIu32, thread.loop->number);
    if (thread.task != NULL)
        printf(",\"task\":%" PRIu64, thread.task->id);
    if (needs_place(&thread))
        json_print_place(sheet, &ending->calls);
    putchar('}');
}
