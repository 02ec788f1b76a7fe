/*
 * timeline/encode.c: writes the events of a ring in few bytes: differences of time, and small
 * numbers in place of tasks, waits and texts. A ring of a core may have anything in it.
 */
#include "timeline/encode.h"
#include "inspect/table.h"
#include "inspect/texts.h"
#include <errno.h>
#include <string.h>

struct task_entry {
    uint64_t task;
    uint64_t known; /* its texts are */
    uint32_t name, where;
    uint32_t live; /* index + 1 of a live task; 0: it has ended */
    int32_t result;
    uint32_t own_name;  /* index + 1 in the ring */
    uint32_t live_name; /* index + 1 of a text: its own name, of a live task; 0: none */
};

struct wait_entry {
    uint64_t call, object;
    uint32_t text, unused;
};

struct encoder {
    const struct recording *recording;
    struct texts texts;
    struct table tasks, waits;
    struct output events;
    uint64_t event_count, lost;
    uint64_t begin_ns, last_ns;
    int result;
};

static void keep_error(struct encoder *encoder, int result)
{
    if (encoder->result == 0)
        encoder->result = result;
}

static uint32_t text_at(struct encoder *encoder, uint64_t address)
{
    uint32_t index = 0;
    keep_error(encoder, asyncp_texts_add(&encoder->texts, address, &index));
    return index;
}

static uint32_t task_at(struct encoder *encoder, uint32_t task)
{
    const uint64_t key = task;
    uint32_t index = 0;
    keep_error(encoder, asyncp_table_add(&encoder->tasks, &key, &index));
    return index;
}

static void set_texts(struct encoder *encoder, uint32_t task, uint64_t name, uint64_t where)
{
    uint32_t name_text = text_at(encoder, name), where_text = text_at(encoder, where);
    if (encoder->result < 0)
        return;
    struct task_entry *entry = asyncp_table_at(&encoder->tasks, task);
    entry->known = 1;
    entry->name = name_text;
    entry->where = where_text;
}

static uint32_t wait_at(struct encoder *encoder, uint64_t call, uint64_t object)
{
    const uint64_t key[2] = {call, object};
    uint32_t index = 0, text = text_at(encoder, call);
    keep_error(encoder, asyncp_table_add(&encoder->waits, key, &index));
    if (encoder->result == 0) {
        struct wait_entry *entry = asyncp_table_at(&encoder->waits, index);
        entry->text = text;
    }
    return index;
}

/* ---- events ---------------------------------------------------------------------------------- */

static uint64_t event_ns(const struct trace_ring *ring, uint64_t ticks)
{
    const struct clock_pair *from = &ring->opened, *to = &ring->latest;
    if (ring->is_virtual || !ring->has_ticks || to->ticks <= from->ticks)
        return ticks;
    double ratio = (double)(to->ns - from->ns) / (double)(to->ticks - from->ticks);
    double ns = (double)from->ns + ((double)ticks - (double)from->ticks) * ratio;
    return ns > 0 && ns < 9e18 ? (uint64_t)ns : 0;
}

static bool has_detail(const struct trace_event *event)
{
    return event_kind(event) == EVENT_WAIT || event_kind(event) == EVENT_END;
}

/* Times never go back: an event that is too early gets the time of the event before it. */
static void put_time(struct encoder *encoder, uint64_t ns)
{
    if (encoder->event_count == 0 && encoder->lost > 0)
        encoder->begin_ns = encoder->last_ns = ns;
    uint64_t later_ns = ns > encoder->last_ns ? ns - encoder->last_ns : 0;
    asyncp_output_uleb(&encoder->events, later_ns);
    encoder->last_ns += later_ns;
}

static void encode_event(struct encoder *encoder, const struct trace_event *event,
                         const struct trace_event *detail)
{
    enum { MAX_FLAGS = 15 };
    const struct trace_ring *ring = encoder->recording->ring;
    const uint8_t kind = event_kind(event);
    asyncp_output_byte(&encoder->events, (uint8_t)(kind | (event_flags(event) & MAX_FLAGS) << 4));
    put_time(encoder, event_ns(ring, event->ticks));
    uint32_t task = task_at(encoder, event_task(event));
    asyncp_output_uleb(&encoder->events, task);
    if (kind == EVENT_WAIT)
        asyncp_output_uleb(&encoder->events, wait_at(encoder, detail->first, detail->second));
    if (kind == EVENT_END)
        set_texts(encoder, task, detail->first, detail->second);
    if (kind == EVENT_END && encoder->result == 0) {
        struct task_entry *entry = asyncp_table_at(&encoder->tasks, task);
        entry->result = event_result(event);
    }
    encoder->event_count++;
}

