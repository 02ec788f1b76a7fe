/*
 * skips.h: what the runner left out, by reason, for the end of its report. One process, one
 * list.
 */
#ifndef TEST_OMISSIONS_H
#define TEST_OMISSIONS_H

#include <stdbool.h>

/* That case was skipped, for that reason. Copies both. */
void omission_note(const char *label, const char *reason);

/* How many were. */
int omission_count(void);

/*
 * Prints for each reason "left out: reason (how many)", which tools/check.py reads, and below it
 * the cases, each once: the first few, or all of them. Empties the list.
 */
void omissions_print(bool all);

#endif
