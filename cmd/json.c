/*
 * cmd/json.c: a snapshot as JSON (RFC 8259). Ids and numbers are integers, times are in
 * nanoseconds, addresses are texts such as "0x55aa". Members are added, never renamed: "schema"
 * counts changes that are more than that.
 */
#include "cmd/json.h"
#include "cmd/ps.h"
#include "inspect/kept.h"
#include "show/words.h"
#include <asyncio/base.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* What is not UTF-8 was escaped by show_text already; its backslashes are escaped once more. */
static void print_string(const char *text)
{
    putchar('"');
    while (*text != 0) {
        size_t plain = strcspn(text, "\"\\");
        fwrite(text, 1, plain, stdout);
        text += plain;
        if (*text != 0)
            printf("\\%c", *text++);
    }
    putchar('"');
}

void json_print_text(const char *bytes)
{
    char shown[4 * MAX_TEXT_BYTES];
    async_printable(shown, sizeof shown, bytes, strlen(bytes));
    print_string(shown);
}

static void print_text(const struct snapshot *snapshot, uint32_t text)
{
    json_print_text(asyncp_texts_get(&snapshot->texts, text));
}

static const char *json_state(enum row_state state)
{
    return state == ROW_HELD_BACK    ? "held_back"
           : state == ROW_MOVED      ? "moved"
           : state == ROW_UNREADABLE ? "unreadable"
                                     : asyncp_show_state(state);
}

static void print_object(const struct sheet *sheet, const struct row *row)
{
    char name[256];
    if (row->object == 0)
        return;
    if (row->object < MIN_OBJECT_ADDRESS)
        printf(",\"descriptor\":%" PRIu64, row->object);
    else
        printf(",\"object\":\"0x%" PRIx64 "\"", row->object);
    if (sheet->places->name_object(sheet->places, row->object, name, sizeof name)) {
        printf(",\"object_name\":");
        json_print_text(name);
    }
    if (row->awaited != 0)
        printf(",\"awaits\":%" PRIu64, row->awaited);
    if (row->owner != 0 && row->owner != UINT64_MAX)
        printf(",\"owner\":%" PRIu64, row->owner);
}

void json_print_place(const struct sheet *sheet, const struct row *row)
{
    const struct code_place *place = sheet->places->find(sheet->places, sheet->snapshot, row);
    if (place->function[0] == 0 && place->file[0] == 0)
        return;
    printf(",\"at\":{\"function\":");
    json_print_text(place->function);
    printf(",\"file\":");
    json_print_text(place->file);
    if (place->line > 0)
        printf(",\"line\":%u}", place->line);
    else
        printf(",\"offset\":%" PRIu64 "}", place->offset);
}

static void print_frames(const struct sheet *sheet, const struct row *row)
{
    const struct trace *trace = asyncp_snapshot_trace(sheet->snapshot, row);
    printf(",\"frames\":[");
    for (int i = 0; i < MAX_FRAMES && trace->frames[i] != 0; i++)
        printf("%s\"0x%" PRIx64 "\"", i > 0 ? "," : "", trace->frames[i]);
    putchar(']');
}

static void print_edge(const struct snapshot *snapshot, uint32_t row, const char *how,
                       bool is_first)
{
    printf("%s{\"to\":%" PRIu64 ",\"how\":\"%s\"}", is_first ? "" : ",", snapshot->rows[row].id,
           how);
}

/* Tasks that this one waits for, and those that know the object it waits for. */
static void print_edges(const struct sheet *sheet, const struct graph *graph, const struct row *row)
{
    static const char *const kinds[] = {
        [EDGE_AWAITS] = "awaits", [EDGE_ONE_OF] = "one_of", [EDGE_LOCK] = "lock"};
    const struct known_object *object = asyncp_known_of(sheet->known, row);
    const struct snapshot *snapshot = sheet->snapshot;
    const struct edge *edges;
    size_t count = asyncp_graph_from(graph, (uint32_t)(row - snapshot->rows), &edges);
    printf(",\"edges\":[");
    for (size_t i = 0; i < count; i++)
        print_edge(snapshot, edges[i].to, kinds[edges[i].kind], i == 0);
    for (uint32_t i = 0; object != NULL && i < object->count && i < KNOWN_MOST; i++)
        print_edge(snapshot, object->rows[i], "known", count + i == 0);
    putchar(']');
}

