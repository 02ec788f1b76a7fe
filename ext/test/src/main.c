/*
 * main.c: the program of ASYNC_TEST_MAIN. It runs the tests that registered themselves, each in a
 * child process, and prints a line of TAP for each. With seeds, each test is run once for each.
 */
#include "kit.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    MAX_REASON = 256,
    MAX_SHOWN = 1 << 16, /* bytes of a test's output */
    EXIT_SKIPPED = 77,   /* of a process that is not the kit's; automake and meson know it */
};

/* File by file, in the order of the source. */
static struct asyncp_test *first_test;

static struct arguments wanted;
static const char *program;

/* In its child process; NULL: there is no ASYNC_TEST_MAIN. */
static const struct asyncp_test *current_test;

enum outcome { PASSED, FAILED, SKIPPED };

/*
 * Link-time optimization may call the constructors of a file in another order. Files that were
 * compiled by one name count as one.
 */
void asyncp_test_register(struct asyncp_test *test)
{
    struct asyncp_test **place = &first_test;
    while (*place != NULL && strcmp((*place)->file, test->file) != 0)
        place = &(*place)->next;
    while (*place != NULL && strcmp((*place)->file, test->file) == 0 &&
           (*place)->line <= test->line)
        place = &(*place)->next;
    test->next = *place;
    *place = test;
}

/* ---- one run -------------------------------------------------------------------------------- */

void async_test_skip(const char *format, ...)
{
    va_list arguments;
    fflush(stdout);
    va_start(arguments, format);
    vdprintf(report_fd(), format, arguments);
    va_end(arguments);
    dprintf(report_fd(), "\n");
    process_end(run_is_own_process() ? STATUS_SKIPPED : EXIT_SKIPPED);
}

/* In the child. */
static _Noreturn void run_test(const struct asyncp_test *test)
{
    current_test = test;
    asyncp_test_begin(test->options);
    async_task *task = test->create();
    async_ignore(async_task_set_name(task, test->name));
    int result = asyncp_test_end(task);
    if (result != 0 && result != -EPROTO && result != -EDEADLK)
        say("%s:%d: the test returned %d, not 0 (%s)", test->file, test->line, result,
            run_message());
    process_end(result == 0 ? STATUS_PASSED : STATUS_FAILED);
}

/* The first part that the output lacks, and its length; NULL: it has all. */
static const char *find_missing(const char *parts, const struct child *child, size_t *length)
{
    for (const char *part = parts; *part != '\0'; part += *length + (part[*length] == '|')) {
        *length = strcspn(part, "|");
        if (!child_has_written(child, part, *length))
            return part;
    }
    return NULL;
}

static enum outcome judge(const struct asyncp_test *test, const struct child *child,
                          char reason[MAX_REASON])
{
    size_t length = 0;
    char text[MAX_REASON];
    const char *why = child_reason(child, text, sizeof text);
    if (why == NULL && WEXITSTATUS(child->status) == STATUS_SKIPPED)
        return SKIPPED;
    if (why != NULL || WEXITSTATUS(child->status) != STATUS_PASSED) {
        snprintf(reason, MAX_REASON, "%s", why != NULL ? why : "");
        return FAILED;
    }
    const char *wanted_output = test->options != NULL ? test->options->output : NULL;
    const char *missing = wanted_output != NULL ? find_missing(wanted_output, child, &length)
                                                : NULL;
    if (missing != NULL)
        snprintf(reason, MAX_REASON, "the output lacks \"%.*s\"", (int)length, missing);
    else
        reason[0] = '\0';
    return missing != NULL ? FAILED : PASSED;
}

/* The output belongs to the caller. */
static enum outcome run_in_child(const struct asyncp_test *test, char **output,
                                 char reason[MAX_REASON])
{
    static const async_test_options defaults;
    struct child child;
    double limit = time_limit_of(test->options != NULL ? test->options : &defaults);
    int started = child_start(&child, limit);
    if (started == 0)
        run_test(test);
    if (started < 0) {
        snprintf(reason, MAX_REASON, "no child process: %s", strerror(-started));
        *output = NULL;
        return FAILED;
    }
    child_wait(&child, limit);
    *output = child_output(&child, MAX_SHOWN);
    enum outcome outcome = judge(test, &child, reason);
    close(child.output);
    return outcome;
}

/* ---- reports -------------------------------------------------------------------------------- */

static void print_comment(const char *text)
{
    while (text != NULL && *text != '\0') {
        size_t length = strcspn(text, "\n");
        printf("# %.*s\n", (int)length, text);
        text += length + (text[length] == '\n');
    }
}

/* The last line of its output is the reason. */
static void print_skip(char *output)
{
    size_t length = output != NULL ? strlen(output) : 0;
    while (length > 0 && output[length - 1] == '\n')
        output[--length] = '\0';
    const char *line = length > 0 ? strrchr(output, '\n') : NULL;
    printf(" # SKIP %s", line != NULL ? line + 1 : length > 0 ? output : "");
}

