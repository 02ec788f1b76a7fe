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
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { CONFIRMED_AFTER_NS = 10000000 };

struct request {
    const char *name; /* PID or CORE */
    bool is_tree, is_json, each, stacks;
};

/* One copy of libasyncio in a subject, as it was read: printing reads no more of its memory. */
struct looked {
    const struct subject *subject;
    const struct library *library;
    int result;               /* 0, or why it could not be read */
    struct snapshot snapshot; /* empty after an error, as are the others */
    struct ending ending;
    struct lines *lines;
    struct graph graph; /* these three are for trees and JSON */
    struct known known;
    struct cycles cycles;
};

/* ---- reading -------------------------------------------------------------------------------- */

/* The cycles that are there a moment later, too. */
static int find_cycles(struct looked *looked)
{
    struct cycles *cycles = &looked->cycles;
    struct snapshot later;
    int result = asyncp_cycles_find(cycles, &looked->graph, looked->snapshot.row_count);
    if (result < 0 || cycles->count == 0)
        return result;
    if (looked->subject->core != NULL)
        return 0; /* it is of one moment */
    nanosleep(&(struct timespec){.tv_nsec = CONFIRMED_AFTER_NS}, NULL);
    result = asyncp_snapshot_take(&later, &looked->subject->view, &looked->library->layout,
                                  looked->library->loops, NULL);
    if (result < 0)
        return result;
    asyncp_cycles_confirm(cycles, &looked->snapshot, &later);
    asyncp_snapshot_free(&later);
    return 0;
}

static int find_graph(struct looked *looked, bool is_tree)
{
    const struct view *view = &looked->subject->view;
    int result = asyncp_graph_open(&looked->graph, &looked->snapshot, view,
                                   &looked->library->layout);
    if (result == 0)
        result = asyncp_known_find(&looked->known, &looked->snapshot, &looked->graph, view);
    return result == 0 && is_tree ? find_cycles(looked) : result;
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

static int find_running(struct looked *looked, struct unwinder *unwinder)
{
    struct subject_threads threads;
    threads_open(&threads, looked->subject);
    int result = asyncp_running_find(&looked->snapshot, unwinder, &threads.source);
    return result == 0 ? ending_find(&looked->ending, &looked->snapshot, unwinder, &threads)
                       : result;
}

static int take_tasks(struct looked *looked)
{
    const struct subject *subject = looked->subject;
    struct unwinder unwinder;
    int result = asyncp_unwinder_open(&unwinder, &subject->view, subject->ranges,
                                      subject->range_count);
    if (result < 0)
        return result;
    int64_t now_ns = asyncp_sys_clock_now();
    result = asyncp_snapshot_take(&looked->snapshot, &subject->view, &looked->library->layout,
                                  looked->library->loops, &unwinder);
    if (result == 0)
        result = find_running(looked, &unwinder);
    asyncp_unwinder_close(&unwinder);
    looked->snapshot.taken_ns = subject->core != NULL ? last_reading(&looked->snapshot) : now_ns;
    return result;
}

/* A copy without a loop is left out if there are others. */
static bool is_shown(const struct looked *looked)
{
    return looked->snapshot.loop_count > 0 || looked->subject->copy_count == 1;
}

static void forget(struct looked *looked)
{
    asyncp_cycles_free(&looked->cycles);
    asyncp_known_free(&looked->known);
    asyncp_graph_close(&looked->graph);
    lines_close(looked->lines);
    asyncp_snapshot_free(&looked->snapshot);
    *looked = (struct looked){.result = 0};
}

static void look_at_copy(struct looked *looked, const struct subject *subject,
                         const struct library *library, const struct request *request)
{
    *looked = (struct looked){.subject = subject};
    looked->library = library;
    int result = take_tasks(looked);
    if (result == 0 && is_shown(looked))
        result = lines_open(&looked->lines, subject);
    if (result == 0 && is_shown(looked) && (request->is_tree || request->is_json))
        result = find_graph(looked, request->is_tree);
    if (result < 0)
        forget(looked);
    looked->subject = subject;
    looked->result = result;
}

/* Opens the subject and looks at each copy. */
static int look(struct subject *subject, struct looked looked[], const struct request *request)
{
    int result = subject_open(subject, request->name);
    for (size_t i = 0; i < subject->copy_count && result == 0; i++)
        look_at_copy(&looked[i], subject, &subject->copies[i], request);
    return result;
}

static void end_look(struct subject *subject, struct looked looked[])
{
    for (size_t i = 0; i < subject->copy_count; i++)
        forget(&looked[i]);
    subject_close(subject);
}

/* Looks a second time at a process that has executed a program meanwhile. */
static int look_at_one_program(struct subject *subject, struct looked looked[],
                               const struct request *request)
{
    int result = look(subject, looked, request);
    if (result < 0 || !subject_has_changed(subject))
        return result;
    end_look(subject, looked);
    result = look(subject, looked, request);
    return result == 0 && subject_has_changed(subject) ? subject_refuse(subject, -ESTALE) : result;
}

/* ---- printing ------------------------------------------------------------------------------- */

static int print(const struct looked *looked, const struct request *request)
{
    const struct sheet sheet = {.to = stdout,
                                .snapshot = &looked->snapshot,
                                .places = lines_places(looked->lines),
                                .known = &looked->known,
                                .process = (uint32_t)looked->subject->inner_id,
                                .each = request->each,
                                .stacks = request->stacks};
    if (request->is_json) {
        ps_print_json(&sheet, looked->subject, &looked->ending, &looked->graph);
        return 0;
    }
    ending_print(&sheet, looked->subject, &looked->ending);
    return request->is_tree ? asyncp_show_tree(&sheet, &looked->graph, &looked->cycles)
                            : ps_print(&sheet);
}

/* 1: printed; 0: it is left out. */
static int print_copy(const struct looked *looked, const struct request *request, size_t printed)
{
    int result = looked->result;
    if (result == 0 && !is_shown(looked))
        return 0;
    if (result == 0 && request->is_json)
        putchar(printed == 0 ? '[' : ',');
    if (result == 0)
        result = print(looked, request);
    return result < 0 ? subject_refuse(looked->subject, result) : 1;
}

/*
 * An array of JSON has an element for each copy of libasyncio that is shown; one that cannot be
 * read has said so.
 */
static int look_at_subject(const struct request *request)
{
    static struct subject subject;
    static struct looked looked[MAX_COPIES];
    int result = look_at_one_program(&subject, looked, request);
    size_t printed = 0;
    for (size_t i = 0; i < subject.copy_count && result == 0; i++) {
        int shown = print_copy(&looked[i], request, printed);
        bool is_last = i + 1 == subject.copy_count;
        printed += shown > 0;
        result = shown < 0 && is_last && printed == 0 ? shown : 0;
    }
    if (request->is_json && printed > 0)
        puts("]");
    end_look(&subject, looked);
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