/* An event takes one or two places of the ring: about as many per place as in what is left. */
static uint64_t count_lost(uint64_t lost_places, uint64_t events, uint64_t places)
{
    uint64_t lost = (uint64_t)((double)lost_places * (double)events / (double)places);
    return lost_places > 0 && lost == 0 ? 1 : lost;
}

/* From the oldest whole block on; `position` was read before the events. */
static void encode_events(struct encoder *encoder, uint64_t position)
{
    const struct trace_ring *ring = encoder->recording->ring;
    const uint64_t capacity = (uint64_t)ring->blocks * BLOCK_EVENTS;
    uint64_t from = 0;
    uint64_t written = encoder->recording->written_after;
    if (written < position)
        written = position;
    if (written > capacity)
        from = (written - capacity + BLOCK_EVENTS) / BLOCK_EVENTS * BLOCK_EVENTS;
    encoder->lost = from;
    for (uint64_t i = from; i < position && encoder->result == 0; i++) {
        const struct trace_event *event = &ring->events[i & (capacity - 1)];
        const struct trace_event *detail = &ring->events[(i + 1) & (capacity - 1)];
        if (event_kind(event) == EVENT_FILLER || event_kind(event) >= EVENT_KINDS)
            continue;
        if (has_detail(event) && ++i == position)
            break;
        encode_event(encoder, event, detail);
    }
    if (position > from)
        encoder->lost = count_lost(from, encoder->event_count, position - from);
}

/* ---- tasks ----------------------------------------------------------------------------------- */

static void add_live_tasks(struct encoder *encoder)
{
    const struct recording *recording = encoder->recording;
    for (size_t i = 0; i < recording->live_count && encoder->result == 0; i++) {
        const struct live_task *live = &recording->live[i];
        uint32_t task = task_at(encoder, live->task);
        uint32_t live_name = live->own_name != 0 ? text_at(encoder, live->own_name) + 1 : 0;
        set_texts(encoder, task, live->name, live->where);
        if (live->call != 0)
            wait_at(encoder, live->call, live->object);
        if (encoder->result < 0)
            break;
        struct task_entry *entry = asyncp_table_at(&encoder->tasks, task);
        entry->live = (uint32_t)i + 1;
        entry->live_name = live_name;
    }
}

/* The last name of a task counts. Tasks that are not in the record are left out. */
static void add_own_names(struct encoder *encoder, uint64_t written)
{
    const struct trace_ring *ring = encoder->recording->ring;
    for (uint64_t i = written > RING_NAMES ? written - RING_NAMES : 0;
         i < written && encoder->result == 0; i++) {
        const uint64_t key = ring->names[i % RING_NAMES].task;
        uint32_t task;
        if (!asyncp_table_find(&encoder->tasks, &key, &task))
            continue;
        struct task_entry *entry = asyncp_table_at(&encoder->tasks, task);
        entry->own_name = (uint32_t)(i % RING_NAMES) + 1;
    }
}

static void put_own_name(const struct encoder *encoder, struct output *output,
                         const struct task_entry *entry)
{
    const struct trace_ring *ring = encoder->recording->ring;
    char text[sizeof ring->names->text + 1] = {0};
    if (entry->live_name != 0) {
        asyncp_output_text(output, asyncp_texts_get(&encoder->texts, entry->live_name - 1));
    } else {
        memcpy(text, ring->names[entry->own_name - 1].text, sizeof ring->names->text);
        asyncp_output_text(output, text);
    }
}

static bool has_own_name(const struct task_entry *entry)
{
    return entry->own_name != 0 || entry->live_name != 0;
}

static void put_live_state(struct encoder *encoder, struct output *output,
                           const struct live_task *live)
{
    asyncp_output_uleb(
        output, live->call != 0 ? (uint64_t)wait_at(encoder, live->call, live->object) + 1 : 0);
}

enum { TASK_KNOWN = 1, TASK_LIVE = 2, TASK_NAMED = 4 };

