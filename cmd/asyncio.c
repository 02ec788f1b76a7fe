/*
 * asyncio: looks into a running program that uses libasyncio, without stopping it.
 *
 *     asyncio ps PID             its loops and tasks; tasks that do the same share a line
 *     asyncio ps --each PID      a line for each task
 *     asyncio ps --stacks PID    the calls in which each task is
 *     asyncio ps --json PID      for programs
 *     asyncio tree PID           below each task those that it awaits
 *
 * The program needs no preparation, and may be stripped or static. The exit status is 0, 1 if the
 * process cannot be looked at, or 2 if the arguments are wrong.
 */
#include "cmd/ps.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { WRONG_USAGE = 2, CONFIRMED_AFTER_NS = 10000000 };

static const char usage[] =
    "usage: asyncio ps [--each] [--stacks] PID\n       asyncio ps --json PID\n"
    "       asyncio tree [--each] PID\n";

struct request {
    const char *pid;
    bool is_tree, is_json, each, stacks;
};

static int64_t read_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* The cycles that are there a moment later, too. */
static int find_cycles(struct cycles *cycles, const struct ps_view *ps,
                       const struct library *library, const struct graph *graph)
{
    struct snapshot later;
    int result = asyncp_cycles_find(cycles, graph, ps->snapshot->row_count);
    if (result < 0 || cycles->count == 0)
        return result;
    nanosleep(&(struct timespec){.tv_nsec = CONFIRMED_AFTER_NS}, NULL);
    result = asyncp_snapshot_take(&later, &ps->process->view, &library->layout, library->loops,
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
    int result = asyncp_graph_open(&graph, ps->snapshot, &ps->process->view, &library->layout);
    if (result == 0)
        result = find_cycles(&cycles, ps, library, &graph);
    if (result < 0)
        process_refuse(ps->process, result);
    else
        result = ps_print_tree(ps, &graph, &cycles);
    asyncp_graph_close(&graph);
    return result;
}

static int print(const struct process *process, const struct library *library,
                 const struct snapshot *snapshot, const struct request *request)
{
    struct ps_view ps = {
        .process = process, .snapshot = snapshot, .each = request->each, .stacks = request->stacks};
    int result = lines_open(&ps.lines, process->id);
    if (result == 0 && request->is_tree)
        result = print_tree(&ps, library);
    else if (result == 0 && request->is_json)
        ps_print_json(&ps);
    else if (result == 0)
        result = ps_print(&ps);
    lines_close(ps.lines);
    return result;
}

static int show_library(const struct process *process, const struct library *library,
                        const struct request *request)
{
    struct snapshot snapshot;
    struct unwinder unwinder;
    int result = asyncp_unwinder_open(&unwinder, &process->view, process->ranges,
                                      process->range_count);
    if (result < 0)
        return process_refuse(process, result);
    int64_t now_ns = read_clock();
    result = asyncp_snapshot_take(&snapshot, &process->view, &library->layout, library->loops,
                                  &unwinder);
    asyncp_unwinder_close(&unwinder);
    if (result < 0)
        return process_refuse(process, result);
    snapshot.taken_ns = now_ns;
    result = print(process, library, &snapshot, request);
    asyncp_snapshot_free(&snapshot);
    return result;
}

/* An array of JSON has one element for each copy of libasyncio; mostly there is one. */
static int look(const struct request *request)
{
    static struct process process;
    int result = process_open(&process, request->pid);
    if (result < 0)
        return result;
    for (size_t i = 0; i < process.library_count && result == 0; i++) {
        if (request->is_json)
            putchar(i == 0 ? '[' : ',');
        result = show_library(&process, &process.libraries[i], request);
    }
    if (request->is_json && result == 0)
        puts("]");
    process_close(&process);
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
        else if (*arguments[i] == '-' || request->pid != NULL)
            return false;
        else
            request->pid = arguments[i];
    }
    return request->pid != NULL && !(request->is_json && (request->each || request->stacks)) &&
           !(request->is_tree && (request->is_json || request->stacks));
}

int main(int count, char **arguments)
{
    struct request request = {.pid = NULL};
    if (!read_arguments(count - 1, arguments + 1, &request)) {
        fputs(usage, stderr);
        return WRONG_USAGE;
    }
    int result = look(&request);
    if (fflush(stdout) != 0 && result == 0) {
        fprintf(stderr, "asyncio: the output cannot be written: %s\n", strerror(errno));
        return EXIT_FAILURE;
    }
    return result < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
