/* cmd/lines.c: which calls of a trace are those of the program. */
#include "cmd/lines.h"
#include "cmd/sources.h"
#include "asyncio/base.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_PLACES = 128 }; /* of a trace, with inlined functions */

struct lines {
    struct places places;
    struct table found; /* struct found_place by the index of the trace */
    char *text;         /* of lines_print, for text_trace; NULL: none */
    uint32_t text_trace;
    struct sources *sources;
};

struct found_place {
    uint64_t trace; /* its index */
    bool is_found;
    struct code_place place;
    uint64_t kind; /* a hash of all calls of the program */
};

/* ---- traces --------------------------------------------------------------------------------- */

/* All calls of a trace. */
struct calls {
    struct code_place places[MAX_PLACES];
    bool is_inside[MAX_PLACES]; /* it is in libasyncio or in libc */
    size_t count;
    bool runs;       /* the task was not suspended: the innermost call may be any */
    bool has_source; /* the library has debug information */
};

/* Where the library has no debug information, what has a line is not the library. */
static void add_call(struct lines *lines, uint64_t address, uint64_t inside, struct calls *calls)
{
    size_t before = calls->count;
    bool in_library = sources_in_library(lines->sources, address, inside);
    bool in_libc = calls->runs && sources_in_libc(lines->sources, address);
    calls->count += sources_find_places(lines->sources, address, calls->places + before,
                                        MAX_PLACES - before);
    for (size_t i = before; i < calls->count; i++) {
        bool has_line = calls->places[i].line > 0;
        calls->is_inside[i] = in_libc || (in_library && (calls->has_source || !has_line));
    }
}

/* A suspended task is in the library. */
static void find_calls(struct lines *lines, const struct snapshot *snapshot, const struct row *row,
                       struct calls *calls)
{
    const struct trace *trace = asyncp_snapshot_trace(snapshot, row);
    calls->count = 0;
    calls->runs = row->state == ROW_RUNS;
    const uint64_t inside = calls->runs ? snapshot->inside : trace->frames[0] - 1;
    calls->has_source = trace->frames[0] != 0 && sources_know(lines->sources, inside);
    for (int i = 0; i < MAX_FRAMES && trace->frames[i] != 0; i++)
        add_call(lines, trace->frames[i] - 1, inside, calls); /* in the instruction that calls */
}

static bool begins_with(const struct code_place *place, const char *beginning)
{
    return strncmp(place->function, beginning, strlen(beginning)) == 0;
}

/* Of the library, or an inline function of its headers. */
static bool has_public_name(const struct code_place *place)
{
    return begins_with(place, "async_") || begins_with(place, "asyncp_");
}

/*
 * In a static program in which nothing has a line: behind the last public function; without one, as
 * after a tail call, the task's own.
 */
static size_t behind_public(const struct calls *calls)
{
    size_t own = calls->count, entry = calls->count;
    for (size_t i = 0; i < calls->count; i++) {
        if (calls->places[i].is_entry)
            entry = i;
        else if (begins_with(&calls->places[i], "async_"))
            own = i + 1;
    }
    return own < calls->count ? own : entry;
}

/*
 * The innermost call of the program in a task that runs: one with a line, because other libraries
 * mostly have none; else the innermost one.
 */
static size_t first_of_running(const struct calls *calls)
{
    size_t without_line = calls->count;
    for (size_t i = calls->count; i-- > 0;)
        if (!calls->is_inside[i] && !has_public_name(&calls->places[i]))
            without_line = i;
    for (size_t i = without_line; i < calls->count; i++)
        if (!calls->is_inside[i] && !has_public_name(&calls->places[i]) &&
            calls->places[i].line > 0)
            return i;
    return without_line;
}

/* The first call of the program. */
static size_t first_own(const struct calls *calls)
{
    size_t own = 0;
    if (calls->runs)
        return first_of_running(calls);
    while (own < calls->count && calls->is_inside[own])
        own++;
    if (own == calls->count && !calls->has_source)
        own = behind_public(calls);
    while (own < calls->count && has_public_name(&calls->places[own]))
        own++;
    return own;
}

/* The library's function that has called the task's. */
static bool is_beginning(const struct code_place *place)
{
    return begins_with(place, "coroutine_begin") || begins_with(place, "asyncp_switch");
}

static struct lines *lines_of(struct places *places)
{
    return (void *)((char *)places - offsetof(struct lines, places));
}

