/* recorded.c: a file of ASYNCIO_TRACE in a temporary folder, and its events as text. */
#include "timeline/recorded.h"
#include "run/runner.h"
#include "timeline/output.h"
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static char path[64];

void record_begin(void)
{
    char folder[] = "/tmp/asyncio-trace-XXXXXX";
    CHECK(mkdtemp(folder) != NULL);
    snprintf(path, sizeof path, "%s/run.%%p.trace", folder);
    CHECK_EQ(setenv("ASYNCIO_TRACE", path, 1), 0);
    snprintf(path, sizeof path, "%s/run.%d.trace", folder, (int)getpid());
}

char *record_bytes(size_t *size)
{
    FILE *file = fopen(path, "rb");
    CHECK(file != NULL);
    CHECK_EQ(fseek(file, 0, SEEK_END), 0);
    *size = (size_t)ftell(file);
    rewind(file);
    char *bytes = malloc(*size);
    CHECK(bytes != NULL && fread(bytes, 1, *size, file) == *size);
    fclose(file);
    CHECK_EQ(unlink(path), 0);
    *strrchr(path, '/') = 0;
    CHECK_EQ(rmdir(path), 0);
    CHECK_EQ(unsetenv("ASYNCIO_TRACE"), 0);
    return bytes;
}

void record_end(struct timeline *timeline)
{
    size_t size, offset;
    char *bytes = record_bytes(&size);
    CHECK(asyncp_timeline_is_file(bytes, size, &offset));
    CHECK_EQ(asyncp_timeline_decode(timeline, bytes, size, &offset), 1);
    free(bytes);
}

char *record_text(const struct timeline *timeline)
{
    static const char *const kinds[EVENT_KINDS] = {"",      "run",   "wake", "create", "wait",
                                                   "yield", "start", "end",  "done",   "sleep"};
    struct output output = {.bytes = NULL};
    for (size_t i = 0; i < timeline->event_count; i++) {
        const struct timeline_event *event = &timeline->events[i];
        asyncp_output_print(&output, "%s%g %s", i > 0 ? "; " : "", (double)event->at_ns / 1e9,
                            kinds[event->kind]);
        if (event->task > 0)
            asyncp_output_print(&output, " #%u", timeline->tasks[event->task].id);
        if (event->kind == EVENT_WAIT)
            asyncp_output_print(&output, " %s", timeline->waits[event->wait].call);
        if (event->kind == EVENT_WAKE && event->flags != 0)
            asyncp_output_print(&output, event->flags == WAKE_TIMER ? " timer" : " cancelled");
    }
    asyncp_output_byte(&output, 0);
    CHECK(!output.failed);
    return output.bytes;
}

const struct timeline_task *recorded_task(const struct timeline *timeline, uint32_t id)
{
    for (size_t i = 0; i < timeline->task_count; i++)
        if (timeline->tasks[i].id == id)
            return &timeline->tasks[i];
    test_fail(__FILE__, __LINE__, "task %u is not in the timeline", id);
}
