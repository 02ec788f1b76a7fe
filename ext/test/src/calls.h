/*
 * calls.h: system calls that fail: the table of their errors, for the process that decides.
 */
#ifndef CALLS_H
#define CALLS_H

#include <stdbool.h>
#include <stdint.h>

enum { MAX_CALL_ERRORS = 3, MAX_CALLS = 128 };

/* A call that is about to be made. */
struct made_call {
    int process; /* that makes it */
    long number;
    const uint64_t *arguments;
};

/* Writes the numbers of all calls that may fail, at most so many. Returns how many there are. */
int calls_that_fail(long *numbers, int capacity);

/* The errors that this call may have, and its name. Returns how many; 0: it cannot fail here. */
int call_errors(const struct made_call *made, const char **name, int errors[MAX_CALL_ERRORS]);

/* "EMFILE", for the errors of the table. */
const char *error_name(int error);

/* The reverse; 0: there is no such error in the table. */
int error_of_name(const char *name);

#endif