static void print_outcome(const struct asyncp_test *test, int number, enum outcome outcome,
                          char *output, const char *reason)
{
    printf("%sok %d - %s", outcome == FAILED ? "not " : "", number, test->name);
    if (outcome == SKIPPED)
        print_skip(output);
    printf("\n");
    if (outcome == FAILED)
        printf("# %s:%d: %s failed%s%s\n", test->file, test->line, test->name,
               reason[0] != '\0' ? ": " : "", reason);
    if (outcome == FAILED || (wanted.verbose && outcome == PASSED))
        print_comment(output);
}

/* ---- seeds ---------------------------------------------------------------------------------- */

/* SplitMix64: neighbouring numbers give seeds that have nothing in common. Never 0. */
static uint64_t seed_of(long number)
{
    uint64_t z = (uint64_t)number * 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    z ^= z >> 31;
    return z != 0 ? z : 1;
}

/* An argument as a shell reads it. */
static void print_quoted(FILE *file, const char *text)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./-";
    if (strspn(text, plain) == strlen(text)) {
        fprintf(file, "%s", text);
        return;
    }
    fputc('\'', file);
    for (; *text != '\0'; text++)
        fprintf(file, *text == '\'' ? "'\\''" : "%c", *text);
    fputc('\'', file);
}

static void print_command(FILE *file, const struct asyncp_test *test)
{
    print_quoted(file, program);
    fprintf(file, " %s\n", test->name);
}

static void print_replay(const struct asyncp_test *test)
{
    const char *seed = getenv("ASYNCIO_SHUFFLE");
    if (seed == NULL || *seed == '\0')
        return;
    printf("# run this order again: ASYNCIO_SHUFFLE=%s ", seed);
    print_command(stdout, test);
}

void main_say_replay(const char *variable)
{
    fflush(stdout);
    fprintf(stderr, "run it alone: %s", variable);
    if (current_test == NULL) {
        fprintf(stderr, " in the environment\n");
        return;
    }
    fputc(' ', stderr);
    print_command(stderr, current_test);
}

/* In memory of the children, too: the turns of the last run; NULL: no memory. */
static _Atomic uint32_t *shared_turns;

void main_note_turns(uint64_t turns)
{
    if (shared_turns != NULL)
        *shared_turns = turns > UINT32_MAX ? UINT32_MAX : (uint32_t)turns;
}

static _Atomic uint32_t *share_turns(void)
{
    void *page = mmap(NULL, sizeof *shared_turns, PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return page != MAP_FAILED ? page : NULL;
}

/* Turns are drawn among those of the run before; the first run has no need of their number. */
static void choose_order(long number)
{
    char text[64];
    unsigned long long seed = seed_of(number);
    unsigned turns = number > 1 && shared_turns != NULL ? *shared_turns : 0;
    if (wanted.depth == 0)
        snprintf(text, sizeof text, "0x%llx", seed);
    else
        snprintf(text, sizeof text, "0x%llx:%ld:%u", seed, number > 1 ? wanted.depth : 1,
                 turns > 0 ? turns : 1000);
    setenv("ASYNCIO_SHUFFLE", text, 1);
}

/* Runs it once for each seed until it fails. Returns whether it has not. */
static bool run_with_seeds(const struct asyncp_test *test, int number)
{
    char reason[MAX_REASON], *output = NULL;
    enum outcome outcome = PASSED;
    long i = 0;
    do {
        free(output);
        if (wanted.seeds > 0)
            choose_order(i + 1);
        outcome = run_in_child(test, &output, reason);
    } while (++i < wanted.seeds && outcome == PASSED);
    print_outcome(test, number, outcome, output, reason);
    if (outcome == FAILED && wanted.seeds > 0)
        printf("# seed %ld of %ld\n", i, wanted.seeds);
    if (outcome == FAILED)
        print_replay(test);
    free(output);
    fflush(stdout);
    return outcome != FAILED;
}

/* Else a descriptor of the kit would have the number of standard input, and be lost. */
static void open_standard_descriptors(void)
{
    int fd;
    do {
        fd = open("/dev/null", O_RDWR);
    } while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        close(fd);
}

int asyncp_test_main(int argc, char *argv[])
{
    int count = 0, number = 0, failures = 0;
    open_standard_descriptors();
    program = argc > 0 ? argv[0] : "test";
    wanted.tests = first_test;
    int status = arguments_parse(&wanted, argc, argv);
    if (status >= 0)
        return status;
    for (const struct asyncp_test *test = first_test; test != NULL; test = test->next)
        count += arguments_want(&wanted, test);
    if (count == 0) {
        fprintf(stderr, "%s: the program has no tests; ASYNC_TEST(name) defines one\n", program);
        return 2;
    }
    shared_turns = share_turns();
    if (!wanted.list)
        printf("TAP version 13\n1..%d\n", count);
    for (const struct asyncp_test *test = first_test; test != NULL; test = test->next) {
        if (arguments_want(&wanted, test) && wanted.list)
            printf("%s\n", test->name);
        else if (arguments_want(&wanted, test))
            failures += run_with_seeds(test, ++number) ? 0 : 1;
    }
    if (failures > 0)
        printf("# %d of %d failed\n", failures, count);
    return failures > 0 ? 1 : 0;
}
