/* timeline/decode.c: reads sections, which may have anything in them. */
#include "timeline/decode.h"
#include "inspect/bytes.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { TAG_BYTES = sizeof SECTION_TAG - 1, SIZE_BYTES = 8 };

bool asyncp_timeline_is_file(const void *bytes, size_t size, size_t *offset)
{
    const size_t magic = strlen(TIMELINE_MAGIC);
    *offset = magic + 1;
    return size > magic && memcmp(bytes, TIMELINE_MAGIC, magic) == 0 &&
           ((const uint8_t *)bytes)[magic] == TIMELINE_VERSION;
}

/* The bytes that an element takes at least. In memory it takes up to 16 times as many. */
enum { MIN_TEXT_BYTES = 1, MIN_TASK_BYTES = 3, MIN_WAIT_BYTES = 2, MIN_EVENT_BYTES = 3 };

/* A number of elements, for which there are bytes. */
static size_t read_count(struct bytes *from, size_t min_bytes)
{
    uint64_t count = asyncp_bytes_uleb(from);
    if (count > (uint64_t)(from->end - from->at) / min_bytes)
        from->failed = true;
    return from->failed ? 0 : (size_t)count;
}

/* An index below count; 0 after an error. */
static uint32_t read_index(struct bytes *from, size_t count)
{
    uint64_t index = asyncp_bytes_uleb(from);
    if (index >= count)
        from->failed = true;
    return from->failed ? 0 : (uint32_t)index;
}

/* An array of `count` elements, at least one. NULL: no memory. */
static void *new_array(size_t count, size_t size)
{
    return calloc(count > 0 ? count : 1, size);
}

/* Copies a text to *memory, and moves it behind it. */
static const char *read_text(struct bytes *from, char **memory)
{
    size_t length = read_count(from, 1);
    const uint8_t *bytes = asyncp_bytes_skip(from, length);
    char *text = *memory;
    if (bytes == NULL)
        return "";
    memcpy(text, bytes, length);
    text[length] = 0;
    *memory += length + 1;
    return text;
}

static void read_head(struct timeline *timeline, struct bytes *from, char **memory)
{
    timeline->loop = (uint32_t)asyncp_bytes_uleb(from);
    timeline->thread = (uint32_t)asyncp_bytes_uleb(from);
    timeline->is_virtual = asyncp_bytes_uleb(from) != 0;
    timeline->end = (enum timeline_end)read_index(from, TIMELINE_ENDS);
    timeline->begin_ns = asyncp_bytes_uleb(from);
    timeline->length_ns = asyncp_bytes_uleb(from);
    timeline->lost = asyncp_bytes_uleb(from);
    timeline->timers = asyncp_bytes_uleb(from);
    timeline->in_flight = asyncp_bytes_uleb(from);
    timeline->jobs = asyncp_bytes_uleb(from);
    timeline->backend = read_text(from, memory);
}

static int decode_texts(struct timeline *timeline, struct bytes *from, char **memory)
{
    timeline->text_count = read_count(from, MIN_TEXT_BYTES);
    timeline->texts = new_array(timeline->text_count, sizeof *timeline->texts);
    for (size_t i = 0; timeline->texts != NULL && i < timeline->text_count && !from->failed; i++)
        timeline->texts[i] = read_text(from, memory);
    return timeline->texts != NULL ? 0 : -ENOMEM;
}

static void decode_task(struct timeline *timeline, struct timeline_task *task, struct bytes *from,
                        char **memory)
{
    enum { TASK_KNOWN = 1, TASK_LIVE = 2, TASK_NAMED = 4 };
    task->id = (uint32_t)asyncp_bytes_uleb(from);
    uint64_t flags = asyncp_bytes_uleb(from);
    task->error = -(int)(asyncp_bytes_uleb(from) & 0xffff);
    task->name = task->function = task->where = "";
    if ((flags & TASK_KNOWN) != 0) {
        uint32_t name = read_index(from, timeline->text_count);
        uint32_t where = read_index(from, timeline->text_count);
        task->name = task->function = timeline->text_count > 0 ? timeline->texts[name] : "";
        task->where = timeline->text_count > 0 ? timeline->texts[where] : "";
    }
    if ((flags & TASK_NAMED) != 0)
        task->name = read_text(from, memory);
    task->is_live = (flags & TASK_LIVE) != 0;
    if (task->is_live)
        task->wait = (uint32_t)asyncp_bytes_uleb(from);
}