static void print_row(const struct sheet *sheet, const struct graph *graph, const struct row *row)
{
    const struct snapshot *snapshot = sheet->snapshot;
    printf("{\"id\":%" PRIu64 ",\"name\":", row->id);
    print_text(snapshot, row->name);
    printf(",\"where\":");
    print_text(snapshot, row->where);
    printf(",\"state\":\"%s\"", json_state(row->state));
    if (row->state == ROW_WAITS) {
        printf(",\"wait\":{\"call\":");
        print_text(snapshot, row->call);
        printf(",\"since_ns\":%" PRId64 ",\"cancellable\":%s", row->since_ns,
               row->cannot_cancel ? "false" : "true");
        print_object(sheet, row);
        putchar('}');
    }
    print_edges(sheet, graph, row);
    json_print_place(sheet, row);
    print_frames(sheet, row);
    printf(",\"stack\":{\"size\":%" PRIu64 ",\"used\":%" PRIu64 "},\"requests\":%" PRIu32 "}",
           row->stack_size, row->stack_used, row->requests);
}

static void print_kept(const struct snapshot *snapshot, uint64_t loop)
{
    const char *between = "";
    printf(",\"kept\":[");
    for (uint32_t i = 0; i < snapshot->kept.count; i++) {
        const struct kept *kept = asyncp_table_at(&snapshot->kept, i);
        if (kept->loop != loop)
            continue;
        printf("%s{\"first\":%" PRIu64 ",\"count\":%" PRIu64 ",\"name\":", between, kept->first,
               kept->count);
        print_text(snapshot, kept->first_name);
        printf(",\"where\":");
        print_text(snapshot, kept->where);
        printf(",\"error\":%" PRId64 "}", kept->error);
        between = ",";
    }
    putchar(']');
}

static void print_loop_json(const struct sheet *sheet, const struct graph *graph,
                            const struct loop_row *loop)
{
    const struct snapshot *snapshot = sheet->snapshot;
    printf("{\"number\":%" PRIu32 ",\"process\":%" PRIu32 ",\"thread\":%" PRIu32 ",\"backend\":",
           loop->number, loop->process, loop->thread);
    print_text(snapshot, loop->backend);
    printf(",\"virtual\":%s,\"asleep\":%s,\"now_ns\":%" PRId64 ",\"created\":%" PRIu64
           ",\"ended\":%" PRIu64 ",\"timers\":%" PRIu64 ",\"in_flight\":%" PRIu64
           ",\"jobs\":%" PRIu64 ",\"tasks\":[",
           loop->is_virtual ? "true" : "false", loop->is_asleep ? "true" : "false", loop->now_ns,
           loop->created, loop->ended, loop->timers, loop->in_flight, loop->jobs);
    for (size_t i = 0; i < loop->row_count; i++) {
        if (i > 0)
            putchar(',');
        print_row(sheet, graph, &snapshot->rows[loop->first_row + i]);
    }
    putchar(']');
    print_kept(snapshot, (uint64_t)(loop - snapshot->loops));
    putchar('}');
}

void ps_print_json(const struct sheet *sheet, const struct subject *subject,
                   const struct ending *ending, const struct graph *graph)
{
    const struct snapshot *snapshot = sheet->snapshot;
    printf("{\"schema\":%d,\"process\":{\"id\":%d,\"name\":", SCHEMA, (int)subject->id);
    json_print_text(subject->name);
    putchar('}');
    ending_print_json(sheet, subject, ending);
    printf(",\"taken_ns\":%" PRId64 ",\"loops\":[", snapshot->taken_ns);
    for (size_t i = snapshot->loop_count; i-- > 0;) {
        print_loop_json(sheet, graph, &snapshot->loops[i]);
        if (i > 0)
            putchar(',');
    }
    printf("],\"unreadable\":%zu}",
           snapshot->unreadable + graph->unreadable + sheet->known->unreadable);
}
