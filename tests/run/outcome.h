/*
 * outcome.h: how a case ended and what is to be thought of it, from its exit status and what it
 * wrote. Knows nothing of how cases are run.
 */
#ifndef TEST_OUTCOME_H
#define TEST_OUTCOME_H

#include "run/case.h"

enum { REASON_SIZE = 256 }; /* bytes of why a case failed */

enum outcome { PASSED, FAILED, SKIPPED, OUTCOMES };

/* What a case wrote. */
struct output {
    char *text;    /* not ended by a zero byte, and may hold some; NULL: it could not be read */
    size_t length; /* in bytes */
};

/* The end of a case. */
struct ending {
    const struct test *test; /* which */
    int status;              /* as waitpid tells it */
    bool overdue;            /* it had to be killed from outside */
    unsigned time_limit;     /* seconds that it had */
    struct output output;    /* what it wrote */
};

/* All of the file; the text is the caller's to free. */
struct output output_read(int file);

/* Prints it, each line set in; of very much only the end. */
void output_print(const struct output *output);

/* The last line, without its end. */
const char *output_last_line(const struct output *output, int *length);

/* Whether the case did what it should; if not, the reason. */
enum outcome outcome_of(const struct ending *ending, char reason[REASON_SIZE]);

/* What a fault did to the case, in a word; injected: there was one. */
const char *outcome_of_fault(const struct ending *ending, enum outcome outcome, bool injected);

#endif
