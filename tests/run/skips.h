/*
 * skips.h: skip report: the skipped cases by reason, for the end of the runner's report. One list
 * in the process.
 */
#ifndef TEST_SKIPS_H
#define TEST_SKIPS_H

#include <stdbool.h>

/* That case was skipped, for that reason. Copies both. */
void skips_add(const char *label, const char *reason);

/* How many were. */
int skips_count(void);

/*
 * Prints for each reason "skipped: reason (count)", which tools/check.py reads, and below it
 * the cases, each once: the first few, or all of them. Empties the list.
 */
void skips_print(bool all);

#endif
