/*
 * arguments.c: the arguments and environment variables of a program of tests. What makes no sense
 * is refused with a line that says which value it was, and what it must be.
 */
#include "kit.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GO_ON = -1, WRONG = 2, MAX_NAME = 64, MAX_SIMILAR = 3 };

static const char *program;

static void print_usage(FILE *file)
{
    fprintf(file,
            "usage: %s [-v] [--list] [--seeds N [--depth D]] [NAME…]\n"
            "  NAME       the name of a test, or a part of names\n"
            "  -v         prints the output of tests that pass, too\n"
            "  --list     prints the names of the tests\n"
            "  --seeds N  runs each test N times, with ready tasks in another order each time\n"
            "  --depth D  from 1 to %d: these orders are by priorities, which change D - 1 times\n"
            "  --help     prints this\n"
            "\n"
            "Variables of the environment: ASYNC_TEST_SEEDS and ASYNC_TEST_DEPTH, as above;\n"
            "ASYNC_TEST_TIME_LIMIT, the seconds of a test, unless its own limit is longer;\n"
            "ASYNCIO_SHUFFLE and ASYNC_TEST_SWEEP, which a failure prints, run the same again.\n",
            program, ASYNCP_MAX_DEPTH);
}

/* ---- numbers -------------------------------------------------------------------------------- */

/* A whole number from 1 to max. In a message `between` stands between the name and the text. */
static bool parse_number(long *number, long max, const char *name, const char *between,
                         const char *text)
{
    char *end = NULL;
    errno = 0;
    *number = text != NULL ? strtol(text, &end, 10) : 0;
    if (text != NULL && *text != '\0' && *end == '\0' && errno == 0 && *number >= 1 &&
        *number <= max)
        return true;
    fprintf(stderr, "%s: %s%s%s: it must be a whole number from 1", program, name,
            text != NULL ? between : "", text != NULL ? text : "");
    if (max < LONG_MAX)
        fprintf(stderr, " to %ld\n", max);
    else
        fprintf(stderr, " on\n");
    return false;
}

/* An option takes precedence; it has set the number already. */
static bool parse_variable(long *number, long max, const char *name)
{
    long value = 0;
    const char *text = getenv(name);
    if (text != NULL && *text != '\0' && !parse_number(&value, max, name, "=", text))
        return false;
    *number = *number != 0 ? *number : value;
    return true;
}

static bool parse_variables(struct arguments *arguments)
{
    if (!parse_variable(&arguments->seeds, LONG_MAX, "ASYNC_TEST_SEEDS") ||
        !parse_variable(&arguments->depth, ASYNCP_MAX_DEPTH, "ASYNC_TEST_DEPTH"))
        return false;
    const char *fault = time_limit_fault();
    if (fault == NULL)
        fault = sweep_variable_fault();
    if (fault != NULL)
        fprintf(stderr, "%s: %s\n", program, fault);
    return fault == NULL;
}

/* ---- options -------------------------------------------------------------------------------- */

/* *i is the place of the option, and then that of its last word. GO_ON, or the exit status. */
static int parse_option(struct arguments *arguments, char *argv[], int *i)
{
    const char *option = argv[*i];
    if (strcmp(option, "--help") == 0 || strcmp(option, "-h") == 0) {
        print_usage(stdout);
        return 0;
    }
    if (strcmp(option, "-v") == 0)
        arguments->verbose = true;
    else if (strcmp(option, "--list") == 0)
        arguments->list = true;
    else if (strcmp(option, "--seeds") == 0)
        return parse_number(&arguments->seeds, LONG_MAX, option, " ", argv[++*i]) ? GO_ON : WRONG;
    else if (strcmp(option, "--depth") == 0)
        return parse_number(&arguments->depth, ASYNCP_MAX_DEPTH, option, " ", argv[++*i]) ? GO_ON
                                                                                          : WRONG;
    else {
        fprintf(stderr, "%s: there is no option %s\n", program, option);
        print_usage(stderr);
        return WRONG;
    }
    return GO_ON;
}

/* ---- names ---------------------------------------------------------------------------------- */

static bool is_name(const struct asyncp_test *tests, const char *name)
{
    for (const struct asyncp_test *test = tests; test != NULL; test = test->next)
        if (strcmp(test->name, name) == 0)
            return true;
    return false;
}

/* A whole name stands for this test alone, also if it is a part of another name. */
static bool stands_for(const struct arguments *arguments, const char *name,
                       const struct asyncp_test *test)
{
    return is_name(arguments->tests, name) ? strcmp(test->name, name) == 0
                                           : strstr(test->name, name) != NULL;
}

bool arguments_want(const struct arguments *arguments, const struct asyncp_test *test)
{
    for (int i = 0; i < arguments->name_count; i++)
        if (stands_for(arguments, arguments->names[i], test))
            return true;
    return arguments->name_count == 0;
}

/* How many letters must be changed, added or removed to make the text a part of the name. */
static size_t count_changes(const char *text, const char *name)
{
    size_t length = strlen(text), changes[MAX_NAME + 1]; /* of the first i letters of the text */
    for (size_t i = 0; i <= length; i++)
        changes[i] = i;
    size_t least = length;
    for (; *name != '\0'; name++) {
        size_t before = changes[0]; /* of one letter less in both */
        for (size_t i = 1; i <= length; i++) {
            size_t same = before + (text[i - 1] != *name);
            size_t one_less = changes[i] < changes[i - 1] ? changes[i] + 1 : changes[i - 1] + 1;
            before = changes[i];
            changes[i] = same < one_less ? same : one_less;
        }
        least = changes[length] < least ? changes[length] : least;
    }
    return least;
}

static void refuse_name(const struct arguments *arguments, const char *name)
{
    int count = 0;
    size_t length = strlen(name);
    fprintf(stderr, "%s: no test has '%s' in its name", program, name);
    for (const struct asyncp_test *test = arguments->tests; test != NULL; test = test->next)
        if (count < MAX_SIMILAR && length <= MAX_NAME &&
            count_changes(name, test->name) <= length / 3)
            fprintf(stderr, "%s%s", count++ == 0 ? "; similar: " : ", ", test->name);
    fprintf(stderr, "; --list prints all names\n");
}

static bool check_names(const struct arguments *arguments)
{
    for (int i = 0; i < arguments->name_count; i++) {
        const struct asyncp_test *test = arguments->tests;
        while (test != NULL && !stands_for(arguments, arguments->names[i], test))
            test = test->next;
        if (test == NULL)
            refuse_name(arguments, arguments->names[i]);
        if (test == NULL)
            return false;
    }
    return true;
}

int arguments_parse(struct arguments *arguments, int argc, char *argv[])
{
    program = argc > 0 ? argv[0] : "test";
    arguments->names = argv;
    int status = GO_ON;
    for (int i = 1; i < argc && status == GO_ON; i++)
        if (argv[i][0] == '-')
            status = parse_option(arguments, argv, &i);
        else
            arguments->names[arguments->name_count++] = argv[i];
    if (status == GO_ON && !parse_variables(arguments))
        status = WRONG;
    if (status != GO_ON)
        return status;
    if (arguments->depth > 0 && arguments->seeds == 0) {
        fprintf(stderr, "%s: --depth and ASYNC_TEST_DEPTH need --seeds or ASYNC_TEST_SEEDS\n",
                program);
        return WRONG;
    }
    return check_names(arguments) ? GO_ON : WRONG;
}
