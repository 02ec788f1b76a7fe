/*
 * asyncio: looks into a running program that uses libasyncio, without stopping it, or into a core.
 *
 *     asyncio ps PID|CORE        its loops and tasks; tasks that do the same share a line
 *     asyncio ps --each …        a line for each task
 *     asyncio ps --stacks …      the calls in which each task is
 *     asyncio ps --json …        for programs
 *     asyncio tree PID|CORE      below each task those that it awaits
 *     asyncio top PID            what the loops do, once a second: cmd/top.c
 *
 * The program needs no preparation, and may be stripped or static. The exit status is 0, 1 if the
 * process cannot be looked at, or 2 if the arguments are wrong.
 */
#include "cmd/ps.h"
#include "cmd/top.h"
#include "sys/clock.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { CONFIRMED_AFTER_NS = 10000000 };

static const char usage[] =
    "usage: asyncio ps [--each] [--stacks] PID|CORE\n       asyncio ps --json PID|CORE\n"
    "       asyncio tree [--each] PID|CORE\n"
    "       asyncio top [--once | --json] [--seconds N] PID\n";

struct request {
    const char *name; /* PID or CORE */
    bool is_tree, is_json, each, stacks;
};

/* The cycles that are there a moment later, too. */
static int find_cycles(struct cycles *cycles, const struct ps_view *ps,
                       const struct library *library, const struct graph *graph)
{
    struct snapshot later;
    int result = asyncp_cycles_find(cycles, graph, ps->snapshot->row_count);
    if (result < 0 || cycles->count == 0)
        return result;
    if (ps->subject->core != NULL)
        return 0; /* it is of one moment */
    nanosleep(&(struct timespec){.tv_nsec = CONFIRMED_AFTER_NS}, NULL);
    result = asyncp_snapshot_take(&later, &ps->subject->view, &library->layout, library->loops,
                                  NULL);
    if (result < 0)
        return result;
    asyncp_cycles_confirm(cycles, ps->snapshot, &later);
    asyncp_snapshot_free(&later);
    return 0;
}

static int print_tree(const struct ps_view *ps, const struct library *library)
{
    static struct cycles cycles;
    struct graph graph;
    int result = asyncp_graph_open(&graph, ps->snapshot, &ps->subject->view, &library->layout);
    if (result == 0)
        result = find_cycles(&cycles, ps, library, &graph);
    if (result == 0)
        result = ps_print_tree(ps, &graph, &cycles);
    asyncp_graph_close(&graph);
    return result;
}

static int print(const struct subject *subject, const struct library *library,
                 const struct snapshot *snapshot, const struct request *request)
{
    struct ps_view ps = {
        .subject = subject, .snapshot = snapshot, .each = request->each, .stacks = request->stacks};
    int result = lines_open(&ps.lines, subject);
    if (result == 0 && request->is_tree)
        result = print_tree(&ps, library);
    else if (result == 0 && request->is_json)
        ps_print_json(&ps);
    else if (result == 0)
        result = ps_print(&ps);
    lines_close(ps.lines);
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

/* 1: printed; 0: it has no loop, and is not the only copy. */
static int show_library(const struct subject *subject, const struct library *library,
                        const struct request *request, size_t printed)
{
    struct snapshot snapshot;
    struct unwinder unwinder;
    int result = asyncp_unwinder_open(&unwinder, &subject->view, subject->ranges,
                                      subject->range_count);
    if (result < 0)
        return subject_refuse(subject, result);
    int64_t now_ns = asyncp_sys_clock_now();
    result = asyncp_snapshot_take(&snapshot, &subject->view, &library->layout, library->loops,
                                  &unwinder);
    asyncp_unwinder_close(&unwinder);
    if (result < 0)
        return subject_refuse(subject, result);
    snapshot.taken_ns = subject->core != NULL ? last_reading(&snapshot) : now_ns;
    bool is_shown = snapshot.loop_count > 0 || subject->copy_count == 1;
    if (is_shown && request->is_json)
        putchar(printed == 0 ? '[' : ',');
    result = is_shown ? print(subject, library, &snapshot, request) : 0;
    asyncp_snapshot_free(&snapshot);
    return result < 0 ? subject_refuse(subject, result) : is_shown;
}

/*
 * An array of JSON has an element for each copy of libasyncio. A copy without a loop is left out if
 * there are others; one that cannot be read has said so.
 */
static int look(const struct request *request)
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

/* Whether the arguments are right. */
static bool read_arguments(int count, char **arguments, struct request *request)
{
    if (count < 1)
        return false;
    request->is_tree = strcmp(arguments[0], "tree") == 0;
    if (!request->is_tree && strcmp(arguments[0], "ps") != 0)
        return false;
    for (int i = 1; i < count; i++) {
        if (strcmp(arguments[i], "--json") == 0)
            request->is_json = true;
        else if (strcmp(arguments[i], "--each") == 0)
            request->each = true;
        else if (strcmp(arguments[i], "--stacks") == 0)
            request->stacks = true;
        else if (*arguments[i] == '-' || request->name != NULL)
            return false;
        else
            request->name = arguments[i];
    }
    return request->name != NULL && !(request->is_json && (request->each || request->stacks)) &&
           !(request->is_tree && (request->is_json || request->stacks));
}

/* The exit status. */
static int run_command(int count, char **arguments)
{
    struct request request = {.name = NULL};
    if (count > 0 && strcmp(arguments[0], "top") == 0)
        return top_run(count - 1, arguments + 1);
    if (!read_arguments(count, arguments, &request))
        return WRONG_USAGE;
    return look(&request) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int count, char **arguments)
{
    int status = run_command(count - 1, arguments + 1);
    if (status == WRONG_USAGE)
        fputs(usage, stderr);
    if (fflush(stdout) != 0 && status == EXIT_SUCCESS) {
        fprintf(stderr, "asyncio: the output cannot be written: %s\n", strerror(errno));
        return EXIT_FAILURE;
    }
    return status;
}
