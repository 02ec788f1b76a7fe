/*
 * outcome.h: the outcome of a case, from its exit status and its output. Knows nothing of how cases
 * are run.
 */
#ifndef TEST_OUTCOME_H
#define TEST_OUTCOME_H

#include "run/case.h"

enum { REASON_SIZE = 256 }; /* bytes of why a case failed */

enum outcome { PASSED, FAILED, SKIPPED, OUTCOMES };

/* The output of a case. */
struct output {
    char *text;    /* not ended by a zero byte, and may hold some; NULL: it could not be read */
    size_t length; /* in bytes */
};

/* The end of a case. */
struct ending {
    const struct test *test; /* which */
    int status;              /* as from waitpid */
    bool overdue;            /* it had to be killed from outside */
    unsigned time_limit;     /* seconds that it had */
    struct output output;
};

/* All of the file; the text is the caller's to free. */
struct output output_read(int file);

/* Prints it, each line set in; of very much only the end. */
void output_print(const struct output *output);

/* The last line, without its end. */
const char *output_last_line(const struct output *output, int *length);

/* Whether the case passed; if not, the reason. */
enum outcome outcome_of(const struct ending *ending, char reason[REASON_SIZE]);

/* The effect of a fault on the case, in one word; injected: a call was made to fail. */
const char *outcome_of_fault(const struct ending *ending, enum outcome outcome, bool injected);

#endif
