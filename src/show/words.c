/* show/words.c: texts for people, from numbers and from the texts of the process. */
#include "show/words.h"
#include <asyncio/base.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const char *asyncp_show_state(enum row_state state)
{
    static const char *const states[] = {
        [ROW_RUNS] = "runs",           [ROW_READY] = "ready",   [ROW_WAITS] = "waits",
        [ROW_HELD_BACK] = "held back", [ROW_MOVED] = "changes", [ROW_UNREADABLE] = "no stack"};
    return states[state];
}

void asyncp_show_text(char *shown, size_t size, const struct snapshot *snapshot, uint32_t text)
{
    const char *bytes = asyncp_texts_get(&snapshot->texts, text);
    async_printable(shown, size, bytes, strlen(bytes));
}

void asyncp_show_name(char *shown, size_t size, const struct snapshot *snapshot,
                      const struct row *row)
{
    *shown = 0;
    if (row->state != ROW_MOVED)
        asyncp_show_text(shown, size, snapshot, row->name);
}

void asyncp_show_duration(char *shown, size_t size, int64_t ns)
{
    double seconds = ns > 0 ? (double)ns / 1e9 : 0;
    if (seconds < 1)
        snprintf(shown, size, "%.1f ms", seconds * 1e3);
    else
        snprintf(shown, size, seconds < 100 ? "%.2f s" : "%.0f s", seconds);
}

/* "#3 writer" */
static void show_task(char *shown, size_t size, const struct snapshot *snapshot, uint32_t loop,
                      uint64_t id)
{
    char name[MAX_SHOWN_BYTES];
    const struct row *task = asyncp_row_of(snapshot, loop, id);
    if (task != NULL)
        asyncp_show_text(name, sizeof name, snapshot, task->name);
    snprintf(shown, size, "#%" PRIu64 "%s%s", id, task != NULL ? " " : ", which has ended",
             task != NULL ? name : "");
}

static void show_awaited(char *shown, size_t size, const struct snapshot *snapshot,
                         struct places *places, const struct row *row)
{
    char task[MAX_SHOWN_BYTES + 64], object[MAX_SHOWN_BYTES] = "";
    uint64_t other = row->awaited != 0 ? row->awaited : row->owner;
    *shown = 0;
    show_task(task, sizeof task, snapshot, row->loop, other);
    if (row->awaited == 0 && row->object >= MIN_OBJECT_ADDRESS)
        asyncp_show_object(object, sizeof object, places, row->object);
    if (row->awaited != 0)
        snprintf(shown, size, ", %s", task);
    else if (row->owner == UINT64_MAX)
        snprintf(shown, size, ", lock %s, held by no task", object);
    else if (row->owner != 0)
        snprintf(shown, size, ", lock %s, held by %s", object, task);
    else if (row->object >= MIN_OBJECT_ADDRESS)
        snprintf(shown, size, ", %s", object);
    else if (row->object != 0)
        snprintf(shown, size, ", descriptor %" PRIu64, row->object);
}

void asyncp_show_known(char *shown, size_t size, const struct snapshot *snapshot,
                       const struct known *known, const struct row *row)
{
    enum { NAMED = 2 };
    char name[MAX_SHOWN_BYTES];
    const struct known_object *object = asyncp_known_of(known, row);
    size_t length = 0;
    *shown = 0;
    if (object == NULL)
        return;
    for (uint32_t i = 0; i < object->count && i < NAMED && length < size; i++) {
        const struct row *other = &snapshot->rows[object->rows[i]];
        asyncp_show_name(name, sizeof name, snapshot, other);
        length += (size_t)snprintf(shown + length, size - length, "%s#%" PRIu64 " %s",
                                   i == 0 ? ", known to " : ", ", other->id, name);
    }
    if (object->count > NAMED && length < size)
        snprintf(shown + length, size - length, " and %" PRIu32 " more", object->count - NAMED);
}

void asyncp_show_wait(char *shown, size_t size, const struct snapshot *snapshot,
                      struct places *places, const struct row *row, bool with_object)
{
    char call[MAX_SHOWN_BYTES], object[3 * MAX_SHOWN_BYTES] = "", requests[64] = "";
    const bool waits = row->state == ROW_WAITS;
    *shown = 0;
    if (row->requests > 0 && row->state != ROW_MOVED)
        snprintf(requests, sizeof requests, "%srequests to cancel: %" PRIu32, waits ? "; " : "",
                 row->requests);
    asyncp_show_text(call, sizeof call, snapshot, row->call);
    if (waits && with_object)
        show_awaited(object, sizeof object, snapshot, places, row);
    snprintf(shown, size, "%s%s%s%s", waits ? call : "", object, requests,
             waits && row->cannot_cancel ? "; cannot be cancelled here" : "");
}