static void put_tasks(struct encoder *encoder, struct output *output)
{
    const struct recording *recording = encoder->recording;
    asyncp_output_uleb(output, encoder->tasks.count);
    for (uint32_t i = 0; i < encoder->tasks.count; i++) {
        const struct task_entry *entry = asyncp_table_at(&encoder->tasks, i);
        asyncp_output_uleb(output, entry->task);
        asyncp_output_uleb(output, (entry->known != 0 ? TASK_KNOWN : 0) |
                                       (entry->live != 0 ? TASK_LIVE : 0) |
                                       (has_own_name(entry) ? TASK_NAMED : 0));
        asyncp_output_uleb(output, (uint32_t)(entry->result < 0 ? -entry->result : 0));
        if (entry->known != 0) {
            asyncp_output_uleb(output, entry->name);
            asyncp_output_uleb(output, entry->where);
        }
        if (has_own_name(entry))
            put_own_name(encoder, output, entry);
        if (entry->live != 0)
            put_live_state(encoder, output, &recording->live[entry->live - 1]);
    }
}

/* ---- sections -------------------------------------------------------------------------------- */

static void put_texts(const struct encoder *encoder, struct output *output)
{
    asyncp_output_uleb(output, encoder->texts.entries.count);
    for (uint32_t i = 0; i < encoder->texts.entries.count; i++)
        asyncp_output_text(output, asyncp_texts_get(&encoder->texts, i));
}

static void put_waits(const struct encoder *encoder, struct output *output)
{
    asyncp_output_uleb(output, encoder->waits.count);
    for (uint32_t i = 0; i < encoder->waits.count; i++) {
        const struct wait_entry *entry = asyncp_table_at(&encoder->waits, i);
        asyncp_output_uleb(output, entry->text);
        asyncp_output_uleb(output, entry->object);
    }
}

static void put_head(const struct encoder *encoder, struct output *output)
{
    const struct recording *recording = encoder->recording;
    uint64_t end_ns = recording->now_ns > encoder->last_ns ? recording->now_ns : encoder->last_ns;
    const uint64_t numbers[] = {
        recording->loop, recording->thread, recording->ring->is_virtual != 0,
        recording->end,  encoder->begin_ns, end_ns - encoder->begin_ns,
        encoder->lost,   recording->timers, recording->in_flight,
        recording->jobs};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        asyncp_output_uleb(output, numbers[i]);
    asyncp_output_text(output, recording->backend);
}

static void put_section(struct output *output, const struct output *body)
{
    const uint64_t size = body->count;
    asyncp_output_put(output, SECTION_TAG, strlen(SECTION_TAG));
    for (unsigned shift = 0; shift < 64; shift += 8)
        asyncp_output_byte(output, (uint8_t)(size >> shift));
    asyncp_output_put(output, body->bytes, body->count);
    output->failed |= body->failed;
}

static void encode_section(struct encoder *encoder, struct output *output)
{
    const struct recording *recording = encoder->recording;
    struct output body = {.bytes = NULL};
    uint64_t position = atomic_load_explicit(&recording->ring->position, memory_order_acquire);
    uint64_t names = atomic_load_explicit(&recording->ring->names_written, memory_order_acquire);
    encoder->begin_ns = encoder->last_ns = (uint64_t)recording->ring->opened.ns;
    task_at(encoder, 0); /* the loop itself is the first one */
    encode_events(encoder, position);
    add_live_tasks(encoder);
    add_own_names(encoder, names);
    if (encoder->result == 0)
        encoder->result = asyncp_texts_read(&encoder->texts, recording->view);
    if (encoder->result < 0)
        return;
    put_head(encoder, &body);
    put_texts(encoder, &body);
    put_tasks(encoder, &body);
    put_waits(encoder, &body);
    asyncp_output_uleb(&body, encoder->event_count);
    asyncp_output_put(&body, encoder->events.bytes, encoder->events.count);
    body.failed |= encoder->events.failed;
    put_section(output, &body);
    asyncp_output_free(&body);
}

void asyncp_timeline_begin(struct output *output)
{
    asyncp_output_put(output, TIMELINE_MAGIC, strlen(TIMELINE_MAGIC));
    asyncp_output_byte(output, TIMELINE_VERSION);
}

int asyncp_timeline_encode(struct output *output, const struct recording *recording)
{
    struct encoder encoder = {
        .recording = recording,
        .tasks = {.record_bytes = sizeof(struct task_entry), .key_bytes = sizeof(uint64_t)},
        .waits = {.record_bytes = sizeof(struct wait_entry), .key_bytes = 2 * sizeof(uint64_t)}};
    asyncp_texts_open(&encoder.texts);
    encode_section(&encoder, output);
    asyncp_texts_free(&encoder.texts);
    asyncp_table_free(&encoder.tasks);
    asyncp_table_free(&encoder.waits);
    asyncp_output_free(&encoder.events);
    return encoder.result < 0 ? encoder.result : output->failed ? -ENOMEM : 0;
}
