/*
 * cmd/perfetto.c: a timeline for ui.perfetto.dev: packets of perfetto's protos/perfetto/trace, in
 * the encoding of protocol buffers. A track for each task below one for the loop, a slice for each
 * span, and a flow from the turn that has made a task ready to its next slice.
 */
#include "base/text.h"
#include "cmd/trace.h"
#include "timeline/replay.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Numbers of fields. */
enum {
    TRACE_PACKET = 1,
    PACKET_TIMESTAMP = 8,
    PACKET_SEQUENCE_ID = 10,
    PACKET_TRACK_EVENT = 11,
    PACKET_SEQUENCE_FLAGS = 13,
    PACKET_TRACK_DESCRIPTOR = 60,
    DESCRIPTOR_UUID = 1,
    DESCRIPTOR_NAME = 2,
    DESCRIPTOR_PARENT = 5,
    EVENT_TYPE = 9,
    EVENT_TRACK = 11,
    EVENT_CATEGORY = 22,
    EVENT_NAME = 23,
    EVENT_FLOW = 47,
    EVENT_LAST_FLOW = 48
};

enum { TYPE_BEGIN = 1, TYPE_END = 2, TYPE_INSTANT = 3, STATE_CLEARED = 1, SEQUENCE = 1 };
enum { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2 };

struct perfetto {
    struct output *output;
    struct output packet, message; /* reused */
    const struct timeline *timeline;
    uint64_t first_id; /* of the tracks and flows of this timeline */
    uint64_t flows;
};

static void put_key(struct output *output, unsigned field, unsigned wire)
{
    asyncp_output_uleb(output, (uint64_t)field << 3 | wire);
}

static void put_number(struct output *output, unsigned field, uint64_t value)
{
    put_key(output, field, WIRE_VARINT);
    asyncp_output_uleb(output, value);
}

static void put_fixed(struct output *output, unsigned field, uint64_t value)
{
    put_key(output, field, WIRE_FIXED64);
    for (unsigned shift = 0; shift < 64; shift += 8)
        asyncp_output_byte(output, (uint8_t)(value >> shift));
}

static void put_string(struct output *output, unsigned field, const char *text)
{
    put_key(output, field, WIRE_BYTES);
    asyncp_output_text(output, text);
}

static void put_message(struct output *output, unsigned field, const struct output *message)
{
    put_key(output, field, WIRE_BYTES);
    asyncp_output_uleb(output, message->count);
    asyncp_output_put(output, message->bytes, message->count);
    output->failed |= message->failed;
}

/* The packet with perfetto->message in it. */
static void put_packet(struct perfetto *perfetto, unsigned field, uint64_t at_ns, bool is_first)
{
    struct output *packet = &perfetto->packet;
    packet->count = 0;
    put_number(packet, PACKET_TIMESTAMP, perfetto->timeline->begin_ns + at_ns);
    put_number(packet, PACKET_SEQUENCE_ID, SEQUENCE);
    if (is_first)
        put_number(packet, PACKET_SEQUENCE_FLAGS, STATE_CLEARED);
    put_message(packet, field, &perfetto->message);
    put_message(perfetto->output, TRACE_PACKET, packet);
    perfetto->message.count = 0;
}

static uint64_t track_of(const struct perfetto *perfetto, uint32_t task)
{
    return perfetto->first_id + task;
}

static void put_tracks(struct perfetto *perfetto)
{
    const struct timeline *timeline = perfetto->timeline;
    for (uint32_t i = 0; i < timeline->task_count; i++) {
        const struct timeline_task *task = &timeline->tasks[i];
        char name[256];
        if (i == 0)
            snprintf(name, sizeof name, "loop %" PRIu32, timeline->loop);
        else
            snprintf(name, sizeof name, "#%" PRIu32 " %.*s (%.*s)", task->id,
                     asyncp_text_fit(task->name, 100), task->name,
                     asyncp_text_fit(task->where, 100), task->where);
        if (i > 0 && !task->has_events && !task->is_live)
            continue;
        put_number(&perfetto->message, DESCRIPTOR_UUID, track_of(perfetto, i));
        put_string(&perfetto->message, DESCRIPTOR_NAME, name);
        if (i > 0)
            put_number(&perfetto->message, DESCRIPTOR_PARENT, track_of(perfetto, 0));
        put_packet(perfetto, PACKET_TRACK_DESCRIPTOR, 0, i == 0);
    }
}

static const char *span_name(const struct timeline *timeline, const struct span *span)
{
    static const char *const names[SPAN_STATES] = {"", "runs", "ready", "waits", "sleeps"};
    return span->state == SPAN_WAITS && span->wait != SPAN_UNKNOWN
               ? timeline->waits[span->wait].call
               : names[span->state];
}

/* In the turn that has made a task ready. */
static void put_wake(struct perfetto *perfetto, const struct span *span)
{
    put_number(&perfetto->message, EVENT_TYPE, TYPE_INSTANT);
    put_number(&perfetto->message, EVENT_TRACK, track_of(perfetto, span->by));
    put_string(&perfetto->message, EVENT_NAME, "wakes");
    put_fixed(&perfetto->message, EVENT_FLOW, perfetto->first_id + ++perfetto->flows);
    put_packet(perfetto, PACKET_TRACK_EVENT, span->from_ns, false);
}

static void put_slice(void *context, const struct span *span)
{
    static const char *const categories[SPAN_STATES] = {"", "run", "ready", "wait", "sleep"};
    struct perfetto *perfetto = context;
    bool is_woken = span->state == SPAN_READY && span->by != 0 && span->by != span->task;
    if (is_woken)
        put_wake(perfetto, span);
    put_number(&perfetto->message, EVENT_TYPE, TYPE_BEGIN);
    put_number(&perfetto->message, EVENT_TRACK, track_of(perfetto, span->task));
    put_string(&perfetto->message, EVENT_CATEGORY, categories[span->state]);
    put_string(&perfetto->message, EVENT_NAME, span_name(perfetto->timeline, span));
    if (is_woken)
        put_fixed(&perfetto->message, EVENT_LAST_FLOW, perfetto->first_id + perfetto->flows);
    put_packet(perfetto, PACKET_TRACK_EVENT, span->from_ns, false);
    put_number(&perfetto->message, EVENT_TYPE, TYPE_END);
    put_number(&perfetto->message, EVENT_TRACK, track_of(perfetto, span->task));
    put_packet(perfetto, PACKET_TRACK_EVENT, span->to_ns, false);
}

int trace_put_perfetto(struct output *output, const struct timeline *timeline, uint32_t number)
{
    struct perfetto perfetto = {
        .output = output, .timeline = timeline, .first_id = (uint64_t)number << 32};
    put_tracks(&perfetto);
    int result = asyncp_replay(timeline, put_slice, &perfetto);
    asyncp_output_free(&perfetto.packet);
    asyncp_output_free(&perfetto.message);
    return result < 0 ? result : output->failed ? -ENOMEM : 0;
}
