/*
 * outcome.c: reads the output of a case and decides its outcome. See outcome.h.
 */
#include "run/outcome.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { OUTPUT_SHOWN = 1 << 14 }; /* the last bytes of a longer output */

struct output output_read(int file)
{
    off_t size = lseek(file, 0, SEEK_END);
    struct output output = {.text = malloc((size_t)size + 1)};
    ssize_t length = output.text == NULL ? -1 : pread(file, output.text, (size_t)size, 0);
    output.length = length < 0 ? 0 : (size_t)length;
    return output;
}

void output_print(const struct output *output)
{
    size_t skipped = output->length > OUTPUT_SHOWN ? output->length - OUTPUT_SHOWN : 0;
    if (skipped > 0)
        printf("    [%zu bytes omitted]\n", skipped);
    const char *end = output->text + output->length;
    for (const char *line = output->text + skipped; line < end;) {
        const char *stop = memchr(line, '\n', (size_t)(end - line));
        int length = (int)((stop == NULL ? end : stop) - line);
        printf("    %.*s\n", length, line);
        line += length + 1;
    }
}

const char *output_last_line(const struct output *output, int *length)
{
    size_t end = output->length;
    while (end > 0 && output->text[end - 1] == '\n')
        end--;
    size_t begin = end;
    while (begin > 0 && output->text[begin - 1] != '\n')
        begin--;
    *length = (int)(end - begin);
    return output->text + begin;
}

/* Where the first part of last_words begins that is not in the output; NULL if all are. */
static const char *missing_words(const char *last_words, const struct output *output)
{
    size_t length;
    for (const char *part = last_words; *part != '\0'; part += length + (part[length] == '|')) {
        length = strcspn(part, "|");
        if (memmem(output->text, output->length, part, length) == NULL)
            return part;
    }
    return NULL;
}

static enum outcome outcome_of_death(const struct ending *ending, char reason[REASON_SIZE])
{
    const char *missing = missing_words(ending->test->last_words, &ending->output);
    if (WIFEXITED(ending->status) && WEXITSTATUS(ending->status) == 0) {
        snprintf(reason, REASON_SIZE, "did not end the process");
        return FAILED;
    }
    if (missing != NULL) {
        int length = (int)strcspn(missing, "\n|"); /* a reason is one line */
        snprintf(reason, REASON_SIZE, "ended without printing \"%.*s\"", length, missing);
        return FAILED;
    }
    return PASSED;
}

enum outcome outcome_of(const struct ending *ending, char reason[REASON_SIZE])
{
    int status = ending->status;
    int ended_by = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    int exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    if (ending->overdue || ended_by == SIGALRM || exit_status == STATUS_TIME_LIMIT)
        snprintf(reason, REASON_SIZE, "time limit of %u s", ending->time_limit);
    else if (exit_status == STATUS_SKIPPED)
        return SKIPPED;
    else if (ending->test->last_words != NULL)
        return outcome_of_death(ending, reason);
    else if (exit_status == 0)
        return PASSED;
    else if (ended_by != 0)
        snprintf(reason, REASON_SIZE, "signal %d (%s)", ended_by, strsignal(ended_by));
    else
        snprintf(reason, REASON_SIZE, "exit status %d", exit_status);
    return FAILED;
}

static bool says(const struct output *output, const char *words)
{
    return memmem(output->text, output->length, words, strlen(words)) != NULL;
}

/* "reported": a check failed because a call returned its error. */
const char *outcome_of_fault(const struct ending *ending, enum outcome outcome, bool injected)
{
    const struct output *output = &ending->output;
    int status = ending->status;
    bool dies = ending->test->last_words != NULL;
    if (ending->overdue || (WIFSIGNALED(status) ? WTERMSIG(status) == SIGALRM
                                                : WEXITSTATUS(status) == STATUS_TIME_LIMIT))
        return "hung";
    if ((!dies && says(output, "this is a bug in the library")) || says(output, "Sanitizer: ") ||
        says(output, "runtime error:"))
        return "died";
    if (outcome == PASSED)
        return injected ? "passed" : "unreached";
    if (outcome == SKIPPED || dies)
        return "reported"; /* a death test may well die in another way */
    if (WIFEXITED(status) && WEXITSTATUS(status) == STATUS_LEAKS)
        return "leaked";
    return WIFEXITED(status) && WEXITSTATUS(status) == 1 ? "reported" : "died";
}