static uint64_t hash_call(uint64_t hash, const struct code_place *place)
{
    char text[512];
    asyncp_place_text(text, sizeof text, place);
    for (const char *at = text; *at != 0; at++)
        hash = (hash ^ (unsigned char)*at) * UINT64_C(0x100000001b3);
    return (hash ^ UINT64_MAX) * UINT64_C(0x9e3779b97f4a7c15);
}

/* Remembered for each trace of the snapshot. */
static const struct found_place *find_found(struct places *places, const struct snapshot *snapshot,
                                            const struct row *row)
{
    struct lines *lines = lines_of(places);
    static const struct found_place unknown;
    static struct calls calls;
    const uint64_t key = row->trace;
    uint32_t index;
    if (asyncp_table_add(&lines->found, &key, &index) < 0)
        return &unknown;
    struct found_place *found = asyncp_table_at(&lines->found, index);
    if (found->is_found)
        return found;
    find_calls(lines, snapshot, row, &calls);
    size_t own = first_own(&calls);
    if (own < calls.count && !is_beginning(&calls.places[own]))
        found->place = calls.places[own];
    for (; own < calls.count && !is_beginning(&calls.places[own]); own++)
        found->kind = hash_call(found->kind, &calls.places[own]);
    found->is_found = true;
    return found;
}

static const struct code_place *find_place(struct places *places, const struct snapshot *snapshot,
                                           const struct row *row)
{
    return &find_found(places, snapshot, row)->place;
}

static uint64_t find_kind(struct places *places, const struct snapshot *snapshot,
                          const struct row *row)
{
    return find_found(places, snapshot, row)->kind;
}

static bool name_object(struct places *places, uint64_t address, char *name, size_t size)
{
    return sources_find_variable(lines_of(places)->sources, address, name, size);
}

/* Behind the function itself its entry says nothing new. */
static bool is_repeated(const struct calls *calls, size_t index)
{
    return index > 0 && calls->places[index].is_entry &&
           strcmp(calls->places[index].function, calls->places[index - 1].function) == 0;
}

/* The callers in a task that runs may be unknown: a running process does not tell all registers. */
static void print_calls(FILE *to, struct lines *lines, const struct snapshot *snapshot,
                        const struct row *row, const char *indent)
{
    static struct calls calls;
    char shown[512], escaped[2048];
    find_calls(lines, snapshot, row, &calls);
    size_t i = first_own(&calls);
    for (; i < calls.count && !is_beginning(&calls.places[i]); i++) {
        if (is_repeated(&calls, i))
            continue;
        asyncp_place_text(shown, sizeof shown, &calls.places[i]);
        async_printable(escaped, sizeof escaped, shown, strlen(shown));
        fprintf(to, "%s%s\n", indent, escaped);
    }
    bool is_full = asyncp_snapshot_trace(snapshot, row)->frames[MAX_FRAMES - 1] != 0;
    bool is_cut = calls.runs && i > 0 && i == calls.count && !calls.is_inside[i - 1];
    if (is_full || is_cut)
        fprintf(to, "%s…\n", indent);
}

/* Neighbours mostly have the same trace, so the last text is kept. */
void lines_print(struct places *places, const struct snapshot *snapshot, const struct row *row,
                 const char *indent)
{
    struct lines *lines = lines_of(places);
    if (lines->text == NULL || lines->text_trace != row->trace) {
        size_t size;
        free(lines->text);
        lines->text = NULL;
        FILE *to = open_memstream(&lines->text, &size);
        if (to == NULL)
            return;
        print_calls(to, lines, snapshot, row, indent);
        fclose(to);
        lines->text_trace = row->trace;
    }
    if (lines->text != NULL)
        fputs(lines->text, stdout);
}

/* ---- opening -------------------------------------------------------------------------------- */

int lines_open(struct lines **out, const struct subject *subject)
{
    struct lines *lines = calloc(1, sizeof *lines);
    *out = lines;
    if (lines == NULL)
        return -ENOMEM;
    lines->places = (struct places){
        .find = find_place, .find_kind = find_kind, .name_object = name_object};
    lines->found = (struct table){.record_bytes = sizeof(struct found_place),
                                  .key_bytes = sizeof(uint64_t)};
    int result = sources_open(&lines->sources, subject);
    if (result < 0) {
        free(lines);
        *out = NULL;
    }
    return result;
}

struct places *lines_places(struct lines *lines)
{
    return &lines->places;
}

void lines_close(struct lines *lines)
{
    if (lines == NULL)
        return;
    sources_close(lines->sources);
    asyncp_table_free(&lines->found);
    free(lines->text);
    free(lines);
}
