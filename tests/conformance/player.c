/*
 * player.c: plays programs of the conformance test on libasyncio, each on its own loop with a
 * virtual clock, and prints a trace.
 *
 *     player FILE            programs, each followed by a line `program`
 *
 * For each program it prints one line for each event, in the order in which they came, and a line
 * `over` at the end:
 *
 *     12 0.1 7 -125          second 12: task 0.1 got -ECANCELED from line 7
 *
 * Tasks that are left at the horizon are cancelled, again and again until they end. If one does not
 * end, the player prints `stuck` and exits, because that loop can no longer be closed; compare.py
 * starts it again for the remaining programs.
 */
#include "player.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

enum { HORIZON_S = 100000, MAX_ROUNDS = 100, TIME_LIMIT_S = 20, PROCESSOR_LIMIT_S = 1 };

struct play play;

/* Bytes that the library holds. */
static size_t held;

static void *reallocate(void *context, void *block, size_t old_size, size_t new_size)
{
    (void)context;
    if (new_size == 0) {
        free(block);
        held -= old_size;
        return NULL;
    }
    void *moved = realloc(block, new_size);
    if (moved != NULL)
        held += new_size - old_size;
    return moved;
}

void trace(const struct frame *frame, int line, int result, const int *more, size_t count)
{
    if (play.over)
        return;
    printf("%.15g %s ", async_time(), frame->name);
    if (line > 0)
        printf("%d %d", line, result);
    else
        printf("end %d", result);
    for (size_t i = 0; i < count; i++)
        printf("%c%d", i == 0 ? ':' : ',', more[i]);
    putchar('\n');
}

static int perform_one(struct frame *frame, const struct operation *operation)
{
    int result = operation->word->run(frame, operation);
    trace(frame, operation->line, result, NULL, 0);
    return operation->word->catches ? 0 : result;
}

int perform_block(struct frame *frame, size_t begin, size_t end)
{
    for (size_t i = begin; i < end; i = play.operations[i].end + 1) {
        int result = perform_one(frame, &play.operations[i]);
        if (result < 0)
            return result;
    }
    return 0;
}

int perform_body(struct frame *frame, const struct operation *operation)
{
    return perform_block(frame, (size_t)(operation - play.operations) + 1, operation->middle);
}

int perform(struct frame *frame)
{
    int result = perform_block(frame, frame->begin, frame->end);
    if (result == 0)
        result = frame->result;
    trace(frame, 0, result, NULL, 0);
    frame->ended = true;
    return result;
}

struct frame *new_frame(struct frame *parent, int coroutine)
{
    if (play.frame_count == MAX_TASKS)
        return NULL;
    struct frame *frame = &play.frames[play.frame_count];
    *frame = (struct frame){.sequence = play.frame_count++,
                            .begin = play.begins[coroutine],
                            .end = play.ends[coroutine]};
    if (parent == NULL)
        snprintf(frame->name, sizeof frame->name, "0");
    else
        snprintf(frame->name, sizeof frame->name, "%.50s.%d", parent->name, parent->children++);
    return frame;
}

/* Asks all but this one, which is the oldest, to end. */
static size_t cancel_others(void)
{
    async_task *all[MAX_TASKS + 1];
    size_t count = async_all_tasks(all, MAX_TASKS + 1);
    for (size_t i = 0; i < count; i++)
        if (all[i] != async_current_task())
            async_task_cancel(all[i]);
    return count - 1;
}

static int play_elsewhere(void)
{
    declare_all();
    async_task_detach(async_create_task(perform, new_frame(NULL, 0)));
    wait_for_the_end();
    play.over = true;
    free_all();
    print_what_is_left();
    return 0;
}
async_fn(play_elsewhere);

static int play_program(void)
{
    declare_all();
    async_task_detach(async_create_task(perform, new_frame(NULL, 0)));
    int rounds = 0;
    do {
        async_ignore(async_sleep(HORIZON_S));
    } while (cancel_others() > 0 && rounds++ < MAX_ROUNDS);
    if (rounds > MAX_ROUNDS) {
        puts("stuck\nover");
        fflush(stdout);
        _exit(3);
    }
    play.over = true;
    free_all();
    return 0;
}
async_fn(play_program);

/* A program takes a millisecond; one that takes this long never ends, and a signal ends it. */
static void limit_time(void)
{
    const struct itimerval limit = {.it_value.tv_sec = PROCESSOR_LIMIT_S};
    alarm(TIME_LIMIT_S);
    setitimer(ITIMER_PROF, &limit, NULL);
}

static char *read_file(const char *path)
{
    FILE *file = fopen(path, "r");
    if (file == NULL || fseek(file, 0, SEEK_END) != 0) {
        perror(path);
        exit(2);
    }
    size_t size = (size_t)ftell(file);
    rewind(file);
    char *text = calloc(1, size + 1);
    if (text == NULL || fread(text, 1, size, file) != size) {
        perror(path);
        exit(2);
    }
    fclose(file);
    return text;
}

int main(int count, char **arguments)
{
    if (count != 2) {
        fprintf(stderr, "usage: player FILE\n");
        return 2;
    }
    char *text = read_file(arguments[1]);
    const async_run_options options = {.virtual_clock = !is_elsewhere(),
                                       .allocator = {.reallocate = reallocate}};
    for (char *rest = text; *rest != 0;) {
        rest = parse(rest);
        limit_time();
        int result = is_elsewhere() ? async_run_with(&options, play_elsewhere)
                                    : async_run_with(&options, play_program);
        if (result != 0 || held != 0)
            printf("the run gave %d and left %zu bytes\n", result, held);
        puts("over");
        fflush(stdout);
    }
    free(text);
    return 0;
}
