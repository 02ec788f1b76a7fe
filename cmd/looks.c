/*
 * cmd/looks.c: `asyncio ps` and `asyncio tree`: one look at a process or a core, as a table, as
 * JSON, or as trees.
 */
#include "cmd/commands.h"
#include "cmd/ending.h"
#include "cmd/help.h"
#include "cmd/lines.h"
#include "cmd/ps.h"
#include "cmd/threads.h"
#include "sys/clock.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { CONFIRMED_AFTER_NS = 10000000 };

struct request {
    const char *name; /* PID or CORE */
    bool is_tree, is_json, each, stacks;
};

/* One copy of libasyncio in a subject. */
struct looked {
    const struct subject *subject;
    const struct library *library;
    const struct snapshot *snapshot;
    struct ending ending;
};

/* The cycles that are there a moment later, too. */
static int find_cycles(struct cycles *cycles, const struct looked *looked,
                       const struct graph *graph)
{
    struct snapshot later;
    int result = asyncp_cycles_find(cycles, graph, looked->snapshot->row_count);
    if (result < 0 || cycles->count == 0)
        return result;
    if (looked->subject->core != NULL)
        return 0; /* it is of one moment */
    nanosleep(&(struct timespec){.tv_nsec = CONFIRMED_AFTER_NS}, NULL);
    result = asyncp_snapshot_take(&later, &looked->subject->view, &looked->library->layout,
                                  looked->library->loops, NULL);
    if (result < 0)
        return result;
    asyncp_cycles_confirm(cycles, looked->snapshot, &later);
    asyncp_snapshot_free(&later);
    return 0;
}

static int print_tree(const struct sheet *sheet, const struct looked *looked,
                      const struct graph *graph)
{
    struct cycles cycles = {.count = 0};
    int result = find_cycles(&cycles, looked, graph);
    if (result == 0)
        result = asyncp_show_tree(sheet, graph, &cycles);
    asyncp_cycles_free(&cycles);
    return result;
}

/* As a tree or as JSON. */
static int print_with_graph(const struct sheet *sheet, const struct looked *looked, bool is_tree)
{
    const struct view *view = &looked->subject->view;
    struct sheet whole = *sheet;
    struct graph graph;
    struct known known = {.count = 0};
    int result = asyncp_graph_open(&graph, looked->snapshot, view, &looked->library->layout);
    if (result == 0)
        result = asyncp_known_find(&known, looked->snapshot, &graph, view);
    whole.known = &known;
    if (result == 0 && is_tree)
        result = print_tree(&whole, looked, &graph);
    else if (result == 0)
        ps_print_json(&whole, looked->subject, &looked->ending, &graph);
    asyncp_known_free(&known);
    asyncp_graph_close(&graph);
    return result;
}

static int print(const struct looked *looked, const struct request *request)
{
    struct lines *lines;
    int result = lines_open(&lines, looked->subject);
    if (result < 0)
        return result;
    const struct sheet sheet = {.to = stdout,
                                .snapshot = looked->snapshot,
                                .places = lines_places(lines),
                                .process = (uint32_t)looked->subject->inner_id,
                                .each = request->each,
                                .stacks = request->stacks};
    if (!request->is_json)
        ending_print(&sheet, looked->subject, &looked->ending);
    result = request->is_tree || request->is_json
                 ? print_with_graph(&sheet, looked, request->is_tree)
                 : ps_print(&sheet);
    lines_close(lines);
    return result;
}

/* Of a core: when a loop has read its clock for the last time. */
static int64_t last_reading(const struct snapshot *snapshot)
{
    int64_t last_ns = 0;
    for (size_t i = 0; i < snapshot->loop_count; i++)
        if (!snapshot->loops[i].is_virtual && snapshot->loops[i].now_ns > last_ns)
            last_ns = snapshot->loops[i].now_ns;
    return last_ns;
}

static int find_running(struct snapshot *snapshot, struct unwinder *unwinder,
                        const struct subject *subject, struct ending *ending)
{
    struct subject_threads threads;
    threads_open(&threads, subject);
    int result = asyncp_running_find(snapshot, unwinder, &threads.source);
    return result == 0 ? ending_find(ending, snapshot, unwinder, &threads) : result;
}

/* 1: printed; 0: it has no loop, and is not the only copy. */
static int show_library(const struct subject *subject, const struct library *library,
                        const struct request *request, size_t printed)
{
    struct snapshot snapshot;
    struct unwinder unwinder;
    struct looked looked = {subject, library, &snapshot, {.signal = {.number = 0}}};
    int result = asyncp_unwinder_open(&unwinder, &subject->view, subject->ranges,
                                      subject->range_count);
    if (result < 0)
        return subject_refuse(subject, result);
    int64_t now_ns = asyncp_sys_clock_now();
    result = asyncp_snapshot_take(&snapshot, &subject->view, &library->layout, library->loops,
                                  &unwinder);
    if (result == 0 && (result = find_running(&snapshot, &unwinder, subject, &looked.ending)) < 0)
        asyncp_snapshot_free(&snapshot);
    asyncp_unwinder_close(&unwinder);
    if (result < 0)
        return subject_refuse(subject, result);
    snapshot.taken_ns = subject->core != NULL ? last_reading(&snapshot) : now_ns;
    bool is_shown = snapshot.loop_count > 0 || subject->copy_count == 1;
    if (is_shown && request->is_json)
        putchar(printed == 0 ? '[' : ',');
    result = is_shown ? print(&looked, request) : 0;
    asyncp_snapshot_free(&snapshot);
    return result < 0 ? subject_refuse(subject, result) : is_shown;
}

/*
 * An array of JSON has an element for each copy of libasyncio. A copy without a loop is left out if
 * there are others; one that cannot be read has said so.
 */
static int look_at_subject(const struct request *request)
{
    static struct subject subject;
    int result = subject_open(&subject, request->name);
    size_t printed = 0;
    for (size_t i = 0; i < subject.copy_count && result == 0; i++) {
        int shown = show_library(&subject, &subject.copies[i], request, printed);
        bool is_last = i + 1 == subject.copy_count;
        printed += shown > 0;
        result = shown < 0 && is_last && printed == 0 ? shown : 0;
    }
    if (request->is_json && printed > 0)
        puts("]");
    subject_close(&subject);
    return result;
}

static int read_argument(const char *command, const char *word, struct request *request)
{
    if (strcmp(word, "--each") == 0)
        request->each = true;
    else if (!request->is_tree && strcmp(word, "--json") == 0)
        request->is_json = true;
    else if (!request->is_tree && strcmp(word, "--stacks") == 0)
        request->stacks = true;
    else
        return help_take_subject(command, word, &request->name);
    return 0;
}

/* 0, or WRONG_USAGE. */
static int read_arguments(const char *command, int count, char **arguments, struct request *request)
{
    int result = 0;
    for (int i = 0; i < count && result == 0; i++)
        result = read_argument(command, arguments[i], request);
    if (result == 0 && request->is_json && (request->each || request->stacks))
        result = help_refuse(command, "--json prints each task with its calls: leave %s out",
                             request->each ? "--each" : "--stacks");
    return result == 0 ? help_need_subject(command, request->name) : result;
}

static int run_look(int count, char **arguments, bool is_tree)
{
    struct request request = {.is_tree = is_tree};
    int result = read_arguments(is_tree ? "tree" : "ps", count, arguments, &request);
    if (result != 0)
        return result;
    return look_at_subject(&request) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

int ps_run(int count, char **arguments)
{
    return run_look(count, arguments, false);
}

int tree_run(int count, char **arguments)
{
    return run_look(count, arguments, true);
}