static int decode_tasks(struct timeline *timeline, struct bytes *from, char **memory)
{
    timeline->task_count = read_count(from, MIN_TASK_BYTES);
    timeline->tasks = new_array(timeline->task_count, sizeof *timeline->tasks);
    if (timeline->tasks == NULL)
        return -ENOMEM;
    if (timeline->task_count == 0)
        from->failed = true;
    for (size_t i = 0; i < timeline->task_count && !from->failed; i++)
        decode_task(timeline, &timeline->tasks[i], from, memory);
    return 0;
}

static int decode_waits(struct timeline *timeline, struct bytes *from)
{
    timeline->wait_count = read_count(from, MIN_WAIT_BYTES);
    timeline->waits = new_array(timeline->wait_count, sizeof *timeline->waits);
    if (timeline->waits == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < timeline->wait_count && !from->failed; i++) {
        uint32_t call = read_index(from, timeline->text_count);
        timeline->waits[i] = (struct timeline_wait){
            .call = timeline->text_count > 0 ? timeline->texts[call] : "",
            .object = asyncp_bytes_uleb(from)};
    }
    for (size_t i = 0; i < timeline->task_count; i++)
        if (timeline->tasks[i].wait > timeline->wait_count)
            from->failed = true;
    return 0;
}

/* Times are cut at the length, so that nothing lies behind the end. */
static int decode_events(struct timeline *timeline, struct bytes *from)
{
    uint64_t at_ns = 0;
    timeline->event_count = read_count(from, MIN_EVENT_BYTES);
    if (timeline->event_count > (size_t)MAX_RING_BLOCKS * BLOCK_EVENTS) {
        timeline->event_count = 0;
        from->failed = true;
    }
    timeline->events = new_array(timeline->event_count, sizeof *timeline->events);
    if (timeline->events == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < timeline->event_count && !from->failed; i++) {
        struct timeline_event *event = &timeline->events[i];
        uint8_t first = (uint8_t)asyncp_bytes_unsigned(from, 1);
        event->kind = first & 15;
        event->flags = first >> 4;
        uint64_t later_ns = asyncp_bytes_uleb(from);
        at_ns += later_ns < timeline->length_ns - at_ns ? later_ns : timeline->length_ns - at_ns;
        event->at_ns = at_ns;
        event->task = read_index(from, timeline->task_count);
        if (event->kind == EVENT_WAIT)
            event->wait = read_index(from, timeline->wait_count);
        if (event->kind == EVENT_FILLER || event->kind >= EVENT_KINDS)
            from->failed = true;
        timeline->tasks[event->task].has_events = true;
    }
    return 0;
}

static int read_section(struct timeline *timeline, struct bytes *from)
{
    /* Each text takes a byte for its length, which is that of its zero byte. */
    char *memory = timeline->memory = malloc((size_t)(from->end - from->at) + 1);
    if (memory == NULL)
        return -ENOMEM;
    read_head(timeline, from, &memory);
    int result = decode_texts(timeline, from, &memory);
    if (result == 0)
        result = decode_tasks(timeline, from, &memory);
    if (result == 0)
        result = decode_waits(timeline, from);
    if (result == 0 && !from->failed)
        result = decode_events(timeline, from);
    return result == 0 && from->failed ? -EPROTO : result;
}

int asyncp_timeline_decode(struct timeline *timeline, const void *bytes, size_t size,
                           size_t *offset)
{
    const uint8_t *all = bytes;
    *timeline = (struct timeline){.loop = 0};
    if (*offset >= size)
        return 0;
    struct bytes from = {.at = all + *offset, .end = all + size};
    const uint8_t *tag = asyncp_bytes_skip(&from, TAG_BYTES);
    uint64_t length = 0;
    for (unsigned i = 0; i < SIZE_BYTES; i++)
        length |= asyncp_bytes_unsigned(&from, 1) << 8 * i;
    const uint8_t *body = asyncp_bytes_skip(&from, length);
    if (tag == NULL || body == NULL || memcmp(tag, SECTION_TAG, TAG_BYTES) != 0)
        return -EPROTO;
    *offset = (size_t)(from.at - all);
    struct bytes section = {.at = body, .end = body + length};
    int result = read_section(timeline, &section);
    if (result < 0)
        asyncp_timeline_free(timeline);
    return result < 0 ? result : 1;
}

void asyncp_timeline_free(struct timeline *timeline)
{
    free(timeline->texts);
    free(timeline->tasks);
    free(timeline->waits);
    free(timeline->events);
    free(timeline->memory);
    *timeline = (struct timeline){.loop = 0};
}
